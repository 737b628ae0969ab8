"""Walk each table's batches once, and keep only what is narrow: keys, leaf codes, exact sums.

A batch is let go of before the next is read, so memory holds one batch and some ten bytes a person
for each attribute, whatever the width of the bank. How the batches are cut does not matter, nor
does their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from transforms.errors import SourceError, band
from transforms.hierarchy import Hierarchy
from transforms.policy import Policy, Role
from transforms.steps.conform import BROKEN, broken_counts, conform, refuse_broken
from transforms.steps.derive import ROWS, derive_own, merge, own_attributes, tally
from transforms.steps.encode import encode, refuse_unlisted, unlisted_counts
from transforms.steps.exclude import (
    LeftOut,
    Reason,
    comparable,
    ineligible,
    names_objector,
)

Batches = Iterable[pl.DataFrame]
"""The records of a table; an empty table is one empty batch."""
Tables = Mapping[str, Batches]

PENDING_ROWS = 16_000_000
"""Tallies wait unmerged up to so many rows (some 30 bytes each), or as many as are merged already;
merging is what keeps a table of events from growing in memory, and costs time."""


@dataclass(frozen=True)
class People:
    """Who there is. rows: the eligible, each with their key (if any) and own leaf codes.

    keys: of everybody who did not object, the ineligible among them; None where a row is a person.
    """

    rows: pl.DataFrame
    keys: pl.Series | None
    left_out: LeftOut


@dataclass(frozen=True)
class Circumstances:
    """Under what people are counted. as_of: the reference date; today: the day of the run."""

    policy: Policy
    hierarchies: Mapping[str, Hierarchy]
    objectors: Collection[str]
    as_of: date
    today: date


@dataclass(frozen=True)
class _Part:
    """What one batch of people's records leaves behind; named: the keys of objectors met."""

    rows: pl.DataFrame
    keys: pl.Series
    named: pl.Series
    reasons: Counter[str]
    broken: Mapping[str, int]
    unlisted: Mapping[str, int]


def gather_people(batches: Batches, under: Circumstances) -> People:
    """Leave out, conform, derive and encode the person's own records.

    Raises SourceError where a value does not fit or a key is missing or double, PolicyError where
    no leaf has a value.
    """
    policy = under.policy
    parts = [_people_part(records, under) for records in batches]
    refuse_broken(policy.subject.source, _sum(part.broken for part in parts), policy)
    keys = None
    if policy.subject.key is not None:
        keys = pl.concat([part.keys for part in parts])
        _check_keys(keys, policy)
    refuse_unlisted(_sum(part.unlisted for part in parts), policy)
    reasons = _sum(part.reasons for part in parts)
    objected = pl.concat([part.named for part in parts]).n_unique()
    left_out = LeftOut(
        objected=objected,
        not_found=_different(under.objectors, policy) - objected,
        not_natural_persons=reasons[Reason.NOT_A_PERSON],
        minors=reasons[Reason.MINOR],
        beyond_retention=reasons[Reason.LAPSED],
    )
    return People(pl.concat([part.rows for part in parts]), keys, left_out)


def _people_part(records: pl.DataFrame, under: Circumstances) -> _Part:
    policy, own = under.policy, [attribute.name for attribute in own_attributes(under.policy)]
    home, key = policy.subject.source, policy.subject.key
    named = names_objector(records, home, policy, under.objectors)
    conformed = conform(records.filter(~named), home, policy)
    reasons = ineligible(conformed, policy.eligibility, under.as_of, under.today)
    eligible = derive_own(conformed.filter(reasons.is_null()), policy, under.as_of)
    codes = encode(eligible, under.hierarchies, own)
    nobody = pl.Series(dtype=pl.String)
    kind = policy.sources[home].columns[key].type if key else None
    return _Part(
        rows=codes,
        keys=conformed.get_column(key) if key else nobody,
        named=records.filter(named).select(comparable(key, kind)).to_series() if key else nobody,
        reasons=Counter(reasons.drop_nulls().to_list()),
        broken=broken_counts(conformed),
        unlisted=unlisted_counts(codes, own),
    )


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total = Counter[str]()
    for each in counts:
        total.update(each)
    return total


