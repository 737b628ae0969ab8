"""One form of a value, however it hides: case, marks, scripts, widths, blanks, what is not seen.

Letters become plain capitals; letters of other scripts that look like Latin ones become those;
digits of every script become ASCII digits; dashes, dots and strokes of every kind become one; what
cannot be seen goes; blanks become one. Folding what is folded changes nothing.
"""

from __future__ import annotations

import sys
import unicodedata
from functools import cache

import polars as pl

_CYRILLIC = (
    (
        "\u0410\u0412\u0415\u0405\u0406\u0408\u041a\u041c\u041d\u041e\u0420"
        "\u0421\u0422\u0423\u04ae\u0425\u051a\u051c\u04ba\u050c\u04c0\u0500"
    ),
    "ABESIJKMHOPCTYYXQWHGID",
)
_GREEK = (
    (
        "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1"
        "\u03a4\u03a5\u03a7\u03f9\u037f"
    ),
    "ABEZHIKMNOPTYXCJ",
)
_OTHERS = "\u0555\u054d\u054f\u053c\u2c6d\u0141\u0110\u00d8\u0197", "OUSLALDOI"
"""Capitals of other scripts, each with the Latin one that it looks like."""
_SIGNS = {
    ".": "\u00b7\u2022\u2219\u22c5\u3002\uff61\u06d4\u30fb\u2e31",
    "-": "\u2212\u02d7\u2796\u2010\u2011\u2012\u2013\u2014\u2015\u2043\ufe58\u2e3a",
    "/": "\u2044\u2215\u29f8",
    ",": "\u066c\u066b\u060c\u3001",
    ":": "\ua4fd\u02d0\u0589",
    "'": "\u2032\u2018\u2019\u02b9\u02bc\u02c8",
}
"""A sign, and those that are read as it."""
UNSEEN = r"[\p{M}\p{Cf}\p{Co}\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u115f\u1160\u2800\u3164\uffa0]"
"""Marks on letters, what controls a text, and letters that are blank."""
BLANKS = r"[\s\p{Z}]+"


def fold(texts: pl.Series) -> pl.Series:
    """Return the folded form of each text."""
    return texts.to_frame("text").select(folded(pl.col("text"))).to_series()


def folded(text: pl.Expr) -> pl.Expr:
    """Return a column of texts folded."""
    # Few texts are more than ASCII, and folding those takes ten times as long.
    plain = text.str.len_bytes() == text.str.len_chars()
    parts = pl.when(~plain).then(text).str.normalize("NFKD")
    letters = parts.str.to_uppercase().str.normalize("NFKD")
    alike = _alike()
    other = letters.str.replace_many(list(alike), list(alike.values()))
    seen = pl.when(plain).then(text.str.to_uppercase()).otherwise(other)
    return seen.str.replace_all(UNSEEN, "").str.replace_all(BLANKS, " ").str.strip_chars(" ")


@cache
def _alike() -> dict[str, str]:
    """Return every character that is read as another: letters, signs, digits of other scripts."""
    digits = {
        character: str(unicodedata.digit(character))
        for character in map(chr, range(0x80, sys.maxunicode + 1))
        # Circled ones on black as well, which are no digits of a script.
        if unicodedata.digit(character, None) is not None
    }
    letters = {
        other: latin
        for others, latins in (_CYRILLIC, _GREEK, _OTHERS)
        for other, latin in zip(others, latins, strict=True)
    }
    return digits | letters | {other: sign for sign, others in _SIGNS.items() for other in others}
