"""The schema `about` of a release: what an analyst wants to know of it, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from transforms.certificate import ColumnEntry, TableEntry
from transforms.policy import Role


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


def about_tables(
    release: Mapping[str, str | int],
    tables: Mapping[str, TableEntry],
    levels: Mapping[str, str],
    checks: list[CheckQuery],
) -> dict[str, AboutTable]:
    """Return release, tables, columns and checks; fields are text, numbers or lists of text.

    release: field → value, one row; levels: a name for each attribute's level.
    """
    return {
        "release": AboutTable(
            "This release: one row.",
            pl.DataFrame({field: [value] for field, value in release.items()}),
            {field: f"The release's {field.replace('_', ' ')}." for field in release},
        ),
        "tables": _tables(tables),
        "columns": _columns(tables, levels),
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


def _tables(tables: Mapping[str, TableEntry]) -> AboutTable:
    rows = {
        "table": list(tables),
        "meaning": [table.meaning for table in tables.values()],
        "unit": ["a row is a person" for _ in tables],
        "rows": [table.rows for table in tables.values()],
        "sensitive_column": [table.sensitive for table in tables.values()],
        "people_left_out": [table.left_out for table in tables.values()],
        "values_blanked": [table.blanked for table in tables.values()],
    }
    meanings = {
        "table": "Name of the table.",
        "meaning": "What it holds.",
        "unit": "What a row is.",
        "rows": "How many rows it has.",
        "sensitive_column": "The column that nobody shall learn about one person.",
        "people_left_out": "Share of the eligible people that are missing, being too few to hide.",
        "values_blanked": "Share of the sensitive column's known values that are hidden (NULL).",
    }
    return AboutTable("The tables of this release.", pl.DataFrame(rows), meanings)


def _columns(tables: Mapping[str, TableEntry], levels: Mapping[str, str]) -> AboutTable:
    entries = [(name, column) for name, table in tables.items() for column in table.columns]
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
        }
    )
    meanings = {
        "table": "Name of the table.",
        "column": "Name of the column.",
        "role": "quasi-identifier: generalised; sensitive: generalised, and hidden where too few "
        "people share it.",
        "meaning": "What the column holds.",
        "clause": "Clause of the privacy policy under which the data were collected.",
        "level": "How coarse the categories are.",
        "domain": "Every category there can be, in its natural order.",
        "null_means": "What a missing value means.",
    }
    return AboutTable("The columns of the tables of this release.", rows, meanings)


def _null(column: ColumnEntry) -> str:
    if not column.may_be_missing:
        return "does not occur"
    if column.role is Role.SENSITIVE:
        return "not known, or hidden because too few people share the value"
    if column.name != column.attribute:
        return f"released coarser than this: see the next column of {column.attribute}"
    return "not known"
