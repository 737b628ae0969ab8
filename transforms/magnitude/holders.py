"""Whose events are: each holder's; of a company, where the policy says so, who is behind it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

import polars as pl

from transforms.magnitude.declared import Behind
from transforms.magnitude.events import PERSON, Holders
from transforms.policy.whole import Policy
from transforms.steps.conform import conform
from transforms.steps.derive import ROWS
from transforms.steps.exclude import Exclusions, is_named
from transforms.steps.lapse import forget_rows

_KEY = "__key"


def people_by_key(keys: pl.Series, counts: pl.Series) -> pl.DataFrame:
    """Return who counts, by their key: PERSON is the place of the key among all.

    counts: whether what the table's clause collected may still be used of the person.
    """
    numbered = pl.DataFrame({_KEY: keys}).with_row_index(PERSON)
    return numbered.filter(counts)


def with_companies(
    people: pl.DataFrame,
    behind: Behind,
    batches: Iterable[pl.DataFrame],
    companies: pl.Series,
    policy: Policy,
    exclusions: Exclusions,
) -> pl.DataFrame:
    """Return the people by their own key and by those of the companies that they stand behind.

    people: as of `people_by_key`; companies: the keys of those whose events may be used.
    """
    known = pl.DataFrame({_KEY: companies})
    pairs = [
        conform(_unlisted(records, behind.through, policy, exclusions), behind.through, policy)
        .select(pl.col(behind.person).alias(_KEY), pl.col(behind.company).alias("__company"))
        .join(people, on=_KEY, how="inner")
        .select(PERSON, pl.col("__company").alias(_KEY))
        .join(known, on=_KEY, how="semi")
        for records in batches
    ]
    return pl.concat([people, *pairs]).unique()


def holders_of(
    table: str,
    people: pl.DataFrame,
    batches: Iterable[pl.DataFrame],
    policy: Policy,
    exclusions: Exclusions,
    day: date,
) -> Holders:
    """Return who holds the events of a table.

    batches: of the table that says it, where it is another; none where a row names the person.
    """
    owner = policy.owner(table)
    if owner.on is None:
        return Holders(owner.key, people.select(_KEY, PERSON).unique())
    pairs = [
        forget_rows(
            conform(_unlisted(records, owner.table, policy, exclusions), owner.table, policy),
            owner.table,
            policy,
            day,
        )
        .filter(pl.col(ROWS) > 0)
        .select(owner.on, pl.col(owner.key).alias(_KEY))
        .join(people, on=_KEY, how="inner")
        .select(owner.on, PERSON)
        for records in batches
    ]
    return Holders(owner.on, pl.concat(pairs).unique())


def _unlisted(
    records: pl.DataFrame, table: str, policy: Policy, exclusions: Exclusions
) -> pl.DataFrame:
    return records.filter(~is_named(records, table, policy, exclusions))
