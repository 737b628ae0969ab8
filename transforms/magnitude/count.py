"""Count a bank's events: from people and batches of records to bounded, exact measures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from transforms.magnitude.bound import Choose, Exact, bounded
from transforms.magnitude.events import (
    MOST_ROWS,
    Counting,
    Holders,
    Part,
    persons_codes,
    tally_events,
)
from transforms.magnitude.holders import holders_of, people_by_key, with_companies
from transforms.steps.derive import PAST
from transforms.steps.gather import Circumstances, People

Read = Callable[[str, Sequence[str]], Iterable[pl.DataFrame]]
"""A table and its columns → batches; each call walks the table anew."""


@dataclass(frozen=True)
class Due:
    """What has to be counted: tables with their periods, how to read, how to choose cells.

    choose: by table; most: rows that a walk may hold.
    """

    countings: tuple[Counting, ...]
    read: Read
    choose: Mapping[str, Choose]
    most: int = MOST_ROWS


def count_events(people: People, under: Circumstances, due: Due) -> tuple[Exact, ...]:
    """Return the bounded measures of every period that is due; nothing of a person is left.

    people: with their key and the leaf codes of their own attributes.
    """
    return tuple(
        exact
        for counting in due.countings
        if counting.due
        for exact in _count(people, under, due, counting)
    )


def _count(people: People, under: Circumstances, due: Due, counting: Counting) -> tuple[Exact, ...]:
    keys = people.rows.get_column(str(under.policy.subject.key))
    codes = {
        axis.name: persons_codes(
            axis,
            people.rows.get_column(axis.category.attribute),
            under.hierarchies[axis.category.attribute],
        )
        for axis in counting.grid.axes
        if axis.category.attribute is not None
    }
    holders = _holders(people, under, due, counting)
    columns = under.policy.magnitude_reads(counting.name)[counting.source]
    waiting, totals = [Part()], tuple[Exact, ...]()
    while waiting:
        walked = tally_events(
            due.read(counting.source, columns),
            holders,
            codes,
            counting,
            under.latest,
            waiting.pop(),
            due.most,
        )
        waiting += walked.waiting
        exact = bounded(walked.rows, keys, counting, due.choose[counting.name])
        totals = exact if not totals else tuple(map(Exact.plus, totals, exact))
    return totals


def _holders(people: People, under: Circumstances, due: Due, counting: Counting) -> Holders:
    policy, name = under.policy, counting.name
    reads = policy.magnitude_reads(name)
    by_key = people_by_key(
        people.rows.get_column(str(policy.subject.key)), _usable(people, under, name)
    )
    behind = counting.table.companies
    if behind is not None:
        by_key = with_companies(
            by_key,
            behind,
            due.read(behind.through, reads[behind.through]),
            people.companies,
            policy,
            under.exclusions,
        )
    owner = policy.owner(counting.source)
    batches = () if owner.on is None else due.read(owner.table, reads[owner.table])
    return holders_of(counting.source, by_key, batches, policy, under.exclusions, under.latest)


def _usable(people: People, under: Circumstances, name: str) -> pl.Series:
    """Say of whom the table's clauses may still be used."""
    past = [f"{PAST}{clause}" for clause in under.policy.magnitude_clauses(name)]
    there = [column for column in past if column in people.rows.columns]
    return people.rows.select(usable=~pl.any_horizontal(pl.lit(value=False), *there)).get_column(
        "usable"
    )
