"""Which folded texts a recogniser could find something in: Polars expressions, quick and wide.

Whoever is not on a kind's route has none of it; most texts are on no route.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import polars as pl

from pipelines.gate.kinds import Kind
from pipelines.gate.numbers import iban_countries
from pipelines.gate.people import SURNAME, first_names, last_names
from pipelines.gate.streets import in_a_street

_DIGIT = "[0-9OIL|]"
_SIGNS = r"[ ./_,()\-:]{0,6}"


def _digits(least: int, text: pl.Expr) -> pl.Expr:
    """Say where so many digits stand in a row, and one of them at least is no letter."""
    return text.str.contains(f"{_DIGIT}(?:{_SIGNS}{_DIGIT}){{{least - 1}}}") & _has_digit(text)


def _has_digit(text: pl.Expr) -> pl.Expr:
    return text.str.contains("[0-9]")


def _has_name(text: pl.Expr) -> pl.Expr:
    """Say where a first name stands that many people bear, and a word that may be a surname."""
    words = text.str.extract_all(r"\p{L}{2,}")
    several = pl.when(words.list.len() > 1).then(words)
    word = pl.element()
    first = several.list.eval(word.is_in(_among(first_names()))).list.any()
    named = pl.when(first).then(words)
    last = word.is_in(_among(last_names())) | word.str.contains(SURNAME)
    return named.list.eval(last).list.any().fill_null(value=False)


@cache
def _among(names: frozenset[str]) -> pl.Series:
    return pl.Series(sorted(names)).implode()


def routes(text: pl.Expr) -> Mapping[Kind, pl.Expr]:
    """Say for each kind in which folded texts it could be."""
    place = (
        r"[0-9][.,][0-9]{3,15} ?°? ?[NS]?(?:[,;/|] ?| )"
        r"(?:[A-Z]{3,9}[:=]? ?)?[+\-]?[0-9]{1,3}[.,][0-9]{3}"
    )
    return {
        Kind.IBAN: text.str.contains(_iban()) & _has_digit(text),
        Kind.EMAIL: text.str.contains("@", literal=True),
        Kind.URL: text.str.contains(r"://|WWW\."),
        Kind.CARD: _digits(13, text),
        Kind.NATIONAL_NUMBER: _digits(10, text)
        | text.str.contains(r"[0-9](?:[ .\-/]?[0-9]){6}[ .\-/]?[0-9]?[ .\-/]?[A-Z]"),
        Kind.PHONE: _digits(8, text),
        Kind.COORDINATES: text.str.contains(f"{place}|[0-9] ?°"),
        Kind.IP_ADDRESS: text.str.contains(r"(?:[0-9]+\.){3}[0-9]|:[0-9A-F.]*:") & _has_digit(text),
        Kind.ADDRESS: text.str.contains(in_a_street()) & _has_digit(text),
        Kind.NAME: _has_name(text),
        Kind.DOCUMENT: text.str.contains(f"{_DIGIT}{{6}}") & _has_digit(text),
        Kind.POSTCODE: text.str.contains(rf"{_DIGIT}{{5}}|[A-Z][ \-]?{_DIGIT}{{4}}")
        & _has_digit(text),
    }


@cache
def _iban() -> str:
    """Return what an account number begins with: a country, two digits, and a few letters."""
    countries = "|".join(_SIGNS.join(country) for country in iban_countries())
    more = f"(?:{_SIGNS}{_DIGIT}){{2}}(?:{_SIGNS}[0-9A-Z|]){{11}}"
    return f"(?:^|[^A-Z0-9]|IBAN)(?:{countries}){more}"
