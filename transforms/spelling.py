"""One spelling of an identifier, however it was written: case, marks, blanks, scripts, prefixes.

What an objector gives and what the source holds are brought to the same spelling and compared for
equality. Each is said once, as steps, and carried out here on a text and on a column; the officer's
functions in PostgreSQL carry out the same steps (`pipelines.lookups`), and a test holds the three
against each other. So the patterns are of the kind that Python, Polars and PostgreSQL read alike,
and carrying a spelling out on its own result changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

import phonenumbers
import polars as pl

SINGLE: Final[dict[str, str]] = dict(
    zip("ĐđÐðŁłØøĦħŦŧ\u0131", "ddddlloohhtti", strict=True)
) | dict(
    zip(
        "АаБбВвГгДдЂђЕеЖжЗзИиЈјКкЛлМмНнОоПпРрСсТтЋћУуФфХхЦцЧчШш",
        "aabbvvggddddeezzzziijjkkllmmnnoopprrssttccuuffhhccccss",
        strict=True,
    )
)
"""A letter → the plain one, where it is not a plain one with a mark; Serbian Cyrillic → Latin."""
SEVERAL: Final[dict[str, str]] = {
    "ß": "ss", "\u1e9e": "ss", "Æ": "ae", "æ": "ae", "Œ": "oe", "œ": "oe", "Þ": "th", "þ": "th",
    "Љ": "lj", "љ": "lj", "Њ": "nj", "њ": "nj", "Џ": "dz", "џ": "dz",
}  # fmt: skip
"""A letter → the several that it is written with."""

_CAPITALS = {chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
_LETTERS = _CAPITALS | SINGLE | SEVERAL
_TABLE = str.maketrans(_LETTERS)

_MARKS = r"\u0300-\u036f\u0483-\u0489\ufe00-\ufe0f\ufe20-\ufe2f"
_UNSEEN = r"\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
BLANKS: Final = rf"[\u0001-\u0020\u007f-\u00a0\u00ad{_MARKS}{_UNSEEN}]"
"""What cannot be seen, and the marks of letters, once they are taken apart."""
NOISE: Final = (
    r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00bf\u00d7\u00f7\u02b0-\u02ff"
    rf"\u2010-\u205e\u2e00-\u2e7f{_MARKS}{_UNSEEN}]"
)
"""The same, and whatever is no letter and no digit."""


@dataclass(frozen=True, slots=True)
class Swap:
    r"""Whatever a pattern matches becomes something else, in which \1 is what its group matched."""

    pattern: str
    by: str = ""

    def of(self, text: str) -> str:
        """Return a text with it done."""
        return re.sub(self.pattern, self.by, text)

    def on(self, column: pl.Expr) -> pl.Expr:
        """Return a column with it done."""
        return column.str.replace_all(self.pattern, self.by.replace(r"\1", "${1}"))


@dataclass(frozen=True, slots=True)
class Spelling:
    """Letters are folded (`fold`), then come the swaps; where nothing is left it is missing."""

    swaps: tuple[Swap, ...]

    def of(self, text: str) -> str | None:
        """Return the spelling of a text, None where nothing is left of it."""
        spelt = fold(text)
        for swap in self.swaps:
            spelt = swap.of(spelt)
        return spelt or None

    def on(self, column: pl.Expr) -> pl.Expr:
        """Return the spelling of a column of texts, missing where nothing is left."""
        spelt = folded(column)
        for swap in self.swaps:
            spelt = swap.on(spelt)
        return pl.when(spelt != "").then(spelt)


def fold(text: str) -> str:
    """Return plain small letters for letters with marks, of full width, or of Serbian Cyrillic."""
    return unicodedata.normalize("NFKD", text).translate(_TABLE)


def folded(column: pl.Expr) -> pl.Expr:
    """Return `fold` of a column."""
    plain = column.str.len_bytes() == column.str.len_chars()
    # Few texts are more than ASCII, and folding those takes ten times as long.
    other = pl.when(~plain).then(column).str.normalize("NFKD")
    letters = other.str.replace_many(list(_LETTERS), list(_LETTERS.values()))
    return pl.when(plain).then(column.str.to_lowercase()).otherwise(letters)


KEY: Final = Spelling((Swap(BLANKS),))
EMAIL: Final = Spelling((Swap(BLANKS),))
IBAN: Final = Spelling((Swap(NOISE),))
PERSONAL_NUMBER: Final = Spelling((Swap(NOISE), Swap("^0+")))
"""Without the noughts before it, which spreadsheets drop."""
NAME: Final = Spelling((Swap(NOISE), Swap("dj+", "d")))
"""Without blanks and hyphens; đ is written dj as well."""

A_NUMBER: Final = "([0-9][^0-9]*){6}"
NO_NUMBER: Final = "^(1+|2+|3+|4+|5+|6+|7+|8+|9+)$"
"""A personal number has some digits, and not one alone: others stand where nobody asked."""


def phone(region: str) -> Spelling:
    """Return the spelling of phone numbers (E.164); without a country code they are a region's."""
    own = phonenumbers.PhoneMetadata.metadata_for_region(region)
    code = str(phonenumbers.country_code_for_region(region))
    if own is None or own.general_desc is None:
        return Spelling((Swap(r"\(0\)"), Swap("[^0-9+]"), Swap("^00", "+")))
    trunk, least = own.national_prefix, min(own.general_desc.possible_length)
    national = (Swap(f"^{trunk}([0-9])", rf"+{code}\1"),) if trunk else ()
    # Also after its own country code, where it should not stand.
    doubled = (Swap(rf"^\+{code}0+", f"+{code}"),) if trunk == "0" else ()
    return Spelling(
        (
            *(Swap(r"\(0\)"), Swap("[^0-9+]"), Swap("^00", "+")),
            *national,
            Swap(rf"^({code}[0-9]{{{least},}})$", r"+\1"),
            Swap("^([0-9]+)$", rf"+{code}\1"),
            *doubled,
        )
    )
