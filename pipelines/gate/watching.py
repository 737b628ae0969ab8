"""The gate: it watches every batch that a release reads, and stops the run at the table's end.

    batch ─▶ columns declared harmless ─▶ values with a finding (scan) ─▶ their records: whose?
             table's end ─▶ those of people who stay ─▶ verdict ─▶ SourceError, without a value

What a table other than the people's holds is of people whose records went by before. So where
something was found there, and only then, theirs are read once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.gate.belonging import CLAUSE, OWNER, Belonging
from pipelines.gate.kinds import Kind
from pipelines.gate.scan import FOUND, LEAST_WHOLE, VALUE, findings
from pipelines.gate.verdict import LOOKED_FOR, RECORDS, in_numbers, in_texts
from transforms.errors import SourceError, band
from transforms.hierarchy import Hierarchy
from transforms.policy.roles import FROM_TEXT, Role
from transforms.policy.roles import Kind as Type
from transforms.policy.whole import Policy

HARMLESS = frozenset({Role.QUASI_IDENTIFIER, Role.SENSITIVE, Role.ELIGIBILITY, Role.CATEGORY})
"""Columns whose values are published once they are coarse enough, or decide: none names anybody."""
NUMBERS = frozenset({Type.INTEGER, Type.NUMBER})

_COLUMN, _RAW = "column", "__raw "
_PENDING_ROWS = 2_000_000
_TOLD = 3
"""Findings that a message names."""


@dataclass(frozen=True)
class Gate:
    """What is watched for, and whose it may be."""

    policy: Policy
    hierarchies: Mapping[str, Hierarchy]
    belonging: Belonging

    def watch(self, table: str, batches: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
        """Yield a table's batches as they are.

        Raises SourceError after the last where a column that is declared harmless holds
        identifiers of people who stay.
        """
        sights: list[pl.DataFrame] = []
        for records in batches:
            sights += self._sights(records, table)
            if sum(part.height for part in sights) > _PENDING_ROWS:
                sights = [_merged(sights)]
            yield records
        if sights:
            self._refuse(table, self._of_who_stays(_merged(sights), table))

    def _sights(self, records: pl.DataFrame, table: str) -> list[pl.DataFrame]:
        """Return by column the values in which something was found, whose they are, how often."""
        found = {
            column: values
            for column in self._harmless(records, table)
            if (values := self._suspicious(records.get_column(column), table)).height
        }
        if not found:
            return []
        marks = [_as_is(column, records).is_in(found[column].get_column(VALUE)) for column in found]
        rows = records.filter(pl.any_horizontal(marks))
        current, used = self.belonging.there(rows, table)
        raw = rows.select(_as_is(column, rows).alias(_RAW + column) for column in found)
        there = current.hstack(raw).filter(used)
        return [self._sight(there, table, column, values) for column, values in found.items()]

    def _suspicious(self, values: pl.Series, table: str) -> pl.DataFrame:
        """Return the different values of a column that are looked at, and what is found in each."""
        if not self._is_number(table, values.name):
            return findings(_text(values), LOOKED_FOR)
        if values.dtype == pl.String:
            long = values.str.contains(r"(?:[0-9][^0-9]*){8}")
        else:
            long = (values.abs() >= LEAST_WHOLE) & (values == values.floor())
        different = values.filter(long).unique().drop_nulls().alias(VALUE).to_frame()
        return different.with_columns(pl.lit([], pl.List(pl.String)).alias(FOUND))

    def _harmless(self, records: pl.DataFrame, table: str) -> list[str]:
        declared = self.policy.sources[table].columns
        return [
            column
            for column in records.columns
            if declared[column].role in HARMLESS
            # Of a free text nothing but its category is kept.
            and declared[column].derive not in FROM_TEXT
            and (declared[column].type is Type.TEXT or declared[column].type in NUMBERS)
        ]

    def _is_number(self, table: str, column: str) -> bool:
        return self.policy.sources[table].columns[column].type in NUMBERS

    def _sight(
        self, there: pl.DataFrame, table: str, column: str, values: pl.DataFrame
    ) -> pl.DataFrame:
        link = self.belonging.link(table)
        value = pl.col(_RAW + column)
        if self._is_number(table, column):
            whole = pl.col(column).cast(pl.Float64) == pl.col(column).cast(pl.Float64).floor()
            value = pl.when(whole).then(pl.col(column)).cast(pl.Int64, strict=False)
        keys = [OWNER, CLAUSE, _COLUMN, VALUE]
        return (
            there.filter(pl.col(column).is_not_null())
            .join(values, left_on=_RAW + column, right_on=VALUE, how="inner", coalesce=False)
            .select(
                (pl.lit(None) if link is None else pl.col(link)).cast(pl.String).alias(OWNER),
                pl.lit(self.policy.sources[table].columns[column].clause, pl.Int64).alias(CLAUSE),
                pl.lit(column).alias(_COLUMN),
                value.cast(pl.String).alias(VALUE),
                FOUND,
            )
            .drop_nulls(VALUE)
            .group_by(keys)
            .agg(pl.first(FOUND), pl.len().cast(pl.Int64).alias(RECORDS))
        )

    def _of_who_stays(self, sights: pl.DataFrame, table: str) -> pl.DataFrame:
        if self.belonging.is_home(table) or sights.is_empty():
            return sights
        staying = self.belonging.staying(sights.select(OWNER, CLAUSE).unique(), table)
        return sights.join(staying, on=[OWNER, CLAUSE], how="semi")

    def _refuse(self, table: str, sights: pl.DataFrame) -> None:
        by_value = sights.group_by(_COLUMN, VALUE).agg(pl.first(FOUND), pl.col(RECORDS).sum())
        told: list[str] = []
        for column in self.policy.sources[table].columns:
            values = by_value.filter(pl.col(_COLUMN) == column)
            found = (
                in_numbers(values)
                if self._is_number(table, column)
                else in_texts(values, self._listed(table, column), self.policy.limits.k)
            )
            role = self.policy.sources[table].columns[column].role
            told += [_said(f"{table}.{column}", role, kind, count) for kind, count in found.items()]
        if told:
            more = f"; and {len(told) - _TOLD} more findings" if len(told) > _TOLD else ""
            raise SourceError(
                f"{'; '.join(told[:_TOLD])}{more}: mend the source, or declare the column for what "
                f"it is (docs/gate.md)"
            )

    def _listed(self, table: str, column: str) -> frozenset[str]:
        """Return the values that the policy names: those of a vocabulary are no finding of ours."""
        leaves = [
            leaf
            for attribute in self.policy.attributes.values()
            if (attribute.table, attribute.column) == (table, column)
            for leaf in self.hierarchies[attribute.name].leaves
        ]
        values = [
            value
            for magnitude in self.policy.magnitude.values()
            for category in magnitude.by.values()
            if (magnitude.source, category.column) == (table, column)
            for value in category.values
        ]
        persons = self.policy.eligibility.persons
        kept = persons.keep if persons and self.belonging.is_home(table) else ()
        return frozenset([*leaves, *values, *kept])


def _text(values: pl.Series) -> pl.Series:
    """Return a column that is declared a text as one, whatever the source keeps it as."""
    return values if values.dtype == pl.String else values.cast(pl.String)


def _as_is(column: str, records: pl.DataFrame) -> pl.Expr:
    """Return a column before anything is done with it; texts as `_text`."""
    value = pl.col(column)
    return value if records.schema[column].is_numeric() else value.cast(pl.String)


def _merged(sights: list[pl.DataFrame]) -> pl.DataFrame:
    keys = [OWNER, CLAUSE, _COLUMN, VALUE]
    return pl.concat(sights).group_by(keys).agg(pl.first(FOUND), pl.col(RECORDS).sum())


def _said(column: str, role: Role, kind: Kind, records: int) -> str:
    article = "an" if kind.value[0] in "aeiouAEIOU" else "a"
    if kind is Kind.COORDINATES:
        article = "the"
    return (
        f"{column}: {band(records)} records hold {article} {kind.value}, though the column is "
        f"declared {role}"
    )
