"""Bring each column to the type that the policy declares; refuse what does not fit.

Only text is parsed (a CSV folder has nothing else; a typed source is compared with the policy
before a record is read). Dates and times are ISO 8601, numbers have a decimal point.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from transforms.errors import SourceError, band
from transforms.policy import Kind, Policy

Tables = Mapping[str, pl.DataFrame]

FIRST_DAY, LAST_DAY = date(1, 1, 1), date(9999, 12, 31)
LARGEST_NUMBER = 1e11
"""Beyond it a float has no exact four decimals, and no account has it."""


def kind_of(dtype: pl.DataType) -> Kind | None:
    """Return what kind a column of this type is, None where no policy could name it."""
    if dtype.is_integer() or (isinstance(dtype, pl.Decimal) and dtype.scale == 0):
        return Kind.INTEGER
    if dtype.is_numeric():
        return Kind.NUMBER
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return Kind.TEXT
    named = {pl.Date: Kind.DATE, pl.Datetime: Kind.TIMESTAMP, pl.Boolean: Kind.BOOLEAN}
    return named.get(type(dtype))


def fits(found: Kind | None, declared: Kind) -> bool:
    """Say whether a column is what the policy says; whole numbers are numbers."""
    return found is declared or (found is Kind.INTEGER and declared is Kind.NUMBER)


def conform(tables: Tables, policy: Policy) -> dict[str, pl.DataFrame]:
    """Return the tables with every column of its declared type; empty text is missing.

    Raises SourceError, naming table and column, where a value does not fit.
    """
    conformed = {}
    for name, table in tables.items():
        kinds = {
            column: declared
            for column in table.columns
            if (declared := policy.sources[name].columns[column].type) is not None
        }
        parsed = table.with_columns(
            _parsed(column, kind, table.schema[column]) for column, kind in kinds.items()
        )
        for column, kind in kinds.items():
            _refuse_broken(name, column, kind, table, parsed)
        conformed[name] = parsed
    return conformed


def _parsed(column: str, kind: Kind, dtype: pl.DataType) -> pl.Expr:
    value = pl.col(column)
    if kind is Kind.TEXT:
        text = value.cast(pl.String).str.strip_chars()
        return pl.when(text != "").then(text)
    if kind is Kind.NUMBER:
        text_or_number = value.str.strip_chars() if isinstance(dtype, pl.String) else value
        number = text_or_number.cast(pl.Float64, strict=False)
        return pl.when(number.abs() < LARGEST_NUMBER).then(number)
    if isinstance(dtype, pl.String):
        return _read(value.str.strip_chars(), kind)
    if kind in {Kind.DATE, Kind.TIMESTAMP}:
        # Beyond these years (a bank's "infinity") Polars computes no calendar.
        return pl.when(value.is_between(FIRST_DAY, LAST_DAY)).then(value)
    return value


def _read(text: pl.Expr, kind: Kind) -> pl.Expr:
    """Return what a text says; missing where it does not say anything of the kind."""
    if kind is Kind.INTEGER:
        return text.cast(pl.Int64, strict=False)
    if kind is Kind.DATE:
        return text.str.to_date("%Y-%m-%d", strict=False)
    if kind is Kind.TIMESTAMP:
        return text.str.to_datetime(time_unit="us", strict=False)
    truth = {"true": True, "1": True, "false": False, "0": False}
    return text.str.to_lowercase().replace_strict(truth, default=None, return_dtype=pl.Boolean)


def _refuse_broken(
    table: str, column: str, kind: Kind, before: pl.DataFrame, after: pl.DataFrame
) -> None:
    if kind is Kind.TEXT:
        return
    given = before.get_column(column)
    if isinstance(given.dtype, pl.String):
        given = given.str.strip_chars().replace("", None)
    broken = after.get_column(column).null_count() - given.null_count()
    if broken:
        raise SourceError(
            f"{table}.{column}: {band(broken)} rows hold something that is not of type {kind}: "
            f"mend them in the source, or correct the column's type in the policy"
        )
