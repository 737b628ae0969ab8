"""What the values themselves are: identifiers by their form and check digits, names of people.

A column may be called anything; its values cannot. Nothing of a value leaves this module but the
share of those that are of a kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import cache
from typing import Final

import polars as pl

from pipelines.gate.kinds import Kind
from pipelines.gate.people import all_names
from pipelines.gate.scan import VALUE, scan
from pipelines.gate.scan import findings as seen
from transforms.spelling import NAME


class Finding(StrEnum):
    """What values may turn out to be."""

    IBAN = "account numbers with right check digits"
    EMAIL = "e-mail addresses"
    CARD = "card numbers with right check digits"
    NATIONAL_NUMBER = "national identification numbers with right check digits"
    PHONE = "phone numbers"
    NETWORK = "network addresses"
    COORDINATES = "coordinates of a place"
    LONG_NUMBER = "numbers long enough to be somebody's"
    NAME = "first or last names that many people have"


SURE: Final = (
    *(Finding.IBAN, Finding.EMAIL, Finding.CARD, Finding.NATIONAL_NUMBER, Finding.PHONE),
    *(Finding.NETWORK, Finding.COORDINATES),
)
"""Kinds that hardly anything else looks like; where shares are alike, the earlier one is meant."""
_OF_GATE: Final = {
    Finding.IBAN: (Kind.IBAN,),
    Finding.EMAIL: (Kind.EMAIL,),
    Finding.CARD: (Kind.CARD,),
    Finding.NATIONAL_NUMBER: (Kind.NATIONAL_NUMBER,),
    Finding.PHONE: (Kind.PHONE,),
    Finding.NETWORK: (Kind.IP_ADDRESS, Kind.URL),
    Finding.COORDINATES: (Kind.COORDINATES,),
    Finding.LONG_NUMBER: (Kind.DOCUMENT,),
}

Found = Mapping[Finding, float]
"""Share of a column's different values that hold one; what was not found is not named."""

CHECKED, FIRST_CHECKED = 3_000, 300
"""Different values of a column that are looked at; and after how many most of them are plain."""
PLAIN = 0.8
_SHORTEST = 6
"""Signs of an identifier that stands for somebody by itself, at least."""
_BY_FORM: Final = {
    Finding.PHONE: (
        r"(?:^|[^\d])(?:\+|00)[1-9]\d{0,2}[ ()/-]{0,2}\d(?:[ ()/-]{0,2}\d){5,11}(?:[^\d]|$)"
    ),
    Finding.EMAIL: r"[^\s@]@[^\s@]+\.\p{L}{2,}",
}
"""What has the form of one, whether or not there is such a number or such a domain."""


def find(different: pl.Series) -> Found:
    """Return what the different values of a column are: texts, or numbers as texts."""
    first = _shares(different.head(FIRST_CHECKED))
    plain = any(first.get(finding, 0) >= PLAIN for finding in (*SURE, Finding.LONG_NUMBER))
    many = different.len() > FIRST_CHECKED
    return _shares(different.head(CHECKED)) if many and not plain else first


def _shares(texts: pl.Series) -> Found:
    if not texts.len():
        return {}
    shortest = int(str(texts.str.len_chars().max() or 0)) < _SHORTEST
    by_kind = {} if shortest else scan(texts)
    counts = {
        finding: max((by_kind.get(kind, 0) for kind in kinds), default=0)
        for finding, kinds in _OF_GATE.items()
    }
    for finding, pattern in _BY_FORM.items():
        counts[finding] = max(counts[finding], int(texts.str.contains(pattern).sum()))
    counts[Finding.NAME] = _names_among(texts)
    return {finding: count / texts.len() for finding, count in counts.items() if count}


def hold_identifiers(texts: Iterable[str]) -> frozenset[str]:
    """Return those of some texts that hold an identifier or a long number: never to be shown."""
    return _holding(texts, {*SURE, Finding.LONG_NUMBER})


def named_by_identifier(names: Iterable[str]) -> frozenset[str]:
    """Return those names of tables or columns that hold an identifier of a person."""
    return _holding(names, set(SURE))


def _holding(texts: Iterable[str], findings: set[Finding]) -> frozenset[str]:
    different = pl.Series("text", sorted(set(texts)), dtype=pl.String)
    kinds = {kind for finding in findings for kind in _OF_GATE[finding]}
    found = seen(different, kinds).get_column(VALUE).to_list()
    by_form = [different.filter(different.str.contains(one)) for one in _BY_FORM.values()]
    return frozenset(found).union(*by_form)


# -------------------------------------------------------------------------------------- names


def _names_among(values: pl.Series) -> int:
    """Return how many values consist of names: every word, of at most four, is one."""
    few = values.filter(~values.str.contains(r"[\d@]") & values.str.contains(r"\p{L}{2}"))
    known = _known_names()
    return sum(_is_name(text, known) for text in few.to_list())


def _is_name(text: str, known: frozenset[str]) -> bool:
    words = re.split(r"[\s,.-]+", text.strip(" ,.-"))
    return len(words) <= _NAME_WORDS and all(NAME.of(word) in known for word in words)


_NAME_WORDS = 4


@cache
def _known_names() -> frozenset[str]:
    """Return first and last names of the region and its neighbours, as they are compared."""
    spelt = map(NAME.of, all_names())
    return frozenset(name for name in spelt if name and len(name) > 1)
