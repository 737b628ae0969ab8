"""Leave out who must not be there, before anything is joined, counted or calibrated.

Who is on the opt-out list first (clauses 16, 30.3, 30.4), by key, wherever a table names a person;
then the rules that need a value: whom the source itself marks as erased or restricted, who is not
a natural person, minors under 14 without consent (clause 26), people whose data are past their
retention (clauses 9 to 12).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property

import polars as pl

from transforms.policy.eligibility import Eligibility
from transforms.policy.roles import Kind, Role
from transforms.policy.whole import Policy
from transforms.steps.find import KeyList


class Reason(StrEnum):
    """Why a person is left out; who has several is counted by the first."""

    ERASED = "erased"
    RESTRICTED = "restricted"
    OBJECTED = "objected"
    NOT_A_PERSON = "person"
    MINOR = "minor"
    LAPSED = "retention"

    @property
    def rank(self) -> int:
        """How many reasons come before it."""
        return list(Reason).index(self)


REASONS = pl.Enum(Reason)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many people were left out, each counted once, by the first rule that met them.

    not_found: people on the opt-out list whom the source does not know. lapsed_values,
    lapsed_rows: by clause, how many people lost a value that is past its retention, and how many
    rows are; of people who stay.
    """

    erased: int
    restricted: int
    objected: int
    not_found: int
    not_natural_persons: int
    minors: int
    beyond_retention: int
    lapsed_values: Mapping[int, int] = field(default_factory=dict)
    lapsed_rows: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Exclusions:
    """Keys of the people whom the opt-out list leaves out, by the right they used.

    Text, as it was given (clauses 16, 30.3, 30.4); a person may be in several, and twice in one.
    """

    objected: pl.Series
    erased: pl.Series
    restricted: pl.Series

    @classmethod
    def of(
        cls,
        objected: Iterable[str] = (),
        erased: Iterable[str] = (),
        restricted: Iterable[str] = (),
    ) -> Exclusions:
        """Leave out the people of these keys."""
        return cls(
            *(pl.Series(list(keys), dtype=pl.String) for keys in (objected, erased, restricted))
        )

    def listed(self, kind: Kind | None) -> KeyList:
        """Return the keys as those of a column are compared, made ready once."""
        return self._numbers if kind is Kind.INTEGER else self._texts

    @cached_property
    def _numbers(self) -> KeyList:
        return self._list(Kind.INTEGER)

    @cached_property
    def _texts(self) -> KeyList:
        return self._list(Kind.TEXT)

    def _list(self, kind: Kind) -> KeyList:
        keys = [self.erased, self.restricted, self.objected]
        reasons = (Reason.ERASED, Reason.RESTRICTED, Reason.OBJECTED)
        ranks = [
            pl.repeat(reason.rank, len(each), dtype=pl.UInt8, eager=True)
            for reason, each in zip(reasons, keys, strict=True)
        ]
        return KeyList.of(pl.concat(keys), pl.concat(ranks), kind)


NOBODY = Exclusions.of()


def is_named(
    records: pl.DataFrame, table: str, policy: Policy, exclusions: Exclusions
) -> pl.Series:
    """Say of each record whether it names somebody on the list, in whatever column names a person.

    Keys are compared as they are meant: without blanks around them, whole numbers as numbers.
    """
    columns = policy.sources[table].columns
    named = pl.repeat(value=False, n=records.height, eager=True)
    for key in records.columns:
        if columns[key].role is Role.SUBJECT:
            listed = exclusions.listed(columns[key].type)
            named |= listed.find(records.get_column(key)).is_not_null()
    return named


def ineligible(people: pl.DataFrame, rules: Eligibility, as_of: date, today: date) -> pl.Series:
    """Return for each person the first reason to leave them out, missing for who stays.

    Nobody is let in by another reference date: a person has to be old enough on the earlier of
    both days, and a restriction lifted by then; retention has to last on the later one.
    """
    reason = (
        pl.when(_erased(rules, people.schema))
        .then(pl.lit(Reason.ERASED.value))
        .when(_restricted(rules, people.schema, min(as_of, today)))
        .then(pl.lit(Reason.RESTRICTED.value))
        .when(_not_a_person(rules))
        .then(pl.lit(Reason.NOT_A_PERSON.value))
        .when(_minor(rules, min(as_of, today)))
        .then(pl.lit(Reason.MINOR.value))
        .when(_lapsed(rules, max(as_of, today)))
        .then(pl.lit(Reason.LAPSED.value))
    )
    # Beside a column, so that there is a reason for each row where no rule looks at one.
    return people.with_columns(reason.cast(REASONS).alias("__reason")).get_column("__reason")


def companies(people: pl.DataFrame, reasons: pl.Series, rules: Eligibility, day: date) -> pl.Series:
    """Say which records are of no person, with data that may still be used on a day.

    reasons: of `ineligible`.
    """
    lapsed = people.select(lapsed=_lapsed(rules, day)).get_column("lapsed")
    return (reasons == Reason.NOT_A_PERSON.value).fill_null(value=False) & ~lapsed


def completed_years(column: str, as_of: date) -> pl.Expr:
    """Return whole years from a date to `as_of`; who is born on 29 February ages on 1 March."""
    day = pl.col(column)
    before_anniversary = (day.dt.month() > as_of.month) | (
        (day.dt.month() == as_of.month) & (day.dt.day() > as_of.day)
    )
    return as_of.year - day.dt.year().cast(pl.Int32) - before_anniversary.cast(pl.Int32)


def _erased(rules: Eligibility, schema: pl.Schema) -> pl.Expr:
    """Say whose erasure was granted; a day that is still to come is one."""
    return pl.lit(value=False) if rules.erased is None else _marked(rules.erased.column, schema)


def _restricted(rules: Eligibility, schema: pl.Schema, as_of: date) -> pl.Expr:
    """Say for whom processing is restricted; who was restricted anew after a lifting is."""
    if rules.restricted is None:
        return pl.lit(value=False)
    marked = _marked(rules.restricted.column, schema)
    if rules.restricted.until is None:
        return marked
    since, until = (
        pl.col(column).cast(pl.Datetime("us"))
        for column in (rules.restricted.column, rules.restricted.until)
    )
    lifted = (until.dt.date() <= as_of) & (until >= since)
    return marked & ~lifted.fill_null(value=False)


def _marked(column: str, schema: pl.Schema) -> pl.Expr:
    """Say where a day stands, or true."""
    mark = pl.col(column)
    return mark.fill_null(value=False) if schema[column] == pl.Boolean else mark.is_not_null()


def _not_a_person(rules: Eligibility) -> pl.Expr:
    if rules.persons is None:
        return pl.lit(value=False)
    return ~pl.col(rules.persons.column).is_in(rules.persons.keep).fill_null(value=False)


def _minor(rules: Eligibility, as_of: date) -> pl.Expr:
    """Say who may be under the age and has no recorded consent; an unknown age may be."""
    if rules.minors is None:
        return pl.lit(value=False)
    young = (completed_years(rules.minors.birth, as_of) < rules.minors.under).fill_null(value=True)
    if rules.minors.consent is None:
        return young
    return young & ~pl.col(rules.minors.consent).fill_null(value=False)


def _lapsed(rules: Eligibility, as_of: date) -> pl.Expr:
    if rules.retention is None:
        return pl.lit(value=False)
    end_of_keeping = pl.col(rules.retention.ended).dt.offset_by(f"{rules.retention.years}y")
    return (end_of_keeping <= as_of).fill_null(value=False)
