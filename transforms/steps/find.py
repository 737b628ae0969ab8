"""Find keys among very many that are listed: compared as they are meant, in nanoseconds each.

The list is put in order once; a sieve then lets only those keys through to the search that may be
on it, so that a batch is held against a million keys in a few milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.policy.roles import Kind

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

ROOM = 16
"""Cells of the sieve for each word: it lets one in so many others through."""
SMALLEST_SIEVE, LARGEST_SIEVE = 1 << 10, 1 << 26
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""Fibonacci hashing (Knuth, vol. 3, 6.4): neighbours come to lie far apart."""


@dataclass(frozen=True)
class Sieve:
    """Words in ascending order, each perhaps several times, and where they may be."""

    words: Words
    cells: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, words: Words) -> Sieve:
        """Take words that are in ascending order."""
        wanted = 1 << (ROOM * len(words)).bit_length()
        cells = np.zeros(min(max(wanted, SMALLEST_SIEVE), LARGEST_SIEVE), np.bool_)
        cells[_cell(words, len(cells))] = True
        return cls(words, cells)

    def find(self, sought: Words) -> tuple[Places, Places]:
        """Return which of the words are there, and the first place of each."""
        which = np.flatnonzero(self.cells[_cell(sought, len(self.cells))])
        passed = sought[which]
        # A word that is greater than all is looked for in the last place, and is not there.
        at = np.minimum(np.searchsorted(self.words, passed), len(self.words) - 1)
        there = self.words[at] == passed
        return which[there], at[there]


def _cell(words: Words, cells: int) -> Words:
    return (words * _GOLDEN) >> np.uint64(65 - cells.bit_length())


@dataclass(frozen=True)
class KeyList:
    """Different keys, each in its place: first the numbers, then what is none.

    kind: what the keys are declared as. hashes: of the texts, in whose order they stand.
    alike: how many texts share a hash at most, hardly ever more than one. ranks: of each key, the
    least that it was listed with.
    """

    kind: Kind | None
    numbers: Sieve
    hashes: Sieve
    texts: pl.Series
    alike: int
    ranks: pl.Series

    @classmethod
    def of(cls, keys: pl.Series, ranks: pl.Series, kind: Kind | None) -> KeyList:
        """List keys as they were written, each with a rank; doubles are welcome."""
        number, text = _numbers_and_texts(keys.cast(pl.String), kind)
        numbers, texts = _least(number, ranks), _least(text, ranks)
        numbers = numbers.with_columns(word=pl.col("key").reinterpret(signed=False)).sort("word")
        texts = texts.with_columns(word=texts.get_column("key").hash()).sort("word")
        return cls(
            kind,
            Sieve.of(numbers.get_column("word").to_numpy()),
            Sieve.of(texts.get_column("word").to_numpy()),
            texts.get_column("key"),
            _most_alike(texts.get_column("word")),
            pl.concat([numbers.get_column("rank"), texts.get_column("rank")]),
        )

    def __len__(self) -> int:
        """Return how many different keys there are."""
        return len(self.ranks)

    def find(self, keys: pl.Series) -> pl.Series:
        """Return the place of each key, missing where it is not listed."""
        if not len(self):
            return _none(keys, pl.Int64())
        number, text = _numbers_and_texts(keys, self.kind)
        places = np.full(len(keys), -1, np.int64)
        for which, at in (self._numbers(number), self._texts(text)):
            places[which] = at
        found = pl.Series("place", places)
        return found.set(found < 0, None)

    def _numbers(self, keys: pl.Series) -> tuple[Places, Places]:
        there, words = _known(keys)
        which, at = self.numbers.find(words.to_numpy().view(np.uint64))
        return there[which], at

    def _texts(self, keys: pl.Series) -> tuple[Places, Places]:
        there, texts = _known(keys)
        which, first = self.hashes.find(texts.hash().to_numpy())
        written = texts.gather(which)
        at = np.full(len(which), -1, np.int64)
        for step in range(self.alike):
            place = np.minimum(first + step, len(self.texts) - 1)
            same = (self.texts.gather(place) == written).to_numpy()
            at[same] = place[same]
        return there[which[at >= 0]], at[at >= 0] + len(self.numbers.words)


def _numbers_and_texts(keys: pl.Series, kind: Kind | None) -> tuple[pl.Series, pl.Series]:
    """Return keys in the one way they are compared: as a number, or else as text.

    No blanks around it, one case and Unicode form, no `007` or `+7` for the number 7: rather two
    people are taken for one on the list than none.
    """
    dtype = keys.dtype
    if kind is Kind.INTEGER and dtype.is_integer() and dtype != pl.UInt64:
        return keys.cast(pl.Int64), _none(keys, pl.String())
    text = keys.cast(pl.String)
    if kind is Kind.INTEGER:
        number = text.cast(pl.Int64, strict=False)
        if number.null_count() == keys.null_count():
            return number, _none(keys, pl.String())
    text = text.str.strip_chars()
    if kind is Kind.INTEGER:
        number = text.cast(pl.Int64, strict=False)
        return number, text.set(number.is_not_null(), None)
    # The Unicode form of plain letters is their own, and to ask for it takes most of the time.
    if (text.str.len_bytes() != text.str.len_chars()).any():
        text = text.str.normalize("NFC")
    return _none(keys, pl.Int64()), text.str.to_lowercase()


def _none(keys: pl.Series, dtype: pl.DataType) -> pl.Series:
    return pl.repeat(None, len(keys), dtype=dtype, eager=True)


def _known(keys: pl.Series) -> tuple[Places, pl.Series]:
    """Return where there is a key, and those keys."""
    return np.flatnonzero(keys.is_not_null().to_numpy()), keys.drop_nulls()


def _least(keys: pl.Series, ranks: pl.Series) -> pl.DataFrame:
    """Return the different keys, each with the least of its ranks."""
    # Doubles of one rank first, which costs a third: ranks are few, and people have many records.
    of_one = (
        pl.DataFrame({"key": keys.filter(ranks == rank).drop_nulls().unique()}).with_columns(
            rank=pl.lit(rank, ranks.dtype)
        )
        for rank in ranks.unique()
    )
    listed = pl.concat([pl.DataFrame(schema={"key": keys.dtype, "rank": ranks.dtype}), *of_one])
    return listed.group_by("key").agg(pl.col("rank").min())


def _most_alike(hashes: pl.Series) -> int:
    """Return how often the most frequent hash occurs."""
    return int(hashes.value_counts().get_column("count").max() or 0)  # type: ignore[arg-type]
