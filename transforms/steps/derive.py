"""Make each person's attributes: ages and tenures from dates, totals from tables of many rows."""

from __future__ import annotations

from datetime import date

import polars as pl

from transforms.policy import Attribute, Derivation, Policy
from transforms.steps.conform import Tables
from transforms.steps.exclude import ROW, completed_years

EXACT = pl.Decimal(38, 4)
"""Totals are added in decimals: a sum of floats depends on the order of the rows."""


def derive(tables: Tables, policy: Policy, as_of: date) -> pl.DataFrame:
    """Return one row a person: the key and a column for each attribute of the policy."""
    key = policy.subject.key or ROW
    home = tables[policy.subject.source]
    if policy.subject.key is None:
        home = home.with_row_index(ROW)
    attributes = policy.attributes.values()
    own = [
        _own(attribute, as_of) for attribute in attributes if attribute.derive != Derivation.TOTAL
    ]
    people = home.select(pl.col(key), *own)
    for attribute in attributes:
        if attribute.derive == Derivation.TOTAL:
            totals = _totals(tables, policy, attribute, key)
            people = people.join(totals, on=key, how="left", maintain_order="left")
    return people.select(key, *policy.attributes)


def _own(attribute: Attribute, as_of: date) -> pl.Expr:
    if attribute.derive == Derivation.YEARS:
        return completed_years(attribute.column, as_of).alias(attribute.name)
    return pl.col(attribute.column).alias(attribute.name)


def _totals(tables: Tables, policy: Policy, attribute: Attribute, key: str) -> pl.DataFrame:
    """Return the sum a person over the rows of theirs; of a joint account each holder has all."""
    owner = policy.owner(attribute.table)
    rows = tables[attribute.table]
    if owner.on is not None:
        holders = tables[owner.table].select(owner.key, owner.on).unique()
        rows = rows.join(holders, on=owner.on, how="inner")
    amount = pl.col(attribute.column).cast(EXACT)
    # A person whose amounts are all missing has no total, not a total of nothing.
    total = pl.when(amount.is_not_null().any()).then(amount.sum()).cast(pl.Float64)
    return rows.group_by(pl.col(owner.key).alias(key)).agg(total.alias(attribute.name))
