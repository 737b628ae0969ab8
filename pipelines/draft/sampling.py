"""Some rows of each table of a source, spread over it, without reading it all.

The sources are those of a release, read as the officer. What was sampled stays in memory.
"""

from __future__ import annotations

import codecs
import csv as csv_module
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

import polars as pl
import pyarrow.parquet as pq

from pipelines.sources.bank import Schema, reading
from pipelines.sources.duckdb_file import DuckDBBank
from pipelines.sources.folders import CsvBank, ParquetBank, regular
from pipelines.sources.opening import SERVERS, file_of, split_uri
from pipelines.sources.postgres import PostgresBank
from pipelines.sql import literal, quoted
from transforms.errors import SourceError
from transforms.policy.eligibility import Eligibility
from transforms.policy.sources import Csv, Source, Subject
from transforms.policy.whole import Policy

ROWS = 20_000
FEWEST_ROWS = 1_000
CELLS = 2_000_000
"""So many values of a table are looked at, at most, unless its columns are thousands."""
PIECES = 10
"""Places of a table at which rows are taken."""
_SEED = 16


@dataclass(frozen=True)
class Sample:
    """Rows of one table; `whole` where there are no others."""

    rows: pl.DataFrame
    whole: bool


class Sampler(Protocol):
    """A source of which some rows can be taken."""

    typed: bool
    catalogued: bool

    def schema(self) -> Schema:
        """Return every table and column there is."""

    def sample(self, table: str, columns: Sequence[str], rows: int) -> Sample:
        """Return about so many rows, from all parts of the table where that is cheap."""

    def read(self, table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Yield these columns of all rows in batches."""

    def written(self, table: str) -> Csv | None:
        """Return how the files of a table seem to be written; None where they are typed."""

    def close(self) -> None:
        """Let go of the source."""


def open_sampler(uri: str) -> Sampler:
    """Open a source; raises SourceError where it is none."""
    parts = split_uri(uri)
    if parts.scheme in SERVERS:
        return _Postgres(uri)
    path = file_of(uri)
    if path is None or not path.exists():
        raise SourceError(f"there is nothing at {path}: correct --source (or $CLAUSE16_SOURCE)")
    if parts.scheme == "duckdb":
        return _DuckDB(path)
    if not path.is_dir():
        raise SourceError(f"{path} is not a folder: name the one that holds a file for each table")
    return _Parquet(path) if parts.scheme == "parquet" else _guessed_csv(Path(unquote(parts.path)))


def rows_for(columns: int) -> int:
    """Return how many rows of a table with so many columns are looked at."""
    return max(FEWEST_ROWS, min(ROWS, CELLS // max(columns, 1)))


class _DuckDB(DuckDBBank):
    def sample(self, table: str, columns: Sequence[str], rows: int) -> Sample:
        names = ", ".join(quoted(name) for name in columns)
        source = f"FROM {quoted(table)}"
        with reading(table):
            (count,) = self._connection.execute(f"SELECT count(*) {source}").fetchall()[0]
            wanted = "" if count <= rows else self._spread(table, count, rows)
            taken = self._connection.sql(f"SELECT {names} {source} {wanted}").pl()
        return Sample(taken, count <= rows)

    def _spread(self, table: str, count: int, rows: int) -> str:
        views = self._connection.execute(
            "SELECT count(*) FROM duckdb_views() WHERE view_name = ? AND NOT internal", [table]
        )
        if views.fetchall() != [(0,)]:
            return f"LIMIT {rows}"
        # A view has no row numbers, and of a table ranges of them are found without reading it.
        each, step = rows // PIECES, count // PIECES
        ranges = (f"rowid BETWEEN {n * step} AND {n * step + each - 1}" for n in range(PIECES))
        return f"WHERE {' OR '.join(ranges)}"

    def written(self, table: str) -> Csv | None:  # noqa: ARG002 - a typed source has no form
        return None


_SIZE = """
SELECT c.relkind::text, greatest(c.reltuples, 0)::float8, pg_catalog.pg_relation_size(c.oid)::float8
FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass({name})
"""
_NARROWEST_ROW = 32
"""Bytes; a table that was never analysed has no count."""


class _Postgres(PostgresBank):
    def sample(self, table: str, columns: Sequence[str], rows: int) -> Sample:
        space, known = self._catalogue[table]
        name = f"{quoted(space)}.{quoted(table)}"
        expressions = ", ".join(known[column].selected for column in columns)
        with self._answering(f"table {table}"), self._connection.cursor() as cursor:
            query = f"SELECT {expressions} FROM {name}{self._spread(name, rows)} LIMIT {rows}"
            cursor.execute(query)
            arrow = cursor.fetch_arrow_table()
        taken = pl.from_arrow(arrow)
        frame = taken if isinstance(taken, pl.DataFrame) else taken.to_frame()
        return Sample(frame, whole=False)

    def _spread(self, name: str, rows: int) -> str:
        found = self.rows(_SIZE.format(name=literal(name)))
        kind, tuples, size = found[0] if found else ("v", 0.0, 0.0)
        count = float(str(tuples)) or float(str(size)) / _NARROWEST_ROW
        if kind not in {"r", "m", "p"} or count <= 2 * rows:
            return ""
        share = min(100.0, 150.0 * rows / count)
        return f" TABLESAMPLE SYSTEM ({share:.6f}) REPEATABLE ({_SEED})"

    def written(self, table: str) -> Csv | None:  # noqa: ARG002 - a typed source has no form
        return None


class _Parquet(ParquetBank):
    def sample(self, table: str, columns: Sequence[str], rows: int) -> Sample:
        with reading(table):
            pieces = [
                (part, group, size)
                for part in self._parts[table]
                for group, size in enumerate(_groups(part.path))
            ]
            total = sum(size for *_, size in pieces)
            step = 1 if total <= rows else max(len(pieces) // PIECES, 1)
            taken = pieces[::step]
            each = rows if total <= rows else max(rows // max(len(taken), 1), 1)
            frames = [
                self._some(part.path, group, dict(part.partition), columns, each)
                for part, group, _ in taken
            ]
        if not frames:
            empty = next(iter(self.read(table, columns)), pl.DataFrame())
            return Sample(empty, whole=True)
        return Sample(pl.concat(frames, how="vertical_relaxed").head(rows), total <= rows)

    def _some(
        self,
        path: Path,
        group: int,
        partition: Mapping[str, str | None],
        columns: Sequence[str],
        rows: int,
    ) -> pl.DataFrame:
        names = [name for name in columns if name not in partition]
        with pq.ParquetFile(path, pre_buffer=False) as file:
            batches = file.iter_batches(rows, row_groups=[group], columns=names)
            batch = next(iter(batches), None)
            schema = pl.read_parquet_schema(path)
        frame = (
            pl.DataFrame(schema={name: schema[name] for name in names})
            if batch is None
            else _framed(batch)
        )
        said = [pl.lit(partition[name], pl.String).alias(name) for name in partition]
        return frame.with_columns(said).select(columns)

    def written(self, table: str) -> Csv | None:  # noqa: ARG002 - a typed source has no form
        return None


def _groups(path: Path) -> list[int]:
    with pq.ParquetFile(path, pre_buffer=False) as file:
        return [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]


def _framed(batch: object) -> pl.DataFrame:
    frame = pl.from_arrow(batch)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


class _Csv(CsvBank):
    """A folder of CSV files; of a large one only the beginning is read."""

    def sample(self, table: str, columns: Sequence[str], rows: int) -> Sample:
        frames: list[pl.DataFrame] = []
        batches = self.read(table, columns)
        for batch in batches:
            frames.append(batch)
            if sum(frame.height for frame in frames) >= rows:
                break
        taken = pl.concat(frames)
        more = taken.height > rows or next(batches, None) is not None
        return Sample(taken.sample(min(rows, taken.height), seed=_SEED), whole=not more)

    def written(self, table: str) -> Csv | None:
        return self._written(table)


LOOKED_AT = 1 << 18
"""Bytes at the beginning of a CSV file, by which its form is guessed."""


def _guessed_csv(folder: Path) -> Sampler:
    """Open a folder whose files say by themselves how they are written."""
    forms = _alike({table: _form(path) for table, path in _first_files(folder).items()})
    # Nothing but the form of its files is asked of a policy, and there is no policy yet.
    policy = Policy.model_construct(
        version="",
        title="",
        subject=Subject.model_construct(source=""),
        eligibility=Eligibility.model_construct(),
        hierarchies={},
        csv=Csv(),
        sources={
            table: Source.model_construct(columns={}, subject=None, csv=form, kept=None)
            for table, form in forms.items()
        },
    )
    return _Csv(folder, policy)


def _alike(forms: Mapping[str, Csv]) -> dict[str, Csv]:
    """Return the forms, files that hold plain letters alone written as the others are."""
    said = [form.encoding for form in forms.values() if form.encoding not in {PLAIN, UTF_16}]
    usual = max(sorted(set(said)), key=said.count, default="utf-8")
    return {
        table: form.model_copy(update={"encoding": usual}) if form.encoding == PLAIN else form
        for table, form in forms.items()
    }


def _first_files(folder: Path) -> dict[str, Path]:
    try:
        return {
            path.name.removesuffix(".csv"): file
            for path in sorted(folder.iterdir())
            if not path.name.startswith((".", "_"))
            for file in islice(sorted(path.rglob("*.csv")) if path.is_dir() else [path], 1)
            if file.name.endswith(".csv")
        }
    except OSError:
        raise SourceError(
            "a folder of the source may not be looked into: check its owner and mode"
        ) from None


def _form(path: Path) -> Csv:
    with reading("of a CSV file"), regular(path).open("rb") as file:
        beginning = file.read(LOOKED_AT)
    encoding = _encoding(beginning)
    if encoding != UTF_16 and b"\0" in beginning:
        raise SourceError(
            "a .csv file of the source is no text: is it compressed, or of another program?"
        )
    text = beginning.decode(encoding, errors="replace")
    head = next(csv_module.reader(io.StringIO(text), delimiter="\0"), [""])
    line = "".join(head)
    separator = max(SEPARATORS, key=line.count)
    return Csv.model_validate({"separator": separator, "encoding": encoding})


SEPARATORS = (",", ";", "\t", "|")
PLAIN, UTF_16 = "ascii", "utf-16"
ENCODINGS = ("windows-1257", "windows-1250", "windows-1252")
_LETTERS = {
    "windows-1257": "ąčęėįšųūžāēģīķļņõäöü",
    "windows-1250": "čćđšžëç",
    "windows-1252": "ëçäöüõé",
}


def _encoding(beginning: bytes) -> str:
    """Return the encoding in which the beginning reads best."""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return UTF_16
    if beginning.isascii():
        return PLAIN
    # The last character may be cut in half.
    for cut in range(4):
        try:
            beginning[: len(beginning) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return "utf-8"
    return max(ENCODINGS, key=lambda name: _plausible(beginning, name))


def _plausible(beginning: bytes, encoding: str) -> float:
    read = beginning.decode(encoding, errors="replace").lower()
    foreign = [sign for sign in read if not sign.isascii()]
    return sum(sign in _LETTERS[encoding] for sign in foreign) / max(len(foreign), 1)
