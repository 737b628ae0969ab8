"""CSV files of objections, looked through once before the first line is taken."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import BinaryIO

import polars as pl

from pipelines.objections.lines import (
    ADDED,
    LARGEST_CHUNK,
    LINES_A_CHUNK,
    LONGEST_LINE,
    WITH_MARK,
    Chunk,
    FileError,
    Rejected,
    find_columns,
    joined,
)
from transforms.errors import PolicyError
from transforms.policy.opt_out import Import

_UTF_8_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
MOST_UNDECODABLE = 0.05
"""Of all lines; where there are more, the whole file is in another encoding."""
_DECLARE = "declare the file's encoding (encoding under [objections.import], or --encoding)"
_UNDECODABLE = f"it has bytes that are none of the encoding: mend them, or {_DECLARE}"
_LIKE_A_TIME = re.compile(r"\"?\d[-\d.:/ TZ+]{7,}\"?\s*")


class CsvLines:
    """A CSV file with a header. Raises FileError where no line of it can be trusted."""

    def __init__(self, file: BinaryIO, form: Import) -> None:
        self._file = file
        self._separator = form.separator
        self.encoding = _encoding(file, form)
        csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE))
        names = self._header()
        self._width = len(names)
        # A file of rejected lines that comes back: what was added is neither read nor kept.
        self._own = [place for place, name in enumerate(names) if name.strip() not in ADDED]
        self.header: Sequence[str] = [names[place] for place in self._own]
        places = find_columns(names, form)
        self._places, self.ignored = places.of, places.ignored
        self._look_through()

    def _header(self) -> list[str]:
        with closing(self._rows(_Feed(self._file, self.encoding))) as rows:
            first = next(rows, None)
        if first is None:
            raise FileError("the file has no header: its first line names the columns")
        _, names, decodable = first
        if not decodable:
            raise FileError(f"the header is not in {self.encoding}: {_DECLARE}")
        return names

    def _rows(self, feed: _Feed) -> Generator[tuple[int, list[str], bool]]:
        """Yield header and rows: the number of the first line, the fields, whether they decode."""
        before = undecodable = 0
        with closing(feed.lines()) as lines:
            reader = csv.reader(lines, delimiter=self._separator, strict=True)
            try:
                for fields in reader:
                    if len(fields) > 1 or (fields and fields[0].strip()):
                        yield before + 1, fields, feed.undecodable == undecodable
                    before, undecodable = reader.line_num, feed.undecodable
            except csv.Error:
                raise FileError(
                    f"line {reader.line_num}: a quotation mark opens or closes no field there, or "
                    f"the file ends within one, and the lines between would be lost: mend the "
                    f"file, or correct the separator"
                ) from None

    def _look_through(self) -> None:
        """Raise FileError where the file as a whole cannot be read as it is declared."""
        feed = _Feed(self._file, self.encoding)
        with closing(self._rows(feed)) as rows:
            for line, fields, _ in rows:
                if any("\n" in field or "\r" in field for field in fields):
                    self._refuse_swallowed(line, fields)
        feed.refuse_other_encoding()

    def _refuse_swallowed(self, line: int, fields: Sequence[str]) -> None:
        (when, *_) = self._places["received_at"]
        for field in fields:
            for inner in field.splitlines()[1:]:
                cells = inner.split(self._separator)
                if len(cells) == self._width and _LIKE_A_TIME.fullmatch(cells[when]):
                    raise FileError(
                        f"line {line}: a quotation mark opens a field that runs over whole lines "
                        f"below it, and they would be lost: mend the file"
                    )

    def chunks(self) -> Iterator[Chunk]:
        """Yield the lines, at most LINES_A_CHUNK and some LARGEST_CHUNK characters at once."""
        feed, start = _Feed(self._file, self.encoding), 0
        lines: list[int] = []
        kept: list[list[str]] = []
        broken: list[Rejected] = []
        with closing(self._rows(feed)) as rows:
            next(rows)
            for line, fields, decodable in rows:
                if decodable and len(fields) == self._width:
                    lines.append(line)
                    kept.append(fields)
                else:
                    broken.append(self._broken(line, fields, decodable=decodable))
                full = len(kept) + len(broken) == LINES_A_CHUNK
                if full or feed.characters - start > LARGEST_CHUNK:
                    yield self._chunk(lines, kept, broken)
                    lines, kept, broken, start = [], [], [], feed.characters
        if kept or broken:
            yield self._chunk(lines, kept, broken)

    def _broken(self, line: int, fields: list[str], *, decodable: bool) -> Rejected:
        own = self._without_added(fields)
        uneven = f"it has {len(own)} fields where the header has {len(self._own)}"
        return Rejected(line, uneven if decodable else _UNDECODABLE, own)

    def _chunk(self, lines: list[int], rows: list[list[str]], broken: list[Rejected]) -> Chunk:
        columns = {
            name: [pl.Series([row[place] for row in rows], dtype=pl.String) for place in places]
            for name, places in self._places.items()
        }
        return Chunk(
            said=joined(columns),
            lines=lines,
            fields=rows
            if len(self._own) == self._width
            else [self._without_added(row) for row in rows],
            broken=broken,
        )

    def _without_added(self, fields: list[str]) -> list[str]:
        if len(self._own) == self._width:
            return fields
        return [fields[place] for place in self._own if place < len(fields)] + fields[self._width :]


class _Feed:
    """The lines of a file as text, and what was seen in them on the way."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._encoding = encoding
        self.characters = 0
        self.undecodable = 0
        self._lines = self._foreign = self._utf_8 = 0

    def lines(self) -> Generator[str]:
        """Yield the lines from the first on; bytes that do not decode are surrogates."""
        self._file.seek(0)
        text = io.TextIOWrapper(
            self._file, encoding=self._encoding, errors="surrogateescape", newline=""
        )
        try:
            while line := text.readline(LONGEST_LINE):
                self._lines += 1
                self.characters += len(line)
                if not line.isascii():
                    self._see(line)
                if "\0" in line or len(line) == LONGEST_LINE:
                    raise FileError(
                        f"line {self._lines}: it has a zero byte, or is longer than a line can be: "
                        f"this is no CSV file, or in UTF-16: write it again as CSV in UTF-8"
                    )
                yield line
        finally:
            text.detach()

    def _see(self, line: str) -> None:
        self._foreign += 1
        self.undecodable += _ESCAPED.search(line) is not None
        if self._encoding not in {"utf-8", WITH_MARK}:
            self._utf_8 += _decodes(line.encode(self._encoding, "surrogateescape"))

    def refuse_other_encoding(self) -> None:
        """Raise FileError where too many lines do not decode, or all would as UTF-8."""
        many = self.undecodable > MOST_UNDECODABLE * self._lines
        if many and self.undecodable > self._foreign - self.undecodable:
            raise FileError(f"the file is not in {self._encoding}: {_DECLARE}")
        if self._foreign and self._utf_8 == self._foreign:
            raise FileError(f"the file is in UTF-8, not in {self._encoding}: {_DECLARE}")


_ESCAPED = re.compile("[\udc80-\udcff]")


def _decodes(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _encoding(file: BinaryIO, form: Import) -> str:
    """Return how a file is written: as declared, or as the mark at its beginning says."""
    beginning = file.read(4)
    if beginning.startswith(_WIDE_MARKS):
        raise FileError("the file is in UTF-16 or UTF-32: write it again as CSV in UTF-8")
    if beginning.startswith(_UTF_8_MARK):
        return WITH_MARK
    try:
        text = bytes(range(128)).decode(form.encoding)
        b"\xff".decode(form.encoding, "surrogateescape")
    except (LookupError, ValueError):
        text = ""
    if text.encode() != bytes(range(128)):
        raise PolicyError(
            f'"{form.encoding}" is no encoding that files of objections are read in: name one that '
            f"Python knows and that has ASCII in it, such as utf-8 or cp1250"
        )
    return form.encoding
