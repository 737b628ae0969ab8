"""One table of the bank: whose its rows are, how its files are written, how long rows are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from transforms.fields import Name, Strict, TimeFormat
from transforms.policy.columns import Column
from transforms.policy.roles import DAYS, TRUTH, Kind, Role


class Through(Strict):
    """The table that says whose a row is, and the column that both tables have."""

    through: Name
    on: Name


class Csv(Strict):
    """How CSV files are written; never guessed.

    decimal, thousands: the marks in numbers; date, timestamp: strptime formats.
    """

    separator: str = Field(default=",", pattern=r"^[ -~\t]$")
    encoding: str = "utf-8"
    null_values: tuple[str, ...] = ("",)
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'", "\N{NO-BREAK SPACE}"] = ""
    date: TimeFormat = "%Y-%m-%d"
    timestamp: TimeFormat = "%Y-%m-%d %H:%M:%S%.f"

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.decimal == self.thousands:
            message = "decimal and thousands are the same mark, so numbers could not be read"
            raise ValueError(message)
        return self


class Kept(Strict):
    """How long rows are kept that lapse by a day of their own (clauses 10, 13), not by a person's.

    A row lapses so many months after `since`; with legal proceedings, so many months after it was
    settled, and not before.
    """

    since: Name
    months: int = Field(ge=0, le=60)
    proceedings: Name | None = None
    settled: Name | None = None
    settled_months: int | None = Field(default=None, ge=0, le=24)

    @model_validator(mode="after")
    def _proceedings_end(self) -> Self:
        said = {self.proceedings is None, self.settled is None, self.settled_months is None}
        if len(said) > 1:
            message = "proceedings, settled and settled-months go together"
            raise ValueError(message)
        return self

    @property
    def needs(self) -> tuple[tuple[str, frozenset[Kind]], ...]:
        """The columns that it reads, and the types that each may have."""
        named = ((self.since, DAYS), (self.proceedings, TRUTH), (self.settled, DAYS))
        return tuple((name, kinds) for name, kinds in named if name is not None)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset(name for name, _ in self.needs)


class Source(Strict):
    """One table of the operational bank; csv: how its files are written, where otherwise.

    kept: how long its rows are, where that is counted from a day of their own.
    """

    columns: dict[Name, Column]
    subject: Through | None = None
    csv: Csv | None = None
    kept: Kept | None = None


class Subject(Strict):
    """Who a person is: a key, or (a flat file without one) each row.

    same_person: columns of the source whose equal values mean one person with several records;
    where it is not given, the person's own national identification numbers. undecided: nobody has
    said yet that this is the person.
    """

    source: Name
    undecided: bool = False
    key: Name | None = None
    row_is_a_person: bool = False
    same_person: tuple[Name, ...] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.key is None) == (not self.row_is_a_person):
            message = "give either a key, or row-is-a-person = true"
            raise ValueError(message)
        return self


@dataclass(frozen=True, slots=True)
class Owner:
    """`table`.`key` is the person of a row, found by the shared column `on` (None: same table)."""

    table: str
    key: str
    on: str | None

    @property
    def columns(self) -> tuple[str, ...]:
        """What has to be read of the owner's table."""
        return (self.key,) if self.on is None else (self.key, self.on)


def has_subject(source: Source) -> bool:
    """Say whether a table has the key of a person itself."""
    return any(column.role is Role.SUBJECT for column in source.columns.values())


def is_link(source: Source, column: str) -> bool:
    """Say whether a table may be joined by a column."""
    return column in source.columns and source.columns[column].role is Role.LINK
