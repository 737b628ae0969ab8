"""Leave out what is past its retention though its person stays, clause by clause.

Two clocks: most clauses count from the end of the relationship, so values of the person go; clauses
10 and 13 count from a day of each row, so rows go. What went is missing: nothing that is counted,
joined or calibrated depends on it, and no run stops because it is broken or in no hierarchy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from transforms.policy.attributes import Attribute
from transforms.policy.sources import Kept
from transforms.policy.whole import Policy
from transforms.steps.conform import BROKEN
from transforms.steps.derive import PAST, ROWS, own_attributes, total_attributes

FOUND = f"{PAST}with a value "
"""Before a clause: whether something of the person was left out under it."""


def lapsing(policy: Policy) -> dict[int, int]:
    """Return the clauses that may lapse before their person does, of those that are published.

    Clause → months after the end of the relationship.
    """
    retention = policy.eligibility.retention
    if retention is None:
        return {}
    published = {attribute.clause for attribute in policy.attributes.values()}
    clauses = sorted(published.union(*map(policy.magnitude_clauses, policy.magnitude)))
    terms = {clause: retention.months_of(clause) for clause in clauses}
    return {clause: months for clause, months in terms.items() if months < 12 * retention.years}


def forget_values(people: pl.DataFrame, policy: Policy, day: date) -> pl.DataFrame:
    """Return the people without the values whose clause has lapsed on a day, nor their flags.

    people: conformed records of the person's table. There are two more columns for each clause that
    may lapse: whether it has (PAST), and whether that took a value away (FOUND).
    """
    retention = policy.eligibility.retention
    if retention is None:
        return people
    forgotten: list[pl.Expr] = []
    for clause, months in lapsing(policy).items():
        past = _over(retention.ended, months, day).fill_null(value=False)
        columns = [a.column for a in own_attributes(policy) if a.clause == clause]
        forgotten += [pl.when(~past).then(column).alias(column) for column in columns]
        # Who is left out was decided by a column of the rules, so it has to be right.
        free = [column for column in columns if column not in policy.eligibility.columns]
        forgotten += [flag & ~past for flag in _flags(people, free)]
        forgotten += [
            past.alias(f"{PAST}{clause}"),
            _found(past, columns).alias(f"{FOUND}{clause}"),
        ]
    return people.with_columns(forgotten)


def forget_totals(people: pl.DataFrame, policy: Policy) -> pl.DataFrame:
    """Return the people without the totals whose clause has lapsed for them."""
    forgotten: list[pl.Expr] = []
    for clause in lapsing(policy):
        past, found = pl.col(f"{PAST}{clause}"), pl.col(f"{FOUND}{clause}")
        names = [a.name for a in total_attributes(policy) if a.clause == clause]
        forgotten += [pl.when(~past).then(name).alias(name) for name in names]
        forgotten.append(found | _found(past, names))
    return people.with_columns(forgotten)


def forget_broken(
    rows: pl.DataFrame, table: str, holders: pl.DataFrame, people: pl.DataFrame, policy: Policy
) -> pl.DataFrame:
    """Return the rows without the flags of amounts that have lapsed for all who hold them.

    holders: whose the rows are, by the owner's columns; people: whom `forget_values` left.
    """
    owner = policy.owner(table)
    forgotten: list[pl.Expr] = []
    for clause in lapsing(policy):
        columns = [a.column for a in _totals_of(table, policy) if a.clause == clause]
        gone = people.filter(pl.col(f"{PAST}{clause}")).get_column(str(policy.subject.key))
        link = owner.on or owner.key
        kept = holders.filter(~pl.col(owner.key).is_in(gone.implode())).get_column(link)
        held = pl.col(link).is_in(kept.implode())
        forgotten += [flag & held for flag in _flags(rows, columns)]
    return rows.with_columns(forgotten) if rows.height else rows


def forget_rows(rows: pl.DataFrame, table: str, policy: Policy, day: date) -> pl.DataFrame:
    """Return the rows, each standing for one (ROWS), or for none where it has lapsed on a day.

    What is left of a lapsed row are its keys, so that nobody misses what others point to. A row
    whose day is missing has lapsed: nobody can say that it may be kept.
    """
    kept = policy.sources[table].kept
    if kept is None:
        return rows.with_columns(pl.lit(1, pl.UInt32).alias(ROWS))
    past = _lapsed(kept, day)
    columns = [attribute.column for attribute in _totals_of(table, policy)]
    free = [column for column in columns if column not in kept.columns]
    return rows.with_columns(
        (~past).cast(pl.UInt32).alias(ROWS),
        *(pl.when(~past).then(column).alias(column) for column in columns),
        *(flag & ~past for flag in _flags(rows, free)),
    )


def values_lapsed(people: pl.DataFrame, policy: Policy) -> dict[int, int]:
    """Return how many people lost a value; a clause that may lapse is named in any case."""
    return {clause: int(people.get_column(f"{FOUND}{clause}").sum()) for clause in lapsing(policy)}


def rows_lapsed(counts: Mapping[str, int], policy: Policy) -> dict[int, int]:
    """Return how many rows have lapsed by clause, from how many have by table."""
    by_clause: dict[int, int] = {}
    for table, count in counts.items():
        source = policy.sources[table]
        if source.kept is not None:
            clause = source.columns[source.kept.since].clause
            by_clause[clause] = by_clause.get(clause, 0) + count
    return dict(sorted(by_clause.items()))


def _lapsed(kept: Kept, day: date) -> pl.Expr:
    past = _over(kept.since, kept.months, day).fill_null(value=True)
    if kept.proceedings is None or kept.settled is None or kept.settled_months is None:
        return past
    settled = _over(kept.settled, kept.settled_months, day).fill_null(value=False)
    return pl.when(pl.col(kept.proceedings).fill_null(value=False)).then(settled).otherwise(past)


def _over(column: str, months: int, day: date) -> pl.Expr:
    """Say whether so many months are over since a day or a time."""
    return pl.col(column).cast(pl.Date).dt.offset_by(f"{months}mo") <= day


def _found(past: pl.Expr, columns: Iterable[str]) -> pl.Expr:
    known = (pl.col(column).is_not_null() for column in columns)
    return past & pl.any_horizontal(pl.lit(value=False), *known)


def _flags(rows: pl.DataFrame, columns: Iterable[str]) -> list[pl.Expr]:
    return [pl.col(BROKEN + column) for column in columns if BROKEN + column in rows.columns]


def _totals_of(table: str, policy: Policy) -> list[Attribute]:
    return [attribute for attribute in total_attributes(policy) if attribute.table == table]
