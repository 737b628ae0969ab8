"""A DuckDB file as a source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import polars as pl

from pipelines.sources.bank import DEMO_MARK, Schema, batches_of, reading
from pipelines.sql import quoted
from transforms.errors import SourceAway, SourceError
from transforms.policy.roles import Kind

ROWS_A_BATCH = 122_880
"""DuckDB's own row group."""


class DuckDBBank:
    """A DuckDB file, opened for reading only, in one transaction."""

    typed = True
    catalogued = True

    def __init__(self, path: Path) -> None:
        try:
            # Nothing of the bank is ever spilled to a disk.
            nowhere: dict[str, bool | int | float | str | list[str]] = {"temp_directory": ""}
            self._connection = duckdb.connect(str(path), read_only=True, config=nowhere)
            self._connection.execute("BEGIN TRANSACTION READ ONLY")
        except duckdb.Error as error:
            if "Could not set lock" in str(error):
                raise SourceAway(
                    f"{path.name} is being written by another program, and DuckDB lets nobody read "
                    f"meanwhile: wait until it is closed, or release from a copy"
                ) from None
            raise SourceError(
                f"{path.name} cannot be opened as a DuckDB file: is it damaged, or something else?"
            ) from None

    def schema(self) -> Schema:
        """Return the tables and views of the schema main."""
        rows = self._connection.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = 'main' AND NOT internal "
            "ORDER BY table_name, column_index"
        ).fetchall()
        found: dict[str, dict[str, Kind | None]] = {}
        for table, column, data_type in rows:
            found.setdefault(table, {})[column] = _kind(data_type)
        return found

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield these columns of a table in batches."""
        with reading(table):
            rows = self._connection.sql(select(table, columns))
            yield from batches_of(rows.to_arrow_reader(ROWS_A_BATCH))

    def is_demo(self) -> bool:
        """Say whether the table customers carries the demo's comment."""
        return self._connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'customers' AND comment = ?",
            [DEMO_MARK],
        ).fetchall() == [(1,)]

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def select(table: str, columns: Sequence[str]) -> str:
    """Return the query text for these columns and no others."""
    return f"SELECT {', '.join(quoted(name) for name in columns)} FROM {quoted(table)}"


def _kind(data_type: str) -> Kind | None:
    name = data_type.split("(", maxsplit=1)[0]
    if name == "DECIMAL":
        return Kind.INTEGER if data_type.endswith(",0)") else Kind.NUMBER
    kinds = {
        Kind.INTEGER: "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT",
        Kind.NUMBER: "FLOAT DOUBLE",
        Kind.TEXT: "VARCHAR ENUM",
        Kind.DATE: "DATE",
        Kind.TIMESTAMP: "TIMESTAMP TIMESTAMP_S TIMESTAMP_MS TIMESTAMP_NS",
        Kind.BOOLEAN: "BOOLEAN",
    }
    return next((kind for kind, names in kinds.items() if name in names.split()), None)
