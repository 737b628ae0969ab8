"""What a recoding looks like as a table."""

from __future__ import annotations

import numpy as np
import pytest

from transforms.errors import PolicyError
from transforms.hierarchy import OTHER, lookup_hierarchy
from transforms.steps.layout import (
    MISSING,
    Rows,
    check_marks,
    check_names,
    distinct_rows,
    lay_out,
)

TOWN = lookup_hierarchy(
    "town", [("Peja", "west", "*"), ("Gjakova", "west", "*"), ("Gjilan", "east", "*")]
)
JOB = lookup_hierarchy("job", [("nurse", "*"), ("baker", "*")])
TREES = {"town": TOWN, "job": JOB}
HEALTH = lookup_hierarchy("health", [("flu", "*"), ("cold", "*")])


def node(tree: str, level: int, label: str | None) -> int:
    """Return the number of a node; None is the missing value."""
    hierarchy = TREES[tree]
    place = len(hierarchy.labels(level)) if label is None else hierarchy.labels(level).index(label)
    return int(hierarchy.offsets[level]) + place


def test_multidimensional_says_each_level_above_that_of_the_row_and_none_below() -> None:
    columns = lay_out(("town", "job"), TREES, None)
    nodes = [
        [node("town", 0, "Peja"), node("job", 0, None)],
        [node("town", 1, "west"), node("job", 1, "*")],
        [node("town", 0, None), node("job", 0, "baker")],
        [node("town", 2, "*"), node("job", 0, "nurse")],
        [TOWN.other, JOB.other],
    ]
    rows = Rows(np.array(nodes), None, np.array([3, 4, 5, 6, 7]))
    table = distinct_rows(rows, columns, ("town", "job"), None)
    assert table.said.columns == ["town_0", "town_1", "job_0"]
    said = dict(zip(table.said.rows(), table.people.tolist(), strict=True))
    assert said == {
        ("Peja", "west", MISSING): 3,
        (None, "west", None): 4,
        (MISSING, MISSING, "baker"): 5,
        (None, None, "nurse"): 6,
        (OTHER, OTHER, OTHER): 7,
    }


def test_full_domain_has_a_column_an_attribute_and_a_missing_value_is_empty() -> None:
    levels = {"town": 1, "job": 0}
    columns = lay_out(("town", "job"), TREES, levels)
    nodes = [
        [node("town", 1, "west"), node("job", 0, None)],
        [node("town", 1, None), node("job", 0, "nurse")],
        [node("town", 1, "west"), node("job", 0, None)],
        [TOWN.other, JOB.other],
    ]
    rows = Rows(np.array(nodes), np.array([0, 1, 2, 0]), np.array([1, 2, 3, 4]))
    table = distinct_rows(rows, columns, ("town", "job"), HEALTH)
    assert list(zip(table.said.rows(), table.people.tolist(), strict=True)) == [
        ((OTHER, OTHER, "flu"), 4),
        (("west", None, "flu"), 1),
        (("west", None, None), 3),
        ((None, "nurse", "cold"), 2),
    ]


@pytest.mark.parametrize(("levels", "sensitive"), [({"a": 0, "b": 0}, "A"), (None, "a_0")])
def test_names_that_would_meet_are_refused(levels: dict[str, int] | None, sensitive: str) -> None:
    columns = lay_out(("a", "b"), {"a": TOWN, "b": JOB}, levels)
    with pytest.raises(PolicyError, match="two columns of the output would be called"):
        check_names(columns, sensitive)


def test_a_label_that_would_be_a_mark_is_refused() -> None:
    marked = {"job": lookup_hierarchy("job", [("nurse", "other", "*"), ("baker", "trade", "*")])}
    check_marks(marked, [MISSING])
    with pytest.raises(PolicyError, match='its label "other" could not be told'):
        check_marks(marked, [MISSING, OTHER])
