"""A folder of Parquet or CSV files as a source.

A table is a file `table.suffix`, or a folder of its name with any number of such files in it, also
in folders below, and nothing else. A folder `column=value` (Hive's partitions) is a column of text
of the rows below it. Files and folders whose name begins with `.` or `_` are others' notes, and not
looked at. What cannot be read stops the run: a part that is missing would be people who are.
"""

from __future__ import annotations

import codecs
import csv as csv_module
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from pipelines.sources.bank import Schema, batches_of, reading
from pipelines.sources.csv_faults import stray_quote, uneven_row
from transforms.errors import PolicyError, SourceError
from transforms.policy.roles import Kind
from transforms.policy.sources import Csv
from transforms.policy.whole import Policy
from transforms.steps.conform import kind_of

ROWS_A_BATCH = 131_072
BLOCK_BYTES = 16 * 2**20
"""Of a CSV file read at once; no row is longer."""
REFERENCE = 8
"""Bytes; who packs more than one value into so many repeats values."""
MOST_BYTES = 2**29
"""Of a column's texts in one batch: four thousand in each row."""
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of a table, and what its folders say of its rows."""

    path: Path
    partition: tuple[tuple[str, str | None], ...]


def _tables(folder: Path, suffix: str) -> dict[str, list[_Part]]:
    """Return the files of each table, in the order of their paths; raises SourceError."""
    found: dict[str, list[_Part]] = {}
    with _looking():
        for path in sorted(folder.iterdir()):
            if path.name.startswith(_NOTES):
                continue
            if path.is_dir():
                parts = [_part(folder, file, suffix) for file in sorted(_files(path))]
            else:
                parts = [_Part(regular(path), ())] if path.name.endswith(suffix) else []
            table = path.name if path.is_dir() else path.name.removesuffix(suffix)
            if parts and table in found:
                raise SourceError(
                    "a table of the source is both a file and a folder of the same name, and would "
                    "be read twice: keep one of them"
                )
            if parts:
                found[table] = parts
    return found


_NOTES = (".", "_")
DEEPEST = 16
"""Folders within folders; a link that leads back upwards ends there."""


def _files(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield all files below a folder, through links as well."""
    if depth > DEEPEST:
        raise SourceError("the folders of the source lie too deep; does a link lead back upwards?")
    for path in folder.iterdir():
        if path.name.startswith(_NOTES):
            continue
        if path.is_dir():
            yield from _files(path, depth + 1)
        else:
            yield path


def _part(source: Path, file: Path, suffix: str) -> _Part:
    """Return a file in a table's folder; raises SourceError where it is of another kind."""
    if not file.name.endswith(suffix):
        raise SourceError(
            f"a folder of the source holds a file that is no {suffix} file: take it out, or let "
            f"its name begin with _"
        )
    inner = file.relative_to(source).parts
    return _Part(regular(file), tuple(_partition(name) for name in inner[1:-1] if "=" in name))


def regular(path: Path) -> Path:
    """Return the path of a file; raises SourceError where it is none, and would never end."""
    if not path.is_file():
        raise SourceError(
            "a file of the source is a pipe, a device or a link that leads nowhere: take it out, "
            "or let its name begin with _"
        )
    return path


@contextmanager
def _looking() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise SourceError(
            "a folder of the source may not be looked into: check its owner and mode"
        ) from None


def _partition(folder: str) -> tuple[str, str | None]:
    column, _, value = folder.partition("=")
    said = unquote(value)
    return unquote(column), None if said == NO_VALUE else said


def _one_form(table: str, forms: Sequence[dict[str, Kind | None]]) -> dict[str, Kind | None]:
    if any(form != forms[0] for form in forms):
        raise SourceError(
            f"table {table}: its files have different columns, types or partitions: write them "
            f"alike"
        )
    return forms[0]


def _with_partition(
    batches: Iterator[pl.DataFrame], part: _Part, columns: Sequence[str]
) -> Iterator[pl.DataFrame]:
    said = [
        pl.lit(value, pl.String).alias(column)
        for column, value in part.partition
        if column in columns
    ]
    for batch in batches:
        yield batch.with_columns(said).select(columns)


def _packed(metadata: pq.FileMetaData, names: Sequence[str]) -> list[str]:
    """Return the columns of texts that take less in the file than a reference to each would."""
    packed: set[str] = set()
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            small = chunk.total_uncompressed_size < REFERENCE * max(chunk.num_values, 1)
            if small and chunk.physical_type == "BYTE_ARRAY" and chunk.path_in_schema in names:
                packed.add(chunk.path_in_schema)
    return sorted(packed)


