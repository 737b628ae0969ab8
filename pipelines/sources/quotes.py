"""Quotation marks of a CSV file that stand where they open or close nothing.

One that is never closed, or closed by the next row's, would swallow the rows between; Arrow does
not mind.
"""

from __future__ import annotations

import csv
from collections import deque
from pathlib import Path

LONGEST_CELL = 16 * 2**20
BLOCK_BYTES = 2**20
"""Looked through at once: so many stay in a core's cache."""


def stray_quote(path: Path, encoding: str, separator: str) -> int | None:
    """Return the line of the first stray quotation mark, None where there is none."""
    if not holds_quotes(path):
        return None
    before = csv.field_size_limit(LONGEST_CELL)
    try:
        with path.open(encoding=encoding, newline="") as lines:
            reader = csv.reader(lines, delimiter=separator, strict=True)
            try:
                deque(reader, maxlen=0)
            except csv.Error:
                return reader.line_num
    finally:
        csv.field_size_limit(before)
    return None


def holds_quotes(path: Path) -> bool:
    """Say whether there is any quotation mark in a file."""
    with path.open("rb", buffering=0) as file:
        return any(b'"' in block for block in iter(lambda: file.read(BLOCK_BYTES), b""))
