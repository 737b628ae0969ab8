"""The checks of tables of counts and sums: a file that breaks one promise fails that check."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipelines.releases import WrittenTable, write_database
from pipelines.verifier import verify
from transforms.certificate import content_hash

RHO = 0.01
PERIODS = ("2026-01", "2026-02")
REGIONS = ("north", "south")
PURPOSES = ("other", "rent", "tax")
SENSITIVITY = {"people": math.sqrt(2), "amount": math.sqrt(100**2 + 80**2)}
"""Two cells a person, in one region: rent may come to 100 there, anything else to 80."""

Fields = dict[str, Any]


def sd(measure: str) -> float:
    return float(f"{SENSITIVITY[measure] / math.sqrt(2 * RHO):.6g}")


def entry() -> Fields:
    """Return what the certificate says of the table."""
    noises = {
        measure: {"sensitivity": SENSITIVITY[measure], "rho": RHO, "sd": sd(measure)}
        for measure in SENSITIVITY
    }
    return {
        "base": 5,
        "cells_a_person": 2,
        "categories": [
            {"name": "region", "of_person": True, "domain": list(REGIONS)},
            {"name": "purpose", "of_person": False, "domain": list(PURPOSES)},
        ],
        "measures": [
            {"name": "people", "cap": 1, "caps": {}},
            {"name": "amount", "cap": 80, "caps": {"purpose": {"rent": 100}}},
        ],
        "periods": [
            {
                "period": period,
                "year": 2026,
                "rho": 2 * RHO,
                "fewest_people": 11 + 2 * sd("people"),
                "noises": copy.deepcopy(noises),
            }
            for period in PERIODS
        ],
    }


def rows(said: Fields) -> pl.DataFrame:
    """Return a full grid in which every second cell is hidden."""
    lines = [
        (period, region, purpose, None if (place := i + j) % 2 else 40 + 5 * place)
        for period in PERIODS
        for i, region in enumerate(REGIONS)
        for j, purpose in enumerate(PURPOSES)
    ]
    table = pl.DataFrame(lines, schema=["period", "region", "purpose", "people"], orient="row")
    noises = said["periods"][0]["noises"]
    return table.select(
        "period",
        "region",
        "purpose",
        pl.col("people").cast(pl.Int64),
        people_sd=pl.lit(noises["people"]["sd"]),
        amount=pl.col("people").cast(pl.Int64) * 10,
        amount_sd=pl.lit(noises["amount"]["sd"]),
    )


def failures(
    folder: Path,
    *,
    said: Callable[[Fields], object] = lambda _: None,
    budget: Callable[[Fields], object] = lambda _: None,
    frame: Callable[[pl.DataFrame], pl.DataFrame] = lambda table: table,
) -> set[str]:
    """Write a release that is certified as it is, but for one change; return what fails."""
    declared = entry()
    written = frame(rows(declared))
    said(declared)
    release = pl.DataFrame({"release": ["r"]})
    database = folder / "statistics.duckdb"
    write_database(
        database,
        {"counts": WrittenTable("Counts", written, dict.fromkeys(written.columns, "A column"))},
        {"release": WrittenTable("This release", release, {"release": "Its name"})},
    )
    spent: Fields = {
        "rho": 0.1,
        "delta": 1e-8,
        "years": {"2026": {"rho": 4 * RHO}},
        "rho_ever": 4 * RHO,
        "epsilon_ever": 4 * RHO + 2 * math.sqrt(4 * RHO * math.log(1e8)),
    }
    budget(spent)
    certificate = {
        "release": "r",
        "k": 3,
        "l": 2,
        "database": hashlib.sha256(database.read_bytes()).hexdigest(),
        "about": {"release": content_hash("about.release", release)},
        "tables": {},
        "magnitude": {"counts": {**declared, "content": content_hash("counts", written)}},
        "budget": spent,
    }
    path = folder / "certificate.json"
    path.write_text(json.dumps(certificate), encoding="utf-8")
    return {check.name for check in verify(database, path).failures}


def test_a_file_that_keeps_its_promises_passes(tmp_path: Path) -> None:
    assert failures(tmp_path) == set()


@pytest.mark.parametrize(
    "frame",
    [
        lambda table: table[:-1],
        lambda table: pl.concat([table[:-1], table[-2:-1]]),
        lambda table: table.with_columns(region=pl.lit("west")),
        lambda table: table.with_columns(pl.col("purpose").replace("rent", None)),
    ],
    ids=["one missing", "one twice", "another value", "no value"],
)
def test_a_combination_that_is_missing_double_or_undeclared(
    tmp_path: Path, frame: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    assert "counts: full grid" in failures(tmp_path, frame=frame)


def at_first(table: pl.DataFrame, column: str, value: int | None) -> pl.DataFrame:
    first = pl.int_range(pl.len()) == 0
    changed = pl.when(first).then(pl.lit(value)).otherwise(column).cast(pl.Int64)
    return table.with_columns(changed.alias(column))


@pytest.mark.parametrize(
    ("column", "value"),
    [("people", 25), ("people", None), ("amount", None), ("people", 42), ("amount", 403)],
    ids=["too few", "a sum alone", "people alone", "people unrounded", "a sum unrounded"],
)
def test_a_row_that_shows_what_it_must_not(tmp_path: Path, column: str, value: int | None) -> None:
    failed = failures(tmp_path, frame=lambda table: at_first(table, column, value))
    assert failed == {"counts: shown by noisy people"}


def test_a_threshold_that_is_lower_than_the_noise_asks(tmp_path: Path) -> None:
    failed = failures(tmp_path, said=lambda e: e["periods"][0].update(fewest_people=12.0))
    assert failed == {"counts: shown by noisy people"}


def quieter(declared: Fields) -> None:
    declared["periods"][1]["noises"]["amount"]["sd"] /= 2


def wider(declared: Fields) -> None:
    declared["cells_a_person"] = 3


def everywhere(declared: Fields) -> None:
    declared["categories"][0]["of_person"] = False


def dearer(declared: Fields) -> None:
    declared["measures"][1]["caps"]["purpose"]["rent"] = 200


def cheaper(declared: Fields) -> None:
    declared["periods"][0]["rho"] = RHO


def silent(declared: Fields) -> None:
    del declared["periods"][0]["noises"]["amount"]


@pytest.mark.parametrize("said", [quieter, wider, everywhere, dearer, cheaper, silent])
def test_noise_that_does_not_follow_from_bounds_and_budget(
    tmp_path: Path, said: Callable[[Fields], None]
) -> None:
    assert "counts: noise" in failures(tmp_path, said=said)


def test_a_row_that_says_another_deviation(tmp_path: Path) -> None:
    def halved(table: pl.DataFrame) -> pl.DataFrame:
        return table.with_columns(pl.col("people_sd") / 2)

    assert failures(tmp_path, frame=halved) == {"counts: noise"}


def test_rows_that_are_not_sorted(tmp_path: Path) -> None:
    assert failures(tmp_path, frame=lambda table: table[::-1]) == {"counts: canonical order"}


def test_a_category_that_is_an_identifier(tmp_path: Path) -> None:
    def renamed(declared: Fields) -> None:
        declared["categories"][0]["domain"] = ["ana@bank.com", "south"]

    def named(table: pl.DataFrame) -> pl.DataFrame:
        return table.with_columns(pl.col("region").replace("north", "ana@bank.com"))

    assert failures(tmp_path, said=renamed, frame=named) == {"counts: no identifier"}


@pytest.mark.parametrize(
    "budget",
    [
        lambda spent: spent.update(rho=3 * RHO),
        lambda spent: spent["years"]["2026"].update(rho=3 * RHO),
        lambda spent: spent.update(rho_ever=3 * RHO),
        lambda spent: spent.update(epsilon_ever=0.1),
        lambda spent: spent["years"].clear(),
    ],
    ids=["beyond the year's", "said less", "ever less", "epsilon less", "said nothing"],
)
def test_a_budget_that_is_exceeded_or_hidden(
    tmp_path: Path, budget: Callable[[Fields], object]
) -> None:
    failed = failures(tmp_path, budget=budget)
    assert failed in ({"privacy budget"}, {"readable"})


def test_a_row_that_was_changed_after_it_was_made(tmp_path: Path) -> None:
    def certified(declared: Fields) -> None:
        declared["meaning"] = "Another"

    assert failures(tmp_path, said=certified) == set()
    path = tmp_path / "certificate.json"
    document = json.loads(path.read_text("utf-8"))
    document["magnitude"]["counts"]["content"] = "0" * 64
    path.write_text(json.dumps(document), "utf-8")
    failed = verify(tmp_path / "statistics.duckdb", path).failures
    assert {check.name for check in failed} == {"counts: content"}