def _unpacked(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with its texts written out; raises SourceError where they would be endless.

    A few megabytes of Parquet may stand for terabytes of one long text again and again.
    """
    whole = []
    for field, column in zip(schema, batch.columns, strict=True):
        if pa.types.is_dictionary(column.type):
            lengths = pc.binary_length(column.dictionary)
            if (pc.sum(lengths.take(column.indices)).as_py() or 0) > MOST_BYTES:
                raise SourceError(
                    f"column {field.name} holds texts so long that no memory holds a few of its "
                    f"rows: is the file a bank's?"
                )
            column = column.cast(field.type)  # noqa: PLW2901 - the same column, written out
        whole.append(column)
    return pa.RecordBatch.from_arrays(whole, schema=schema)


def _in_file(part: _Part, columns: Sequence[str]) -> list[str]:
    partition = dict(part.partition)
    return [column for column in columns if column not in partition]


class ParquetBank:
    """A folder of Parquet files."""

    typed = True
    catalogued = False

    def __init__(self, folder: Path) -> None:
        self._parts = _tables(folder, ".parquet")

    def schema(self) -> Schema:
        """Return the schema of each table's files, which must be the same in all."""
        return {
            table: _one_form(table, [self._form(table, part) for part in parts])
            for table, parts in self._parts.items()
        }

    def _form(self, table: str, part: _Part) -> dict[str, Kind | None]:
        with reading(table):
            schema = pl.read_parquet_schema(part.path)
        in_file = {name: kind_of(dtype) for name, dtype in schema.items()}
        return in_file | dict.fromkeys(dict(part.partition), Kind.TEXT)

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield these columns of a table in batches."""
        for part in self._parts[table]:
            with reading(table):
                yield from _with_partition(self._batches(part, columns), part, columns)

    def _batches(self, part: _Part, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        names = _in_file(part, columns)
        with pq.ParquetFile(part.path, pre_buffer=False) as file:
            packed = _packed(file.metadata, names)
            schema = pa.schema([file.schema_arrow.field(name) for name in names])
        with pq.ParquetFile(part.path, pre_buffer=False, read_dictionary=packed) as file:
            rows = file.iter_batches(ROWS_A_BATCH, columns=names)
            whole = (_unpacked(batch, schema) for batch in rows)
            yield from batches_of(pa.RecordBatchReader.from_batches(schema, whole))

    def is_demo(self) -> bool:
        """Say whether customers.parquet carries the demo's mark."""
        parts = self._parts.get("customers")
        if not parts:
            return False
        with reading("customers"):
            return pl.read_parquet_metadata(parts[0].path).get("clause16") == "demo bank"

    def close(self) -> None:
        """Nothing is held open."""


class CsvBank:
    """A folder of CSV files, written as the policy says; every value is text."""

    typed = False
    catalogued = False

    def __init__(self, folder: Path, policy: Policy) -> None:
        self._parts = _tables(folder, ".csv")
        self._policy = policy
        for form in {policy.csv, *(source.csv or policy.csv for source in policy.sources.values())}:
            _check_encoding(form.encoding)

    def schema(self) -> Schema:
        """Return the header of each table's files, which must be the same in all."""
        return {
            table: _one_form(table, [self._form(table, part) for part in parts])
            for table, parts in self._parts.items()
        }

    def _form(self, table: str, part: _Part) -> dict[str, Kind | None]:
        names = [*self._header(table, part.path), *dict(part.partition)]
        if len(set(names)) < len(names):
            raise SourceError(f"table {table}: two columns have the same name")
        return dict.fromkeys(names, Kind.TEXT)

    def _header(self, table: str, path: Path) -> list[str]:
        form = self._written(table)
        encoding = _encoding(form)
        with reading(table), path.open(encoding=encoding, newline="") as lines:
            try:
                return next(csv_module.reader(lines, delimiter=form.separator), [])
            except csv_module.Error:
                raise SourceError(f"table {table}: {path.name} has no header of columns") from None

    def _written(self, table: str) -> Csv:
        # A table that the policy does not know is told apart from it by its header.
        return self._policy.csv_of(table) if table in self._policy.sources else self._policy.csv

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield these columns of a table in batches, as text."""
        for part in self._parts[table]:
            with reading(table):
                yield from _with_partition(self._batches(table, part, columns), part, columns)

    def _batches(self, table: str, part: _Part, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        form = self._written(table)
        _check_quotes(table, part.path, form)
        file = pa.OSFile(str(part.path))
        decoded = pa.transcoding_input_stream(file, _encoding(form), "utf8")
        try:
            with _opened(decoded, form, _in_file(part, columns)) as reader:
                yield from batches_of(reader)
        except UnicodeError:
            _BROKEN.append(decoded)
            raise
        except pa.ArrowInvalid:
            _BROKEN.append(decoded)
            row = uneven_row(part.path, _encoding(form), form.separator)
            if row is None:
                raise
            raise SourceError(
                f"table {table}, line {row.line} of {part.path.name}: it has {row.cells} fields "
                f"where the header has {row.header}: mend the file, or correct the policy's "
                f"separator"
            ) from None

    def is_demo(self) -> bool:
        """Say no: a CSV file can carry no mark."""
        return False

    def close(self) -> None:
        """Nothing is held open."""


_BROKEN: list[pa.NativeFile] = []
"""Files that a run ends over, held until its end.

Arrow may be reading ahead yet. Were its thread the last to let go of our decoder, and the process
just ending, that would abort it.
"""


def _opened(decoded: pa.NativeFile, form: Csv, columns: list[str]) -> arrow_csv.CSVStreamingReader:
    """Open a file that is decoded to UTF-8 for these columns, as text."""
    return arrow_csv.open_csv(
        decoded,
        read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=False),
        parse_options=arrow_csv.ParseOptions(delimiter=form.separator, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=columns,
            column_types=dict.fromkeys(columns, pa.string()),
            null_values=list(form.null_values),
            strings_can_be_null=True,
        ),
    )


def _check_quotes(table: str, path: Path, form: Csv) -> None:
    line = stray_quote(path, _encoding(form), form.separator)
    if line is not None:
        raise SourceError(
            f"table {table}, line {line} of {path.name}: a quotation mark opens or closes no field "
            f"there, or the file ends within one: mend the file, or correct the policy's separator"
        )


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
        "".encode(encoding)
    except (LookupError, ValueError):
        raise PolicyError(
            f'csv.encoding "{encoding}" is no encoding of text that Python knows'
        ) from None


def _encoding(form: Csv) -> str:
    """Return the encoding's name; of UTF-8 a mark at the beginning is no part of the text."""
    name = codecs.lookup(form.encoding).name
    return "utf-8-sig" if name == "utf-8" else name
