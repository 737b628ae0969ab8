"""Which records a release counts: those of people who stay, and not past their retention.

A value of nobody who stays must not stop a run, whatever it is. What is told here of a few records
is what the walk (`transforms.steps.gather`) tells of all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from transforms.policy.whole import Policy
from transforms.steps.conform import conform
from transforms.steps.derive import PAST, ROWS, total_attributes
from transforms.steps.exclude import Exclusions, companies, ineligible, is_named
from transforms.steps.lapse import forget_rows, forget_values

Read = Callable[[str, Sequence[str]], Iterator[pl.DataFrame]]
"""A table and its columns → batches; each call walks the table anew."""

OWNER, CLAUSE = "owner", "clause"
_KEY = "key"


@dataclass(frozen=True)
class Belonging:
    """Under what records are counted. read: for a second walk; as_of, today: of the population."""

    policy: Policy
    exclusions: Exclusions
    as_of: date
    today: date
    read: Read

    def is_home(self, table: str) -> bool:
        """Say whether it is the people's table."""
        return table == self.policy.subject.source

    def link(self, table: str) -> str | None:
        """Return the column that says whose the rows are; None in the people's table."""
        if self.is_home(table):
            return None
        owner = self.policy.owner(table)
        return owner.key if owner.on is None else owner.on

    def there(self, rows: pl.DataFrame, table: str) -> tuple[pl.DataFrame, pl.Series]:
        """Return the rows in their declared types, without what has lapsed, and which may be used.

        Of a table other than the people's that is not all: see `staying`.
        """
        conformed = conform(rows, table, self.policy)
        named = is_named(rows, table, self.policy, self.exclusions)
        if not self.is_home(table):
            kept = self._kept(conformed, table)
            return kept, ~named & (kept.get_column(ROWS) > 0)
        current = forget_values(conformed, self.policy, self._latest)
        return current, ~named & self._stays(conformed)

    def staying(self, wanted: pl.DataFrame, table: str) -> pl.DataFrame:
        """Return those pairs of OWNER and CLAUSE of which somebody who stays is left.

        wanted: links of a table's rows, as text, and the clause of a value in them.
        """
        owner, home = self.policy.owner(table), self.policy.subject.source
        links = wanted.select(OWNER).unique()
        holders = links.with_columns(pl.col(OWNER).alias(_KEY))
        if owner.on is not None:
            holders = self._holders(owner.table, owner.on, owner.key, links)
        clauses = wanted.get_column(CLAUSE).unique().to_list()
        reads = self.policy.reads()[home]
        people = [self._people(records, holders, clauses) for records in self.read(home, reads)]
        staying = holders.join(pl.concat(people), on=_KEY).select(OWNER, CLAUSE).unique()
        return wanted.join(staying, on=[OWNER, CLAUSE], how="semi")

    def _holders(self, table: str, on: str, key: str, links: pl.DataFrame) -> pl.DataFrame:
        pairs = []
        for records in self.read(table, self.policy.reads()[table]):
            rows, used = self.there(records, table)
            held = rows.filter(used).select(
                pl.col(on).cast(pl.String).alias(OWNER), pl.col(key).cast(pl.String).alias(_KEY)
            )
            pairs.append(held.join(links, on=OWNER, how="semi"))
        return pl.concat(pairs).unique()

    def _people(
        self, records: pl.DataFrame, holders: pl.DataFrame, clauses: Sequence[int]
    ) -> pl.DataFrame:
        home, key = self.policy.subject.source, str(self.policy.subject.key)
        rows, used = self.there(records, home)
        people = rows.filter(used).with_columns(pl.col(key).cast(pl.String).alias(_KEY))
        people = people.join(holders, on=_KEY, how="semi")
        return pl.concat(
            people.filter(~self._past(people, clause)).select(
                _KEY, pl.lit(clause, pl.Int64).alias(CLAUSE)
            )
            for clause in clauses
        )

    @staticmethod
    def _past(people: pl.DataFrame, clause: int) -> pl.Series:
        column = f"{PAST}{clause}"
        if column in people.columns:
            return people.get_column(column)
        return pl.repeat(value=False, n=people.height, eager=True)

    def _kept(self, conformed: pl.DataFrame, table: str) -> pl.DataFrame:
        """Return the rows with ROWS; a walk that does not read a total misses none."""
        totals = {a.column for a in total_attributes(self.policy) if a.table == table}
        lacking = totals - set(conformed.columns)
        full = conformed.with_columns(pl.lit(None).alias(column) for column in lacking)
        return forget_rows(full, table, self.policy, self._latest)

    def _stays(self, people: pl.DataFrame) -> pl.Series:
        """Say which records are counted, or stand for people who are."""
        rules = self.policy.eligibility
        reasons = ineligible(people, rules, self.as_of, self.today)
        if not any(magnitude.companies for magnitude in self.policy.magnitude.values()):
            return reasons.is_null()
        return reasons.is_null() | companies(people, reasons, rules, self._latest)

    @property
    def _latest(self) -> date:
        return max(self.as_of, self.today)
