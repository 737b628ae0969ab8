"""Which of many listed words and stems each word of texts is: joins, no loop over words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import polars as pl

from transforms.text.folding import spelt
from transforms.text.vocabulary import Piece

_EXACT = 10_000


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Listed words and, by their length, stems, each with its number."""

    words: pl.DataFrame
    stems: dict[int, pl.DataFrame]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> Self:
        """Return the dictionary of pieces, numbered as they come."""
        listed = pl.DataFrame(
            [(piece.letters, piece.is_stem, number) for number, piece in enumerate(pieces)],
            schema={"spelt": pl.String, "is_stem": pl.Boolean, "piece": pl.UInt32},
            orient="row",
        )
        stems = listed.filter("is_stem").select(stem="spelt", piece="piece")
        lengths = stems["stem"].str.len_bytes()
        return cls(
            words=listed.filter(~pl.col("is_stem")).select("spelt", "piece"),
            stems={
                int(length): stems.filter(lengths == length) for length in lengths.unique().sort()
            },
        )

    def look_up(self, words: pl.Series) -> pl.DataFrame:
        """Return what each different word is: `word`, `piece`, and how exactly (`size`).

        A listed word is more exact than a stem, a long stem more than a short one.
        """
        different = spelt(words)
        size = pl.lit(_EXACT, dtype=pl.Int32)
        found = [different.join(self.words, on="spelt").select("word", "piece", size=size)]
        for length, stems in self.stems.items():
            begins = different.select("word", stem=pl.col("spelt").str.slice(0, length))
            size = pl.lit(length, dtype=pl.Int32)
            found.append(begins.join(stems, on="stem").select("word", "piece", size=size))
        return pl.concat(found)
