"""A flat table in a file: CSV or Parquet, read in batches of dictionary-coded text.

Only the columns asked for become values; one row is one person, whatever the file says.
"""

from __future__ import annotations

import codecs
import csv
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from pipelines.sources.csv_faults import holds_quotes, stray_quote, uneven_row
from transforms.errors import EngineError, SourceError

BLOCK_BYTES = 2**20
"""Of a CSV file read at once; no row is longer."""
ROWS_A_BATCH = 131_072

TEXT = pa.dictionary(pa.int32(), pa.string())


class Table(Protocol):
    """One table in one file."""

    path: Path

    def columns(self) -> list[str]:
        """Return the names of all columns; raises SourceError where two are the same."""

    def batches(self, columns: Sequence[str]) -> Generator[pa.RecordBatch]:
        """Yield these columns, in this order, as dictionaries of text; close it when done."""


def open_table(path: Path, separator: str) -> Table:
    """Return the table of a file by its name's ending; raises SourceError where it is none."""
    kind = path.suffix.lower()
    if kind not in {".csv", ".parquet"}:
        raise SourceError(f"{path.name} is neither .csv nor .parquet: no other files are read")
    if not path.is_file():
        raise SourceError(f"there is no file {path}: check its name")
    table: Table = CsvTable(path, separator) if kind == ".csv" else ParquetTable(path)
    names = table.columns()
    if len(set(names)) < len(names):
        raise SourceError(f"{path.name}: two columns have the same name: rename one of them")
    return table


class CsvTable:
    """A CSV file with a header, UTF-8; an empty cell is a missing value.

    So is an empty line where there is one column; where there are more, nobody can say whether it
    is a person.
    """

    def __init__(self, path: Path, separator: str) -> None:
        self.path = path
        self._separator = separator

    def columns(self) -> list[str]:
        """Return the header."""
        with _reading(self.path), self.path.open(encoding="utf-8-sig", newline="") as lines:
            header = next(csv.reader(lines, delimiter=self._separator), None)
        if not header:
            raise SourceError(f"{self.path.name} has no header of columns")
        return header

    def batches(self, columns: Sequence[str]) -> Generator[pa.RecordBatch]:
        """Yield these columns; raises SourceError at a row of more or fewer cells, or empty."""
        alone = len(self.columns()) == 1
        with _reading(self.path):
            quoted = holds_quotes(self.path)
            if quoted:
                self._refuse_stray_quotes()
            if not alone and _holds_blank_lines(self.path):
                self._refuse_blank_lines()
            try:
                with self._opened(columns, quoted=quoted, alone=alone) as reader:
                    yield from reader
            except pa.ArrowInvalid:
                raise (self._uneven() or _broken(self.path)) from None

    def _opened(
        self, columns: Sequence[str], *, quoted: bool, alone: bool
    ) -> arrow_csv.CSVStreamingReader:
        return arrow_csv.open_csv(
            self.path,
            read_options=arrow_csv.ReadOptions(block_size=BLOCK_BYTES),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._separator,
                newlines_in_values=quoted,
                ignore_empty_lines=not alone,
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=list(columns),
                column_types=dict.fromkeys(columns, TEXT),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )

    def _refuse_stray_quotes(self) -> None:
        line = stray_quote(self.path, "utf-8-sig", self._separator)
        if line is not None:
            raise SourceError(
                f"{self.path.name}, line {line}: a quotation mark opens or closes no cell there, "
                f"or the file ends within one: mend the file, or name the --separator"
            )

    def _refuse_blank_lines(self) -> None:
        """Raise SourceError at an empty line before the last row."""
        blank = None
        for line, row in self._rows():
            if not row:
                blank = blank or line
            elif blank is not None:
                raise SourceError(
                    f"{self.path.name}, line {blank}: an empty line between rows: remove it, or "
                    f"write its separators where it is a person of whom nothing is known"
                )

    def _uneven(self) -> SourceError | None:
        """Return what to say where a row is longer or shorter than the header, or there is none."""
        row = uneven_row(self.path, "utf-8-sig", self._separator)
        if row is not None:
            return SourceError(
                f"{self.path.name}, line {row.line}: the row has {row.cells} cells where the "
                f"header has {row.header}: mend the file, or name the --separator"
            )
        if len(list(islice(self._rows(), 2))) < 2:  # noqa: PLR2004 - the header, and a row
            return SourceError(f"{self.path.name} has a header and no row below it")
        return None

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the header and each row, with the number of its last line."""
        with self.path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines, delimiter=self._separator)
            for row in reader:
                yield reader.line_num, row


def _holds_blank_lines(path: Path) -> bool:
    """Say whether two line ends may follow each other before the end, be it within a cell."""
    before = b""
    with path.open("rb", buffering=0) as file:
        for block in iter(lambda: file.read(BLOCK_BYTES), b""):
            # Most blocks neither begin after line ends nor hold two: nothing of them is copied.
            if (before and block[0] in LINE_ENDS) or _holds_two_ends(block):
                text = before + block
                if _holds_two_ends(text.rstrip(LINE_ENDS)):
                    return True
                before = text[len(text.rstrip(LINE_ENDS)) :][-3:]
            elif _holds_two_ends(before):
                return True
            else:
                before = block[-1:] if block[-1] in LINE_ENDS else b""
    return False


LINE_ENDS = b"\r\n"


def _holds_two_ends(text: bytes) -> bool:
    # Lines are short, and searching for two signs of which one is common is slow: compared at once.
    newline = np.frombuffer(text, dtype=np.uint8) == LINE_ENDS[1]
    if bool((newline[1:] & newline[:-1]).any()):
        return True
    return b"\r" in text and (b"\n\r" in text or b"\r\r" in text)


class ParquetTable:
    """A Parquet file; text, whole numbers, truth values and dates are what a leaf can say."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def columns(self) -> list[str]:
        """Return the names in the schema."""
        import pyarrow.parquet as pq

        with _reading(self.path):
            return list(pq.read_schema(self.path).names)

    def batches(self, columns: Sequence[str]) -> Generator[pa.RecordBatch]:
        """Yield these columns as text; raises SourceError where one is of another type."""
        import pyarrow.parquet as pq

        names = list(columns)
        with _reading(self.path):
            schema = pq.read_schema(self.path)
        # Before anything is opened as text: a nested column has no name of its own there.
        for name in names:
            self._check_type(name, schema.field(name).type)
        with _reading(self.path), pq.ParquetFile(self.path, read_dictionary=names) as file:
            for batch in file.iter_batches(ROWS_A_BATCH, columns=names):
                yield pa.RecordBatch.from_arrays(
                    [_as_text(batch.column(name)) for name in names], names
                )

    def _check_type(self, column: str, kind: pa.DataType) -> None:
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        if not any(says(inner) for says in _SAYABLE):
            raise SourceError(
                f"{self.path.name}: column {column} is of type {inner}, and leaves are text, whole "
                f"numbers, true or false, or dates: convert it"
            )


