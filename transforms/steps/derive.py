"""Make each person's attributes: ages and tenures from dates, totals from tables of many rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from transforms.policy.attributes import Attribute
from transforms.policy.roles import Derivation, Role
from transforms.policy.whole import Policy
from transforms.steps.exclude import completed_years
from transforms.text.closed import categorised
from transforms.text.vocabulary import Vocabulary

EXACT = pl.Decimal(38, 4)
"""Totals are added in decimals: a sum of floats depends on the order of the rows."""

ROWS = "__rows"
"""In a tally: how many rows of the table it stands for; none where they have lapsed."""
KNOWN = "__known "
"""In a tally, before an attribute's name: how many amounts its sum has."""
TEXT = "__text "
"""Before an attribute's name: the category of a free text."""
PAST = "__past "
"""Of a person, before a clause: whether its retention is over; stays beside the attributes."""


def own_attributes(policy: Policy) -> tuple[Attribute, ...]:
    """Return what the person's own record says."""
    return tuple(
        attribute
        for attribute in policy.attributes.values()
        if attribute.derive is not Derivation.TOTAL
    )


def total_attributes(policy: Policy) -> tuple[Attribute, ...]:
    """Return what is added up over a person's rows of another table."""
    return tuple(
        attribute
        for attribute in policy.attributes.values()
        if attribute.derive is Derivation.TOTAL
    )


def derive_own(
    people: pl.DataFrame, policy: Policy, as_of: date, vocabularies: Mapping[str, Vocabulary]
) -> pl.DataFrame:
    """Return the people's key and a column for each attribute that their own record says.

    people: conformed records of the person's table, its key among them; what has lapsed of them
    stays noted. Of a free text only its category is left.
    """
    for attribute in own_attributes(policy):
        if attribute.text is not None:
            vocabulary = vocabularies.get(attribute.vocabulary or "")
            closed = categorised(people.get_column(attribute.column), attribute.text, vocabulary)
            people = people.with_columns(closed.cast(pl.String).alias(TEXT + attribute.name))
    return people.select(
        *(key for key in (policy.subject.key,) if key is not None),
        *(_own(attribute, as_of) for attribute in own_attributes(policy)),
        pl.col(f"^{PAST}.*$"),
    )


def _own(attribute: Attribute, as_of: date) -> pl.Expr:
    if attribute.derive is Derivation.YEARS:
        return completed_years(attribute.column, as_of).alias(attribute.name)
    column = attribute.column if attribute.text is None else TEXT + attribute.name
    return pl.col(column).alias(attribute.name)


def tally(rows: pl.DataFrame, table: str, policy: Policy) -> pl.DataFrame:
    """Return the rows as tallies to be merged: keys, amounts as exact sums, how many are known.

    rows: conformed, with ROWS.
    """
    totals = [a for a in total_attributes(policy) if a.table == table]
    return rows.select(
        *_keys(rows, table, policy),
        ROWS,
        *(pl.col(a.column).cast(EXACT).alias(a.name) for a in totals),
        *(pl.col(a.column).is_not_null().cast(pl.UInt32).alias(KNOWN + a.name) for a in totals),
    )


def merge(tallies: Sequence[pl.DataFrame], table: str, policy: Policy) -> pl.DataFrame:
    """Return a table's tallies with one row for each distinct combination of keys."""
    rows = pl.concat(tallies)
    keys = _keys(rows, table, policy)
    return rows.lazy().group_by(keys).agg(pl.exclude(keys).sum()).collect()


def holding(tallies: pl.DataFrame) -> pl.DataFrame:
    """Return the tallies that stand for a row: one that has lapsed gives nobody anything."""
    return tallies.filter(pl.col(ROWS) > 0)


def _keys(rows: pl.DataFrame, table: str, policy: Policy) -> list[str]:
    declared = policy.sources[table].columns
    return [
        name
        for name in rows.columns
        if name in declared and declared[name].role in {Role.SUBJECT, Role.LINK}
    ]


def add_totals(
    people: pl.DataFrame, tallies: Mapping[str, pl.DataFrame], policy: Policy
) -> pl.DataFrame:
    """Return the people with a column for each total of theirs.

    people: with their key; tallies by table, merged or not. Of a joint account each holder has
    all, once, however often they stand there.
    """
    walk = people.lazy()
    for attribute in total_attributes(policy):
        totals = _totals(tallies, policy, attribute)
        walk = walk.join(totals, on=policy.subject.key, how="left")
    return walk.collect()


def _totals(
    tallies: Mapping[str, pl.DataFrame], policy: Policy, attribute: Attribute
) -> pl.LazyFrame:
    owner = policy.owner(attribute.table)
    rows = tallies[attribute.table].lazy()
    if owner.on is not None:
        holders = holding(tallies[owner.table]).lazy().select(owner.key, owner.on).unique()
        rows = rows.select(owner.on, attribute.name, KNOWN + attribute.name)
        rows = rows.join(holders, on=owner.on, how="inner")
    summed = rows.group_by(pl.col(owner.key).alias(str(policy.subject.key))).agg(
        pl.col(attribute.name, KNOWN + attribute.name).sum()
    )
    # A person whose amounts are all missing has no total, not a total of nothing.
    total = pl.when(pl.col(KNOWN + attribute.name) > 0).then(attribute.name).cast(pl.Float64)
    return summed.select(str(policy.subject.key), total.alias(attribute.name))
