"""Hierarchies: what is refused, and labels and losses worked out by hand."""

from __future__ import annotations

import pytest
from builders import HIERARCHIES, LADDERS

from transforms.errors import PolicyError
from transforms.hierarchy import Hierarchy, band_hierarchy, lookup_hierarchy
from transforms.policy.labels import Bands


def bands(
    *cuts: tuple[float, ...], whole: bool = False, least: float = 0, most: float = 100
) -> Hierarchy:
    """Return a numeric hierarchy, between 0 and 100 unless other ends are given."""
    return band_hierarchy(
        "b",
        Bands.model_validate(
            {"least": least, "most": most, "whole-numbers": whole, "cuts": list(cuts)}
        ),
    )


# ------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([], "hierarchy h is empty: give a line for each leaf"),
        ([["a", "x", "*"], ["b", "*"]], "line 2: 2 levels where the first line has 3"),
        ([["a", "x"], ["b", "x", "y"]], "line 2: 3 levels where the first line has 2"),
        ([["Peja", "*"], [" PEJA", "*"]], 'the leaf "Peja" stands in more than one line'),
        ([["a  b", "*"], ["a b", "*"]], 'the leaf "a  b" stands in more than one line'),
        ([["\u00eb", "*"], ["e\u0308", "*"]], "stands in more than one line"),
        ([["straße", "*"], ["STRASSE", "*"]], "stands in more than one line"),
        ([["a", "x", "p"], ["b", "x", "q"]], 'level 2 splits "x" of the level below'),
        ([["a", "", "*"]], "line 1: a label is empty or has a control character"),
        ([["a", "*"], ["  ", "*"]], "line 2: a label is empty"),
        ([["a\x1fb", "*"]], "has a control character"),
        ([["a\nb", "*"]], "has a control character"),
        ([["a\u200bb", "*"]], "has a control character"),
        ([["a\u202eb", "*"]], "has a control character"),
    ],
)
def test_lines_that_are_wrong_are_refused(lines: list[list[str]], said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        lookup_hierarchy("h", lines)
    assert said in str(caught.value)
    assert str(caught.value).startswith("hierarchy h")


@pytest.mark.parametrize(
    ("cuts", "said"),
    [
        ([(30, 20)], "the cuts of level 0 must ascend"),
        ([(20, 20)], "the cuts of level 0 must ascend"),
        ([(0, 20)], "the cuts of level 0 must ascend between least and most"),
        ([(20, 100)], "the cuts of level 0 must ascend between least and most"),
        ([(20, float("nan"))], "the cuts of level 0 must ascend"),
        ([(20, 30), (30, 20)], "the cuts of level 1 must ascend"),
        ([(20, 30), (25,)], "level 1 must keep some of the cuts of the level below"),
        ([(20, 30), (20, 25, 30)], "level 1 must keep some of the cuts of the level below"),
        ([(20, 30), (20, 30)], "level 1 must keep some of the cuts of the level below"),
        ([(10, 20, 30), (10,), (20,)], "level 2 must keep some of the cuts of the level below"),
    ],
)
def test_cuts_that_are_wrong_are_refused(cuts: list[tuple[float, ...]], said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        bands(*cuts)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("least", "most"),
    [(100, 0), (5, 5), (0, float("inf")), (float("-inf"), 100), (float("nan"), 100)],
)
def test_a_range_has_two_ends(least: float, most: float) -> None:
    with pytest.raises(PolicyError, match="hierarchy b: least must be a number below most"):
        bands((50,), least=least, most=most)


def test_whole_numbers_have_whole_cuts() -> None:
    # "20.5-29.5" as a band of whole numbers says something that is not so.
    with pytest.raises(PolicyError):
        bands((20.5, 30.5), whole=True)


# ------------------------------------------------------------------------------- what it is like


def test_the_last_level_is_added_where_it_is_missing() -> None:
    with_it = lookup_hierarchy("h", [["a", "x", "*"], ["b", "y", "*"]])
    without = lookup_hierarchy("h", [["a", "x"], ["b", "y"]])
    assert with_it.levels == without.levels
    assert with_it.top == 2
    assert with_it.labels(2) == ("*",)


def test_labels_stand_in_the_order_of_the_lines() -> None:
    town = HIERARCHIES["town"]
    assert town.labels(0) == ("Peja", "Gjakova", "Prishtina", "Lipjan", "Gjilan")
    assert town.labels(1) == ("west", "centre", "east")
    assert town.parents(0).tolist() == [0, 0, 1, 1, 2, 3]
    assert town.parents(1).tolist() == [0, 0, 0, 0]


def test_whole_numbers_are_said_from_to() -> None:
    hierarchy = bands((18, 19, 30, 65), (30,), whole=True)
    assert hierarchy.labels(0) == ("under 18", "18", "19-29", "30-64", "65 and over")
    assert hierarchy.labels(1) == ("under 30", "30 and over")
    assert hierarchy.labels(2) == ("*",)


def test_other_numbers_are_said_to_under() -> None:
    hierarchy = bands((0, 2.5, 1000), least=-50, most=100_000)
    assert hierarchy.labels(0) == (
        "under 0",
        "0 to under 2.5",
        "2.5 to under 1,000",
        "1,000 and over",
    )


def test_bands_nest_as_their_cuts_do() -> None:
    hierarchy = bands((10, 20, 30, 40), (20, 40), (40,))
    assert [level.node_of_leaf for level in hierarchy.levels] == [
        (0, 1, 2, 3, 4),
        (0, 0, 1, 1, 2),
        (0, 0, 0, 0, 1),
        (0, 0, 0, 0, 0),
    ]


def test_losses_are_those_worked_out_by_hand() -> None:
    town = HIERARCHIES["town"]
    assert town.losses[0].tolist() == [0, 0, 0, 0, 0, 0]
    # Two of five towns: one lost choice of four. One town alone, or nothing known: none.
    assert town.losses[1].tolist() == [0.25, 0.25, 0, 0]
    assert town.losses[2].tolist() == [1]
    assert HIERARCHIES["age"].losses[1].tolist() == [0.25, 0.25, 0, 0]


@pytest.mark.parametrize("name", sorted(HIERARCHIES))
def test_losses_are_those_of_a_second_opinion(name: str) -> None:
    hierarchy, ladder = HIERARCHIES[name], LADDERS[name]
    for level in range(hierarchy.top):
        said = [*hierarchy.labels(level), None]
        assert hierarchy.losses[level].tolist() == [float(ladder.loss(s, level)) for s in said]


def test_a_hierarchy_of_one_leaf_has_two_levels_and_no_division_by_nothing() -> None:
    alone = lookup_hierarchy("h", [["everybody"]])
    assert alone.top == 1
    assert alone.losses[0].tolist() == [0, 0]
    assert alone.losses[1].tolist() == [1]