_SAYABLE = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_integer,
    pa.types.is_boolean,
    pa.types.is_date,
    pa.types.is_null,
)


def _as_text(values: pa.Array) -> pa.DictionaryArray:
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    texts = values.dictionary.cast(pa.string())
    coded = pa.DictionaryArray.from_arrays(values.indices, texts)
    if "" not in texts.to_pylist():
        return coded
    # No text is a missing value, as in CSV.
    plain = coded.dictionary_decode()
    return pc.if_else(pc.equal(plain, ""), None, plain).dictionary_encode()


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn what an engine says while reading into a word about the file alone."""
    try:
        yield
    except (MemoryError, pa.ArrowMemoryError):
        raise EngineError(f"{path.name} does not fit into memory: give the run more") from None
    except PermissionError:
        raise SourceError(f"{path.name} may not be read: check its owner and mode") from None
    except (pa.ArrowException, OSError, UnicodeError, csv.Error):
        raise _broken(path) from None


def _broken(path: Path) -> SourceError:
    if path.suffix.lower() == ".parquet":
        return SourceError(f"{path.name} cannot be read as Parquet: is it whole?")
    line = _not_utf8(path)
    if line is not None:
        return SourceError(f"{path.name}, line {line}: not UTF-8: convert the file to it")
    return SourceError(
        f"{path.name} cannot be read as CSV: it is empty, or a row is broken or longer than "
        f"{BLOCK_BYTES >> 20} MiB"
    )


def _not_utf8(path: Path) -> int | None:
    """Return the first line that is not UTF-8, None where all are."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    try:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(BLOCK_BYTES), b""):
                line += decoder.decode(block).count("\n")
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return line + bytes(error.object[: error.start]).count(b"\n")
    except OSError:
        return None
    return None
