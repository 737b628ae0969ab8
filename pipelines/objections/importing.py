"""A sender's file → objections: a line is taken, known, another right's, or rejected and why.

Lines are taken in chunks, each on disk before the next is read. What was taken is known by its
reference, or else by what it says, so a file that is imported again, also after a run that was
killed half-way, adds what is new in it and nothing twice.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from pipelines.objections.csv_lines import CsvLines
from pipelines.objections.judging import OBJECTION, WITHDRAWAL, check_timezone, judge
from pipelines.objections.lines import (
    LINES_A_CHUNK,
    Chunk,
    FileError,
    Lines,
    Rejected,
    regular_file,
)
from pipelines.objections.parquet_lines import ParquetLines
from pipelines.objections.registry import Withdrawal
from pipelines.objections.rejects import Rejects
from transforms.objection import Channel, Identifiers, Received, Right
from transforms.policy.opt_out import Import

SECONDS_BETWEEN_WORDS = 10.0
"""Of progress."""
BY_FILE = "a sender's file"
"""Who took back what a file takes back."""


class List(Protocol):
    """What an import needs of the opt-out list (`Registry`)."""

    def receive(self, arrived: Sequence[Received], now: datetime) -> list[int | None]:
        """Append objections; return each one's number, None where its reference is known."""

    def withdraw_referred(
        self, withdrawals: Sequence[Withdrawal], now: datetime
    ) -> list[int | None]:
        """Take objections back; return their numbers, None where no live one has that reference."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the lines of a file.

    known: taken before; other_rights: another list's business, not taken; ignored_columns: of the
    file, that nobody asked for.
    """

    accepted: int = 0
    known: int = 0
    rejected: int = 0
    other_rights: int = 0
    withdrawn: int = 0
    ignored_columns: int = 0

    @property
    def lines(self) -> int:
        """How many lines the file has."""
        return self.accepted + self.known + self.rejected + self.other_rights + self.withdrawn

    def __add__(self, more: Imported) -> Imported:
        """Return the sums."""
        names = (field.name for field in fields(Imported))
        return Imported(*(getattr(self, name) + getattr(more, name) for name in names))


