"""`clause16 recode`: one flat file with hierarchies in, a recoded file and its risk out."""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from end_to_end.program import PROGRAM, Run
from oracles.flat import (
    MISSING,
    OTHER,
    classes,
    full_domain_losses,
    multidimensional_losses,
    read_ladder,
    read_rows,
    recodings,
    worst,
)
from oracles.plain import Row

from pipelines.cli import main
from pipelines.flat import measuring, recoding
from transforms.recoding.flat import Demands, Recoded

TOWNS = {
    "Peja": "west",
    "Gjakova; old town": "west",
    "Prishtina": "centre",
    "Fushë, Kosovë": "centre",
    'Lipjan "i ri"': "centre",
    "Gjilan": "east",
}
JOBS = {"nurse": "care", "teacher": "care", "welder": "trade", "=baker()": "trade"}
HEALTH = {"flu": "passing", "cold": "passing", "asthma": "lasting", "diabetes": "lasting"}
QUASI = ("age", "town", "job")
COLUMNS = ("person", *QUASI, "health")


def people(number: int = 300, seed: int = 16) -> list[Row]:
    draw = random.Random(seed)
    return [
        (
            f"p-{draw.randrange(10**9)}",
            str(draw.randint(20, 39)) if draw.random() > 0.03 else None,
            draw.choice(list(TOWNS)),
            draw.choice(list(JOBS)) if draw.random() > 0.1 else None,
            draw.choices(list(HEALTH), [5, 3, 2, 1])[0] if draw.random() > 0.05 else None,
        )
        for _ in range(number)
    ]


