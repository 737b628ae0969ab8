"""What is wrong with a CSV file, looked for line by line once Arrow stumbled, or does not mind.

A quotation mark that is never closed, or closed by the next row's, would swallow the rows between.
A function of ours that Arrow would call for a row of another length is let go of by its threads,
and aborts the process where that is just ending; so such a row is looked for afterwards.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LONGEST_CELL = 16 * 2**20
BLOCK_BYTES = 2**20
"""Looked through at once: so many stay in a core's cache."""


@dataclass(frozen=True, slots=True)
class Uneven:
    """A row that has more or fewer cells than the header. line: where it ends."""

    line: int
    cells: int
    header: int


def uneven_row(path: Path, encoding: str, separator: str) -> Uneven | None:
    """Return the first row that is longer or shorter than the header, None where there is none."""
    with _long_cells(), path.open(encoding=encoding, newline="") as lines:
        reader = csv.reader(lines, delimiter=separator)
        try:
            width = len(next(reader, []))
            for row in reader:
                if row and len(row) != width:
                    return Uneven(reader.line_num, len(row), width)
        except csv.Error:
            return None
    return None


def stray_quote(path: Path, encoding: str, separator: str) -> int | None:
    """Return the line of the first stray quotation mark, None where there is none."""
    if not holds_quotes(path):
        return None
    with _long_cells(), path.open(encoding=encoding, newline="") as lines:
        reader = csv.reader(lines, delimiter=separator, strict=True)
        try:
            deque(reader, maxlen=0)
        except csv.Error:
            return reader.line_num
    return None


@contextmanager
def _long_cells() -> Iterator[None]:
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def holds_quotes(path: Path) -> bool:
    """Say whether there is any quotation mark in a file."""
    with path.open("rb", buffering=0) as file:
        return any(b'"' in block for block in iter(lambda: file.read(BLOCK_BYTES), b""))
