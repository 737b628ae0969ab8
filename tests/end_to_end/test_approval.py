"""A policy may require that somebody approves a plan before it is applied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from end_to_end.program import Here, Home

from pipelines.settings import DEMO_POLICY
from transforms.plan import Plan

NAME = "Arta Krasniqi, data protection officer"


@pytest.fixture
def strict(home: Home, tmp_path: Path) -> Home:
    """A home whose policy requires an approved plan."""
    text = (
        DEMO_POLICY.read_text(encoding="utf-8")
        .replace("../hierarchies", str(DEMO_POLICY.parents[1] / "hierarchies"))
        .replace("../vocabularies", str(DEMO_POLICY.parents[1] / "vocabularies"))
    )
    policy = tmp_path / "policy.toml"
    policy.write_text(f'approval = "required"\n{text}', encoding="utf-8")
    return Home(home.path, home.source, str(policy))


def approval_in(home: Home) -> object:
    assert home.current is not None
    return json.loads((home.current / "certificate.json").read_text("utf-8"))["approval"]


def stored(home: Home) -> Plan:
    return Plan.from_stored((home.path / "plan.json").read_text("utf-8"))


def another_plan(home: Home) -> None:
    """Store a plan with other levels, as `clause16 plan` does when the bank has changed."""
    plan = stored(home)
    name, level = next(iter(plan.levels.items()))
    other = plan.model_copy(update={"levels": plan.levels | {name: level - 1 if level else 1}})
    (home.path / "plan.json").write_text(other.stored(), encoding="utf-8")


def test_a_release_waits_for_a_plan_and_its_approval(strict: Home, here: Here) -> None:
    unplanned = here(strict, "release")
    assert unplanned.code == 10
    assert "none is stored" in unplanned.complaint
    # It never chooses one by itself.
    assert not (strict.path / "plan.json").exists()
    assert here(strict, "plan", "--approve", "--by", NAME).code == 10
    assert here(strict, "plan").code == 0
    unapproved = here(strict, "release")
    assert unapproved.code == 10
    assert "clause16 plan --approve" in unapproved.complaint
    watched = here(strict, "status", "--json")
    assert "nobody approved" in watched.out
    approved = here(strict, "plan", "--approve", "--by", NAME, "--json")
    assert approved.code == 0, approved.err
    assert approved.answer["digest"] == stored(strict).digest
    assert here(strict, "release").code == 0
    assert approval_in(strict) == approved.answer["approval"]
    assert "nobody approved" not in here(strict, "status").out


def test_another_plan_voids_the_approval(strict: Home, here: Here) -> None:
    assert here(strict, "plan").code == 0
    shown = here(strict, "plan", "--approve", "--by", NAME)
    assert stored(strict).digest in shown.out
    assert NAME in shown.out
    another_plan(strict)
    done = here(strict, "release")
    assert done.code == 10
    assert "not the one that was approved" in done.complaint
    assert strict.current is None


def test_figures_that_nobody_approved_do_not_reach_a_certificate(strict: Home, here: Here) -> None:
    """The checksum of a plan needs no key, so whoever edits its figures writes a new one."""
    assert here(strict, "plan").code == 0
    assert here(strict, "plan", "--approve", "--by", NAME).code == 0
    plan = stored(strict)
    flattered = plan.outcome.model_copy(update={"loss": 0.0})
    flattering = plan.model_copy(update={"outcomes": plan.outcomes | {plan.method: flattered}})
    assert flattering.digest == plan.digest
    (strict.path / "plan.json").write_text(flattering.stored(), encoding="utf-8")
    done = here(strict, "release")
    assert done.code == 10
    assert "in its levels or its figures" in done.complaint
    assert strict.current is None
    assert here(strict, "plan", "--approve", "--by", NAME).code == 0
    assert here(strict, "release").code == 0
    assert strict.current is not None
    # Against a checksum in public anybody could try exact figures.
    assert flattering.checksum not in (strict.current / "certificate.json").read_text("utf-8")


def test_who_approves_is_shown_the_price_first(released_home: Home, here: Here) -> None:
    shown = here(released_home, "plan", "--approve", "--by", NAME).out
    assert shown.index("Its price") < shown.index("% left out") < shown.index("Approved by")


@pytest.mark.parametrize("field", ["plan", "by", "at", "checksum", "digest", "more"])
def test_an_approval_that_was_edited_approves_nothing(strict: Home, here: Here, field: str) -> None:
    assert here(strict, "plan").code == 0
    if field == "plan":
        # Approved is one plan, and the file is made to say another.
        approved_before = stored(strict)
        another_plan(strict)
    assert here(strict, "plan", "--approve", "--by", NAME).code == 0
    path = strict.path / "approval.json"
    fields = json.loads(path.read_text("utf-8"))
    if field == "plan":
        (strict.path / "plan.json").write_text(approved_before.stored(), encoding="utf-8")
        fields["plan"], fields["checksum"] = approved_before.digest, approved_before.checksum
    else:
        fields[field] = "somebody else"
    path.write_text(json.dumps(fields), encoding="utf-8")
    done = here(strict, "release")
    assert done.code == 10
    assert "was edited" in done.complaint
    assert strict.current is None


def test_an_approval_under_another_key_approves_nothing(
    strict: Home, here: Here, tmp_path: Path
) -> None:
    assert here(strict, "plan").code == 0
    assert here(strict, "plan", "--approve", "--by", NAME).code == 0
    approval = (strict.path / "approval.json").read_bytes()
    other = Home(tmp_path / "other", strict.source, strict.policy)
    assert here(other, "init").code == 0
    (other.path / "plan.json").write_bytes((strict.path / "plan.json").read_bytes())
    (other.path / "approval.json").write_bytes(approval)
    assert here(other, "release").code == 10


def test_an_approval_that_nobody_required_stands_in_the_certificate_too(
    released_home: Home, here: Here
) -> None:
    assert approval_in(released_home) is None
    assert here(released_home, "plan", "--approve", "--by", NAME).code == 0
    assert here(released_home, "release").code == 0
    said = approval_in(released_home)
    assert isinstance(said, dict)
    assert (said["by"], said["plan"]) == (NAME, stored(released_home).digest)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--approve"],
        ["--by", NAME],
        ["--approve", "--by", " "],
        ["--approve", "--by", "Arta\nKrasniqi"],
        ["--approve", "--by", "A" * 101],
    ],
)
def test_who_approves_is_named(released_home: Home, arguments: list[str]) -> None:
    assert released_home.run("plan", *arguments).code == 2
    assert not (released_home.path / "approval.json").exists()
