"""What may become of an objection: each transition, and what a decision has to prove."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path

import pytest

from pipelines.objections.registry import Registry, create_registry
from transforms.errors import ObjectionError
from transforms.objection import (
    ENDED,
    EXCLUDING,
    TRANSITIONS,
    Channel,
    Dismissal,
    Event,
    Ground,
    Identifiers,
    Received,
    Right,
    State,
    Step,
    diagram,
    dismissed,
    kept_by_law,
    lifted,
    override,
    withdrawn,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"
NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
TODAY, LATEST = NOW.date(), date(2027, 11, 20)
REVIEW = date(2027, 5, 1)

BY, OBJECTION = "the DPO", Right.OBJECTION
STEPS = {
    Event.MATCHED: Step(Event.MATCHED, keys=("1", "2")),
    Event.IDENTIFIED: Step(Event.IDENTIFIED, keys=("1",)),
    Event.EXTENDED: Step(Event.EXTENDED, keys=("1", "3")),
    Event.UPHELD: Step(Event.UPHELD, by=BY),
    Event.KEPT_BY_LAW: kept_by_law("Law 06/L-085 Art. 35", BY),
    Event.OVERRIDDEN: override(Ground.COMPELLING, "file 7", BY, REVIEW, LATEST, TODAY),
    Event.REVIEW_DUE: Step(Event.REVIEW_DUE),
    Event.LIFTED: lifted(TODAY, BY, TODAY),
    Event.WITHDRAWN: withdrawn(BY, identity_verified=True),
    Event.DISMISSED: dismissed(Dismissal.NOT_IDENTIFIABLE, "no answer to two letters", BY),
    Event.ERASED: Step(Event.ERASED, by=BY),
}
RIGHTS = {Event.KEPT_BY_LAW: Right.ERASURE, Event.LIFTED: Right.RESTRICTION}
WAYS: dict[State, Sequence[Event]] = {
    State.WAITING: (),
    State.SEVERAL: (Event.MATCHED,),
    State.IDENTIFIED: (Event.IDENTIFIED,),
    State.UPHELD: (Event.IDENTIFIED, Event.UPHELD),
    State.OVERRIDDEN: (Event.IDENTIFIED, Event.OVERRIDDEN),
    State.REVIEW_DUE: (Event.IDENTIFIED, Event.OVERRIDDEN, Event.REVIEW_DUE),
    State.LIFTED: (Event.LIFTED,),
    State.WITHDRAWN: (Event.WITHDRAWN,),
    State.DISMISSED: (Event.DISMISSED,),
    State.ERASED: (Event.IDENTIFIED, Event.ERASED),
}


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    place = tmp_path / "registry" / "objections.sqlite", tmp_path / "home.key"
    create_registry(*place)
    return Registry(*place)


def arrive(registry: Registry, right: Right) -> None:
    registry.receive(
        [Received(Identifiers(email="a@b.example"), Channel.EMAIL, NOW, right=right)], NOW
    )


def state(registry: Registry) -> State:
    return registry.case(1, TODAY)[0].state


@pytest.mark.parametrize(("before", "event"), list(product(State, STEPS)), ids=str)
def test_each_event_follows_where_the_table_says_and_nowhere_else(
    registry: Registry, before: State, event: Event
) -> None:
    # The right that the way there needs, or else the event: no state needs two.
    needed = [RIGHTS[e] for e in (*WAYS[before], event) if e in RIGHTS]
    arrive(registry, needed[0] if needed and Event.OVERRIDDEN not in WAYS[before] else OBJECTION)
    for step in WAYS[before]:
        registry.decide([(1, STEPS[step])], NOW)
    assert state(registry) is before
    after = TRANSITIONS.get((before, event))
    if after is None:
        with pytest.raises(ObjectionError, match=r"follows only on|is for one recorded as"):
            registry.decide([(1, STEPS[event])], NOW)
        assert state(registry) is before
        return
    registry.decide([(1, STEPS[event])], NOW)
    assert state(registry) is after
    # And so says whoever reads the list anew.
    assert registry.excluded(TODAY).figures.in_force == (after in EXCLUDING)


@pytest.mark.parametrize("event", [Event.OVERRIDDEN, Event.KEPT_BY_LAW, Event.LIFTED])
@pytest.mark.parametrize("right", list(Right))
def test_a_decision_is_for_the_right_it_is_about(
    registry: Registry, event: Event, right: Right
) -> None:
    arrive(registry, right)
    registry.decide([(1, STEPS[Event.IDENTIFIED])], NOW)
    if right is RIGHTS.get(event, Right.OBJECTION):
        registry.decide([(1, STEPS[event])], NOW)
        return
    with pytest.raises(ObjectionError, match=f"recorded as {right}"):
        registry.decide([(1, STEPS[event])], NOW)
    assert state(registry) is State.IDENTIFIED


def test_an_erasure_that_the_law_forbids_counts_as_an_objection(registry: Registry) -> None:
    arrive(registry, Right.ERASURE)
    registry.decide([(1, STEPS[Event.IDENTIFIED])], NOW)
    assert list(registry.excluded(TODAY).people.erased) == ["1"]
    registry.decide([(1, STEPS[Event.KEPT_BY_LAW])], NOW)
    people = registry.excluded(TODAY).people
    assert (list(people.erased), list(people.objected)) == ([], ["1"])
    registry.decide([(1, STEPS[Event.OVERRIDDEN])], NOW)
    assert state(registry) is State.OVERRIDDEN


def test_of_several_steps_either_all_are_taken_or_none(registry: Registry) -> None:
    arrive(registry, Right.OBJECTION)
    arrive(registry, Right.OBJECTION)
    with pytest.raises(ObjectionError):
        registry.decide([(1, STEPS[Event.IDENTIFIED]), (2, STEPS[Event.REVIEW_DUE])], NOW)
    with pytest.raises(ObjectionError, match="no objection 3"):
        registry.decide([(1, STEPS[Event.IDENTIFIED]), (3, STEPS[Event.IDENTIFIED])], NOW)
    assert state(registry) is State.WAITING


def test_what_has_just_come_excludes() -> None:
    assert TRANSITIONS[None, Event.RECEIVED] in EXCLUDING


def test_every_state_can_be_reached_and_nothing_ends_but_what_is_ended() -> None:
    assert set(TRANSITIONS.values()) == set(State)
    for ended in ENDED:
        assert {event for before, event in TRANSITIONS if before is ended} <= {Event.ERASED}


GIVEN = (Ground.COMPELLING, "file 7", BY, REVIEW)


@pytest.mark.parametrize("missing", range(4))
@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_an_override_that_lacks_any_part_of_its_proof_is_refused(
    missing: int, nothing: str | None
) -> None:
    given: list[object] = [*GIVEN]
    given[missing] = None if missing in {0, 3} else nothing
    with pytest.raises(ObjectionError, match="the objection stands"):
        override(*given, LATEST, TODAY)  # type: ignore[arg-type, call-arg]  # one is missing


@pytest.mark.parametrize("review_on", [TODAY, date(2026, 1, 1), date(2027, 11, 21)])
def test_an_override_is_reviewed_soon_and_not_yesterday(review_on: date) -> None:
    with pytest.raises(ObjectionError, match="the objection stands"):
        override(*GIVEN[:3], review_on, LATEST, TODAY)


@pytest.mark.parametrize("informed_on", [None, date(2026, 11, 21)])
def test_a_restriction_is_not_lifted_before_the_person_was_told(informed_on: date | None) -> None:
    with pytest.raises(ObjectionError, match="told before"):
        lifted(informed_on, BY, TODAY)


def test_nobody_takes_an_objection_back_unverified() -> None:
    with pytest.raises(ObjectionError, match="verified"):
        withdrawn(BY, identity_verified=False)


@pytest.mark.parametrize(("why", "reason"), [(None, "x"), (Dismissal.NOT_A_CUSTOMER, " ")])
def test_a_dismissal_says_why(why: Dismissal | None, reason: str) -> None:
    with pytest.raises(ObjectionError, match="says why"):
        dismissed(why, reason, BY)


def test_an_erasure_is_refused_only_with_its_law() -> None:
    with pytest.raises(ObjectionError, match="evidence"):
        kept_by_law(" ", BY)


def test_a_name_is_no_identifier_without_its_birth_date() -> None:
    assert not Identifiers(name="A B").suffices
    assert not Identifiers(born=TODAY).suffices
    assert not Identifiers().suffices
    assert Identifiers(name="A B", born=TODAY).suffices
    assert Identifiers(name="A B", email="a@b.example").suffices


def test_the_diagram_in_the_docs_is_that_of_the_table() -> None:
    assert f"```mermaid\n{diagram()}\n```" in (DOCS / "objections.md").read_text(encoding="utf-8")
