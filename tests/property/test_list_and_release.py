"""The list and a release together: who stands on it might as well not exist."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

from builders import Person, bank, content, counted, plan_for, populations, released
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.objections import chain, vault
from pipelines.objections.registry import Registry, create_registry
from transforms.errors import ObjectionError
from transforms.objection import (
    EXCLUDING,
    TRANSITIONS,
    Channel,
    Event,
    Identifiers,
    Received,
    Right,
    State,
    Step,
    check_step,
)
from transforms.steps.exclude import Exclusions

NOW = datetime(2026, 2, 1, tzinfo=UTC)
seeds = st.integers(0, 2**32 - 1)


class Told:
    """An objection as somebody slow keeps it, in the order of what happened."""

    def __init__(self, right: Right, keys: tuple[str, ...]) -> None:
        self.right, self.keys = right, keys
        self.state = State.WAITING
        self.review_on: date | None = None

    def left_out(self, today: date) -> set[str]:
        overdue = self.state is State.OVERRIDDEN and (self.review_on or today) <= today
        return set(self.keys) if self.state in EXCLUDING or overdue else set()


def happen(told: Told, rng: random.Random, keys: Sequence[str]) -> Step | None:
    """Draw something that may happen to an objection, and let it."""
    event = rng.choice([event for event in Event if event is not Event.RECEIVED])
    named = {Event.MATCHED, Event.IDENTIFIED, Event.EXTENDED}
    step = Step(
        event,
        by="x",
        keys=tuple(sorted(rng.sample(keys, rng.randint(1, min(2, len(keys))))))
        if event in named and keys
        else None,
        right=Right.OBJECTION if event is Event.KEPT_BY_LAW else None,
        ground="legal claims" if event is Event.OVERRIDDEN else None,
        reference="r" if event is Event.OVERRIDDEN else None,
        review_on=NOW.date() + timedelta(days=rng.choice([5, 50]))
        if event is Event.OVERRIDDEN
        else None,
    )
    try:
        check_step(1, told.state, told.right, step)
    except ObjectionError:
        return None
    told.state = TRANSITIONS[told.state, event]
    told.keys = told.keys if step.keys is None else step.keys
    told.right = step.right or told.right
    told.review_on = step.review_on or told.review_on
    return step


def history(registry: Registry, rng: random.Random, keys: Sequence[str]) -> list[Told]:
    """Let several object, and things happen to their objections; return where each stands."""
    everybody: list[Told] = []
    for _ in range(rng.randint(0, 6)):
        key = rng.choice([*keys, None]) if keys else None
        told = Told(rng.choice(list(Right)), () if key is None else (key,))
        given = Identifiers(email="a@b.example") if key is None else Identifiers(customer_id=key)
        registry.receive([Received(given, Channel.CRM, NOW, right=told.right)], NOW)
        everybody.append(told)
    for _ in range(rng.randint(0, 12) if everybody else 0):
        number = rng.randrange(len(everybody))
        step = happen(everybody[number], rng, keys)
        if step is not None:
            registry.decide([(number + 1, step)], NOW)
    return everybody


@settings(max_examples=60)
@given(populations(groups=12), seeds, st.sampled_from([0, 10, 100]))
def test_a_release_with_the_list_is_that_of_the_bank_without_those_on_it(
    people: Sequence[Person], seed: int, days: int
) -> None:
    rng, today = random.Random(seed), NOW.date() + timedelta(days=days)
    keys = [str(position + 1) for position in range(len(people))]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "r" / "objections.sqlite", Path(folder) / "key"
        create_registry(*place)
        expected = set[str]().union(
            *(told.left_out(today) for told in history(Registry(*place), rng, keys))
        )
        listed = Registry(*place).excluded(today).people
    assert {*listed.objected, *listed.erased, *listed.restricted} == expected
    gone = {int(key) - 1 for key in expected}
    with_list, without = counted(bank(people), listed), counted(bank(people, drop=gone))
    plan = plan_for(counted(bank(people)))
    assert content(released(with_list, plan)) == content(released(without, plan))
    assert with_list.eligible == without.eligible
    # The control: the list matters.
    if gone:
        assert counted(bank(people), Exclusions.of()).eligible > with_list.eligible


@settings(max_examples=60)
@given(
    st.integers(1, 8), seeds, st.sampled_from([0, 10, 100]), st.sampled_from([1, 2, 3, 1024]),
    st.sampled_from([0, 200, 1 << 16]),
)  # fmt: skip
def test_what_stands_in_the_pages_is_what_the_seals_of_the_chain_say(
    people: int, seed: int, days: int, a_page: int, parquet_from: int
) -> None:
    """Two ways to whom an objection stands for: a page at once, or every seal by itself."""
    rng, today = random.Random(seed), NOW.date() + timedelta(days=days)
    keys = [str(position + 1) for position in range(people)]
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(vault, "PEOPLE_A_PAGE", a_page),
        patch.object(chain, "PARQUET_FROM", parquet_from),
    ):
        place = Path(folder) / "r" / "objections.sqlite", Path(folder) / "key"
        create_registry(*place)
        written = Registry(*place)
        everybody = history(written, rng, keys)
        for registry in (written, Registry(*place)):
            cases = registry.cases(today, named=True)
            slow = [(case.number, key) for case in cases for key in case.keys]
            assert registry.named(today, list(State)).select("objection", "key").rows() == slow
            assert [case.keys for case in cases] == [
                () if told.state is State.ERASED else told.keys for told in everybody
            ]
