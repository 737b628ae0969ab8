"""A PostgreSQL database as the place of a generated bank: one transaction, whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import adbc_driver_manager as adbc
import pyarrow as pa
from adbc_driver_postgresql import dbapi

from pipelines.demo.schema import KEYS, MARK_KEY, MARK_VALUE, TABLES, Part
from pipelines.postgres import connect
from pipelines.sql import literal, quoted
from transforms.errors import SourceError

_MARK: Final = f"{MARK_KEY} {MARK_VALUE}"
# By them the bank's tables are joined, so they are indexed.
_JOINED_BY: Final = ("customer_id", "account_id", "application_id", "loan_id")
_EXISTING: Final = """
SELECT c.relname::text, coalesce(obj_description(c.oid, 'pg_class'), '')
FROM pg_catalog.pg_class c
WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """The first schema of a database's search path; an earlier demo bank there is replaced."""

    # A URI may hold a password.
    uri: str = field(repr=False)

    def write(self, parts: Iterable[Part]) -> None:
        """Write all the parts; nobody sees a table before the last one is in.

        Raises SourceError where tables of the same names exist that no demo bank made.
        """
        connection = connect(self.uri, autocommit=False)
        try:
            with _answering():
                _make_room(connection)
                _create(connection)
            for part in parts:
                with _answering(), connection.cursor() as cursor:
                    cursor.adbc_ingest(part.table, part.rows, mode="append")
            with _answering():
                _finish(connection)
                connection.commit()
        finally:
            # What is not committed is undone, by the driver or by the server.
            with suppress(adbc.Error, OSError, RuntimeError):
                connection.close()


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the server or the driver says while writing into our words."""
    try:
        yield
    except (adbc.Error, pa.ArrowException, OSError) as error:
        state = getattr(error, "sqlstate", None) or "none"
        raise SourceError(
            f"the PostgreSQL server did not take the demo bank (SQLSTATE {state}), and nothing "
            f"was written: check rights (CREATE on the schema), views on an earlier demo bank, "
            f"and space"
        ) from None


def _make_room(connection: dbapi.Connection) -> None:
    """Remove an earlier demo bank; raises SourceError where a table is not one's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()::text")
        if cursor.fetchone() == (None,):
            raise SourceError("the search path of the URI of --to names no schema that exists")
        cursor.execute(_EXISTING)
        existing = {str(name): str(mark) for name, mark in cursor.fetchall() if name in TABLES}
    foreign = sorted(table for table, mark in existing.items() if mark != _MARK)
    if foreign:
        raise SourceError(
            f"the database has tables already that no demo bank made ({', '.join(foreign)}): "
            f"they are never overwritten; name an empty database or schema"
        )
    if existing:
        _run(connection, f"DROP TABLE {', '.join(quoted(table) for table in existing)}")


def _create(connection: dbapi.Connection) -> None:
    """Create the tables, each with the mark of a demo bank."""
    for table, schema in TABLES.items():
        columns = ", ".join(f"{quoted(column.name)} {_type(column.type)}" for column in schema)
        _run(connection, f"CREATE TABLE {quoted(table)} ({columns})")
        _run(connection, f"COMMENT ON TABLE {quoted(table)} IS {literal(_MARK)}")


_TYPES: Final = {
    pa.string(): "text",
    pa.date32(): "date",
    pa.timestamp("us"): "timestamp",
    pa.bool_(): "boolean",
    pa.int64(): "bigint",
    pa.int32(): "integer",
}


def _type(arrow: pa.DataType) -> str:
    """Return PostgreSQL's name of a type."""
    if pa.types.is_decimal(arrow):
        return f"numeric({arrow.precision}, {arrow.scale})"
    return _TYPES[arrow]


def _finish(connection: dbapi.Connection) -> None:
    """Add keys and indexes, which are faster to build when all rows are in, and statistics."""
    for table, schema in TABLES.items():
        key = ", ".join(quoted(column) for column in KEYS[table])
        _run(connection, f"ALTER TABLE {quoted(table)} ADD PRIMARY KEY ({key})")
        for column in _JOINED_BY:
            if column in schema.names and column != KEYS[table][0]:
                _run(connection, f"CREATE INDEX ON {quoted(table)} ({quoted(column)})")
        _run(connection, f"ANALYZE {quoted(table)}")


def _run(connection: dbapi.Connection, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
