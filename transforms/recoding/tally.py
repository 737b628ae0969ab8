"""Records in batches of dictionary-coded text → leaf codes → people by combination.

A record is gone as soon as its batch is counted: what stays is one key a combination, the codes of
its columns as digits of one mixed-radix number (or of several, where one would not hold them).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.errors import PolicyError, band
from transforms.hierarchy import UNLISTED, Codes, Hierarchy, LookupEncoder, fold
from transforms.histogram import Histogram

ROWS_A_COUNT = 1 << 22
"""So many keys are held before they are counted."""

Key = tuple[Codes, ...]
"""One or more numbers a record, (n,) each."""


@dataclass(frozen=True)
class Texts:
    """One column of a batch. texts: the different ones; positions: (n,) into them, -1 missing."""

    texts: Sequence[str | None]
    positions: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Radix:
    """How the codes of columns are packed into numbers. sizes: codes that each column can have."""

    sizes: tuple[int, ...]

    @cached_property
    def words(self) -> tuple[tuple[int, ...], ...]:
        """The columns of each number."""
        packed: list[list[int]] = [[]]
        space = 1
        for column, size in enumerate(self.sizes):
            if space * size >= 2**63:
                packed.append([])
                space = 1
            packed[-1].append(column)
            space *= size
        return tuple(map(tuple, packed))

    def unpack(self, key: Key) -> Codes:
        """Return the codes of keys: (n, columns)."""
        codes = np.empty((len(key[0]), len(self.sizes)), dtype=np.int64)
        for word, columns in zip(key, self.words, strict=True):
            rest = word
            for column in reversed(columns):
                rest, codes[:, column] = np.divmod(rest, self.sizes[column])
        return codes


class LeafCodes:
    """Texts → leaf codes, each different text folded once; what no leaf lists is counted."""

    def __init__(self, columns: Sequence[str], hierarchies: Mapping[str, Hierarchy]) -> None:
        self._columns = tuple(columns)
        self._hierarchies = [hierarchies[name] for name in columns]
        self._known: list[dict[str | None, int]] = [{} for _ in columns]
        self._unlisted = np.zeros(len(columns), dtype=np.int64)
        self.radix = Radix(tuple(len(hierarchy.leaves) + 1 for hierarchy in self._hierarchies))

    def keys(self, batch: Sequence[Texts]) -> Key:
        """Return the key of each record."""
        return tuple(self._word(columns, batch) for columns in self.radix.words)

    def _word(self, columns: Sequence[int], batch: Sequence[Texts]) -> Codes:
        word = np.zeros(len(batch[columns[0]].positions), dtype=np.int64)
        place = 1
        for column in reversed(columns):
            word += (self._codes(column, batch[column]) * place)[batch[column].positions]
            place *= self.radix.sizes[column]
        return word

    def _codes(self, column: int, values: Texts) -> Codes:
        """Return the code of each text of a batch, that of a missing value last (position -1)."""
        known, hierarchy = self._known[column], self._hierarchies[column]
        for text in values.texts:
            if text not in known:
                known[text] = _leaf(text, hierarchy)
        codes = np.array([*(known[text] for text in values.texts), len(hierarchy.leaves)])
        unlisted = codes == UNLISTED
        if unlisted.any():
            self._unlisted[column] += np.count_nonzero(unlisted[values.positions])
        return codes

    def refuse_unlisted(self) -> None:
        """Raise PolicyError, naming the column, where a value was in no leaf."""
        for name, count in zip(self._columns, self._unlisted.tolist(), strict=True):
            if count:
                raise PolicyError(
                    f"column {name}: {band(count)} rows have a value that its hierarchy does not "
                    f"list: add it there, or mend the file"
                )


def _leaf(text: str | None, hierarchy: Hierarchy) -> int:
    if text is None:
        return len(hierarchy.leaves)
    if not isinstance(hierarchy.encoder, LookupEncoder):
        raise PolicyError(f"hierarchy {hierarchy.name}: text is encoded by leaves, not by bands")
    return hierarchy.encoder.codes.get(fold(text), UNLISTED)


class Tally:
    """People by key, counted as they come."""

    def __init__(self) -> None:
        self._pending: list[Key] = []
        self._rows = 0
        self._counted: list[pl.DataFrame] = []

    def add(self, key: Key) -> None:
        """Count so many records more."""
        self._pending.append(key)
        self._rows += len(key[0])
        if self._rows >= ROWS_A_COUNT:
            self._count()

    def _count(self) -> None:
        words = [np.concatenate(words) for words in zip(*self._pending, strict=True)]
        self._pending, self._rows = [], 0
        counted = _keyed(tuple(words)).lazy().group_by(pl.all()).agg(pl.len().alias(PEOPLE))
        self._counted.append(counted.collect())

    def histogram(self, columns: Sequence[str], radix: Radix) -> Histogram:
        """Return the people of each combination, in the order of their codes."""
        if self._pending:
            self._count()
        if not self._counted:
            nobody = np.zeros((0, len(columns)), dtype=np.int64)
            return Histogram(tuple(columns), nobody, np.zeros(0, dtype=np.int64))
        words = [name for name in self._counted[0].columns if name != PEOPLE]
        totals = (
            pl.concat(self._counted, how="vertical")
            .lazy()
            .group_by(words)
            .agg(pl.col(PEOPLE).cast(pl.Int64).sum())
            .sort(words)
            .collect()
        )
        key = tuple(totals.get_column(word).to_numpy() for word in words)
        return Histogram(tuple(columns), radix.unpack(key), totals.get_column(PEOPLE).to_numpy())


PEOPLE = "people"


def _keyed(key: Key) -> pl.DataFrame:
    return pl.DataFrame({f"word {number}": word for number, word in enumerate(key)})
