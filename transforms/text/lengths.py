"""How long texts are, in bands."""

from __future__ import annotations

from typing import Final

import polars as pl

from transforms.text.folding import UNSEEN, each_once, is_blank

CUTS: Final = (10, 40, 160, 640)
BANDS: Final = ("under 10", "10-39", "40-159", "160-639", "640 and over")
"""Characters that can be seen, blanks between words among them."""


def length_bands(texts: pl.Series) -> pl.Series:
    """Return the band of each text's length, an Enum of `BANDS`; NULL where it is missing or blank.

    Counted are letters and signs, and one for the blanks between two of them; neither marks that
    stand apart from their letters nor what cannot be seen. A text is looked at up to its 16,384th
    character.
    """
    return each_once(texts, _bands)


def _bands(texts: pl.Series) -> pl.Series:
    """Return the bands of different texts, cut to what is looked at."""
    seen = texts.str.replace_all(UNSEEN, "").str.replace_all(r"\s+", " ").str.strip_chars()
    length = seen.str.len_chars()
    position = pl.sum_horizontal((length >= cut).cast(pl.UInt32) for cut in CUTS)
    records = pl.select(band=pl.when(~is_blank(texts)).then(position))
    return pl.Series(BANDS, dtype=pl.Enum(BANDS)).gather(records["band"])
