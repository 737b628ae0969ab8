"""A small bank's events, and what a magnitude table has to count of them, said slowly and plainly.

The world is plain values; the counts are loops over them, event by event and person by person.
`declared` and `tables_of` put the same world before the product: as a policy, and as frames.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import polars as pl
from builders import AS_OF, LINES, hierarchies_of, policy_fields
from hypothesis import strategies as st

from pipelines.magnitude.drawing import countings
from pipelines.magnitude.noise import keyed_choice
from transforms.anonymise import count_population
from transforms.magnitude.bound import Choose, Exact
from transforms.magnitude.count import Due
from transforms.magnitude.events import MOST_ROWS, Counting
from transforms.policy.whole import Policy
from transforms.steps.exclude import Exclusions
from transforms.steps.gather import Circumstances

Cell = tuple[str, str, str]
"""Period, region, kind."""
Measures = dict[str, dict[Cell, int]]
"""By measure, what each cell has; sums in hundredths."""

REGIONS = ("west", "centre", "east", "not known")
KINDS = ("a", "b", "other")
RATES = {"USD": 0.5, "ALL": 2.0}
FORGOTTEN = timedelta(days=3 * 365)
"""How long ago somebody left of whom clause 14 lets no event be counted any more."""
AMOUNTS = (0.0, 0.02, 0.5, 9.0, 10.0, 30.0, 1e7, 9e10)
KEY = bytes(range(32))


@dataclass(frozen=True)
class Event:
    """One payment of an account. late: days until it came into the source."""

    account: int
    day: date
    late: int
    kind: str | None
    amount: float | None
    currency: str
    fee: int


@dataclass(frozen=True)
class World:
    """Who there is, and what happened. towns: of the people; gone: who left long ago.

    behind: which person stands behind which company; holders: who holds which account.
    """

    towns: Mapping[int, str | None]
    gone: frozenset[int]
    companies: frozenset[int]
    behind: frozenset[tuple[int, int]]
    holders: frozenset[tuple[int, int]]
    events: tuple[Event, ...]

    def without(self, person: int) -> World:
        """Return the world without a person, and without what only they held."""
        holders = frozenset(pair for pair in self.holders if pair[1] != person)
        held = {account for account, _ in holders}
        return replace(
            self,
            towns={key: town for key, town in self.towns.items() if key != person},
            gone=self.gone - {person},
            behind=frozenset(pair for pair in self.behind if pair[1] != person),
            holders=holders,
            events=tuple(event for event in self.events if event.account in held),
        )


@dataclass(frozen=True)
class Rules:
    """How a table is bounded and cut; caps in whole units, by kind where they differ."""

    cells: int = 2
    events: int = 2
    cap: int = 10
    caps: tuple[tuple[str, int], ...] = (("a", 25),)
    fee_cap: int = 3
    unit: str = "month"
    first: str = "2025-11"
    closes_after: int = 7
    recorded: bool = True
    companies: bool = True

    def most(self, kind: str) -> int:
        return dict(self.caps).get(kind, self.cap)


UNBOUNDED = Rules(cells=1000, events=100_000, cap=10**7, caps=(), fee_cap=10**7)
"""No bounds to speak of."""
FIRSTS = {"week": "2025-W45", "month": "2025-11", "quarter": "2025-Q2"}


# --------------------------------------------------------------------------- what is to be counted


def label_of(day: date, unit: str) -> str:
    """Return what the calendar calls the period of a day."""
    if unit == "week":
        return day.strftime("%G-W%V")
    if unit == "month":
        return day.strftime("%Y-%m")
    return f"{day.year}-Q{'111222333444'[day.month - 1]}"


def last_day_of(day: date, unit: str) -> date:
    """Walk to the last day of the period of a day."""
    while label_of(day + timedelta(days=1), unit) == label_of(day, unit):
        day += timedelta(days=1)
    return day


def is_closed(day: date, rules: Rules, on: date) -> bool:
    """Say whether the period of a day is closed on another."""
    return last_day_of(day, rules.unit) + timedelta(days=rules.closes_after) < on


def counted_period(event: Event, rules: Rules) -> date:
    """Return a day of the period in which an event counts: the first still open, if it is late."""
    day = event.day
    while rules.recorded and is_closed(day, rules, event.day + timedelta(days=event.late)):
        day = last_day_of(day, rules.unit) + timedelta(days=1)
    return day


def due_labels(rules: Rules, on: date) -> list[str]:
    """Walk from today back to the first period, and return those that are closed."""
    labels: dict[str, None] = {}
    day = on
    while label_of(day, rules.unit) >= rules.first:
        if is_closed(day, rules, on):
            labels[label_of(day, rules.unit)] = None
        day -= timedelta(days=1)
    return sorted(labels)


def persons_of(world: World, account: int, rules: Rules) -> set[int]:
    """Return for whom an account's events count, each once."""
    persons: set[int] = set()
    for held, key in world.holders:
        if held != account:
            continue
        if key in world.companies:
            persons |= {p for c, p in world.behind if c == key} if rules.companies else set()
        else:
            persons.add(key)
    return {person for person in persons if person in world.towns} - world.gone


