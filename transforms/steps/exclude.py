"""Leave out who must not be there, before anything is joined, counted or calibrated.

Objectors first (clause 16), by key, wherever a table names a person; then the rules that need a
value: who is not a natural person, minors under 14 without consent (clause 26), people whose data
are past their retention (clauses 9 to 12).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import polars as pl

from transforms.policy import Eligibility, Kind, Policy, Role


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many people were left out, each counted once, by the first rule that met them.

    not_found: people on the opt-out list whom the source does not know.
    """

    objected: int
    not_found: int
    not_natural_persons: int
    minors: int
    beyond_retention: int


class Reason(StrEnum):
    """Why a person is left out by rule."""

    NOT_A_PERSON = "person"
    MINOR = "minor"
    LAPSED = "retention"


def names_objector(
    records: pl.DataFrame, table: str, policy: Policy, objectors: Collection[str]
) -> pl.Series:
    """Say of each record whether it names an objector, in whatever column names a person.

    Keys are compared as they are meant: without blanks around them, whole numbers as numbers.
    """
    keys = [name for name in records.columns if _role(policy, table, name) is Role.SUBJECT]
    named = pl.any_horizontal(
        pl.lit(value=False),
        *(
            _is_listed(key, _kind(policy, table, key), records.schema[key], objectors)
            for key in keys
        ),
    )
    # Beside the columns, so that there is an answer for each row where none names a person.
    return records.with_columns(named.alias("__named")).get_column("__named")


def _is_listed(
    key: str, kind: Kind | None, dtype: pl.DataType, objectors: Collection[str]
) -> pl.Expr:
    listed = pl.DataFrame({key: pl.Series(sorted(objectors), dtype=pl.String)})
    written = listed.select(comparable(key, kind)).to_series()
    if kind is Kind.INTEGER and dtype.is_integer() and not isinstance(dtype, pl.UInt64):
        numbers = written.cast(pl.Int64, strict=False).drop_nulls()
        return pl.col(key).cast(pl.Int64).is_in(numbers.implode()).fill_null(value=False)
    return comparable(key, kind).is_in(written.implode()).fill_null(value=False)


def comparable(key: str, kind: Kind | None) -> pl.Expr:
    """Return a key in the one way it is compared.

    No blanks around it, one case and Unicode form, no `007` or `+7` for the number 7: rather two
    people are taken for the objector than none.
    """
    text = pl.col(key).cast(pl.String).str.strip_chars()
    if kind is Kind.INTEGER:
        return pl.coalesce(text.cast(pl.Int64, strict=False).cast(pl.String), text)
    return text.str.normalize("NFC").str.to_lowercase()


def _role(policy: Policy, table: str, column: str) -> Role:
    return policy.sources[table].columns[column].role


def _kind(policy: Policy, table: str, column: str) -> Kind | None:
    return policy.sources[table].columns[column].type


def ineligible(people: pl.DataFrame, rules: Eligibility, as_of: date, today: date) -> pl.Series:
    """Return for each person the reason to leave them out, missing for who stays.

    Nobody is let in by another reference date: a person has to be old enough on the earlier of
    both days, and within retention on the later one.
    """
    reason = (
        pl.when(_not_a_person(rules))
        .then(pl.lit(Reason.NOT_A_PERSON.value))
        .when(_minor(rules, min(as_of, today)))
        .then(pl.lit(Reason.MINOR.value))
        .when(_lapsed(rules, max(as_of, today)))
        .then(pl.lit(Reason.LAPSED.value))
    )
    # Beside a column, so that there is a reason for each row where no rule looks at one.
    return people.with_columns(reason.alias("__reason")).get_column("__reason")


def completed_years(column: str, as_of: date) -> pl.Expr:
    """Return whole years from a date to `as_of`; who is born on 29 February ages on 1 March."""
    day = pl.col(column)
    before_anniversary = (day.dt.month() > as_of.month) | (
        (day.dt.month() == as_of.month) & (day.dt.day() > as_of.day)
    )
    return as_of.year - day.dt.year().cast(pl.Int32) - before_anniversary.cast(pl.Int32)


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
