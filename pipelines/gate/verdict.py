"""What stops a run, of what was found in a column that is declared harmless.

Some kinds are certain: one value stops the run. Others look like codes that many people share, so
they are judged by the column as a whole. Numbers are judged by chance: among numbers that are
nobody's some pass a check as well.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping

import polars as pl

from pipelines.gate.folding import fold
from pipelines.gate.kinds import Kind
from pipelines.gate.numbers import BY_CHANCE, CODES, is_abroad, is_card, is_national
from pipelines.gate.scan import FOUND, VALUE

CERTAIN = frozenset(
    {Kind.IBAN, Kind.EMAIL, Kind.CARD, Kind.NATIONAL_NUMBER, Kind.PHONE, Kind.COORDINATES}
)
"""One value in a text is enough."""
JUDGED = frozenset({Kind.URL, Kind.IP_ADDRESS, Kind.ADDRESS, Kind.NAME, Kind.DOCUMENT})
"""A value that the policy lists is none, nor is one that many records share."""
LOOKED_FOR = CERTAIN | JUDGED
"""Not a postcode: it is many people's, and often a quasi-identifier that is generalised."""

RECORDS = "records"
_SAMPLE = 100_000
_CARD_BY_CHANCE, _PHONE_BY_CHANCE = 0.035, 0.012
_CARD_LENGTHS, _PHONE_LENGTHS = range(13, 20), range(10, 13)
_DEVIATIONS = 4


def in_texts(values: pl.DataFrame, listed: Collection[str], k: int) -> Mapping[Kind, int]:
    """Return the kinds that stop a run, and in how many records they are.

    values: the different values of a column (VALUE), the kinds found in each (FOUND), and how many
    records have it (RECORDS). listed: those that the policy names. k: a value of so many records is
    a class, and names nobody.
    """
    named = fold(pl.Series(list(listed), dtype=pl.String)).implode()
    told = values.with_columns(
        listed=fold(values.get_column(VALUE)).is_in(named), shared=pl.col(RECORDS) >= k
    )
    counts: dict[Kind, int] = {}
    for kind in sorted(LOOKED_FOR, key=list(Kind).index):
        having = told.filter(pl.col(FOUND).list.contains(kind.value))
        if kind in JUDGED:
            having = having.filter(~pl.col("listed"))
            if having.get_column("shared").sum() * 2 > having.height:
                continue
        if having.height:
            counts[kind] = int(having.get_column(RECORDS).sum())
    return counts


def in_numbers(values: pl.DataFrame) -> Mapping[Kind, int]:
    """Return the kinds that stop a run, and in how many records they are.

    values: the different whole numbers of eight digits or more (VALUE, text), and how many records
    have each (RECORDS). Of very many a sample is looked at, the same however they were read.
    """
    sample = values
    if values.height > _SAMPLE:
        sample = values.sort(pl.col(VALUE).hash(), VALUE).head(_SAMPLE)
    passed: Counter[Kind] = Counter()
    records: Counter[Kind] = Counter()
    by_chance: defaultdict[Kind, float] = defaultdict(float)
    for value, count in sample.select(VALUE, RECORDS).iter_rows():
        for kind, (passes, chance) in _checks(value).items():
            by_chance[kind] += chance
            passed[kind] += passes
            records[kind] += count if passes else 0
    share = sample.height / max(values.height, 1)
    return {
        kind: round(records[kind] / share)
        for kind in Kind
        if passed[kind] > by_chance[kind] + _DEVIATIONS * math.sqrt(by_chance[kind])
    }


def _checks(value: str) -> dict[Kind, tuple[bool, float]]:
    """Return for each kind that a number could be whether it is, and which share is by chance.

    A nought before a number is lost where it is kept as one.
    """
    checks: dict[Kind, tuple[bool, float]] = {}
    for length, chance in BY_CHANCE.items():
        if len(value) in {length, length - 1} and _could_be(value, length):
            checks[Kind.NATIONAL_NUMBER] = is_national(value.zfill(length)), chance
    if len(value) in _CARD_LENGTHS:
        checks[Kind.CARD] = is_card(value), _CARD_BY_CHANCE
    if len(value) in _PHONE_LENGTHS:
        checks[Kind.PHONE] = value.startswith(CODES) and is_abroad(value), _PHONE_BY_CHANCE
    return checks


def _could_be(value: str, length: int) -> bool:
    """Say whether a number of one digit less is looked at as well: 11 digits have no 10 of 11."""
    return len(value) == length or length - 1 not in BY_CHANCE
