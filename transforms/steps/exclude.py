"""Leave out who must not be there, before anything is joined, counted or calibrated.

Objectors first (clause 16), by key, wherever a table names a person; then the rules that need a
value: who is not a natural person, minors under 14 without consent (clause 26), people whose data
are past their retention (clauses 9 to 12).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

import polars as pl

from transforms.errors import SourceError, band
from transforms.policy import Eligibility, Kind, Policy, Role
from transforms.steps.conform import Tables

ROW = "__row"
"""The key of a person where the policy says that a row is one."""


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


def exclude_objectors(
    tables: Tables, policy: Policy, objectors: Collection[str]
) -> tuple[dict[str, pl.DataFrame], int]:
    """Return the tables without any row that names an objector, and how many people that were.

    Keys are compared as they are meant: without blanks around them, whole numbers as numbers. Rows
    of other tables that only objectors hold go as well.
    """
    left: dict[str, pl.DataFrame] = {}
    met = 0
    for name, table in tables.items():
        keys = [column for column in table.columns if _role(policy, name, column) is Role.SUBJECT]
        named = pl.any_horizontal(
            pl.lit(value=False),
            *(_is_listed(key, _kind(policy, name, key), objectors) for key in keys),
        )
        left[name] = table.filter(~named)
        if name == policy.subject.source and policy.subject.key is not None:
            met = table.filter(named).get_column(policy.subject.key).n_unique()
    return _without_orphans(left, policy), met


def _without_orphans(tables: Tables, policy: Policy) -> dict[str, pl.DataFrame]:
    """Return the tables without rows that nobody who is left holds: they are not looked at."""
    left = dict(tables)
    for name, table in tables.items():
        if name != policy.subject.source and (owner := policy.owner(name)).on is not None:
            link = owner.on
            held = tables[owner.table].select(_comparable(link, _kind(policy, owner.table, link)))
            held_links = held.to_series().unique().implode()
            comparable = _comparable(link, _kind(policy, name, link))
            left[name] = table.filter(comparable.is_in(held_links).fill_null(value=False))
    return left


def _is_listed(key: str, kind: Kind | None, objectors: Collection[str]) -> pl.Expr:
    listed = pl.DataFrame({key: pl.Series(sorted(objectors), dtype=pl.String)})
    written = listed.select(_comparable(key, kind)).to_series().implode()
    return _comparable(key, kind).is_in(written).fill_null(value=False)


def _comparable(key: str, kind: Kind | None) -> pl.Expr:
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


def check_keys(tables: Tables, policy: Policy) -> None:
    """Raise SourceError where a person's key is missing or double, or a row is nobody's."""
    home, key = policy.subject.source, policy.subject.key
    if key is None:
        return
    people = tables[home].get_column(key)
    if missing := people.null_count():
        raise SourceError(
            f"{home}.{key}: {band(missing)} rows have no key, so nobody knows whose they are: "
            f"mend the source"
        )
    if doubled := len(people) - people.n_unique():
        raise SourceError(
            f"{home}.{key}: {band(doubled)} rows repeat another row's key, so people cannot be "
            f"counted: one row a person is needed"
        )
    for table in tables:
        if table == home:
            continue
        for column, declared in policy.sources[table].columns.items():
            if declared.role is Role.SUBJECT and column in tables[table].columns:
                _refuse_unknown(table, column, tables[table], tables[home].select(key), home)
    for table in tables:
        if table != home and (owner := policy.owner(table)).on is not None:
            link = owner.on
            _refuse_unknown(
                owner.table, link, tables[owner.table], tables[table].select(link), table
            )


def _refuse_unknown(
    table: str, column: str, rows: pl.DataFrame, known: pl.DataFrame, where: str
) -> None:
    try:
        strangers = rows.join(known, left_on=column, right_on=known.columns[0], how="anti").height
    except pl.exceptions.PolarsError:
        strangers = -1
    if strangers < 0:
        raise SourceError(
            f"{table}.{column} and {where}.{known.columns[0]} are of different types: declare and "
            f"store them alike"
        )
    if strangers:
        raise SourceError(
            f"{table}.{column}: {band(strangers)} rows point to nobody in {where}: mend the source"
        )


def exclude_ineligible(
    tables: Tables, policy: Policy, as_of: date, today: date, *, objected: int, not_found: int
) -> tuple[dict[str, pl.DataFrame], LeftOut]:
    """Return the tables with the subject's table cut to eligible people, and the counts.

    Nobody is let in by another reference date: a person has to be old enough on the earlier of
    both days, and within retention on the later one.
    """
    rules = policy.eligibility
    people = tables[policy.subject.source]
    reason = (
        pl.when(_not_a_person(rules))
        .then(pl.lit("person"))
        .when(_minor(rules, min(as_of, today)))
        .then(pl.lit("minor"))
        .when(_lapsed(rules, max(as_of, today)))
        .then(pl.lit("retention"))
    )
    reasons = people.with_columns(reason.alias("__reason")).get_column("__reason")
    left_out = LeftOut(
        objected=objected,
        not_found=not_found,
        not_natural_persons=int((reasons == "person").sum()),
        minors=int((reasons == "minor").sum()),
        beyond_retention=int((reasons == "retention").sum()),
    )
    return {**tables, policy.subject.source: people.filter(reasons.is_null())}, left_out


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
