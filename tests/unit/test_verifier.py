"""Each check of the verifier by itself: a file that breaks one promise fails that check alone."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from pipelines.releases import WrittenTable, write_database
from pipelines.verifier import verify
from transforms.certificate import content_hash

Row = tuple[str | None, ...]

FINE: list[Row] = [
    ("old", "north", "high"),
    ("old", "north", "low"),
    ("old", "south", "high"),
    ("old", "south", None),
    ("young", "north", "high"),
    ("young", "north", "low"),
]
"""Rows of the fine table, each of four people; the coarse one is counted over them by region."""

COARSE: list[Row] = [("north", "poor"), ("north", "rich"), ("south", "poor"), ("south", "rich")]
TIMES = 4
DOMAINS = {
    "age": ["old", "young"],
    "region": ["north", "south"],
    "income": ["high", "low"],
    "wealth": ["poor", "rich"],
}


def counted(rows: Sequence[Row], columns: Sequence[str]) -> tuple[pl.DataFrame, pl.Series]:
    """Return distinct rows and their number, in the order in which they first come."""
    numbers = Counter(rows)
    frame = pl.DataFrame(list(numbers), schema=dict.fromkeys(columns, pl.String), orient="row")
    return frame, pl.Series(list(numbers.values()), dtype=pl.Int64)


def write(
    folder: Path,
    fine: Sequence[Row],
    coarse: Sequence[Row],
    domains: dict[str, list[str]] | None = None,
    comment: str = "What it holds",
    spread: Mapping[str, object] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> set[str]:
    """Write a release that is certified as it is; return the checks that fail."""
    tables = {
        "fine": (["age", "region", "income"], fine),
        "coarse": (["region", "wealth"], coarse),
    }
    frames = {name: counted(rows, columns) for name, (columns, rows) in tables.items()}
    release = pl.DataFrame({"release": ["r"]})
    written = {
        name: WrittenTable(comment, frame, dict.fromkeys(frame.columns, "A column"), times)
        for name, (frame, times) in frames.items()
    }
    about = {"release": WrittenTable("This release", release, {"release": "Its name"})}
    database = folder / "statistics.duckdb"
    write_database(database, written, about)
    certificate = {
        "release": "r",
        "k": 3,
        "l": 2,
        "database": hashlib.sha256(database.read_bytes()).hexdigest(),
        "about": {"release": content_hash("about.release", release)},
        "tables": {
            name: {
                "quasi_identifiers": columns[:-1],
                "sensitive": columns[-1],
                "content": content_hash(name, *frames[name]),
                "spread": SPREAD | (dict(spread or {}) if name == "fine" else {}),
                "columns": [
                    {
                        "name": column,
                        "attribute": (attributes or {}).get(column, column),
                        "domain": (DOMAINS | (domains or {}))[column],
                        "may_be_missing": column in {"income", "wealth"},
                    }
                    for column in columns
                ],
            }
            for name, (columns, _) in tables.items()
        },
        "magnitude": {},
    }
    path = folder / "certificate.json"
    path.write_text(json.dumps(certificate), encoding="utf-8")
    return {check.name for check in verify(database, path).failures}


SPREAD: dict[str, object] = {
    "entropy_l": None,
    "t": None,
    "t_distance": "equal",
    "caps": {},
    "groups": [],
}


def people(rows: Sequence[Row], times: int = TIMES) -> list[Row]:
    return [row for row in rows for _ in range(times)]


BY_REGION = [*people(COARSE[:1], 8), *people(COARSE[1:2], 8), *people(COARSE[2:])]
"""As many people in each region as the fine table has."""


def test_a_file_that_keeps_its_promises_passes(tmp_path: Path) -> None:
    assert write(tmp_path, people(FINE), BY_REGION) == set()


def test_a_row_of_fewer_than_k_people(tmp_path: Path) -> None:
    few = [*people(FINE[:-1]), *people(FINE[-1:], 2)]
    by_region = [*people(COARSE[:1], 8), *people(COARSE[1:2], 6), *people(COARSE[2:])]
    assert write(tmp_path, few, by_region) == {"fine: whole-row k"}


def test_a_missing_value_counts_as_a_value(tmp_path: Path) -> None:
    few = [*people(FINE[:3]), *people(FINE[3:4], 2), *people(FINE[4:])]
    by_region = [*BY_REGION[:20], *people(COARSE[3:], 2)]
    assert write(tmp_path, few, by_region) == {"fine: whole-row k", "coarse: whole-row k"}


def test_a_class_with_a_single_value(tmp_path: Path) -> None:
    alike: list[Row] = [*FINE[:4], ("young", "north", "high")]
    rows = [*people(alike[:4]), *people(alike[4:], 8)]
    assert write(tmp_path, rows, BY_REGION) == {"fine: l-diversity"}


def test_a_class_that_shows_nothing_is_no_failure(tmp_path: Path) -> None:
    blank: list[Row] = [*people(FINE[:4]), *people([("young", "north", None)], 8)]
    assert write(tmp_path, blank, BY_REGION) == set()


@pytest.mark.parametrize(
    ("column", "domain"), [("income", ["high"]), ("age", ["young"]), ("region", ["south", "west"])]
)
def test_a_value_outside_its_domain(tmp_path: Path, column: str, domain: list[str]) -> None:
    failed = write(tmp_path, people(FINE), BY_REGION, {column: domain})
    assert failed <= {"fine: closed domains", "coarse: closed domains"}
    assert "fine: closed domains" in failed


def test_a_missing_value_where_none_may_be(tmp_path: Path) -> None:
    rows = [*people(FINE), *people([(None, "south", "high"), (None, "south", None)])]
    by_region = [*BY_REGION[:16], *people(COARSE[2:], 8)]
    assert write(tmp_path, rows, by_region) == {"fine: closed domains"}


def test_rows_that_are_not_sorted(tmp_path: Path) -> None:
    assert write(tmp_path, people(FINE[::-1]), BY_REGION) == {"fine: canonical order"}
    missing_first = [FINE[0], FINE[1], FINE[3], FINE[2], FINE[4], FINE[5]]
    other = tmp_path / "other"
    other.mkdir()
    assert write(other, people(missing_first), BY_REGION) == {"fine: canonical order"}


def test_a_value_that_is_an_identifier(tmp_path: Path) -> None:
    named: list[Row] = [("1234567890" if row[0] == "old" else row[0], *row[1:]) for row in FINE]
    failed = write(tmp_path, people(named), BY_REGION, {"age": ["1234567890", "young"]})
    assert failed == {"fine: no identifier"}


def test_a_hole_between_two_tables(tmp_path: Path) -> None:
    """Two people of the south are in the coarse table and not in the fine one."""
    by_region = [*BY_REGION, *people(COARSE[3:], 2)]
    assert write(tmp_path, people(FINE), by_region) == {"no holes"}
    other = tmp_path / "other"
    other.mkdir()
    assert write(other, people(FINE), [*BY_REGION, *people(COARSE[3:], 3)]) == set()


def test_a_group_that_only_the_finer_table_has(tmp_path: Path) -> None:
    """The coarse table gives up the south, whose people the fine one counts: they are enough."""
    fine = [*people(FINE), *people([("old", "west", "high"), ("old", "west", "low")], 1)]
    domains = {"region": ["north", "south", "west"]}
    assert "no holes" in write(tmp_path, fine, BY_REGION, domains)


def test_two_tables_about_nearly_the_same_number_of_people(tmp_path: Path) -> None:
    """Eight of the south are missing in the coarse table, and six of the west in the fine one."""
    coarse = [*BY_REGION[:16], *people([("west", "poor"), ("west", "rich")], 3)]
    failed = write(tmp_path, people(FINE), coarse, {"region": ["north", "south", "west"]})
    assert failed == {"no holes"}


def test_a_table_without_a_comment(tmp_path: Path) -> None:
    assert write(tmp_path, people(FINE), BY_REGION, comment="") == {"everything commented"}


def test_an_empty_table(tmp_path: Path) -> None:
    assert "fine: whole-row k" in write(tmp_path, [], BY_REGION)


# -------------------------------------------------------------------------------- spread of values

UNEVEN: list[Row] = [
    *people(FINE[:1], 3),
    *people(FINE[1:2], 9),
    *people(FINE[2:4], 4),
    *people(FINE[4:5], 6),
    *people(FINE[5:], 6),
]
"""Three of twelve are high in the first class, four of eight in the second, half in the third."""
UNEVEN_BY_REGION = [*people(COARSE[:2], 12), *people(COARSE[2:])]


FAILS = {"fine: spread of values"}


def spread_fails(
    folder: Path, rows: Sequence[Row], coarse: Sequence[Row], **spread: object
) -> set[str]:
    """Return what fails of a file that is certified to be so spread."""
    folder.mkdir()
    return write(folder, rows, coarse, spread=spread)


@pytest.mark.parametrize(("caps", "fails"), [({"low": 0.75}, set()), ({"low": 0.74}, FAILS)])
def test_an_adverse_value_beyond_its_cap(
    tmp_path: Path, caps: Mapping[str, float], fails: set[str]
) -> None:
    # Nine of twelve are low.
    done = spread_fails(tmp_path / "one", UNEVEN, UNEVEN_BY_REGION, caps=caps)
    assert done == fails


@pytest.mark.parametrize(("entropy_l", "fails"), [(1.75, set()), (1.76, FAILS)])
def test_a_class_that_is_less_even_than_promised(
    tmp_path: Path, entropy_l: float, fails: set[str]
) -> None:
    # 1/4 and 3/4 are as even as 4 / 3 ** 0.75 = 1.7548 values.
    done = spread_fails(tmp_path / "one", UNEVEN, UNEVEN_BY_REGION, entropy_l=entropy_l)
    assert done == fails


@pytest.mark.parametrize(
    ("distance", "t", "fails"),
    [
        # In all 13 of 32 are high, 15 low, 4 missing; in the second class 4 of 8 high, 4 missing.
        ("equal", 0.47, set()),
        ("equal", 0.46, FAILS),
        ("ordered", 0.24, set()),
        ("ordered", 0.23, FAILS),
    ],
)
def test_a_class_that_is_far_from_the_whole_table(
    tmp_path: Path, distance: str, t: float, fails: set[str]
) -> None:
    done = spread_fails(tmp_path / "one", UNEVEN, UNEVEN_BY_REGION, t=t, t_distance=distance)
    assert done == fails


def test_values_of_one_group_are_nearer_in_a_hierarchy(tmp_path: Path) -> None:
    # The first class has 3 of 12 high where all have 13 of 32: both values stand in one group.
    rows = [row for row in UNEVEN if row[1] == "north"]
    coarse = UNEVEN_BY_REGION[:24]
    apart = {"t": 0.1, "groups": [["any", "any"]]}
    equal = spread_fails(tmp_path / "equal", rows, coarse, **apart, t_distance="equal")
    assert equal == FAILS
    tree = spread_fails(tmp_path / "tree", rows, coarse, **apart, t_distance="hierarchical")
    assert tree == set()


def test_a_value_under_two_coarser_ones(tmp_path: Path) -> None:
    """As if the region were a coarser level of the age: the old are in both."""
    attributes = {"age": "place", "region": "place"}
    failed = write(tmp_path, people(FINE), BY_REGION, attributes=attributes)
    assert failed == {"fine: one level a column"}
