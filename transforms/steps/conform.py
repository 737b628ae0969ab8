"""Bring each column to the type that the policy declares; flag what does not fit.

Only text is parsed (a CSV folder has nothing else; a typed source is compared with the policy
before a record is read), and only in the form that the policy declares: a date in another form is
not a date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from transforms.errors import SourceError, band
from transforms.policy.roles import Kind
from transforms.policy.sources import Csv
from transforms.policy.whole import Policy

FIRST_DAY, LAST_DAY = date(1800, 1, 1), date(9999, 12, 31)
"""Before it nobody was born who is a customer: a year of two digits, or of a misread form."""
LARGEST_NUMBER = 1e11
"""Beyond it a float has no exact four decimals, and no account has it."""

BROKEN = "__broken "
"""Before a column's name: the flags of the values that do not fit."""


def kind_of(dtype: pl.DataType) -> Kind | None:
    """Return what kind a column of this type is, None where no policy could name it."""
    if dtype.is_integer() or (isinstance(dtype, pl.Decimal) and dtype.scale == 0):
        return Kind.INTEGER
    if dtype.is_numeric():
        return Kind.NUMBER
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return Kind.TEXT
    named = {pl.Date: Kind.DATE, pl.Datetime: Kind.TIMESTAMP, pl.Boolean: Kind.BOOLEAN}
    return named.get(type(dtype))


def fits(found: Kind | None, declared: Kind) -> bool:
    """Say whether a column is what the policy says; whole numbers are numbers."""
    return found is declared or (found is Kind.INTEGER and declared is Kind.NUMBER)


def conform(records: pl.DataFrame, table: str, policy: Policy) -> pl.DataFrame:
    """Return the records with every column of its declared type; empty text is missing.

    A value that does not fit is missing as well, and flagged in a column `BROKEN` + name, so that
    who reads the whole table can say how many there are (`refuse_broken`).
    """
    declared = policy.sources[table].columns
    forms = [
        (column, _Form(kind, records.schema[column], policy.csv_form(table, column)))
        for column in records.columns
        if (kind := declared[column].type) is not None
    ]
    flags = [
        (
            pl.col(column).pipe(form.given).is_not_null()
            & pl.col(column).pipe(form.parsed).is_null()
        ).alias(BROKEN + column)
        for column, form in forms
        if form.may_break
    ]
    return records.with_columns(
        *(pl.col(column).pipe(form.parsed).alias(column) for column, form in forms), *flags
    )


def broken_counts(conformed: pl.DataFrame) -> Mapping[str, int]:
    """Return how many values did not fit, by column; those without any are not named."""
    flags = conformed.select(pl.col(f"^{BROKEN}.*$").sum())
    return {name.removeprefix(BROKEN): count for name, count in _row(flags) if count}


def _row(flags: pl.DataFrame) -> Iterator[tuple[str, int]]:
    return ((column.name, int(column.item() or 0)) for column in flags)


def refuse_broken(table: str, broken: Mapping[str, int], policy: Policy) -> None:
    """Raise SourceError, naming table and column, where a value did not fit."""
    for column, count in broken.items():
        kind = policy.sources[table].columns[column].type
        raise SourceError(
            f"{table}.{column}: {band(count)} rows hold something that is not of type {kind} as "
            f"the policy declares it: mend them in the source, or correct the policy"
        )


@dataclass(frozen=True, slots=True)
class _Form:
    """How one column is read: what it shall be, what it is, and how its text is written."""

    kind: Kind
    dtype: pl.DataType
    csv: Csv

    @property
    def may_break(self) -> bool:
        """Say whether there are values that do not fit."""
        return self.kind is not Kind.TEXT

    def given(self, value: pl.Expr) -> pl.Expr:
        """Return what is there; blanks are nothing."""
        return _text(value) if isinstance(self.dtype, pl.String) else value

    def parsed(self, value: pl.Expr) -> pl.Expr:
        """Return the value in its declared type; missing where it does not fit."""
        if self.kind is Kind.TEXT:
            return _text(value.cast(pl.String))
        if isinstance(self.dtype, pl.String):
            return _in_range(self._read(_text(value)), self.kind)
        if self.kind is Kind.INTEGER:
            return value.cast(pl.Int64, strict=False)
        if self.kind is Kind.NUMBER:
            value = value.cast(pl.Float64, strict=False)
        return _in_range(value, self.kind)

    def _read(self, text: pl.Expr) -> pl.Expr:
        if self.kind is Kind.INTEGER:
            return text.cast(pl.Int64, strict=False)
        if self.kind is Kind.NUMBER:
            return _number(text, self.csv)
        if self.kind is Kind.DATE:
            shaped = _shaped(text, self.csv.date)
            return shaped.str.to_date(self.csv.date, strict=False)
        if self.kind is Kind.TIMESTAMP:
            shaped = _shaped(text, self.csv.timestamp)
            return shaped.str.to_datetime(self.csv.timestamp, time_unit="us", strict=False)
        truth = {"true": True, "1": True, "false": False, "0": False}
        return text.str.to_lowercase().replace_strict(truth, default=None, return_dtype=pl.Boolean)


def _text(value: pl.Expr) -> pl.Expr:
    text = value.str.strip_chars()
    return pl.when(text != "").then(text)


def _shaped(text: pl.Expr, form: str) -> pl.Expr:
    """Return the texts that have a form's digits: the parser would take `24` for a year."""
    # Side by side, as in %Y%m%d, every part has its two digits.
    pair = r"\d{2}" if re.search(r"%[a-zA-Z]%", form) else r"\d{1,2}"
    parts = {"%Y": r"\d{4}", "%.f": r"(?:\.\d{1,9})?"}
    pieces = re.split(r"(%(?:\.f|.))", form)
    shape = "".join(
        parts.get(piece, pair) if piece.startswith("%") else re.escape(piece) for piece in pieces
    )
    return pl.when(text.str.contains(f"^{shape}$")).then(text)


def _number(text: pl.Expr, csv: Csv) -> pl.Expr:
    """Return the number that is written with these marks; another way of writing is none."""
    whole = r"\d{1,3}(?:" + _literally(csv.thousands) + r"\d{3})+|\d*" if csv.thousands else r"\d*"
    form = rf"^[+-]?(?:{whole})(?:{_literally(csv.decimal)}\d*)?(?:[eE][+-]?\d+)?$"
    plain = text.str.replace_all(csv.thousands, "", literal=True) if csv.thousands else text
    plain = plain.str.replace_all(csv.decimal, ".", literal=True)
    return pl.when(text.str.contains(form)).then(plain.cast(pl.Float64, strict=False))


def _literally(mark: str) -> str:
    return f"[{mark}]"


def _in_range(value: pl.Expr, kind: Kind) -> pl.Expr:
    if kind is Kind.NUMBER:
        # A number that is none, or infinite, is not below either.
        return pl.when(value.abs() < LARGEST_NUMBER).then(value)
    if kind in {Kind.DATE, Kind.TIMESTAMP}:
        # Beyond these years (a bank's "infinity") Polars computes no calendar.
        return pl.when(value.is_between(FIRST_DAY, LAST_DAY)).then(value)
    return value
