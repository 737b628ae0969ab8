"""A PostgreSQL server that is asked through the officer's functions; its tables are never read.

What is asked goes into a temporary table of the session, by COPY: what a query is given may stand
in the server's log, what a table is filled with does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import adbc_driver_manager as adbc
import polars as pl
import pyarrow as pa

from pipelines.lookups import FUNCTIONS, LOOKUPS, SAME_PERSON
from pipelines.postgres import connect, state_of, told
from transforms.errors import EngineError, SourceError
from transforms.identity import Clue

SESSION = (
    "SET client_encoding = 'UTF8'",
    "SET datestyle = 'ISO, YMD'",
    # Before the first temporary table: as much stays in memory, and comes on no disk.
    "SET temp_buffers = '64MB'",
)


class Server:
    """A PostgreSQL database that has the officer's functions."""

    def __init__(self, uri: str) -> None:
        self._connection = connect(uri, autocommit=False)
        with _answering():
            for statement in SESSION:
                self._run(statement)

    def find(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Return `kind`, `form`, `key` of all that bear what is asked, no key of others."""
        kinds = sorted(set(asked.get_column("kind")))
        found = [self._find(Clue(kind), asked.filter(kind=kind)) for kind in kinds]
        return pl.concat([pl.DataFrame(schema=_FOUND), *found]).unique()

    def _find(self, clue: Clue, asked: pl.DataFrame) -> pl.DataFrame:
        function = f"{LOOKUPS}.{FUNCTIONS[clue]}"
        kind = pl.lit(clue.value).alias("kind")
        if clue is not Clue.NAME_AND_BIRTH:
            forms = asked.select("form")
            found = self._ask(f"SELECT asked, key FROM {function}({_list('form')})", forms)
            return found.select(kind, pl.col("asked").alias("form"), "key")
        # The name's spelling, a bar, and the day as ISO 8601 writes it.
        day = pl.col("form").str.slice(-10)
        forms = asked.select("form", name=pl.col("form").str.head(-11), born=day.cast(pl.String))
        births = f"{_list('name')}, {_list('born::date')}"
        query = f"SELECT asked || '|' || born::text AS form, key FROM {function}({births})"
        return self._ask(query, forms).select(kind, "form", "key")

    def same_persons(self, keys: pl.Series) -> pl.DataFrame:
        """Return `key`, `other` of records of one person."""
        forms = pl.DataFrame({"form": keys})
        return self._ask(f"SELECT key, other FROM {LOOKUPS}.{SAME_PERSON}({_list('form')})", forms)

    def close(self) -> None:
        """End the connection, and the temporary tables with it."""
        with suppress(adbc.Error, OSError, RuntimeError):
            self._connection.close()

    def _ask(self, query: str, asked: pl.DataFrame) -> pl.DataFrame:
        """Return what a query about the table `asked` answers."""
        with _answering(), self._connection.cursor() as cursor:
            cursor.adbc_ingest(_ASKED, asked.to_arrow(), mode="create", temporary=True)
            cursor.execute(query)
            found = pl.DataFrame(cursor.fetch_arrow_table())
            cursor.execute(f"DROP TABLE pg_temp.{_ASKED}")
        return found

    def _run(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)


_ASKED = "clause16_asked"
_FOUND = {"kind": pl.String(), "form": pl.String(), "key": pl.String()}


def _list(column: str) -> str:
    # In one order: of several lists, what belongs together stands in the same place.
    return f"ARRAY(SELECT {column} FROM pg_temp.{_ASKED} ORDER BY form)"


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the server or the driver says into our words."""
    try:
        yield
    except (MemoryError, pa.ArrowMemoryError):
        raise EngineError("the answers do not fit into memory: give the look-up more") from None
    except (adbc.Error, pa.ArrowException, OSError) as error:
        if state_of(error) in _NOT_GRANTED:
            raise SourceError(
                "the officer's look-up is not there for this role, or not as this policy needs it: "
                "whoever owns the bank's tables runs what `clause16 grants --for officer` prints"
            ) from None
        raise told(error, "the look-up's answer") from None


_NOT_GRANTED = frozenset({"42501", "42883", "3F000", "42804"})
"""Not permitted; no such function, or schema; one that answers otherwise."""