def _different(objectors: Collection[str], policy: Policy) -> int:
    """Return how many people a list names, however their keys are written."""
    home, key = policy.subject.source, policy.subject.key
    if key is None:
        return len(set(objectors))
    listed = pl.DataFrame({key: pl.Series(list(objectors), dtype=pl.String)})
    kind = policy.sources[home].columns[key].type
    return listed.select(comparable(key, kind)).to_series().n_unique()


def _check_keys(keys: pl.Series | None, policy: Policy) -> None:
    """Raise SourceError where a person's key is missing or double."""
    if keys is None:
        return
    where = f"{policy.subject.source}.{policy.subject.key}"
    if missing := keys.null_count():
        raise SourceError(
            f"{where}: {band(missing)} rows have no key, so nobody knows whose they are: mend the "
            f"source"
        )
    if doubled := len(keys) - keys.n_unique():
        raise SourceError(
            f"{where}: {band(doubled)} rows repeat another row's key, so people cannot be counted: "
            f"one row a person is needed"
        )


def gather_tallies(tables: Tables, people: People, under: Circumstances) -> dict[str, pl.DataFrame]:
    """Read the tables of many rows a person: who holds what, and sums of what is held.

    Rows that nobody who is left holds are not looked at. Raises SourceError where a value does not
    fit, or a row points to nobody.
    """
    policy = under.policy
    others = [table for table in policy.reads() if table != policy.subject.source]
    # First those that say whose the rows of others are.
    others.sort(key=lambda table: policy.owner(table).on is not None)
    tallies: dict[str, pl.DataFrame] = {}
    for table in others:
        on = policy.owner(table).on
        tallied, broken = _tallied(tables[table], table, policy, under.objectors)
        if on is not None:
            _refuse_linkless(table, on, tallied)
            held = tallies[policy.owner(table).table]
            broken = _held(broken, held, on)
            _refuse_strangers(policy.owner(table).table, on, held, tallied.get_column(on), table)
        refuse_broken(table, broken_counts(broken), policy)
        tallies[table] = tallied
        for column in tallied.columns:
            declared = policy.sources[table].columns.get(column)
            if declared is not None and declared.role is Role.SUBJECT and people.keys is not None:
                home = policy.subject.source
                _refuse_strangers(table, column, tallied, people.keys, home)
    return tallies


def _tallied(
    batches: Batches, table: str, policy: Policy, objectors: Collection[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return a table's tallies, and the rows in which something does not fit."""
    merged: list[pl.DataFrame] = []
    pending: list[pl.DataFrame] = []
    broken: list[pl.DataFrame] = []
    waiting = 0
    for records in batches:
        named = names_objector(records, table, policy, objectors)
        rows = conform(records.filter(~named), table, policy)
        broken.append(rows.filter(pl.any_horizontal(pl.lit(value=False), pl.col(f"^{BROKEN}.*$"))))
        pending.append(tally(rows, table, policy))
        waiting += rows.height
        if waiting > max(PENDING_ROWS, sum(part.height for part in merged)):
            merged, pending, waiting = [merge([*merged, *pending], table, policy)], [], 0
    return pl.concat([*merged, *pending]), pl.concat(broken)


def _refuse_linkless(table: str, on: str, tallied: pl.DataFrame) -> None:
    """Raise SourceError where a row has no link that could be somebody's."""
    if count := int(tallied.filter(pl.col(on).is_null()).get_column(ROWS).sum()):
        raise SourceError(
            f"{table}.{on}: {band(count)} rows have no link, or one that is not of its type, so "
            f"nobody knows whose they are: mend the source"
        )


def _held(rows: pl.DataFrame, held: pl.DataFrame, on: str) -> pl.DataFrame:
    """Return the rows that somebody who is left holds."""
    return rows.join(held, on=on, how="semi") if rows.height else rows


def _refuse_strangers(
    table: str, column: str, tallied: pl.DataFrame, known: pl.Series, where: str
) -> None:
    """Raise SourceError where rows of `table` point to nothing in `where`."""
    try:
        strangers = (
            tallied.lazy()
            .join(known.to_frame().lazy(), left_on=column, right_on=known.name, how="anti")
            .select(pl.col(ROWS).sum())
            .collect()
        )
    except pl.exceptions.PolarsError:
        raise SourceError(
            f"{table}.{column} and {where}.{known.name} are of different types: declare and store "
            f"them alike"
        ) from None
    if count := int(strangers.item() or 0):
        raise SourceError(
            f"{table}.{column}: {band(count)} rows point to nobody in {where}: mend the source"
        )
