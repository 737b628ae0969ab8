"""The operational bank, through one small interface: a source URI → only the columns asked for.

A release asks for the columns that the policy lets it read and for nothing else; no query, scan
or projection names another column.
"""

from __future__ import annotations

import codecs
import csv as csv_module
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

import duckdb
import polars as pl

from transforms.errors import EngineError, PolicyError, SourceError
from transforms.policy import Csv, Kind, Policy
from transforms.steps.conform import fits, kind_of

DEMO_MARK = "clause16 demo bank"

Schema = Mapping[str, Mapping[str, Kind | None]]
"""Table → column → kind; None is a type that no policy can name."""


class Bank(Protocol):
    """An operational bank that can be read. `typed` is False where everything is text."""

    typed: bool

    def schema(self) -> Schema:
        """Return every table and column there is, from metadata alone."""

    def read(self, table: str, columns: Sequence[str]) -> pl.DataFrame:
        """Return these columns of a table."""

    def is_demo(self) -> bool:
        """Say whether the bank was written by `clause16 demo`."""


def open_bank(uri: str, csv: Csv) -> Bank:
    """Open a source: `duckdb:///file`, `parquet:///folder` or `csv:///folder`.

    Raises SourceError where the URI is of another form or nothing is there.
    """
    kind, path = split_uri(uri)
    if not path.exists():
        raise SourceError(f"there is nothing at {uri}: correct --source (or $CLAUSE16_SOURCE)")
    if kind == "duckdb":
        return DuckDBBank(path)
    if not path.is_dir():
        raise SourceError(
            f"{uri} is not a folder: name the folder that holds a file for each table"
        )
    return ParquetBank(path) if kind == "parquet" else CsvBank(path, csv)


def split_uri(uri: str) -> tuple[str, Path]:
    """Return the kind and the path of a source URI; raises SourceError."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"duckdb", "parquet", "csv"} or parts.netloc or not parts.path:
        raise SourceError(
            f"{parts.scheme or 'this'} is no source that can be read: give duckdb:///path/to/file, "
            f"parquet:///path/to/folder or csv:///path/to/folder"
        )
    return parts.scheme, Path(unquote(parts.path))


def check_source(bank: Bank, policy: Policy) -> list[PolicyError | SourceError]:
    """Hold the source's tables, columns and types against the policy; nothing is read."""
    return list(_misfits(bank, policy))


def _misfits(bank: Bank, policy: Policy) -> Iterator[PolicyError | SourceError]:
    found = bank.schema()
    for table in sorted(found.keys() - policy.sources.keys()):
        yield PolicyError(
            f"table {table} is in the source and not in the policy: declare it under "
            f"[sources.{table}], or keep it out of the source"
        )
    for table, declared in policy.sources.items():
        if table not in found:
            yield SourceError(
                f"table {table} is in the policy and not in the source: is this the bank?"
            )
            continue
        for column in sorted(found[table].keys() - declared.columns.keys()):
            # The header of a CSV file may be a record: then its names are values.
            number = list(found[table]).index(column) + 1
            named = f"column {table}.{column}" if bank.typed else f"column {number} of {table}"
            yield PolicyError(
                f"{named} is in the source and not in the policy: declare its role, or nothing is "
                f"released"
            )
        for column in sorted(declared.columns.keys() - found[table].keys()):
            yield SourceError(
                f"column {table}.{column} is in the policy and not in the source: has it been "
                f"renamed?"
            )
        if bank.typed:
            yield from _mistyped(table, found[table], policy)


def _mistyped(
    table: str, found: Mapping[str, Kind | None], policy: Policy
) -> Iterator[SourceError]:
    for column in policy.reads().get(table, ()):
        wanted = policy.sources[table].columns[column].type
        if column in found and wanted is not None and not fits(found[column], wanted):
            yield SourceError(
                f"column {table}.{column} is {found[column] or 'of an unknown type'} in the "
                f"source, and {wanted} in the policy: has the bank changed?"
            )


