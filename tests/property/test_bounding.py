"""One person changes a magnitude table by no more than it claims; nothing else changes it."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from unittest import mock

import numpy as np
import polars as pl
import pytest
from builders import AS_OF
from hypothesis import find, given, settings
from hypothesis import strategies as st
from oracles.events import (
    UNBOUNDED,
    Event,
    Rules,
    Walk,
    World,
    cell_of,
    count,
    counting_of,
    drawn_by,
    expected,
    measured,
    persons_of,
    rules,
    tables_of,
    worlds,
)

from transforms.magnitude import events
from transforms.magnitude.accounting import sensitivities
from transforms.magnitude.bound import Exact
from transforms.magnitude.events import Counting
from transforms.magnitude.publish import parts_of

seeds = st.integers(0, 2**32 - 1)


def changes(world: World, person: int, counting: Counting) -> dict[str, float]:
    """Return how far each measure moves (L2, the worst period) when a person leaves."""
    there, gone = (
        count(tables_of(world), counting),
        count(tables_of(world.without(person)), counting),
    )
    return {
        measure: max(
            (
                float(np.linalg.norm(before.measures[measure] - after.measures[measure]))
                / parts_of(measure)
                for before, after in zip(there, gone, strict=True)
            ),
            default=0.0,
        )
        for measure in counting.table.measures
    }


def exceeds(world: World, claimed: Rules, counted: Rules) -> set[str]:
    """Return the measures that anybody changes by more than is claimed of the bounds."""
    claim = sensitivities(counting_of(claimed).table, counting_of(claimed).grid)
    return {
        measure
        for person in world.towns
        for measure, change in changes(world, person, counting_of(counted)).items()
        if change > claim[measure] * (1 + 1e-12)
    }


@settings(max_examples=60)
@given(worlds(), rules(), seeds)
def test_nobody_changes_a_measure_by_more_than_is_claimed(
    world: World, bounds: Rules, seed: int
) -> None:
    person = random.Random(seed).choice(sorted(world.towns))
    counting = counting_of(bounds)
    claim = sensitivities(counting.table, counting.grid)
    for measure, change in changes(world, person, counting).items():
        assert change <= claim[measure] * (1 + 1e-12), measure


def whale() -> World:
    """One person with far more of everything than counts, beside one with little."""
    return World(
        towns={1: "Peja", 2: "Peja"},
        gone=frozenset(),
        companies=frozenset({101}),
        behind=frozenset({(101, 1)}),
        holders=frozenset({(1, 1), (2, 1), (2, 101), (3, 2), (1, 2)}),
        events=tuple(
            Event(account, AS_OF - timedelta(days=60), 0, kind, 100.0, "EUR", 9)
            for account in (1, 2, 3)
            for kind in ("a", "b", "c")
            for _ in range(4)
        ),
    )


BOUNDS = Rules(cells=1)


def test_a_whale_reaches_what_is_claimed_and_not_more() -> None:
    """The bounds are tight: a person may change as much as is said."""
    counting = counting_of(replace(BOUNDS, cells=2))
    claim = sensitivities(counting.table, counting.grid)
    change = changes(whale(), 1, counting)
    for measure in ("people", "events", "amount", "fee"):
        assert math.isclose(change[measure], claim[measure])
    assert claim["people"] == math.sqrt(2)
    assert claim["events"] == 2 * math.sqrt(2)
    assert claim["amount"] == math.hypot(25, 10)
    assert exceeds(whale(), BOUNDS, BOUNDS) == set()


@pytest.mark.parametrize(
    ("off", "measures"),
    [
        (replace(BOUNDS, cells=20), {"people", "events", "amount", "fee"}),
        (replace(BOUNDS, events=1000), {"events"}),
        (replace(BOUNDS, cap=10**7), {"amount"}),
        (replace(BOUNDS, caps=(("a", 10**7),)), {"amount"}),
        (replace(BOUNDS, fee_cap=10**7), {"fee"}),
    ],
    ids=["cells", "events", "cap", "cap of a category", "cap of another sum"],
)
def test_with_one_bound_off_somebody_changes_more_than_is_claimed(
    off: Rules, measures: set[str]
) -> None:
    """The control: each bound is needed, and each is seen to be."""
    assert exceeds(whale(), BOUNDS, off) == measures


def test_among_the_drawn_worlds_are_such_that_need_every_bound() -> None:
    """The control of the law itself: its worlds have whoever it could be broken by."""
    claimed = replace(BOUNDS, cells=1, events=1)
    broken = find(
        worlds(),
        lambda world: exceeds(world, claimed, UNBOUNDED) == {"people", "events", "amount", "fee"},
        settings=settings(max_examples=200, database=None, derandomize=True),
    )
    assert broken.events


def same(some: tuple[Exact, ...], others: tuple[Exact, ...]) -> bool:
    """Compare what is counted; the owner's figures are of sums in floating point."""
    return [exact.period for exact in some] == [exact.period for exact in others] and all(
        np.array_equal(one.measures[measure], other.measures[measure])
        and one.clipped.cells_left == other.clipped.cells_left
        for one, other in zip(some, others, strict=True)
        for measure in one.measures
    )