def region_of(town: str | None) -> str:
    return next((region for leaf, region, _ in LINES["town"] if leaf == town), "not known")


def cell_of(world: World, person: int, event: Event, rules: Rules) -> Cell:
    kind = event.kind if event.kind in {"a", "b"} else "other"
    label = label_of(counted_period(event, rules), rules.unit)
    return label, region_of(world.towns[person]), kind


def expected(world: World, rules: Rules, drawn: Callable[[int, Cell], int]) -> Measures:
    """Count by hand. drawn: the number by which a person's cells are put in order."""
    theirs: dict[int, dict[Cell, list[Event]]] = defaultdict(lambda: defaultdict(list))
    due = set(due_labels(rules, AS_OF))
    for event in world.events:
        for person in persons_of(world, event.account, rules):
            cell = cell_of(world, person, event, rules)
            if cell[0] in due:
                theirs[person][cell].append(event)
    totals = {measure: Counter[Cell]() for measure in ("people", "events", "amount", "fee")}
    for person, cells in theirs.items():
        for label in due:
            own = sorted((c for c in cells if c[0] == label), key=lambda c: drawn(person, c))
            for cell in own[: rules.cells]:
                totals["people"][cell] += 1
                totals["events"][cell] += min(len(cells[cell]), rules.events)
                worth = [cents_of(event) for event in cells[cell]]
                totals["amount"][cell] += net(worth, 100 * rules.most(cell[2]))
                fees = [100 * event.fee for event in cells[cell]]
                totals["fee"][cell] += net(fees, 100 * rules.fee_cap)
    return {measure: {c: n for c, n in cells.items() if n} for measure, cells in totals.items()}


def cents_of(event: Event) -> int:
    """Return what an event's amount is worth, in hundredths of the table's unit."""
    rate = 1.0 if event.currency == "EUR" else RATES[event.currency]
    return round(100 * (event.amount or 0.0) * rate)


def net(amounts: Sequence[int], cap: int) -> int:
    """Return what came in less what went out, each cut at the cap."""
    came = sum(amount for amount in amounts if amount > 0)
    went = -sum(amount for amount in amounts if amount < 0)
    return min(came, cap) - min(went, cap)


# -------------------------------------------------------------------------------- drawn worlds


def worlds(*, people: int = 8) -> st.SearchStrategy[World]:
    """Draw a world; the mixing is left to a seed, for drawn choice by choice they are alike."""
    return st.builds(_world, st.integers(1, people), st.integers(0, 2**32 - 1))


def rules() -> st.SearchStrategy[Rules]:
    """Draw bounds of which most bind."""
    return st.builds(
        lambda unit, *given: replace(Rules(*given), unit=unit, first=FIRSTS[unit]),
        st.sampled_from(["week", "month", "quarter"]),
        st.sampled_from([1, 2, 3, 20]),
        st.sampled_from([1, 2, 7]),
        st.sampled_from([1, 10, 40]),
        st.sampled_from([(), (("a", 25),), (("b", 1), ("other", 60))]),
    ).flatmap(
        lambda bounded: st.builds(
            lambda closes, recorded, companies: replace(
                bounded, closes_after=closes, recorded=recorded, companies=companies
            ),
            st.sampled_from([0, 7, 40]),
            st.booleans(),
            st.booleans(),
        )
    )


