"""Where a generated bank is written to: whole under its name, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb
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
        unfinished = _unfinished(self.folder)
        _discard(unfinished)
        try:
            unfinished.mkdir(parents=True)
            _write_files(unfinished, parts)
            unfinished.rename(self.folder)
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


def _write_files(folder: Path, parts: Iterable[Part]) -> None:
    """Write each table's parts as row groups of its file."""
    with ExitStack() as closing:
        writers = {
            table: closing.enter_context(pq.ParquetWriter(folder / f"{table}.parquet", schema))
            for table, schema in TABLES.items()
        }
        writers["customers"].add_key_value_metadata({MARK_KEY: MARK_VALUE})
        for part in parts:
            writers[part.table].write_table(part.rows)