@settings(max_examples=60)
@given(worlds(), rules())
def test_the_counts_are_those_that_one_gets_by_hand(world: World, bounds: Rules) -> None:
    counting = counting_of(bounds)
    by_hand = expected(world, bounds, drawn_by(counting))
    assert measured(count(tables_of(world), counting), counting) == by_hand


@given(worlds(), rules(), seeds, st.sampled_from([1, 2, 7]))
def test_order_batches_and_parts_change_nothing(
    world: World, bounds: Rules, seed: int, cuts: int
) -> None:
    counting, tables = counting_of(bounds), tables_of(world)
    whole = count(tables, counting)
    assert same(whole, count(tables, counting))
    assert same(whole, count(tables, counting, walk=Walk(seed, cuts)))


def most_slots_of_a_person(world: World, bounds: Rules) -> int:
    """Return in how many cells of all periods somebody has events: no part is smaller."""
    theirs = {
        (person, cell_of(world, person, event, bounds))
        for event in world.events
        for person in persons_of(world, event.account, bounds)
    }
    return max(Counter(person for person, _ in theirs).values(), default=1)


@given(worlds(people=12), rules(), st.sampled_from([20, 50]))
def test_people_who_are_counted_in_several_walks_are_all_counted_once(
    world: World, bounds: Rules, cuts: int
) -> None:
    counting, tables = counting_of(bounds), tables_of(world)
    few = Walk(cuts=cuts, most=most_slots_of_a_person(world, bounds))
    with mock.patch.object(events, "PENDING_ROWS", 1):
        assert same(count(tables, counting), count(tables, counting, walk=few))


def test_people_who_are_many_are_counted_in_several_walks() -> None:
    """The control of the law above: there are several walks at all."""
    everybody = range(1, 200)
    world = World(
        towns=dict.fromkeys(everybody, "Peja"),
        gone=frozenset(),
        companies=frozenset(),
        behind=frozenset(),
        holders=frozenset((key, key) for key in everybody),
        events=tuple(
            Event(key, AS_OF - timedelta(days=day), 0, "a", 1.0, "EUR", 1)
            for key in everybody
            for day in (40, 75, 100)
        ),
    )
    counting, walks = counting_of(Rules()), mock.Mock(wraps=events.tally_events)
    with (
        mock.patch.object(events, "PENDING_ROWS", 10),
        mock.patch("transforms.magnitude.count.tally_events", walks),
    ):
        parts = count(tables_of(world), counting, walk=Walk(cuts=20, most=100))
    assert walks.call_count >= 4
    assert same(parts, count(tables_of(world), counting))
    assert [int(exact.measures["people"].sum()) for exact in parts] == [199] * 3


@given(worlds(), rules())
def test_another_key_keeps_other_cells_and_as_many_of_them(world: World, bounds: Rules) -> None:
    counting, tables = counting_of(bounds), tables_of(world)
    some, others = count(tables, counting), count(tables, counting, walk=Walk(key=bytes(32)))
    assert [e.measures["people"].sum() for e in some] == [
        e.measures["people"].sum() for e in others
    ]


def test_which_cells_count_is_up_to_the_key() -> None:
    counting, tables = counting_of(replace(BOUNDS, cells=1)), tables_of(whale())
    ways = {
        tuple(exact.measures["people"].tolist())
        for number in range(20)
        for exact in count(tables, counting, walk=Walk(key=bytes([number]) * 32))
    }
    assert len(ways) > 3


@given(worlds(), rules(), seeds)
def test_whatever_an_objector_did_changes_nothing(world: World, bounds: Rules, seed: int) -> None:
    rng = random.Random(seed)
    objector = rng.choice(sorted(world.towns))
    counting = counting_of(bounds)
    without = count(tables_of(world.without(objector)), counting)
    listed = (str(objector),)
    assert same(without, count(tables_of(world), counting, objectors=listed))
    assert same(
        without, count(tables_of(made_up(world, objector, rng)), counting, objectors=listed)
    )


def made_up(world: World, person: int, rng: random.Random) -> World:
    """Replace whatever is of one person alone by something else, far beyond all bounds."""
    theirs = {a for a, key in world.holders if key == person}
    shared = {a for a, key in world.holders if key != person}
    others = tuple(event for event in world.events if event.account in shared)
    account = min(theirs - shared, default=900)
    return replace(
        world,
        towns={**world.towns, person: rng.choice(["Gjilan", None])},
        holders=world.holders | {(account, person)},
        events=others
        + tuple(
            Event(account, AS_OF - timedelta(days=d), 0, "nothing listed", 9e10, "EUR", -9)
            for d in range(0, 300, 10)
        ),
    )


def test_not_even_what_is_broken_of_an_objector_stops_a_run() -> None:
    counting, tables = counting_of(BOUNDS), tables_of(whale())
    broken = pl.DataFrame(
        {"account": [4], "kind": ["a"], "currency": ["XXX"], "amount": [math.nan]},
    )
    tables["payments"] = pl.concat([tables["payments"], broken], how="diagonal_relaxed")
    tables["holders"] = pl.concat([tables["holders"], pl.DataFrame({"account": [4], "id": [1]})])
    assert same(
        count(tables, counting, objectors=("1",)),
        count(tables_of(whale().without(1)), counting),
    )
    with pytest.raises(Exception, match="that says when they were"):
        count(tables, counting)
