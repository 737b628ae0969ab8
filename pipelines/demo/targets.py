"""Where a generated bank is written to: whole under its name, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.demo.schema import MARK_KEY, MARK_VALUE, TABLES, Part


class BankTarget(Protocol):
    """Takes the parts of a bank as they are made."""

    def write(self, parts: Iterable[Part]) -> None:
        """Write all the parts; the target's name appears only when the last one is in."""


@dataclass(frozen=True, slots=True)
class DuckDBTarget:
    """A fresh DuckDB file."""

    path: Path

    def write(self, parts: Iterable[Part]) -> None:
        """Write all the parts; the file appears only when the last one is in."""
        unfinished = _unfinished(self.path)
        _discard(unfinished)
        try:
            unfinished.parent.mkdir(parents=True, exist_ok=True)
            with duckdb.connect(str(unfinished)) as connection:
                _insert(connection, parts)
            unfinished.rename(self.path)
        finally:
            _discard(unfinished)


@dataclass(frozen=True, slots=True)
class ParquetTarget:
    """A folder with one Parquet file a table."""

    folder: Path

    def write(self, parts: Iterable[Part]) -> None:
        """Write all the parts; the folder appears only when the last one is in."""
        with _appearing(self.folder) as unfinished:
            _write_parquet(unfinished, parts)


@dataclass(frozen=True, slots=True)
class CsvTarget:
    """A folder with one CSV file a table: UTF-8, commas, a header, ISO dates, decimal points.

    A missing value is an empty field.
    """

    folder: Path

    def write(self, parts: Iterable[Part]) -> None:
        """Write all the parts; the folder appears only when the last one is in."""
        with _appearing(self.folder) as unfinished:
            _write_csv(unfinished, parts)


@contextmanager
def _appearing(folder: Path) -> Iterator[Path]:
    """Yield a folder to fill, which gets its name when it is full and is gone otherwise."""
    unfinished = _unfinished(folder)
    _discard(unfinished)
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        unfinished.rename(folder)
    finally:
        _discard(unfinished)


def _unfinished(path: Path) -> Path:
    """Return the temporary name beside a target; a killed run's leftover has it too."""
    return path.with_name(f".{path.name}.unfinished")


def _discard(path: Path) -> None:
    """Remove an unfinished file or folder, and what an engine left beside it, if there is any."""
    for leftover in (path, path.with_name(f"{path.name}.wal"), path.with_name(f"{path.name}.tmp")):
        if leftover.is_dir():
            shutil.rmtree(leftover)
        else:
            leftover.unlink(missing_ok=True)


def _insert(connection: duckdb.DuckDBPyConnection, parts: Iterable[Part]) -> None:
    """Create the tables and insert the parts."""
    for table, schema in TABLES.items():
        connection.register("part", schema.empty_table())
        connection.execute(f"CREATE TABLE {table} AS FROM part")
    connection.execute(f"COMMENT ON TABLE customers IS '{MARK_KEY} {MARK_VALUE}'")
    for part in parts:
        connection.register("part", part.rows)
        connection.execute(f"INSERT INTO {part.table} FROM part")
    connection.unregister("part")


def _write_parquet(folder: Path, parts: Iterable[Part]) -> None:
    """Write each table's parts as row groups of its file."""
    with ExitStack() as closing:
        writers = {
            table: closing.enter_context(pq.ParquetWriter(folder / f"{table}.parquet", schema))
            for table, schema in TABLES.items()
        }
        writers["customers"].add_key_value_metadata({MARK_KEY: MARK_VALUE})
        for part in parts:
            writers[part.table].write_table(part.rows)


def _write_csv(folder: Path, parts: Iterable[Part]) -> None:
    """Write each table's header, and its parts below it."""
    with ExitStack() as closing:
        files = {
            table: closing.enter_context((folder / f"{table}.csv").open("wb")) for table in TABLES
        }
        for table, schema in TABLES.items():
            _frame(schema.empty_table()).write_csv(files[table])
        for part in parts:
            _frame(part.rows).write_csv(
                files[part.table], include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.6f"
            )


def _frame(rows: pa.Table) -> pl.DataFrame:
    return pl.DataFrame(rows)
