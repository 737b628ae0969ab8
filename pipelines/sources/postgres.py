"""PostgreSQL as a source, through ADBC: one consistent snapshot, read only, streamed.

All tables of a run are read in one transaction of isolation level repeatable read, so a booking
that moves money between two accounts is seen in both or in neither. Types are read from the
catalogue, which a role sees even where it may not read the column (docs/operators.md has roles).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property

import adbc_driver_manager as adbc
import polars as pl
import pyarrow as pa
from adbc_driver_postgresql import StatementOptions

from pipelines.postgres import connect, told
from pipelines.sources.bank import DEMO_MARK, Schema, batches_of
from pipelines.sql import quoted
from transforms.errors import EngineError
from transforms.policy.roles import Kind

BATCH_BYTES = 8 * 2**20
LIMITS = {"statement_timeout": "2h", "lock_timeout": "1min"}
"""Where neither the role nor the URI sets one."""
SESSION = (
    # Whatever the database and the environment say: Arrow's text is UTF-8.
    "SET client_encoding = 'UTF8'",
    # A table that shows this role some of its rows is refused, not silently cut.
    "SET row_security = off",
    # Between two tables the connection rests while what was read is counted.
    "SET idle_in_transaction_session_timeout = 0",
)

_CATALOGUE = """
WITH RECURSIVE base (declared, type, modifier) AS (
    SELECT oid, oid, -1 FROM pg_catalog.pg_type
    UNION ALL
    SELECT b.declared, t.typbasetype, coalesce(nullif(t.typtypmod, -1), b.modifier)
    FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype = 'd'
)
SELECT n.nspname::text, c.relname::text, a.attname::text, t.typname::text, t.typtype::text,
       coalesce(nullif(a.atttypmod, -1), b.modifier)::int
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN base b ON b.declared = a.atttypid
JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd'
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_temp%'
  AND pg_catalog.pg_table_is_visible(c.oid)
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                    AND d.deptype = 'e')
ORDER BY c.relname, a.attnum
"""
_MARK = """
SELECT count(*) FROM pg_catalog.pg_class c
WHERE c.relname = 'customers' AND pg_catalog.pg_table_is_visible(c.oid)
  AND pg_catalog.obj_description(c.oid, 'pg_class') = $1
"""


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as the catalogue has it."""

    name: str
    type: str
    type_kind: str
    modifier: int

    @property
    def kind(self) -> Kind | None:
        """What it is to a policy; None is a type that no policy can name."""
        if self.type_kind == "e":
            return Kind.TEXT
        if self.type == "numeric":
            return Kind.INTEGER if self._has_no_decimals else Kind.NUMBER
        return _KINDS.get(self.type)

    @property
    def selected(self) -> str:
        """The expression that reads it in a type that every driver has."""
        cast = _CASTS.get(self.type, "")
        if self.type == "numeric":
            cast = "::text" if self._has_no_decimals else "::float8"
        elif self.type_kind == "e":
            cast = "::text"
        return f"{quoted(self.name)}{cast} AS {quoted(self.name)}"

    @property
    def _has_no_decimals(self) -> bool:
        # numeric(p, s) is stored as (p << 16 | s) + 4.
        return self.modifier >= 0 and (self.modifier - 4) & 0xFFFF == 0


_KINDS = {
    **dict.fromkeys(("int2", "int4", "int8"), Kind.INTEGER),
    **dict.fromkeys(("float4", "float8"), Kind.NUMBER),
    **dict.fromkeys(("text", "varchar", "bpchar", "citext", "name", "uuid", "inet"), Kind.TEXT),
    **dict.fromkeys(("timestamp", "timestamptz"), Kind.TIMESTAMP),
    "date": Kind.DATE,
    "bool": Kind.BOOLEAN,
}
_CASTS = {
    **dict.fromkeys(("bpchar", "citext", "name", "uuid", "inet"), "::text"),
    "timestamptz": " AT TIME ZONE 'UTC'",
}


class PostgresBank:
    """A PostgreSQL database: the tables that the search path of the role shows."""

    typed = True
    catalogued = True

    def __init__(self, uri: str) -> None:
        self._connection = connect(uri, autocommit=True)
        with self._answering("the database"):
            self._begin()

    def _begin(self) -> None:
        for statement in SESSION:
            self._run(statement)
        for name, least in LIMITS.items():
            if self.rows(f"SELECT current_setting('{name}')") == [("0",)]:
                self._run(f"SET {name} = '{least}'")
        self._run("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    def schema(self) -> Schema:
        """Return the visible tables and views; partitions stand for themselves in their table."""
        return {
            table: {column.name: column.kind for column in columns.values()}
            for table, (_, columns) in self._catalogue.items()
        }

    @cached_property
    def _catalogue(self) -> dict[str, tuple[str, dict[str, _Column]]]:
        """Table → its schema's name, and its columns by name."""
        found: dict[str, tuple[str, dict[str, _Column]]] = {}
        with self._answering("the database's catalogue"):
            for space, table, *column in self.rows(_CATALOGUE):
                _, columns = found.setdefault(str(table), (str(space), {}))
                name, type_name, type_kind, modifier = column
                columns[str(name)] = _Column(
                    str(name), str(type_name), str(type_kind), int(str(modifier))
                )
        return found

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield these columns of a table in batches of some megabytes."""
        space, known = self._catalogue[table]
        expressions = ", ".join(known[name].selected for name in columns)
        query = f"SELECT {expressions} FROM {quoted(space)}.{quoted(table)}"
        with self._answering(f"table {table}"), self._connection.cursor() as cursor:
            cursor.adbc_statement.set_options(
                **{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(BATCH_BYTES)}
            )
            cursor.execute(query)
            yield from batches_of(_valid(cursor.fetch_record_batch()))

    def is_demo(self) -> bool:
        """Say whether the table customers carries the demo's comment."""
        with self._answering("the database's catalogue"):
            return self.rows(_MARK, DEMO_MARK) == [(1,)]

    def close(self) -> None:
        """End the transaction and the connection."""
        with suppress(adbc.Error, OSError, RuntimeError):
            self._connection.close()

    def rows(self, query: str, *values: str) -> list[tuple[object, ...]]:
        """Return what a query about the database itself answers."""
        with self._connection.cursor() as cursor:
            cursor.execute(query, values or None)
            return list(cursor.fetchall())

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    @contextmanager
    def _answering(self, what: str) -> Iterator[None]:
        """Turn what the server or the driver says into a word about the table alone."""
        try:
            yield
        except (MemoryError, pa.ArrowMemoryError):
            raise EngineError(f"{what} does not fit into memory: give the run more") from None
        except (adbc.Error, pa.ArrowException, OSError) as error:
            raise told(error, what) from None


def _valid(reader: pa.RecordBatchReader) -> pa.RecordBatchReader:
    """Return the batches, each checked: a database in SQL_ASCII may hold any bytes as text."""

    def checked() -> Iterator[pa.RecordBatch]:
        for batch in reader:
            batch.validate(full=True)
            yield batch

    return pa.RecordBatchReader.from_batches(reader.schema, checked())