def write_csv(path: Path, rows: Sequence[Row], columns: Sequence[str] = COLUMNS) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def write_tree(path: Path, parents: Mapping[str, str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=";").writerows(
            (leaf, parent, "*") for leaf, parent in parents.items()
        )


Recode = Callable[..., Run]


@dataclass(frozen=True)
class Flat:
    """A file of people and its hierarchies; recoded in this process."""

    folder: Path
    rows: list[Row]
    run: Recode

    @property
    def file(self) -> Path:
        return self.folder / "people.csv"

    @property
    def trees(self) -> Path:
        return self.folder / "trees"

    @property
    def output(self) -> Path:
        return self.folder / "out.csv"

    def recode(self, *options: str, file: Path | None = None, to: Path | None = None) -> Run:
        return self.run(
            *("recode", str(file or self.file), "--hierarchies", str(self.trees)),
            *("--quasi-identifiers", ",".join(QUASI), "--output", str(to or self.output)),
            *options,
        )

    def figures(self, *options: str) -> dict[str, object]:
        done = self.recode("--json", *options)
        assert done.code == 0, done.err
        return done.answer

    @property
    def left(self) -> set[str]:
        """What is in the folder beside what was put there."""
        return {path.name for path in self.folder.iterdir()} - {"people.csv", "trees"}


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Recode:
    def recode(*arguments: str) -> Run:
        capsys.readouterr()
        code = main(arguments)
        return Run(code, *capsys.readouterr())

    return recode


@pytest.fixture
def flat(tmp_path: Path, run: Recode) -> Flat:
    rows = people()
    write_csv(tmp_path / "people.csv", rows)
    trees = tmp_path / "trees"
    trees.mkdir()
    with (trees / "x_age.csv").open("w", encoding="utf-8") as file:
        file.writelines(f"{a};{a // 5 * 5}+;{a // 10 * 10}s;*\n" for a in range(20, 40))
    write_tree(trees / "x_town.csv", TOWNS)
    write_tree(trees / "x_job.csv", JOBS)
    write_tree(trees / "x_health.csv", HEALTH)
    return Flat(tmp_path, rows, run)


# ------------------------------------------------------------------------- what comes out


@pytest.mark.parametrize("k", [2, 5, 11])
def test_the_least_loss_of_all_recodings_is_found_and_written(flat: Flat, k: int) -> None:
    figures = flat.figures("--k", str(k), "--suppression", "0.1")
    rungs = [read_ladder(flat.trees / f"x_{name}.csv") for name in QUASI]
    leaves = [row[1:4] for row in flat.rows]
    least = min(loss for _, gone, loss in recodings(leaves, rungs, k) if gone <= 0.1)
    written = read_rows(flat.output, QUASI)
    levels = figures["levels"]
    assert isinstance(levels, dict)
    losses = full_domain_losses(written, len(leaves), rungs, [levels[name] for name in QUASI])
    assert figures["proven"] is True
    assert float(sum(losses) / 3) == pytest.approx(float(least), abs=1e-12)
    assert figures["loss"] == round(float(least), 9)
    assert figures["losses"] == pytest.approx(dict(zip(QUASI, map(float, losses), strict=True)))
    assert figures["suppressed"] == len(leaves) - len(written)


@pytest.mark.parametrize("method", ["full-domain", "multidimensional"])
def test_the_risk_that_is_said_is_that_of_the_file(flat: Flat, method: str) -> None:
    figures = flat.figures("--k", "5", "--method", method, "--sensitive", "health", "--l", "2")
    header = flat.output.read_text(encoding="utf-8").splitlines()[0].split(";")
    rows = read_rows(flat.output, header)
    sizes = [len(group) for group in classes(rows, len(header) - 1).values()]
    whole = [len(group) for group in classes(rows, len(header)).values()]
    seen = worst(rows, len(header) - 1, [row[4] for row in flat.rows])
    assert min(sizes) >= 5
    assert seen.distinct >= 2
    assert figures["rows"] == len(rows)
    assert figures["classes"] == len(sizes)
    assert figures["smallest_class"] == min(sizes)
    assert figures["whole_row_k"] == min(whole)
    assert figures["prosecutor_risk"] == pytest.approx(
        {"highest": 1 / min(sizes), "average": len(sizes) / len(rows)}
    )
    said = figures["diversity"]
    assert isinstance(said, dict)
    assert said["distinct_l"] == seen.distinct
    assert said["entropy_l"] == pytest.approx(seen.entropy)
    assert said["t"]["equal"] == pytest.approx(seen.t)
    assert said["largest_share"] == pytest.approx(seen.share)


def test_multidimensional_has_a_column_a_level_and_never_two_levels_in_one(flat: Flat) -> None:
    figures = flat.figures("--k", "5", "--method", "multidimensional")
    header = flat.output.read_text(encoding="utf-8").splitlines()[0].split(";")
    assert header == ["age_0", "age_1", "age_2", "town_0", "town_1", "job_0", "job_1"]
    rows = read_rows(flat.output, header)
    rungs = [read_ladder(flat.trees / f"x_{name}.csv") for name in QUASI]
    # The oracle also holds each row's labels against those of the levels above.
    losses = multidimensional_losses(rows, len(flat.rows), rungs)
    assert figures["loss"] == pytest.approx(float(sum(losses) / 3), abs=1e-9)
    assert figures["levels"] is None
    assert (figures["bound"], figures["gap"], figures["proven"]) == (None, None, False)
    assert any(row[5] == MISSING for row in rows)
    assert min(len(group) for group in classes(rows, len(header)).values()) >= 5


@pytest.mark.parametrize(
    ("options", "held"),
    [
        (["--entropy-l", "2"], lambda seen: seen.entropy >= 2),
        (["--t", "0.3"], lambda seen: seen.t <= 0.3),
        (["--largest-share", "0.7"], lambda seen: seen.share <= 0.7),
        (["--lift"], lambda seen: seen.share <= 0.8),
    ],
)
@pytest.mark.parametrize("method", ["full-domain", "multidimensional"])
def test_the_file_keeps_what_is_demanded_of_its_sensitive_values(
    flat: Flat, method: str, options: list[str], held: Callable[[object], bool]
) -> None:
    flat.figures("--k", "4", "--sensitive", "health", "--method", method, *options)
    header = flat.output.read_text(encoding="utf-8").splitlines()[0].split(";")
    rows = read_rows(flat.output, header)
    assert held(worst(rows, len(header) - 1, [row[4] for row in flat.rows]))


@pytest.mark.parametrize("method", ["full-domain", "multidimensional"])
def test_neither_the_order_nor_what_nobody_named_can_be_seen(flat: Flat, method: str) -> None:
    named = ["--k", "5", "--method", method, "--sensitive", "health"]
    first = flat.recode(*named)
    assert first.code == 0, first.err
    assert "left behind: person\n" in first.err
    before = flat.output.read_bytes()
    shuffled = random.Random(1).sample(flat.rows, len(flat.rows))
    write_csv(flat.file, [("somebody", *row[1:]) for row in shuffled])
    assert flat.recode(*named).code == 0
    assert flat.output.read_bytes() == before
    rows = before.decode().splitlines()[1:]
    assert not any("p-" in row for row in rows)


def test_rows_are_in_the_order_that_a_query_gives(flat: Flat) -> None:
    flat.figures("--k", "3", "--sensitive", "health")
    rows = read_rows(flat.output, [*QUASI, "health"])

    def place(row: Row) -> list[tuple[bool, bytes]]:
        return [(label is None, (label or "").encode()) for label in row]

    assert rows == sorted(rows, key=place)


def test_suppressed_people_stand_together_as_other_where_they_are_enough(flat: Flat) -> None:
    figures = flat.figures("--k", "5", "--suppression", "0.2", "--suppressed", "other")
    rows = read_rows(flat.output, QUASI)
    others = [row for row in rows if OTHER in row]
    assert len(rows) == len(flat.rows)
    assert len(others) == figures["suppressed"]
    assert len(others) >= 5
    assert set(others) == {(OTHER, OTHER, OTHER)}
    assert figures["suppressed_as"] == "other"


def test_too_few_to_stand_together_are_left_out_and_it_is_said(flat: Flat) -> None:
    options = ["--k", "11", "--suppression", "0.03", "--suppressed", "other"]
    done = flat.recode("--json", *options)
    assert done.code == 0, done.err
    suppressed = done.answer["suppressed"]
    assert isinstance(suppressed, int)
    assert 0 < suppressed < 11
    assert "do not keep the demands as one class" in done.err
    assert done.answer["suppressed_as"] == "out"
    assert OTHER not in flat.output.read_text(encoding="utf-8")


def test_suppressed_people_of_one_kind_are_not_called_other(flat: Flat) -> None:
    """Everybody of a rare kind is ill with the same: as one class they would tell it."""
    same = [(None, "39", "Gjilan", "nurse", "asthma")] * 4
    crowd = [(None, "20", "Peja", "nurse", HEALTH_CYCLE[i % 4]) for i in range(200)]
    write_csv(flat.file, [*crowd, *same])
    options = ["--k", "3", "--sensitive", "health", "--l", "2", "--suppressed", "other"]
    done = flat.recode("--json", *options)
    assert done.code == 0, done.err
    assert done.answer["suppressed"] == 4
    assert done.answer["suppressed_as"] == "out"


HEALTH_CYCLE = list(HEALTH)


def test_weights_say_which_columns_shall_lose_less(flat: Flat) -> None:
    plain = flat.figures("--k", "5")
    heavy = flat.figures("--k", "5", "--weights", "age=20,town=0.5")
    before, after = plain["losses"], heavy["losses"]
    assert isinstance(before, dict)
    assert isinstance(after, dict)
    assert after["age"] < before["age"]
    weighed = (20 * after["age"] + 0.5 * after["town"] + after["job"]) / 21.5
    assert heavy["loss"] == pytest.approx(weighed)


def test_a_sensitive_column_without_a_hierarchy_has_its_values(flat: Flat) -> None:
    (flat.trees / "x_health.csv").unlink()
    figures = flat.figures("--k", "3", "--sensitive", "health", "--l", "2")
    assert figures["diversity"]["distinct_l"] >= 2  # type: ignore[index]
    assert {row[0] for row in read_rows(flat.output, ["health"])} <= {*HEALTH, None}


# ------------------------------------------------------------------------------ files


def test_parquet_and_csv_say_the_same(flat: Flat) -> None:
    flat.figures("--k", "5", "--sensitive", "health")
    columns = dict(zip(COLUMNS, zip(*flat.rows, strict=True), strict=True))
    records = pl.DataFrame(columns).with_columns(
        pl.col("age").cast(pl.Int16), pl.col("job").cast(pl.Categorical)
    )
    records.write_parquet(flat.folder / "people.parquet")
    output = flat.folder / "out.parquet"
    done = flat.recode(
        "--k", "5", "--sensitive", "health", file=flat.folder / "people.parquet", to=output
    )
    assert done.code == 0, done.err
    assert pl.read_parquet(output).rows() == read_rows(flat.output, [*QUASI, "health"])


def test_a_mark_at_the_beginning_and_windows_line_ends_are_no_part_of_the_values(
    flat: Flat,
) -> None:
    flat.figures("--k", "5")
    before = flat.output.read_bytes()
    write_csv(flat.file, [row[1:] for row in flat.rows], COLUMNS[1:])
    text = flat.file.read_text(encoding="utf-8")
    flat.file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    flat.figures("--k", "5")
    assert flat.output.read_bytes() == before


def test_case_and_blanks_of_a_value_do_not_matter(flat: Flat) -> None:
    flat.figures("--k", "5")
    before = flat.output.read_bytes()
    shouted = [(row[0], row[1], f" {(row[2] or '').upper()}  ", *row[3:]) for row in flat.rows]
    write_csv(flat.file, shouted)
    flat.figures("--k", "5")
    assert flat.output.read_bytes() == before


def test_odd_names_of_columns_go_through(flat: Flat) -> None:
    odd = 'to"wn, or; place'
    (flat.trees / "x_town.csv").rename(flat.trees / f"x_{odd}.csv")
    write_csv(flat.file, flat.rows, ["person", "age", odd, "job", "health"])
    named = f'age,"{odd.replace(chr(34), chr(34) * 2)}"'
    for method in ("full-domain", "multidimensional"):
        done = flat.recode("--json", "--k", "5", "--quasi-identifiers", named, "--method", method)
        assert done.code == 0, done.err
        assert done.answer["smallest_class"] >= 5  # type: ignore[operator]
    assert flat.recode("--k", "5", "--quasi-identifiers", named).code == 0
    with flat.output.open(encoding="utf-8", newline="") as lines:
        assert next(csv.reader(lines, delimiter=";")) == ["age", odd]


def test_names_that_a_query_might_use_itself_go_through(flat: Flat) -> None:
    plain = flat.figures("--k", "5", "--sensitive", "health")
    names = dict(zip((*QUASI, "health"), ("s", "q0", "n", "q1"), strict=True))
    for old, new in names.items():
        (flat.trees / f"x_{old}.csv").rename(flat.trees / f"x_{new}.csv")
    write_csv(flat.file, flat.rows, ["person", *names.values()])
    odd = flat.figures("--k", "5", "--quasi-identifiers", "s,q0,n", "--sensitive", "q1")
    for figure in ("rows", "classes", "smallest_class", "whole_row_k", "diversity", "loss"):
        assert odd[figure] == plain[figure]


def test_an_odd_name_of_the_output_is_only_a_name(flat: Flat) -> None:
    for name in ("o*.csv", "o[1]?'\".csv", "o*.parquet"):
        flat.folder.joinpath(name.replace("*", "ther")).touch()
        done = flat.recode("--k", "5", to=flat.folder / name)
        assert done.code == 0, done.err
        assert (flat.folder / name).stat().st_size


def test_one_column_alone_keeps_its_missing_values(flat: Flat) -> None:
    done = flat.recode("--json", "--k", "5", "--quasi-identifiers", "job")
    assert done.code == 0, done.err
    assert done.answer["rows"] == len(flat.rows)
    assert done.answer["suppressed"] == 0


def test_an_empty_line_of_one_column_is_a_person(flat: Flat) -> None:
    """So many that they fill more than one block."""
    flat.file.write_text("job\n" + "\nnurse\n" * 300_000 + "\n", encoding="utf-8")
    done = flat.recode("--json", "--k", "5", "--quasi-identifiers", "job")
    assert done.code == 0, done.err
    assert (done.answer["people"], done.answer["suppressed"]) == (600_001, 0)
    assert read_rows(flat.output, ["job"]).count((None,)) == 300_001


def test_empty_lines_after_the_last_row_are_nobody(flat: Flat) -> None:
    with flat.file.open("a", encoding="utf-8") as file:
        file.write("\n\r\n\n")
    assert flat.figures("--k", "5")["people"] == len(flat.rows)


def test_an_empty_line_within_a_cell_is_part_of_it(flat: Flat) -> None:
    write_csv(flat.file, [("some\n\nbody", *row[1:]) for row in flat.rows])
    assert flat.figures("--k", "5")["people"] == len(flat.rows)


def test_empty_text_in_parquet_is_a_missing_value_as_in_csv(flat: Flat) -> None:
    options = ("--k", "5", "--sensitive", "health")
    (flat.trees / "x_health.csv").unlink()
    flat.figures(*options)
    before = flat.output.read_bytes()
    texts = [tuple(cell or "" for cell in row) for row in flat.rows]
    for kind in (pl.String, pl.Categorical):
        records = pl.DataFrame(texts, schema=list(COLUMNS), orient="row").cast(kind)
        records.write_parquet(flat.folder / "people.parquet")
        done = flat.recode(*options, file=flat.folder / "people.parquet")
        assert done.code == 0, done.err
        assert flat.output.read_bytes() == before


def test_a_link_stays_and_what_it_leads_to_is_replaced(flat: Flat) -> None:
    target = flat.trees / "behind.csv"
    flat.output.symlink_to(target)
    for _ in range(2):
        assert flat.recode("--k", "5").code == 0
        assert flat.output.is_symlink()
        assert target.read_text(encoding="utf-8").startswith("age;town;job\n")
    assert flat.left == {"out.csv"}


def test_the_draft_is_private_and_the_file_as_any_other(
    flat: Flat, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[int] = []

    def looking(written: measuring.Written) -> measuring.Risk:
        modes.append(written.path.stat().st_mode & 0o777)
        return measuring.measure(written)

    monkeypatch.setattr(recoding, "measure", looking)
    before = os.umask(0o027)
    try:
        for name in ("out.csv", "out.parquet"):
            assert flat.recode("--k", "5", to=flat.folder / name).code == 0
            modes.append((flat.folder / name).stat().st_mode & 0o777)
    finally:
        os.umask(before)
    assert modes == [0o600, 0o640] * 2


@pytest.mark.parametrize("distance", ["equal", "ordered", "hierarchical"])
def test_closeness_is_said_by_the_distance_that_was_asked_for(flat: Flat, distance: str) -> None:
    options = ["--k", "5", "--sensitive", "health", "--t", "0.4", "--distance", distance]
    said = flat.figures(*options)["diversity"]
    assert isinstance(said, dict)
    done = flat.recode(*options)
    assert f" t {said['t'][distance]:.4f} ({distance})," in done.out


def test_no_loss_is_said_to_more_digits_than_it_has(flat: Flat) -> None:
    figures = flat.figures("--k", "5")
    losses = figures["losses"]
    assert isinstance(losses, dict)
    for loss in (figures["loss"], figures["bound"], figures["gap"], *losses.values()):
        assert loss == round(loss, 9)


def test_other_separators_can_be_named(flat: Flat) -> None:
    flat.figures("--k", "5", "--quasi-identifiers", "age,job")
    before = flat.output.read_text(encoding="utf-8")
    with flat.file.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([COLUMNS, *flat.rows])
    for name in ("age", "job"):
        tree = flat.trees / f"x_{name}.csv"
        tree.write_text(tree.read_text(encoding="utf-8").replace(";", ","), encoding="utf-8")
    flat.figures(
        *("--k", "5", "--quasi-identifiers", "age,job"),
        *("--separator", "\\t", "--hierarchy-separator", ","),
    )
    assert flat.output.read_text(encoding="utf-8") == before.replace(";", "\t")


def test_an_exact_name_of_a_hierarchy_wins(flat: Flat) -> None:
    write_tree(flat.trees / "town.csv", dict.fromkeys(list(TOWNS)[1:], "somewhere"))
    done = flat.recode("--k", "5")
    assert "column town: about 70 rows have a value" in done.complaint


def test_no_home_is_needed(flat: Flat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUSE16_HOME", str(flat.folder / "nowhere"))
    assert flat.recode("--k", "5").code == 0
    assert flat.left == {"out.csv"}


# ----------------------------------------------------------------------------- refusals


def break_file(flat: Flat, old: str, new: str) -> None:
    text = flat.file.read_text(encoding="utf-8")
    assert old in text
    flat.file.write_text(text.replace(old, new, 1), encoding="utf-8")


def break_tree(flat: Flat, name: str, old: str, new: str) -> None:
    path = flat.trees / f"x_{name}.csv"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def spoil_encoding(flat: Flat) -> None:
    flat.file.write_bytes(flat.file.read_bytes().replace("ë".encode(), b"\xeb", 1))


def two_trees(flat: Flat) -> None:
    write_tree(flat.trees / "y_job.csv", JOBS)


BROKEN: dict[str, tuple[Callable[[Flat], object], list[str], int, str]] = {
    "a value without a leaf": (
        lambda flat: break_file(flat, "nurse", "Sekreti"),
        [],
        10,
        "column job: fewer than 11 rows have a value that its hierarchy does not list",
    ),
    "a hierarchy that is no tree": (
        lambda flat: break_tree(flat, "age", "21;20+;20s;*", "21;20+;30s;*"),
        [],
        10,
        'hierarchy age: level 2 splits "20+"',
    ),
    "a level that is missing": (
        lambda flat: break_tree(flat, "town", "west;*", "*"),
        [],
        10,
        "hierarchy town, line 2: 3 levels where the first line has 2",
    ),
    "no hierarchy": (
        lambda flat: (flat.trees / "x_job.csv").unlink(),
        [],
        10,
        "column job has no hierarchy: put job.csv or …_job.csv into",
    ),
    "two hierarchies": (
        two_trees,
        [],
        10,
        "column job has more than one hierarchy: x_job.csv, y_job.csv",
    ),
    "the wrong separator of hierarchies": (
        lambda _: None,
        ["--hierarchy-separator", ","],
        10,
        "the lines of x_age.csv have one level",
    ),
    "no such column": (
        lambda _: None,
        ["--quasi-identifiers", "age,shoe"],
        11,
        "people.csv has no column shoe",
    ),
    "a row that is too long": (
        lambda flat: break_file(flat, "nurse", "nurse;x"),
        [],
        11,
        "has 6 cells where the header has 5",
    ),
    "a row that is too short": (
        lambda flat: break_file(flat, "nurse;", "nurse"),
        [],
        11,
        "has 4 cells where the header has 5",
    ),
    "a stray quotation mark": (
        lambda flat: break_file(flat, "nurse", '"nurse'),
        [],
        11,
        "a quotation mark opens or closes no cell there",
    ),
    "another encoding": (spoil_encoding, [], 11, "not UTF-8: convert the file"),
    "an empty file": (
        lambda flat: flat.file.write_text("", encoding="utf-8"),
        [],
        11,
        "people.csv has no header of columns",
    ),
    "two columns of one name": (
        lambda flat: break_file(flat, "person", "age"),
        [],
        11,
        "two columns have the same name",
    ),
    "more people asked for than there are": (
        lambda _: None,
        ["--k", "301"],
        13,
        "people.csv has about 300 rows, and k is 301",
    ),
    "a limit that nothing keeps": (
        lambda _: None,
        ["--sensitive", "health", "--l", "5"],
        13,
        "even",
    ),
    "a label that says something else": (
        lambda flat: break_tree(flat, "job", "trade", "other"),
        ["--suppressed", "other"],
        10,
        'hierarchy job: its label "other" could not be told',
    ),
    "a criterion without its column": (lambda _: None, ["--l", "2"], 2, "need --sensitive"),
    "an adverse value that is no leaf": (
        lambda _: None,
        ["--sensitive", "health", "--lift", "--adverse", "gout"],
        2,
        "--adverse names gout",
    ),
    "an empty line between rows": (
        lambda flat: break_file(flat, "\np-", "\n\np-"),
        [],
        11,
        "people.csv, line 2: an empty line between rows",
    ),
    "a header alone": (
        lambda flat: flat.file.write_text(";".join(COLUMNS), encoding="utf-8"),
        [],
        11,
        "people.csv has a header and no row below it",
    ),
    "a weight of no column": (lambda _: None, ["--weights", "shoe=2"], 2, "--weights names shoe"),
    "a distance alone": (lambda _: None, ["--distance", "equal"], 2, "give --t too"),
    "a column in two roles": (lambda _: None, ["--sensitive", "job"], 2, "named twice"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_wrong_is_said_in_one_line_and_nothing_is_left(flat: Flat, broken: str) -> None:
    breaking, options, code, said = BROKEN[broken]
    breaking(flat)
    done = flat.recode("--k", "5", *options)
    assert said in done.complaint
    assert done.code == code
    assert "Sekreti" not in done.err + done.out
    assert flat.left == set()


def test_a_failure_leaves_the_file_that_was_there(flat: Flat) -> None:
    flat.output.write_text("what was before", encoding="utf-8")
    assert flat.recode("--k", "301").code == 13
    assert flat.output.read_text(encoding="utf-8") == "what was before"
    assert flat.recode("--k", "5").code == 0
    assert flat.left == {"out.csv"}
    assert flat.output.read_text(encoding="utf-8").startswith("age;town;job\n")


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("out.xlsx", 2, "out.xlsx is neither .csv nor .parquet"),
        ("people.csv", 2, "would replace the file that is read"),
        ("no/out.csv", 14, "there is no folder"),
        ("trees.csv", 14, "is no file that could be replaced"),
    ],
)
def test_an_output_that_cannot_be_is_refused(flat: Flat, name: str, code: int, said: str) -> None:
    (flat.folder / "trees.csv").mkdir()
    done = flat.recode(to=flat.folder / name)
    assert said in done.complaint
    assert done.code == code


@pytest.mark.parametrize(
    ("name", "said"),
    [("people.xlsx", "is neither .csv nor .parquet"), ("nobody.csv", "there is no file")],
)
def test_an_input_that_cannot_be_is_refused(flat: Flat, name: str, said: str) -> None:
    done = flat.recode(file=flat.folder / name)
    assert said in done.complaint
    assert done.code == 11


@pytest.mark.parametrize(
    "option",
    [
        ["--k", "1"],
        ["--weights", "age=2,age=3"],
        ["--weights", "age=1e308"],
        ["--weights", "age=1e-320"],
        ["--weights", "age=0"],
        ["--weights", "age=nan"],
        ["--weights", "age=inf"],
        ["--weights", "2"],
    ],
)
def test_a_number_that_says_nothing_is_a_mistake_of_usage(flat: Flat, option: list[str]) -> None:
    with pytest.raises(SystemExit) as left:
        flat.recode(*option)
    assert left.value.code == 2
    assert flat.left == set()


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
@pytest.mark.parametrize("read", ["people.csv", "trees/x_age.csv"])
def test_no_file_that_is_read_is_written_over_by_any_name(
    flat: Flat, read: str, link: Callable[[Path, Path], None]
) -> None:
    file = flat.folder / read
    before = file.read_bytes()
    link(flat.output, file)
    for output in (flat.output, file):
        done = flat.recode("--k", "5", to=output)
        assert f"would replace the file that is read: {file.name}" in done.complaint
        assert done.code == 2
    assert file.read_bytes() == before


def test_nested_columns_of_parquet_are_refused_where_they_are_named(flat: Flat) -> None:
    path = flat.folder / "people.parquet"
    plain = {"age": ["20"] * 20, "town": ["Peja"] * 20, "job": ["nurse"] * 20}
    for name, cell, kind in [("job", {"now": "nurse"}, "struct<"), ("town", ["Peja"], "list<")]:
        pq.write_table(pa.table({**plain, name: [cell] * 20}), path)
        done = flat.recode("--k", "5", file=path)
        assert f"column {name} is of type {kind}" in done.complaint.replace("large_list", "list")
        assert done.code == 11
    pq.write_table(pa.table({**plain, "more": [[1]] * 20}), path)
    assert flat.recode("--k", "5", file=path).code == 0


def test_parquet_that_is_torn_or_of_another_type_is_refused(flat: Flat) -> None:
    path = flat.folder / "people.parquet"
    ages = pl.DataFrame({"age": [20.5], "town": ["Peja"], "job": ["nurse"]})
    ages.write_parquet(path)
    done = flat.recode(file=path)
    assert "column age is of type double" in done.complaint
    path.write_bytes(path.read_bytes()[:-100])
    torn = flat.recode(file=path)
    assert "people.parquet cannot be read as Parquet" in torn.complaint
    assert (done.code, torn.code) == (11, 11)


def test_names_that_differ_in_case_alone_are_refused(flat: Flat) -> None:
    write_csv(flat.file, flat.rows, ["person", "age", "town", "job", "JOB"])
    (flat.trees / "x_health.csv").rename(flat.trees / "x_JOB.csv")
    done = flat.recode("--sensitive", "JOB")
    assert "two columns of the output would be called" in done.complaint
    assert done.code == 10


def test_a_level_column_that_meets_another_name_is_refused(flat: Flat) -> None:
    write_csv(flat.file, flat.rows, ["person", "age", "town", "job", "age_1"])
    (flat.trees / "x_health.csv").rename(flat.trees / "x_age_1.csv")
    done = flat.recode("--sensitive", "age_1", "--method", "multidimensional")
    assert "two columns of the output would be called age_1" in done.complaint


def test_a_written_file_that_breaks_k_is_taken_away(
    flat: Flat, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The measuring is told of a larger k than the search, as if the search had a defect."""

    def stricter(risk: measuring.Risk, demands: Demands, recoded: Recoded) -> None:
        measuring.check(risk, replace(demands, k=demands.k + 1_000), recoded)

    monkeypatch.setattr(recoding, "check", stricter)
    done = flat.recode("--k", "5")
    assert "the written file does not hold k" in done.complaint
    assert done.code == 13
    assert flat.left == set()


# ------------------------------------------------------------------------- the benchmark

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "recoding.py"


@pytest.mark.parametrize("method", ["full-domain", "multidimensional"])
def test_the_benchmark_keeps_order_and_columns_and_loses_what_it_says(
    flat: Flat, method: str
) -> None:
    done = subprocess.run(
        [
            *(sys.executable, str(BENCHMARK), "--input", str(flat.file)),
            *("--hierarchies", str(flat.trees), "--quasi-identifiers", ",".join(QUASI)),
            *("--k", "5", "--suppression", "0.1", "--method", method),
            *("--output", str(flat.output), "--json"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    figures = json.loads(done.stdout)
    rows = read_rows(flat.output, COLUMNS)
    rungs = [read_ladder(flat.trees / f"x_{name}.csv") for name in QUASI]
    assert [(row[0], row[4]) for row in rows] == [(row[0], row[4]) for row in flat.rows]
    lost = 0.0
    for before, after in zip(flat.rows, rows, strict=True):
        for rung, leaf, label in zip(rungs, before[1:4], after[1:4], strict=True):
            ways = (level for level in range(rung.top + 1) if rung.up(leaf, 0, level) == label)
            lost += float(rung.loss(label, next(ways)))
    assert figures["loss"] == pytest.approx(lost / (3 * len(rows)))
    assert min(len(group) for group in classes([row[1:4] for row in rows], 3).values()) >= 5
    assert {"load", "search", "write", "peak_mib", "evaluated", "proven"} <= figures.keys()


# ------------------------------------------------------------------------------ stopping


def test_a_search_that_is_stopped_says_its_best_and_writes_nothing(flat: Flat) -> None:
    draw = random.Random(3)
    names = [f"c{number}" for number in range(9)]
    rows = [tuple(str(draw.randrange(8)) for _ in names) for _ in range(4_000)]
    write_csv(flat.file, [(*row, draw.choice("abcdef")) for row in rows], [*names, "s"])
    for name in names:
        lines = [f"{v};{v // 2}-;{v // 4}--;*" for v in range(8)]
        (flat.trees / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [
        *(str(PROGRAM), "recode", str(flat.file), "--hierarchies", str(flat.trees), "--json"),
        *("--quasi-identifiers", ",".join(names), "--output", str(flat.output)),
        *("--k", "5", "--sensitive", "s", "--t", "0.25", "--seconds", "600"),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert "recodings" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "clause16: stopped; nothing was written" in err
    best = json.loads(out)["stopped"]
    assert best["loss"] >= (best["bound"] or 0)
    assert set(best["levels"]) == set(names)
    assert flat.left == set()


def test_a_search_whose_time_is_over_writes_its_best_and_says_so(flat: Flat) -> None:
    figures = flat.figures("--k", "5", "--seconds", "0")
    assert figures["interrupted"] is True
    assert figures["proven"] is False
    assert (figures["bound"], figures["gap"]) == (None, None)
    assert flat.output.exists()