def _world(people: int, seed: int) -> World:
    rng = random.Random(seed)
    keys = range(1, people + 1)
    companies = frozenset(range(101, 101 + rng.randint(0, 2)))
    accounts = range(1, rng.randint(1, 2 * people) + 1)
    towns = [line[0] for line in LINES["town"]]
    everybody = [*keys, *companies]
    return World(
        towns={key: rng.choice([*towns, None]) for key in keys},
        gone=frozenset(key for key in keys if rng.random() < 0.1),
        companies=companies,
        behind=frozenset((c, rng.choice(keys)) for c in companies for _ in range(2)),
        holders=frozenset(
            (account, key)
            for account in accounts
            for key in rng.sample(everybody, min(len(everybody), rng.choice([1, 1, 2, 3])))
        ),
        events=tuple(_event(rng, accounts) for _ in range(rng.choice([0, 5, 40, 120]))),
    )


def _event(rng: random.Random, accounts: Sequence[int]) -> Event:
    return Event(
        account=rng.choice(accounts),
        day=AS_OF - timedelta(days=rng.choice([rng.randint(0, 40), rng.randint(0, 300)])),
        late=rng.choice([0, 0, 0, 1, 8, 50, 200]),
        kind=rng.choice(["a", "a", "b", "c", None]),
        amount=rng.choice([None, *(sign * amount for sign in (-1, 1) for amount in AMOUNTS)]),
        currency=rng.choice(["EUR", "EUR", "USD", "ALL"]),
        fee=rng.choice([0, 1, 2, -1, 5]),
    )


# ------------------------------------------------------------------------------ before the product


def declared(rules: Rules, **budget: float) -> Policy:
    """Return the policy of a bank of people, accounts, companies and payments."""
    fields = policy_fields()
    del fields["sources"]["accounts"], fields["microdata"]["wealth"]
    del fields["hierarchies"]["savings"]
    fields["sources"]["payments"] = {
        "subject": {"through": "holders", "on": "account"},
        "columns": {
            "account": {"role": "link", "clause": 14, "type": "integer"},
            "booked": {"role": "event time", "clause": 14, "type": "date"},
            "entered": {"role": "event time", "clause": 14, "type": "date"},
            "kind": {"role": "category", "clause": 14, "type": "text"},
            "currency": {"role": "category", "clause": 14, "type": "text"},
            "amount": {"role": "measure", "clause": 14, "type": "number"},
            "fee": {"role": "measure", "clause": 14, "type": "integer"},
        },
    }
    fields["sources"]["stakes"] = {
        "columns": {
            "company": {"role": "subject", "clause": 9, "type": "integer"},
            "person": {"role": "subject", "clause": 9, "type": "integer"},
        }
    }
    fields["budget"] = {"rho": 0.5, **budget}
    fields["magnitude"] = {"payments": _table(rules)}
    return Policy.model_validate(fields)


def _table(rules: Rules) -> dict[str, Any]:
    table: dict[str, Any] = {
        "meaning": "Payments",
        "source": "payments",
        "share": 1.0,
        "cells": rules.cells,
        "events": rules.events,
        "period": {
            "column": "booked",
            "unit": rules.unit,
            "first": rules.first,
            "closes-after": rules.closes_after,
        },
        "by": {
            "region": {
                "attribute": "town",
                "level": 1,
                "missing": "not known",
                "meaning": "Where they live",
            },
            "kind": {"column": "kind", "values": ["a", "b"], "others": "other", "meaning": "What"},
        },
        "sums": {
            "amount": {
                "column": "amount",
                "unit": "EUR",
                "cap": rules.cap,
                "caps": {"kind": dict(rules.caps)} if rules.caps else {},
                "currency": "currency",
                "rates": RATES,
                "missing": "nothing",
                "meaning": "How much",
            },
            "fee": {"column": "fee", "unit": "EUR", "cap": rules.fee_cap, "meaning": "What for"},
        },
    }
    if rules.recorded:
        table["period"]["recorded"] = "entered"
    if rules.companies:
        table["companies"] = {"through": "stakes", "company": "company", "person": "person"}
    return table