class DuckDBBank:
    """A DuckDB file, opened for reading only, in one transaction."""

    typed = True

    def __init__(self, path: Path) -> None:
        try:
            # Nothing of the bank is ever spilled to a disk.
            nowhere: dict[str, bool | int | float | str | list[str]] = {"temp_directory": ""}
            self._connection = duckdb.connect(str(path), read_only=True, config=nowhere)
            self._connection.execute("BEGIN TRANSACTION READ ONLY")
        except duckdb.Error:
            raise SourceError(
                f"{path.name} cannot be opened as a DuckDB file: is another program writing it, or "
                f"is it something else?"
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
            found.setdefault(table, {})[column] = _duckdb_kind(data_type)
        return found

    def read(self, table: str, columns: Sequence[str]) -> pl.DataFrame:
        """Return these columns of a table."""
        with _reading(table):
            frame: pl.DataFrame = self._connection.sql(select(table, columns)).pl()
            return frame

    def is_demo(self) -> bool:
        """Say whether the table customers carries the demo's comment."""
        return self._connection.execute(
            "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'customers' AND comment = ?",
            [DEMO_MARK],
        ).fetchall() == [(1,)]


def select(table: str, columns: Sequence[str]) -> str:
    """Return the query text for these columns and no others."""
    return f"SELECT {', '.join(quoted(name) for name in columns)} FROM {quoted(table)}"


def quoted(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _duckdb_kind(data_type: str) -> Kind | None:
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


class _Folder:
    """A folder with one file `table.suffix`, or one folder of such files, for each table."""

    suffix: str

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _files(self) -> dict[str, list[Path]]:
        found = {path.stem: [path] for path in self._folder.glob(f"*{self.suffix}")}
        for inner in self._folder.iterdir():
            parts = sorted(inner.glob(f"*{self.suffix}")) if inner.is_dir() else []
            if parts:
                found[inner.name] = [*found.get(inner.name, []), *parts]
        return found


class ParquetBank(_Folder):
    """A folder of Parquet files."""

    typed = True
    suffix = ".parquet"

    def schema(self) -> Schema:
        """Return the schema of each table's first file; Polars refuses others that differ."""
        found = {}
        for table, files in self._files().items():
            with _reading(table):
                schema = pl.read_parquet_schema(files[0])
            found[table] = {name: kind_of(dtype) for name, dtype in schema.items()}
        return found

    def read(self, table: str, columns: Sequence[str]) -> pl.DataFrame:
        """Return these columns of a table."""
        with _reading(table):
            return pl.scan_parquet(self._files()[table]).select(columns).collect()

    def is_demo(self) -> bool:
        """Say whether customers.parquet carries the demo's mark."""
        files = self._files().get("customers")
        if not files:
            return False
        with _reading("customers"):
            return pl.read_parquet_metadata(files[0]).get("clause16") == "demo bank"


class CsvBank(_Folder):
    """A folder of CSV files, written as the policy says; every value is text."""

    typed = False
    suffix = ".csv"

    def __init__(self, folder: Path, csv: Csv) -> None:
        super().__init__(folder)
        self._csv = csv
        try:
            codecs.lookup(csv.encoding)
            "".encode(csv.encoding)
        except LookupError:
            raise PolicyError(
                f'csv.encoding "{csv.encoding}" is no encoding of text that Python knows'
            ) from None

    def schema(self) -> Schema:
        """Return the header of each table's files, which must be the same in all."""
        found = {}
        for table, files in self._files().items():
            headers = [self._header(table, path) for path in files]
            if any(header != headers[0] for header in headers):
                raise SourceError(f"table {table}: the files of its folder have different columns")
            if len(set(headers[0])) < len(headers[0]):
                raise SourceError(f"table {table}: two columns have the same name")
            found[table] = dict.fromkeys(headers[0], Kind.TEXT)
        return found

    def _header(self, table: str, path: Path) -> list[str]:
        with _reading(table), path.open(encoding=self._encoding, newline="") as lines:
            return next(csv_module.reader(lines, delimiter=self._csv.separator), [])

    def read(self, table: str, columns: Sequence[str]) -> pl.DataFrame:
        """Return these columns of a table, as text."""
        with _reading(table):
            return pl.concat(self._part(path, columns) for path in self._files()[table])

    def is_demo(self) -> bool:
        """Say no: the demo is not written as CSV."""
        return False

    @property
    def _encoding(self) -> str:
        name = codecs.lookup(self._csv.encoding).name
        return "utf-8-sig" if name == "utf-8" else name

    def _part(self, path: Path, columns: Sequence[str]) -> pl.DataFrame:
        # Polars reads UTF-8 alone; other encodings are decoded on the way in.
        plain = self._encoding == "utf-8-sig"
        source = path if plain else io.BytesIO(path.read_text(self._encoding).encode())
        return pl.read_csv(
            source,
            columns=list(columns),
            separator=self._csv.separator,
            null_values=list(self._csv.null_values),
            infer_schema=False,
        ).select(columns)


@contextmanager
def _reading(table: str) -> Iterator[None]:
    """Turn what an engine says while reading into a word about the table alone."""
    try:
        yield
    except duckdb.OutOfMemoryException:
        raise EngineError(f"table {table} does not fit into memory: give the run more") from None
    except (duckdb.Error, pl.exceptions.PolarsError, OSError, UnicodeError, csv_module.Error):
        raise SourceError(
            f"table {table} cannot be read: a file or a row is broken, or not in the form (type, "
            f"separator, encoding) that the policy declares"
        ) from None
