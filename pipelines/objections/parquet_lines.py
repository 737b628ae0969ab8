"""Parquet files of objections: only the columns asked for, as text, never more than fits.

A small file may declare, or repeat, more than any memory holds: what is declared is looked at
before anything is read, values stay coded by their dictionaries, and a batch that says much is cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.objections.lines import (
    LARGEST_CHUNK,
    LINES_A_CHUNK,
    LONGEST_LINE,
    WITH_MARK,
    Chunk,
    FileError,
    find_columns,
    joined,
)
from transforms.policy.opt_out import Import, ImportColumn

MOST_LINES = 20_000_000
LARGEST_ROW_GROUP = 2 * 2**30
"""Bytes that the columns which are read may have in a row group, unpacked."""


class ParquetLines:
    """A Parquet file. Raises FileError where it is none, says too much, or has other types."""

    encoding = WITH_MARK

    def __init__(self, file: BinaryIO, form: Import) -> None:
        with _reading():
            schema = pq.read_schema(file)
        places = find_columns(schema.names, form)
        used = sorted({place for positions in places.of.values() for place in positions})
        self.header: Sequence[str] = [schema.names[place] for place in used]
        self.ignored = places.ignored
        self._places = {
            name: [used.index(place) for place in positions]
            for name, positions in places.of.items()
        }
        self._check_types(schema, places.of)
        texts = [name for name in self.header if _is_text(schema.field(name).type)]
        with _reading():
            file.seek(0)
            self._file = pq.ParquetFile(file, read_dictionary=texts, pre_buffer=False)
        self._check_size()
        for _ in self._batches():
            pass

    def _check_types(self, schema: pa.Schema, places: Mapping[ImportColumn, Sequence[int]]) -> None:
        for name, positions in places.items():
            for place in positions:
                kind = schema.field(place).type
                if not any(says(_inner(kind)) for says in _SAYABLE):
                    raise FileError(
                        f"the column for {name} is of a type that no line can be read from: write "
                        f"it as text, a whole number, a date, a timestamp, or true and false"
                    )

    def _check_size(self) -> None:
        about = self._file.metadata
        if about.num_rows > MOST_LINES:
            raise FileError(f"the file has more than {MOST_LINES:,} lines: write several")
        for number in range(about.num_row_groups):
            group = about.row_group(number)
            columns = (group.column(place) for place in range(group.num_columns))
            unpacked = sum(
                column.total_uncompressed_size
                for column in columns
                if column.path_in_schema in self.header
            )
            if not 0 <= unpacked <= LARGEST_ROW_GROUP:
                raise FileError(
                    f"a row group of the file unpacks to more than {LARGEST_ROW_GROUP >> 30} GiB: "
                    f"write it with smaller ones"
                )

    def _batches(self) -> Iterator[pa.RecordBatch]:
        with _reading():
            for batch in self._file.iter_batches(LINES_A_CHUNK, columns=list(self.header)):
                batch.validate(full=True)
                yield from _pieces(batch.select(list(self.header)))

    def chunks(self) -> Iterator[Chunk]:
        """Yield the lines, numbered from 1."""
        first = 1
        for batch in self._batches():
            texts = [_as_text(column) for column in batch.columns]
            columns = {
                name: [texts[place] for place in places] for name, places in self._places.items()
            }
            yield Chunk(
                said=joined(columns),
                lines=range(first, first + batch.num_rows),
                fields=pl.DataFrame([text.alias(str(place)) for place, text in enumerate(texts)])
                .fill_null("")
                .rows(),
            )
            first += batch.num_rows


def _inner(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _is_text(kind: pa.DataType) -> bool:
    return any(says(_inner(kind)) for says in _TEXTS)


_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_SAYABLE = (
    *_TEXTS,
    pa.types.is_integer,
    pa.types.is_boolean,
    pa.types.is_date,
    pa.types.is_timestamp,
    pa.types.is_null,
)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield a batch in pieces that are small enough as text; raises FileError at a huge value."""
    size = sum(_characters(column) for column in batch.columns)
    if size <= LARGEST_CHUNK or batch.num_rows == 1:
        yield batch
        return
    half = batch.num_rows // 2
    yield from _pieces(batch.slice(0, half))
    yield from _pieces(batch.slice(half))


def _characters(column: pa.Array) -> int:
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type):
        return 0
    lengths = pc.binary_length(column.dictionary)
    if (pc.max(lengths).as_py() or 0) >= LONGEST_LINE:
        raise FileError("a value of the file is longer than an objection can be: mend it")
    return int(pc.sum(pc.take(lengths, column.indices)).as_py() or 0)


def _as_text(column: pa.Array) -> pl.Series:
    """Return a column as a CSV file would have it."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values = pl.Series(column)
    if values.dtype.is_temporal():
        return _iso(values)
    return values.cast(pl.String)


def _iso(values: pl.Series) -> pl.Series:
    said = pl.col("said")
    if values.dtype == pl.Date:
        written = said.dt.to_string("%Y-%m-%d")
    elif getattr(values.dtype, "time_zone", None) is None:
        written = said.dt.to_string("%Y-%m-%dT%H:%M:%S%.6f")
    else:
        written = said.dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
    # What lies far outside of any calendar cannot be written; nothing reads these words.
    far = said.is_not_null() & ~said.dt.year().is_between(1, 9999).fill_null(value=False)
    moments = pl.DataFrame({"said": values}).with_columns(far=far, said=pl.when(~far).then(said))
    return moments.select(pl.when("far").then(pl.lit("no date")).otherwise(written)).to_series()


@contextmanager
def _reading() -> Iterator[None]:
    """Turn what an engine says of a file into a word about it."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, KeyError):
        raise FileError(
            "the file cannot be read as Parquet: is it whole, and is all of its text UTF-8?"
        ) from None
