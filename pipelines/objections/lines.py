"""A sender's file of objections → its lines, in chunks: what is refused whole is refused before.

Columns are found by name; what a line says is judged elsewhere (`judging.py`). No message names the
file or quotes it: a file without a header has a person there, and its name may be one's too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, get_args

import polars as pl

from transforms.errors import ObjectionError
from transforms.policy.opt_out import Import, ImportColumn

COLUMNS: tuple[ImportColumn, ...] = get_args(ImportColumn)
REJECTED_LINE, REJECTED_BECAUSE = "rejected_line", "rejected_because"
ADDED = (REJECTED_LINE, REJECTED_BECAUSE)
"""What a file of rejected lines has before the sender's columns; not read when it comes back."""
LINES_A_CHUNK = 50_000
LARGEST_CHUNK = 64 * 2**20
"""Characters."""
WITH_MARK = "utf-8-sig"
"""UTF-8 with a mark at the beginning, by which spreadsheets know it."""
LONGEST_LINE = 2**20
"""Characters; a longer line, or value, is no objection."""


class FileError(ObjectionError):
    """A file of objections is refused as a whole: nothing of it is taken, and it stays as it is."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A line that is not taken, why, and its fields as they were."""

    line: int
    because: str
    fields: Sequence[str]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a file.

    said: what they say, a row a line, a column for each of COLUMNS that the file has, all text;
    lines: their numbers; fields: all that stands in them, as it stands there; broken: lines in
    between of which nothing can be read.
    """

    said: pl.DataFrame
    lines: Sequence[int]
    fields: Sequence[Sequence[str]]
    broken: Sequence[Rejected] = ()


class Lines(Protocol):
    """The lines of one opened file.

    header, encoding: of the file for its rejected lines; ignored: columns that nobody asked for.
    """

    header: Sequence[str]
    encoding: str
    ignored: int

    def chunks(self) -> Iterator[Chunk]:
        """Yield all lines; the file was looked through before."""


@contextmanager
def regular_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file; raises FileError where it is none, before a device or a pipe is touched."""
    try:
        _check_regular(path.stat())
        # What was put in its place meanwhile does not block either.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileError("there is no such file: check its name") from None
    except (OSError, ValueError):
        raise FileError("the file may not be read: check its path, owner and mode") from None
    with os.fdopen(descriptor, "rb") as file:
        _check_regular(os.fstat(descriptor))
        yield file


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FileError("it is no file but a folder, a pipe or a device: name a file")
    if status.st_size == 0:
        raise FileError("the file is empty: write it again")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the columns of a file stand: those of each of ours, and how many nobody asked for."""

    of: dict[ImportColumn, tuple[int, ...]]
    ignored: int


def find_columns(header: Sequence[str], form: Import) -> Places:
    """Return where our columns stand; case and blanks do not matter. Raises FileError."""
    names = [_folded(name) for name in header]
    positions = {name: place for place, name in enumerate(names) if name}
    if len(positions) < sum(map(bool, names)):
        raise FileError("two columns of the file have the same name: rename one of them")
    found = {column: _places(column, positions, form) for column in COLUMNS}
    of = {column: places for column, places in found.items() if places}
    missing = [column for column in COLUMNS if column in form.columns and column not in of]
    if missing:
        raise FileError(
            f"the file has no column for {', '.join(missing)}, which [objections.import.columns] "
            f"names: is it another sender's, or was the column renamed? {_SAID}"
        )
    if "received_at" not in of:
        raise FileError(f"the file has no column received_at. {_SAID}")
    if not _identifies(set(of)):
        raise FileError(f"the file has no column that a person is found by. {_SAID}")
    used = {place for places in of.values() for place in places}
    return Places(
        of, len(positions) - len(used | {positions.get(name, -1) for name in ADDED} - {-1})
    )


_SAID = (
    "The first line names the columns: ours are "
    + ", ".join(COLUMNS)
    + "; what a sender calls otherwise is mapped under [objections.import.columns] of the policy, "
    "and its separator is named there"
)


def _folded(name: str) -> str:
    return unguarded(name).strip().casefold()


def _places(column: ImportColumn, positions: dict[str, int], form: Import) -> tuple[int, ...]:
    """Return where a column stands, under the sender's name or else ours; nothing where nowhere."""
    for names in (form.senders(column), (column,)):
        places = [positions.get(_folded(name)) for name in names]
        if None not in places:
            return tuple(place for place in places if place is not None)
    return ()


def _identifies(columns: set[ImportColumn]) -> bool:
    alone: set[ImportColumn] = {"customer_id", "personal_number", "email", "phone", "iban", "text"}
    together: tuple[set[ImportColumn], ...] = ({"name", "born"}, {"reference", "event"})
    return bool(alone & columns) or any(pair <= columns for pair in together)


FORMULA = "=+-@\t\r\n"
"""A cell that begins so is run by spreadsheets, or moves what follows into another cell."""


def guarded(field: str) -> str:
    """Return a cell that a spreadsheet shows as it is: with an apostrophe before a formula."""
    return f"'{field}" if field.startswith(tuple(FORMULA)) else field


def unguarded(field: str) -> str:
    """Return a cell without the apostrophe that `guarded` put there."""
    return field[1:] if field[:1] == "'" and field[1:].startswith(tuple(FORMULA)) else field


def joined(columns: dict[ImportColumn, list[pl.Series]]) -> pl.DataFrame:
    """Return one column a name, of its parts with a blank between, `unguarded`."""
    return pl.DataFrame(
        {
            name: pl.DataFrame({str(place): part for place, part in enumerate(parts)})
            .select(
                pl.concat_str(
                    pl.all().str.replace(r"^'([=+\-@\t\r\n])", "${1}"),
                    separator=" ",
                    ignore_nulls=True,
                )
            )
            .to_series()
            for name, parts in columns.items()
        }
    )
