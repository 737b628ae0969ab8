"""A folder of Parquet or CSV files as a source.

A table is a file `table.suffix`, or a folder of its name with any number of such files in it, also
in folders below. A folder `column=value` (Hive's partitions) is a column of text of the rows below
it. Files and folders whose name begins with `.` or `_` are others' notes, and not looked at.
"""

from __future__ import annotations

import codecs
import csv as csv_module
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq

from pipelines.sources.bank import Schema, batches_of, reading
from transforms.errors import PolicyError, SourceError
from transforms.policy import Csv, Kind, Policy
from transforms.steps.conform import kind_of

ROWS_A_BATCH = 131_072
BLOCK_BYTES = 16 * 2**20
"""Of a CSV file read at once; no row is longer."""
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class _Part:
    """One file of a table, and what its folders say of its rows."""

    path: Path
    partition: tuple[tuple[str, str | None], ...]


def _tables(folder: Path, suffix: str) -> dict[str, list[_Part]]:
    """Return the files of each table, in the order of their paths."""
    found: dict[str, list[_Part]] = {}
    for path in sorted(folder.rglob(f"*{suffix}")):
        inner = path.relative_to(folder).parts
        if not path.is_file() or any(name.startswith((".", "_")) for name in inner):
            continue
        table = inner[0] if len(inner) > 1 else path.name.removesuffix(suffix)
        said = tuple(_partition(name) for name in inner[1:-1] if "=" in name)
        found.setdefault(table, []).append(_Part(path, said))
    return found


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


def _in_file(part: _Part, columns: Sequence[str]) -> list[str]:
    partition = dict(part.partition)
    return [column for column in columns if column not in partition]


class ParquetBank:
    """A folder of Parquet files."""

    typed = True

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
            rows = file.iter_batches(ROWS_A_BATCH, columns=names)
            schema = pa.schema([file.schema_arrow.field(name) for name in names])
            yield from batches_of(pa.RecordBatchReader.from_batches(schema, rows))

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
        names, form = _in_file(part, columns), self._written(table)
        broken: list[arrow_csv.InvalidRow] = []

        def refuse(row: arrow_csv.InvalidRow) -> str:
            broken.append(row)
            return "error"

        try:
            with (
                _Counted(part.path) as file,
                arrow_csv.open_csv(
                    file,
                    read_options=arrow_csv.ReadOptions(
                        block_size=BLOCK_BYTES, encoding=_encoding(form), use_threads=False
                    ),
                    parse_options=arrow_csv.ParseOptions(
                        delimiter=form.separator,
                        newlines_in_values=True,
                        invalid_row_handler=refuse,
                    ),
                    convert_options=arrow_csv.ConvertOptions(
                        include_columns=names,
                        column_types=dict.fromkeys(names, pa.string()),
                        null_values=list(form.null_values),
                        strings_can_be_null=True,
                    ),
                ) as reader,
            ):
                yield from batches_of(reader)
                if file.quotes % 2 and _never_closes(part.path, form):
                    raise SourceError(
                        f"table {table}: a quoted field of {part.path.name} is never closed; has "
                        f"the file been cut off?"
                    )
        except pa.ArrowInvalid:
            if not broken:
                raise
            row = broken[0]
            raise SourceError(
                f"table {table}, row {row.number} of {part.path.name}: it has {row.actual_columns} "
                f"fields where the header has {row.expected_columns}: mend the file, or correct "
                f"the policy's separator"
            ) from None

    def is_demo(self) -> bool:
        """Say no: a CSV file can carry no mark."""
        return False

    def close(self) -> None:
        """Nothing is held open."""


class _Counted(io.FileIO):
    """A file that counts the quotation marks that are read: an odd number may be an open one."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.quotes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes."""
        block = super().read(-1 if size is None else size)
        self.quotes += block.count(b'"')
        return block


def _never_closes(path: Path, form: Csv) -> bool:
    """Say whether the file ends within a quoted field, which Arrow takes for its end."""
    with path.open(encoding=_encoding(form), newline="") as lines:
        try:
            for _ in csv_module.reader(lines, delimiter=form.separator, strict=True):
                pass
        except csv_module.Error as error:
            return "unexpected end" in str(error)
    return False


def _check_encoding(encoding: str) -> None:
    try:
        codecs.lookup(encoding)
        "".encode(encoding)
    except LookupError:
        raise PolicyError(
            f'csv.encoding "{encoding}" is no encoding of text that Python knows'
        ) from None


def _encoding(form: Csv) -> str:
    """Return the encoding's name; of UTF-8 a mark at the beginning is no part of the text."""
    name = codecs.lookup(form.encoding).name
    return "utf-8-sig" if name == "utf-8" else name
