"""The generated bank of the tests: written to a target, and read back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import polars as pl

from pipelines.demo import BankTarget, write_bank
from pipelines.demo.schema import TABLES

CUSTOMERS, PAYMENTS, SEED = 2_000, 10, 16
Bank = dict[str, pl.DataFrame]


def silent(line: str) -> None:
    """Say nothing of the progress."""


def write(target: BankTarget, *, customers: int = CUSTOMERS,
          payments: int = PAYMENTS, seed: int = SEED,
          progress: Callable[[str], None] = silent) -> dict[str, int]:  # fmt: skip
    """Write the bank of these tests, or one that differs from it in what is given."""
    return write_bank(target, customers=customers, payments_per_customer=payments, seed=seed,
                      progress=progress)  # fmt: skip


def read_duckdb(path: Path) -> Bank:
    """Return all tables of a bank in a DuckDB file."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return {table: connection.sql(f"FROM {table}").pl() for table in TABLES}


def read_parquet(folder: Path) -> Bank:
    """Return all tables of a bank in Parquet files."""
    return {table: pl.read_parquet(folder / f"{table}.parquet") for table in TABLES}


def read_csv(folder: Path) -> Bank:
    """Return all tables of a bank in CSV files, their texts read as the bank's types."""
    return {
        table: pl.read_csv(folder / f"{table}.csv", infer_schema=False).select(
            _typed(column, dtype)
            for column, dtype in pl.DataFrame(schema.empty_table()).schema.items()
        )
        for table, schema in TABLES.items()
    }


def _typed(column: str, dtype: pl.DataType) -> pl.Expr:
    text = pl.col(column)
    if dtype == pl.Date:
        return text.str.to_date("%Y-%m-%d")
    if dtype == pl.Datetime:
        return text.str.to_datetime("%Y-%m-%d %H:%M:%S%.6f", time_unit="us")
    if dtype == pl.Boolean:
        return text.replace_strict({"true": True, "false": False}, return_dtype=pl.Boolean)
    return text.cast(dtype)
