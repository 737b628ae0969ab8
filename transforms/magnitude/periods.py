"""Calendar periods, numbered: weeks (ISO 8601), months, quarters.

A period is closed so many days after its last day, and is computed once, by what had been recorded
until then. What is recorded later belongs to the first period that was still open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

import polars as pl

from transforms.errors import PolicyError


class Unit(StrEnum):
    """How long a period is."""

    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"

    @property
    def most_a_year(self) -> int:
        """The most periods that end within one calendar year."""
        return {Unit.WEEK: 53, Unit.MONTH: 12, Unit.QUARTER: 4}[self]


_FORMS = {
    Unit.WEEK: re.compile(r"(\d{4})-W(\d{2})"),
    Unit.MONTH: re.compile(r"(\d{4})-(\d{2})"),
    Unit.QUARTER: re.compile(r"(\d{4})-Q([1-4])"),
}
_EXAMPLES = {Unit.WEEK: "2026-W09", Unit.MONTH: "2026-03", Unit.QUARTER: "2026-Q1"}
_PARTS = {Unit.MONTH: 12, Unit.QUARTER: 4}
_MONDAY = date(1969, 12, 29)
"""The first day of week 0."""


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """One period. number: of its unit, in the order of time, without gaps."""

    number: int
    unit: Unit

    @property
    def first_day(self) -> date:
        """The day on which it begins."""
        if self.unit is Unit.WEEK:
            return _MONDAY + timedelta(weeks=self.number)
        parts = _PARTS[self.unit]
        return date(self.number // parts, self.number % parts * (12 // parts) + 1, 1)

    @property
    def last_day(self) -> date:
        """The day on which it ends."""
        return Period(self.number + 1, self.unit).first_day - timedelta(days=1)

    @property
    def year(self) -> int:
        """The calendar year to whose budget it belongs: the one in which it ends."""
        return self.last_day.year

    @property
    def label(self) -> str:
        """How it is written in a table."""
        if self.unit is Unit.WEEK:
            year, week, _ = self.first_day.isocalendar()
            return f"{year}-W{week:02}"
        year, part = divmod(self.number, _PARTS[self.unit])
        return f"{year}-{part + 1:02}" if self.unit is Unit.MONTH else f"{year}-Q{part + 1}"


def period_of(day: date, unit: Unit) -> Period:
    """Return the period in which a day lies."""
    if unit is Unit.WEEK:
        return Period((day - _MONDAY).days // 7, unit)
    parts = _PARTS[unit]
    return Period(day.year * parts + (day.month - 1) // (12 // parts), unit)


def period_named(label: str, unit: Unit) -> Period:
    """Return the period of a label; raises PolicyError where it is none."""
    read = _FORMS[unit].fullmatch(label)
    try:
        day = None if read is None else _first_day(int(read[1]), int(read[2]), unit)
    except ValueError:
        day = None
    if day is None:
        raise PolicyError(f'"{label}" is no {unit}: it is written like {_EXAMPLES[unit]}')
    return period_of(day, unit)


def _first_day(year: int, part: int, unit: Unit) -> date:
    if unit is Unit.WEEK:
        return date.fromisocalendar(year, part, 1)
    return date(year, (part - 1) * (12 // _PARTS[unit]) + 1, 1)


def number_of(day: pl.Expr, unit: Unit) -> pl.Expr:
    """Return the number of the period in which a day (Date or Datetime) lies, as Int32."""
    if unit is Unit.WEEK:
        days = day.cast(pl.Date).cast(pl.Int32) - (_MONDAY - date(1970, 1, 1)).days
        return days.floordiv(7)
    parts = _PARTS[unit]
    part = (day.dt.month().cast(pl.Int32) - 1).floordiv(12 // parts)
    return day.dt.year().cast(pl.Int32) * parts + part


def counted_in(event: pl.Expr, recorded: pl.Expr | None, closes_after: int, unit: Unit) -> pl.Expr:
    """Return the number of the period in which an event counts.

    event, recorded: Date or Datetime, when it happened and when it came into the source. A late one
    counts in the first period that was still open when it was recorded.
    """
    happened = number_of(event, unit)
    if recorded is None:
        return happened
    # A period that ends so many days before the recording, or later, was open then.
    still_open = number_of(recorded.cast(pl.Date).dt.offset_by(f"-{closes_after}d"), unit)
    return pl.when(happened.is_not_null()).then(pl.max_horizontal(happened, still_open))


def closed_periods(first: Period, closes_after: int, day: date) -> tuple[Period, ...]:
    """Return the periods from the first on that are closed on a day, in their order."""
    last = period_of(day - timedelta(days=closes_after + 1), first.unit)
    closed = last if last.last_day + timedelta(days=closes_after) < day else _before(last)
    return tuple(Period(number, first.unit) for number in range(first.number, closed.number + 1))


def _before(period: Period) -> Period:
    return Period(period.number - 1, period.unit)
