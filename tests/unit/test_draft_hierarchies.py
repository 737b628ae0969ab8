"""The hierarchies that are shipped, and those that a draft proposes."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from pipelines.draft.hierarchies import ALL_OTHERS, Cut, FromFile, Listed, of_labels, of_numbers
from pipelines.policies import load_policy, read_hierarchy
from pipelines.settings import CHECKOUT, DEMO_POLICY
from transforms.errors import PolicyError
from transforms.hierarchy import band_hierarchy, lookup_hierarchy
from transforms.policy.labels import Bands

FOLDER = CHECKOUT / "data" / "hierarchies"


@pytest.mark.parametrize(
    ("file", "nodes"),
    [
        ("municipality.csv", [38, 7, 1]),
        ("countries.csv", [250, 18, 6, 1]),
        ("countries-alpha-3.csv", [250, 18, 6, 1]),
        ("countries-names.csv", [250, 18, 6, 1]),
        ("isco-08.csv", [436, 130, 43, 10, 1]),
        ("isco-08-minor-groups.csv", [130, 43, 10, 1]),
        ("isco-08-sub-major-groups.csv", [43, 10, 1]),
        ("isced-2011.csv", [9, 7, 3, 1]),
        ("municipalities-lithuania.csv", [60, 10, 2, 1]),
        ("counties-estonia.csv", [15, 5, 1]),
    ],
)
def test_a_shipped_hierarchy_has_every_leaf_once_and_its_levels_nest(
    file: str, nodes: list[int]
) -> None:
    hierarchy = read_hierarchy(file, FOLDER / file, ";")
    assert [len(level.labels) for level in hierarchy.levels] == nodes


def test_every_shipped_file_is_a_hierarchy() -> None:
    for file in FOLDER.glob("*.csv"):
        read_hierarchy(file.stem, file, ";")


def test_a_code_of_an_occupation_lies_in_the_groups_that_it_begins_with() -> None:
    hierarchy = read_hierarchy("isco", FOLDER / "isco-08.csv", ";")
    for level, digits in ((1, 3), (2, 2), (3, 1)):
        for leaf, node in zip(hierarchy.leaves, hierarchy.levels[level].node_of_leaf, strict=True):
            assert hierarchy.labels(level)[node].startswith(f"{leaf[:digits]} ")


def test_countries_are_the_same_by_every_code() -> None:
    names = ("countries.csv", "countries-alpha-3.csv", "countries-names.csv")
    regions = [
        sorted(line.split(";", 1)[1] for line in (FOLDER / name).read_text("utf-8").splitlines())
        for name in names
    ]
    assert regions[0] == regions[1] == regions[2]


def test_the_demo_s_policy_still_loads() -> None:
    assert load_policy(DEMO_POLICY).hierarchies["municipality"].leaves[0] == "Prishtinë"


# ------------------------------------------------------------------------------- lines and others


def test_a_value_without_a_line_is_one_of_all_others() -> None:
    hierarchy = lookup_hierarchy("h", [["a", "x"], ["b", ALL_OTHERS]], ALL_OTHERS)
    values = pl.DataFrame({"v": ["A", "b", "rare", None]})
    codes = values.select(
        hierarchy.encoder.expression("v", values["v"].unique().to_list())  # type: ignore[call-arg]
    )
    assert codes.to_series().to_list() == [0, 1, 2, 3]
    assert hierarchy.levels[1].labels == ("x", ALL_OTHERS)


def test_all_others_must_not_be_a_leaf_as_well() -> None:
    with pytest.raises(PolicyError, match="more than one line"):
        lookup_hierarchy("h", [["a"], ["all others"]], ALL_OTHERS)


# -------------------------------------------------------------------------------------- proposals


def _labels(counts: dict[str, int]) -> Listed | FromFile | None:
    values = [label for label, count in counts.items() for _ in range(count)]
    people = [f"p{number}" for number in range(len(values))]
    return of_labels(pl.Series(values), pl.Series(people))


def test_a_label_of_few_people_is_never_written_down() -> None:
    proposed = _labels({"red": 500, "blue": 11, "a rare one": 10})
    assert proposed == Listed((("red", "red"), ("blue", ALL_OTHERS)))


def test_a_label_that_is_an_identifier_is_never_written_down_however_often_it_stands_there() -> (
    None
):
    proposed = _labels({"red": 500, "jonas@pastas.lt": 50, "tel. 861234567": 40})
    assert proposed == Listed((("red", "red"),))


def test_first_names_are_no_categories() -> None:
    assert _labels({"Jonas": 200, "Rasa": 200, "Vytautas": 150, "Agim": 90}) is None


def test_codes_of_one_shape_are_proposed_by_what_they_begin_with() -> None:
    codes = [f"{letter}{tens}.{ones}" for letter in "AB" for tens in (10, 11, 20) for ones in "123"]
    proposed = _labels(dict.fromkeys(codes, 20))
    assert isinstance(proposed, Listed)
    assert len(proposed.lines) == 18
    assert ("A10.1", "A10*", "A*") in proposed.lines
    assert ("B20.3", "B20*", "B*") in proposed.lines
    hierarchy = lookup_hierarchy("codes", proposed.lines, ALL_OTHERS)
    assert [len(level.labels) for level in hierarchy.levels] == [19, 7, 3, 1]


@pytest.mark.parametrize(
    "labels",
    [
        [f"{tens}.{ones}" for tens in range(10, 13) for ones in range(3)],
        ["leather", "textile", *(f"{n}-{n + 9}" for n in range(10, 90, 10))],
        [chr(97 + n) + "xyz" for n in range(15)],
        [f"{n}7" for n in "123456789ABCDEF"],
    ],
    ids=["too few", "words among them", "words alone", "no two alike at their beginning"],
)
def test_what_has_no_beginnings_in_common_is_no_code(labels: list[str]) -> None:
    proposed = _labels(dict.fromkeys(labels, 20))
    assert isinstance(proposed, Listed)
    assert not proposed.begun


def test_eleven_rows_of_one_person_are_one_person() -> None:
    values = pl.Series(["red"] * 500 + ["mine alone"] * 50)
    people = pl.Series([f"p{n}" for n in range(500)] + ["me"] * 50)
    assert of_labels(values, people) == Listed((("red", "red"),))


def test_a_shipped_hierarchy_is_preferred_where_it_knows_nearly_all() -> None:
    proposed = _labels({"LT": 400, "lv": 50, "PL ": 30, "??": 20})
    assert isinstance(proposed, FromFile)
    assert proposed.others
    assert proposed.path.name.startswith("c")


def test_cut_points_are_round_and_the_ends_are_nobody_s() -> None:
    cut = of_numbers(pl.Series([float(n % 3000) + 0.37 for n in range(5000)] + [987_654.32]))
    assert isinstance(cut, Cut)
    assert (cut.least, cut.most) == (-1e10, 1e10)
    assert all(len(f"{point:g}".rstrip("0").replace(".", "")) <= 2 for point in cut.cuts[0])
    bands = Bands.model_validate({"least": cut.least, "most": cut.most, "cuts": cut.cuts})
    assert band_hierarchy("h", bands).leaves


def test_of_few_numbers_the_usual_cut_points_are_proposed() -> None:
    assert of_numbers(pl.Series([1234.5] * 30)).cuts[0] == (100, 500, 1000, 5000, 20000)


def test_a_shipped_hierarchy_lies_where_the_draft_says(tmp_path: Path) -> None:
    assert not list(tmp_path.iterdir())
    assert all(file.is_file() for file in FOLDER.glob("*.csv"))
