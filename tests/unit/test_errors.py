"""Counts of people as they are said aloud."""

from __future__ import annotations

import re

import pytest

from transforms.errors import (
    AnotherRun,
    EngineError,
    ObjectionError,
    PolicyError,
    PrivacyError,
    Refused,
    ReleaseError,
    SourceAway,
    SourceError,
    UsageError,
    band,
)


def test_nobody_and_ten_look_alike() -> None:
    assert {band(people) for people in range(11)} == {"fewer than 11"}


def test_no_count_below_a_hundred_is_told_from_its_neighbours() -> None:
    said = [band(people) for people in range(101)]
    for saying in set(said[:96]):
        assert said.count(saying) >= 4


@pytest.mark.parametrize(
    ("people", "said"),
    [
        (11, "about 10"),
        (14, "about 10"),
        (16, "about 20"),
        (94, "about 90"),
        (123, "about 120"),
        (1_284, "about 1,300"),
        (98_765, "about 99,000"),
        (1_234_567, "about 1,200,000"),
    ],
)
def test_a_count_is_said_in_two_digits(people: int, said: str) -> None:
    assert band(people) == said


def test_what_is_said_is_near_the_truth() -> None:
    for people in range(100, 30_000, 7):
        said = int(re.sub(r"\D", "", band(people)))
        assert abs(said - people) <= people / 10


def test_every_error_has_its_own_exit_code() -> None:
    kinds = [UsageError, PolicyError, SourceError, ObjectionError, Refused, ReleaseError,
             EngineError, PrivacyError]  # fmt: skip
    codes = [kind.exit_code for kind in kinds]
    assert codes == [2, 10, 11, 12, 13, 14, 15, 1]
    # And a word of its own, which those that are told apart within it share.
    words = ["usage", "policy", "source", "opt-out list", "refused", "files", "engine", "defect"]
    assert [kind.kind for kind in kinds] == words
    assert (SourceAway.kind, AnotherRun.kind) == ("source", "files")
