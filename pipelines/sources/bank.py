"""What every kind of source offers, and what its engine may say of its troubles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

import duckdb
import polars as pl
import pyarrow as pa

from transforms.errors import EngineError, SourceError
from transforms.policy.roles import Kind

DEMO_MARK = "clause16 demo bank"

Schema = Mapping[str, Mapping[str, Kind | None]]
"""Table → column → kind; None is a type that no policy can name."""


class Bank(Protocol):
    """An operational bank that can be read.

    typed: False where everything is text. catalogued: False where the name of a table is that of a
    file, which may say anything.

    What one opened bank reads is one state of it, where the source can hold one still.
    """

    typed: bool
    catalogued: bool

    def schema(self) -> Schema:
        """Return every table and column there is, from metadata alone."""

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield these columns of a table in batches, an empty table as one empty batch.

        One table is walked to its end before the next is begun.
        """

    def is_demo(self) -> bool:
        """Say whether the bank was written by `clause16 demo`."""

    def close(self) -> None:
        """Let go of the source."""


@contextmanager
def reading(table: str) -> Iterator[None]:
    """Turn what an engine says while reading into a word about the table alone."""
    try:
        yield
    except (duckdb.OutOfMemoryException, MemoryError, pa.ArrowMemoryError):
        raise EngineError(f"table {table} does not fit into memory: give the run more") from None
    except (duckdb.Error, pl.exceptions.PolarsError, pa.ArrowException, OSError, UnicodeError):
        raise SourceError(
            f"table {table} cannot be read: a file or a row is broken, or not in the form (type, "
            f"separator, encoding) that the policy declares"
        ) from None


def batches_of(reader: pa.RecordBatchReader) -> Iterator[pl.DataFrame]:
    """Yield an Arrow stream's batches as frames, an empty stream as one empty frame."""
    empty = True
    for batch in reader:
        empty = False
        yield _frame(pa.Table.from_batches([batch]))
    if empty:
        yield _frame(reader.schema.empty_table())


def _frame(batch: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()
