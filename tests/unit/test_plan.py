"""A plan is stored, read back as it was, and nobody edits it unseen."""

from __future__ import annotations

import json

import pytest
from builders import (
    DIGEST,
    HIERARCHIES,
    POLICY,
    Person,
    bank,
    counted,
    plan_at,
    plan_for,
    policy_fields,
)

from transforms.anonymise import check_plan
from transforms.errors import PolicyError
from transforms.plan import Outcome, Plan, RegionList, TableFigures
from transforms.policy.tables import Method
from transforms.policy.whole import Policy

PLAN = plan_at({"age": 1, "town": 0, "health": 1}).model_copy(
    update={
        "outcomes": {
            Method.FULL_DOMAIN: Outcome(
                loss=0.123456789, bound=0.123456789, recodings=9, evaluated=4, finished=True
            )
        },
        "tables": {
            "people": TableFigures(
                loss=0.1,
                columns={"age": 0.1},
                left_out=0.02,
                blanked=0.03,
                classes=7,
                smallest_class=3,
            )
        },
    }
)


def edited(field: str, value: object) -> str:
    """Return the stored plan with something changed by hand."""
    return json.dumps({**json.loads(PLAN.stored()), field: value}, indent=2)


def test_a_stored_plan_is_read_back_as_it_was() -> None:
    assert Plan.from_stored(PLAN.stored()) == PLAN
    assert Plan.from_stored(PLAN.stored()).stored() == PLAN.stored()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("levels", {**PLAN.levels, "age": 0}),
        ("levels", {**PLAN.levels, "job": 0}),
        ("levels", {"age": 1}),
        ("levels", {"age": "fine"}),
        ("levels", None),
        ("policy_digest", "e" * 64),
        ("digest", "e" * 64),
        ("digest", None),
        ("more", 1),
    ],
)
def test_a_plan_that_was_edited_is_refused(field: str, value: object) -> None:
    with pytest.raises(PolicyError, match="damaged, was edited by hand"):
        Plan.from_stored(edited(field, value))


@pytest.mark.parametrize("field", sorted(json.loads(PLAN.stored())))
def test_a_plan_that_lacks_something_is_refused(field: str) -> None:
    fields = json.loads(PLAN.stored())
    del fields[field]
    with pytest.raises(PolicyError, match="damaged, was edited by hand"):
        Plan.from_stored(json.dumps(fields))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("calibration_k", 99),
        ("snapshot", {**PLAN.snapshot.model_dump(), "as_of": "2020-01-01"}),
        ("outcomes", {}),
        ("method", "multidimensional"),
        ("tables", {}),
    ],
)
def test_a_plan_whose_figures_were_edited_is_refused(field: str, value: object) -> None:
    # The certificate repeats them.
    with pytest.raises(PolicyError, match="damaged, was edited by hand"):
        Plan.from_stored(edited(field, value))


def test_a_plan_that_is_cut_off_is_refused() -> None:
    text = PLAN.stored().rstrip()
    for end in range(len(text)):
        with pytest.raises(PolicyError, match="damaged"):
            Plan.from_stored(text[:end])


@pytest.mark.parametrize("text", ["", "null", "5", '"plan"', "[]", "[1]", "{}", "\x00", "NaN"])
def test_what_is_no_plan_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match="damaged"):
        Plan.from_stored(text)


def other(**fields: object) -> str:
    """Return the digest of the plan with other fields."""
    return PLAN.model_copy(update=fields).digest


def test_the_digest_is_of_levels_and_policy_alone() -> None:
    assert {
        other(snapshot=PLAN.snapshot.model_copy(update={"as_of": "2030-01-01"})),
        other(calibration_k=99),
        other(outcomes={}),
        other(tables={}),
        other(levels={"health": 1, "town": 0, "age": 1}),
    } == {PLAN.digest}
    different = {
        other(policy_digest="e" * 64),
        other(levels={**PLAN.levels, "age": 2}),
        other(levels={**PLAN.levels, "job": 0}),
    }
    assert len(different - {PLAN.digest}) == 3


CROWD = [
    Person(age, town, "nurse", health, savings)
    for age in (1, 2)
    for town in ("Peja", "Gjilan")
    for health in ("flu", "asthma")
    for savings in (0, 3)
] * 3
CHOSEN = plan_for(counted(bank(CROWD)))


def test_a_plan_of_another_policy_is_not_applied() -> None:
    check_plan(CHOSEN, POLICY, DIGEST, HIERARCHIES)
    with pytest.raises(PolicyError, match="under another policy"):
        check_plan(CHOSEN, POLICY, "e" * 64, HIERARCHIES)


ANYWHERE = RegionList(columns=("age", "town", "job"), labels=(("2:*", "2:*", "2:*"),))


@pytest.mark.parametrize(
    "change",
    [
        {"levels": {**CHOSEN.levels, "age": 99}},
        {"levels": {**CHOSEN.levels, "age": -1}},
        {"levels": {**CHOSEN.levels, "health": HIERARCHIES["health"].top}},
        {"levels": {name: level for name, level in CHOSEN.levels.items() if name != "town"}},
        {"levels": {**CHOSEN.levels, "shoe": 0}},
        {"regions": ANYWHERE},
        {"method": Method.MULTIDIMENSIONAL},
        {"calibration_k": 2},
        {"outcomes": {}},
        {"tables": {}},
    ],
)
def test_a_plan_that_does_not_fit_its_policy_is_not_applied(change: dict[str, object]) -> None:
    """The file's checksum needs no key: whoever edits it can write a new one."""
    with pytest.raises(PolicyError, match="does not fit its policy"):
        check_plan(CHOSEN.model_copy(update=change), POLICY, DIGEST, HIERARCHIES)


REGIONAL = Policy.model_validate({**policy_fields(), "recoding": {"method": "multidimensional"}})
BY_REGIONS = plan_for(counted(bank(CROWD), (), REGIONAL), REGIONAL)


@pytest.mark.parametrize(
    ("regions", "complaint"),
    [
        (None, "does not fit its policy"),
        (RegionList(columns=("age", "town"), labels=()), "does not fit its policy"),
        (RegionList(columns=ANYWHERE.columns, labels=(("2:*", "2:*"),)), "does not fit its policy"),
        (
            RegionList(columns=ANYWHERE.columns, labels=(("2:*", "0:Tirana", "2:*"),)),
            "a region of town that its hierarchy does not",
        ),
    ],
)
def test_regions_that_are_not_the_policys_are_not_applied(
    regions: RegionList | None, complaint: str
) -> None:
    check_plan(BY_REGIONS, REGIONAL, DIGEST, HIERARCHIES)
    changed = BY_REGIONS.model_copy(update={"regions": regions})
    with pytest.raises(PolicyError, match=complaint):
        check_plan(changed, REGIONAL, DIGEST, HIERARCHIES)


def test_a_plan_of_regions_is_read_back_as_it_was() -> None:
    stored = BY_REGIONS.stored()
    assert Plan.from_stored(stored) == BY_REGIONS
    assert Plan.from_stored(stored).stored() == stored
