"""The schema `about` of a release: what an analyst wants to know of it, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from transforms.certificate import ColumnEntry, TableEntry
from transforms.magnitude.stated import BudgetEntry, MagnitudeEntry, MeasureEntry, readings
from transforms.policy.roles import Role


@dataclass(frozen=True, slots=True)
class AboutTable:
    """One table of `about`: a comment, its rows, and a comment for each column."""

    comment: str
    rows: pl.DataFrame
    meanings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CheckQuery:
    """A check that anybody can run again: what it proves, the query, the answer that passes."""

    check: str
    proves: str
    query: str
    passes: str


@dataclass(frozen=True, slots=True)
class Contents:
    """What a release holds, as its certificate says it."""

    tables: Mapping[str, TableEntry]
    magnitude: Mapping[str, MagnitudeEntry]
    budget: BudgetEntry | None


def about_tables(
    release: Mapping[str, str | int],
    contents: Contents,
    levels: Mapping[str, str],
    checks: list[CheckQuery],
) -> dict[str, AboutTable]:
    """Return release, tables, columns and checks; fields are text, numbers or lists of text.

    With magnitude tables there are measures, periods and budget as well.

    release: field → value, one row; levels: a name for each attribute's level.
    """
    tables, magnitude, budget = contents.tables, contents.magnitude, contents.budget
    return {
        "release": AboutTable(
            "This release: one row.",
            pl.DataFrame({field: [value] for field, value in release.items()}),
            {field: f"The release's {field.replace('_', ' ')}." for field in release},
        ),
        "tables": _tables(tables, magnitude),
        "columns": _columns(tables, magnitude, levels),
        **(_magnitude(magnitude) if magnitude else {}),
        **({} if budget is None else {"budget": _budget(budget)}),
        "checks": AboutTable(
            "What was proved of this file before it was published; run the queries yourself.",
            pl.DataFrame(
                {
                    "check": [check.check for check in checks],
                    "proves": [check.proves for check in checks],
                    "query": [check.query for check in checks],
                    "passes": [check.passes for check in checks],
                },
                schema={
                    "check": pl.String,
                    "proves": pl.String,
                    "query": pl.String,
                    "passes": pl.String,
                },
            ),
            {
                "check": "Name of the check.",
                "proves": "What it proves.",
                "query": "SQL that runs on this file.",
                "passes": "The answer that passes.",
            },
        ),
    }


def _tables(
    tables: Mapping[str, TableEntry], magnitude: Mapping[str, MagnitudeEntry]
) -> AboutTable:
    counts = magnitude.values()
    rows = {
        "table": [*tables, *magnitude],
        "meaning": [
            *(table.meaning for table in tables.values()),
            *(table.meaning for table in counts),
        ],
        "unit": [
            *("a row is a person" for _ in tables),
            *(f"a row is a {table.unit} and a combination of categories" for table in counts),
        ],
        "rows": [*(table.rows for table in tables.values()), *(table.rows for table in counts)],
        "sensitive_column": [
            *(table.sensitive for table in tables.values()),
            *(None for _ in counts),
        ],
        "people_left_out": [
            *(table.left_out for table in tables.values()),
            *(None for _ in counts),
        ],
        "values_blanked": [*(table.blanked for table in tables.values()), *(None for _ in counts)],
        "reading": [*(None for _ in tables), *(" ".join(readings(table)) for table in counts)],
    }
    meanings = {
        "table": "Name of the table.",
        "meaning": "What it holds.",
        "unit": "What a row is.",
        "rows": "How many rows it has.",
        "sensitive_column": "The column that nobody shall learn about one person.",
        "people_left_out": "Share of the eligible people that are missing, being too few to hide.",
        "values_blanked": "Share of the sensitive column's known values that are hidden (NULL).",
        "reading": "How to read a table of counts and sums.",
    }
    texts = ("sensitive_column", "people_left_out", "values_blanked", "reading")
    frame = pl.DataFrame(rows, schema_overrides=dict.fromkeys(texts, pl.String))
    return AboutTable("The tables of this release.", frame, meanings)


def _columns(
    tables: Mapping[str, TableEntry],
    magnitude: Mapping[str, MagnitudeEntry],
    levels: Mapping[str, str],
) -> AboutTable:
    entries = [(name, column) for name, table in tables.items() for column in table.columns]
    counted = [row for name, table in magnitude.items() for row in _counted_columns(name, table)]
    rows = pl.DataFrame(
        {
            "table": [name for name, _ in entries],
            "column": [column.name for _, column in entries],
            "role": [str(column.role) for _, column in entries],
            "meaning": [column.meaning for _, column in entries],
            "clause": [column.clause for _, column in entries],
            "level": [levels[column.name] for _, column in entries],
            "domain": [list(column.domain) for _, column in entries],
            "null_means": [_null(column) for _, column in entries],
        },
        schema_overrides={"clause": pl.Int64},
    )
    if counted:
        rows = pl.concat([rows, pl.DataFrame(counted, schema=rows.schema, orient="row")])
    meanings = {
        "table": "Name of the table.",
        "column": "Name of the column.",
        "role": "quasi-identifier: generalised; sensitive: generalised, and hidden where too few "
        "people share it; period, category, measure: of a table of counts and sums.",
        "meaning": "What the column holds.",
        "clause": "Clause of the privacy policy under which the data were collected.",
        "level": "How coarse the categories are.",
        "domain": "Every category there can be, in its natural order.",
        "null_means": "What a missing value means.",
    }
    return AboutTable("The columns of the tables of this release.", rows, meanings)


def _counted_columns(name: str, table: MagnitudeEntry) -> Iterator[tuple[object, ...]]:
    periods = [period.period for period in table.periods]
    yield (
        name, "period", "period", f"The {table.unit}", None, table.unit, periods, "does not occur",
    )  # fmt: skip
    for category in table.categories:
        yield (
            name, category.name, "category", category.meaning, category.clause, "public",
            list(category.domain), "does not occur",
        )  # fmt: skip
    for measure in table.measures:
        yield (
            name, measure.name, "measure", f"{measure.meaning}, {measure.unit}, with noise", None,
            f"rounded to {table.base}", [], "too few people, or none",
        )  # fmt: skip
        yield (
            name, f"{measure.name}_sd", "measure",
            f"Standard deviation of the noise of {measure.name}", None, "public", [],
            "does not occur",
        )  # fmt: skip


def _magnitude(magnitude: Mapping[str, MagnitudeEntry]) -> dict[str, AboutTable]:
    return {"measures": _measures(magnitude), "periods": _periods(magnitude)}


def _measures(magnitude: Mapping[str, MagnitudeEntry]) -> AboutTable:
    pairs = [(name, table, m) for name, table in magnitude.items() for m in table.measures]
    rows = pl.DataFrame(
        {
            "table": [name for name, _, _ in pairs],
            "measure": [measure.name for _, _, measure in pairs],
            "meaning": [measure.meaning for _, _, measure in pairs],
            "unit": [measure.unit for _, _, measure in pairs],
            "cap": [float(measure.cap) for _, _, measure in pairs],
            "other_caps": [_caps(measure) for _, _, measure in pairs],
            "cells_a_person": [table.cells_a_person for _, table, _ in pairs],
            "rounded_to": [table.base for _, table, _ in pairs],
        }
    )
    meanings = {
        "table": "Name of the table.",
        "measure": "Name of the measure, which is its column.",
        "meaning": "What it counts or sums.",
        "unit": "What it is counted in.",
        "cap": "How much of it one person can have in a cell, of either sign, at most.",
        "other_caps": "Other caps, of some values of a category.",
        "cells_a_person": "In how many cells of a period one person counts, at most.",
        "rounded_to": "What every number is a multiple of, after the noise.",
    }
    return AboutTable("The measures of the tables of counts and sums.", rows, meanings)


def _caps(measure: MeasureEntry) -> list[str]:
    return [
        f"{category} {label}: {cap:g}"
        for category, caps in measure.caps.items()
        for label, cap in caps.items()
    ]


def _periods(magnitude: Mapping[str, MagnitudeEntry]) -> AboutTable:
    rows = [
        (name, period.period, period.year, measure, noise.sd, noise.rho, period.fewest_people)
        for name, table in magnitude.items()
        for period in table.periods
        for measure, noise in period.noises.items()
    ]
    schema = {
        "table": pl.String, "period": pl.String, "year": pl.Int64, "measure": pl.String,
        "sd": pl.Float64, "rho": pl.Float64, "fewest_people": pl.Float64,
    }  # fmt: skip
    meanings = {
        "table": "Name of the table.",
        "period": "The period.",
        "year": "The calendar year to whose budget it belongs.",
        "measure": "The measure.",
        "sd": "Standard deviation of the noise of each of its numbers, in its unit.",
        "rho": "What it cost of the budget.",
        "fewest_people": "How many people a cell had to seem to have to be shown.",
    }
    return AboutTable(
        "The noise of each period, which was drawn once.",
        pl.DataFrame(rows, schema=schema, orient="row"),
        meanings,
    )


def _budget(budget: BudgetEntry) -> AboutTable:
    years = [
        (int(year), entry.rho, entry.left, entry.epsilon) for year, entry in budget.years.items()
    ]
    rows = [*years, (None, budget.rho_ever, None, budget.epsilon_ever)]
    schema = {
        "year": pl.Int64, "rho_spent": pl.Float64, "rho_left": pl.Float64, "epsilon": pl.Float64,
    }  # fmt: skip
    meanings = {
        "year": "A calendar year; NULL: all years together.",
        "rho_spent": "What its tables may have revealed of a person (zCDP).",
        "rho_left": f"What is left of the year's {budget.rho:g}.",
        "epsilon": f"The same as what was spent, as an epsilon at delta {budget.delta:g}.",
    }
    return AboutTable(
        "The privacy budget of the tables of counts and sums.",
        pl.DataFrame(rows, schema=schema, orient="row"),
        meanings,
    )


def _null(column: ColumnEntry) -> str:
    if not column.may_be_missing:
        return "does not occur"
    if column.role is Role.SENSITIVE:
        return "not known, or hidden because too few people share the value"
    if column.name != column.attribute:
        return f"released coarser than this: see the next column of {column.attribute}"
    return "not known"