def import_file(
    registry: List,
    path: Path,
    form: Import,
    now: datetime,
    rejected_to: Path,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> Imported:
    """Import a file; its rejected lines are in `rejected_to` then, where there are any.

    Raises FileError, and nothing is taken, where the file as a whole cannot be trusted; other
    ObjectionErrors where the list or the file of the rejected lines is in trouble.
    """
    check_timezone(form)
    with (
        _opened(path, form) as lines,
        closing(Rejects(rejected_to, lines.header, lines.encoding, form.separator)) as rejects,
    ):
        done = Imported(ignored_columns=lines.ignored)
        said_at = clock()
        for part in _Import(registry, form, now, rejects).parts(lines):
            done += part
            if clock() - said_at >= SECONDS_BETWEEN_WORDS:
                said_at = clock()
                say(f"{done.lines:,} lines read, {done.accepted:,} objections taken")
        rejects.finish()
    return done


@contextmanager
def _opened(path: Path, form: Import) -> Iterator[Lines]:
    with regular_file(path) as file:
        match path.suffix.lower():
            case ".parquet":
                yield ParquetLines(file, form)
            case ".csv" | ".txt":
                yield CsvLines(file, form)
            case _:
                raise FileError(
                    "the file's name ends neither in .csv, .txt nor .parquet: write it as CSV"
                )


class _Import:
    """One import at work. It remembers whose each reference is, and what is to be taken back."""

    def __init__(self, registry: List, form: Import, now: datetime, rejects: Rejects) -> None:
        self._registry = registry
        self._form = form
        self._now = now
        self._rejects = rejects
        self._referred = pl.DataFrame(schema={"referred": pl.UInt64, "person": pl.UInt64})
        self._withdrawals: list[tuple[Withdrawal, Rejected]] = []

    def parts(self, lines: Lines) -> Iterator[Imported]:
        """Yield what became of each chunk of lines.

        What is taken back comes after what was recorded, wherever it stands in the file.
        """
        for chunk in lines.chunks():
            yield self._take(chunk)
            if len(self._withdrawals) >= LINES_A_CHUNK:
                yield self._withdraw()
        yield self._withdraw()

    def _take(self, chunk: Chunk) -> Imported:
        judged = judge(chunk.said, self._form, self._now).with_row_index("place")
        other = judged.filter(pl.col("other").is_not_null())
        mine = judged.filter(pl.col("other").is_null())
        wrong = mine.filter(pl.col("because").is_not_null())
        right = mine.filter(pl.col("because").is_null())
        rejected = [*chunk.broken, *_rejected(chunk, wrong, "because")]
        self._rejects.add([*rejected, *_rejected(chunk, other, "other")])
        withdrawals = right.filter(pl.col("event") == WITHDRAWAL)
        self._withdrawals += [
            (_withdrawal(said), line)
            for said, line in zip(
                _arrived(withdrawals), _rejected(chunk, withdrawals, "because"), strict=True
            )
        ]
        arrived = _arrived(self._referred_once(right.filter(pl.col("event") == OBJECTION)))
        numbers = self._registry.receive(arrived, self._now) if arrived else []
        known = sum(number is None for number in numbers)
        return Imported(
            accepted=len(numbers) - known,
            known=known,
            rejected=len(rejected),
            other_rights=other.height,
        )

    def _withdraw(self) -> Imported:
        asked, self._withdrawals = self._withdrawals, []
        if not asked:
            return Imported()
        once = {word.reference: word for word, _ in asked}
        numbers = self._registry.withdraw_referred(list(once.values()), self._now)
        unknown = {ref for ref, number in zip(once, numbers, strict=True) if number is None}
        rejected = [
            Rejected(line.line, _UNKNOWN, line.fields)
            for word, line in asked
            if word.reference in unknown
        ]
        self._rejects.add(rejected)
        withdrawn = len(once) - len(unknown)
        known = len(asked) - len(rejected) - withdrawn
        return Imported(withdrawn=withdrawn, known=known, rejected=len(rejected))

    def _referred_once(self, lines: pl.DataFrame) -> pl.DataFrame:
        """Take a reference away that stands for somebody else in the file already.

        The list would know it, and whoever objected second would be lost: they are known by what
        they say instead.
        """
        # Hashes of 64 bits, never stored: where two clash one line is known by what it says.
        said = lines.filter(pl.col("reference").is_not_null()).select(
            "place", referred=pl.col("reference").hash(), person=pl.struct(PERSON).hash()
        )
        self._referred = pl.concat([self._referred, said.drop("place")]).unique(
            "referred", keep="first", maintain_order=True
        )
        first = said.join(self._referred, on="referred", suffix="_first")
        others = first.filter(pl.col("person") != pl.col("person_first")).get_column("place")
        is_other = pl.col("place").is_in(others.implode())
        return lines.with_columns(reference=pl.when(~is_other).then("reference"))


_UNKNOWN = "no objection that could be taken back has this reference"

PERSON = ("customer_id", "personal_number", "email", "phone", "iban", "name", "born", "text")
"""The fields of `Identifiers`, in their order."""
CONTENT = (*PERSON, "channel", "right", "identity_verified", "received_at")
"""What an objection says, beside its reference."""
_CHANNELS = {str(channel): channel for channel in Channel}
_RIGHTS = {str(right): right for right in Right}


def _rejected(chunk: Chunk, lines: pl.DataFrame, why: str) -> list[Rejected]:
    return [
        Rejected(chunk.lines[place], because or "", chunk.fields[place])
        for place, because in lines.select("place", why).iter_rows()
    ]


def _arrived(lines: pl.DataFrame) -> list[Received]:
    return [
        _received(reference, said)
        for reference, *said in lines.select("reference", *CONTENT).iter_rows()
    ]


def _withdrawal(said: Received) -> Withdrawal:
    """Return a withdrawal, with whatever its line says of the person and the day."""
    return Withdrawal(
        str(said.reference), BY_FILE, said.identity_verified, said.identifiers, said.received_at
    )


def _received(reference: str | None, said: Sequence[Any]) -> Received:
    """Return an objection; one that has no reference is known by what it says."""
    customer_id, number, email, phone, iban, name, born, text, *rest = said
    channel, right, verified, received_at = rest
    return Received(
        Identifiers(customer_id, number, email, phone, iban, name, born, text),
        _CHANNELS[channel],
        received_at,
        verified,
        _RIGHTS[right],
        reference or _digest(said),
    )


def _digest(content: Sequence[object]) -> str:
    said = "\x1f".join("" if value is None else str(value) for value in content)
    return f"content {hashlib.sha256(said.encode()).hexdigest()}"