def tables_of(world: World) -> dict[str, pl.DataFrame]:
    """Return the world as a source's tables."""
    return {
        "people": pl.DataFrame(
            [
                (key, "person", AS_OF - FORGOTTEN if key in world.gone else None, town)
                for key, town in world.towns.items()
            ]
            + [(key, "company", None, None) for key in sorted(world.companies)],
            schema={"id": pl.Int64, "kind": pl.String, "ended": pl.Date, "town": pl.String},
            orient="row",
        ).with_columns(
            consent=pl.lit(None, pl.Boolean),
            born=pl.lit(date(1980, 5, 5)),
            job=pl.lit("nurse"),
            health=pl.lit("flu"),
        ),
        "holders": _pairs(world.holders, "account", "id"),
        "stakes": _pairs(world.behind, "company", "person"),
        "payments": pl.DataFrame(
            [
                (
                    *(event.account, event.day, event.day + timedelta(days=event.late)),
                    *(event.kind, event.currency, event.amount, event.fee),
                )
                for event in world.events
            ],
            schema={
                "account": pl.Int64,
                "booked": pl.Date,
                "entered": pl.Date,
                "kind": pl.String,
                "currency": pl.String,
                "amount": pl.Float64,
                "fee": pl.Int64,
            },
            orient="row",
        ),
    }


def _pairs(pairs: Collection[tuple[int, int]], left: str, right: str) -> pl.DataFrame:
    schema = {left: pl.Int64, right: pl.Int64}
    return pl.DataFrame(sorted(pairs), schema=schema, orient="row")


@dataclass(frozen=True)
class Walk:
    """How the product is made to walk. cuts: rows of a batch; most: rows that a walk may hold."""

    shuffle: int | None = None
    cuts: int = 10**6
    most: int = MOST_ROWS
    key: bytes = KEY

    def batches(self, table: pl.DataFrame) -> Iterator[pl.DataFrame]:
        if self.shuffle is not None:
            table = table.sample(fraction=1, shuffle=True, seed=self.shuffle)
        yield from table.iter_slices(self.cuts) if table.height else [table]


def counting_of(rules: Rules) -> Counting:
    """Return the table with all periods that are closed."""
    policy = declared(rules)
    (counting,) = countings(policy, hierarchies_of(policy), None, AS_OF)
    return counting


def choice(key: bytes = KEY) -> Choose:
    return keyed_choice(key)


def count(
    tables: Mapping[str, pl.DataFrame],
    counting: Counting,
    *,
    objectors: Collection[str] = (),
    walk: Walk | None = None,
) -> tuple[Exact, ...]:
    """Count by the product, from the source's tables to bounded measures."""
    how = walk or Walk()

    def read(table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        return how.batches(tables[table].select(columns))

    policy = counting.policy
    people = {name: read(name, columns) for name, columns in policy.microdata_reads().items()}
    due = Due((counting,), read, {counting.name: choice(how.key)}, how.most)
    listed = Exclusions.of(objected=objectors)
    under = Circumstances(policy, counting.hierarchies, listed, AS_OF, AS_OF)
    return count_population(people, under, due).magnitudes


def measured(exacts: Sequence[Exact], counting: Counting) -> Measures:
    """Return the product's counts as the oracle says them."""
    labels = counting.grid.labels().rows()
    return {
        measure: {
            (exact.period.label, *cell): int(number)
            for exact in exacts
            for cell, number in zip(labels, exact.measures[measure], strict=True)
            if number
        }
        for measure in counting.table.measures
    }


def drawn_by(counting: Counting, key: bytes = KEY) -> Callable[[int, Cell], int]:
    """Return the keyed function of the product, asked one by one."""
    choose = choice(key)
    places = {cell: number for number, cell in enumerate(counting.grid.labels().rows())}
    numbers = {period.label: period.number for period in counting.due}

    def drawn(person: int, cell: Cell) -> int:
        slot = numbers[cell[0]] * counting.grid.cells + places[cell[1:]]
        return int(choose(pl.Series([person]), pl.Series([slot])).item())

    return drawn
