"""Walk each table's batches once, and keep only what is narrow: keys, leaf codes, exact sums.

A batch is let go of before the next is read, so memory holds one batch and some ten bytes a person
for each attribute, whatever the width of the bank. How the batches are cut does not matter, nor
does their order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from transforms.errors import SourceError, band
from transforms.hierarchy import Hierarchy
from transforms.policy.roles import Role
from transforms.policy.whole import Policy
from transforms.steps.conform import BROKEN, broken_counts, conform, refuse_broken
from transforms.steps.derive import (
    ROWS,
    add_totals,
    derive_own,
    holding,
    merge,
    own_attributes,
    tally,
)
from transforms.steps.encode import encode, refuse_unlisted, unlisted_counts
from transforms.steps.exclude import (
    Exclusions,
    LeftOut,
    Reason,
    companies,
    ineligible,
    is_named,
)
from transforms.steps.find import KeyList
from transforms.steps.lapse import (
    forget_broken,
    forget_rows,
    forget_totals,
    forget_values,
    rows_lapsed,
    values_lapsed,
)
from transforms.text.vocabulary import Vocabulary

Batches = Iterable[pl.DataFrame]
"""The records of a table; an empty table is one empty batch."""
Tables = Mapping[str, Batches]

PENDING_ROWS = 16_000_000
"""Tallies wait unmerged up to so many rows (some 30 bytes each), or as many as are merged already;
merging is what keeps a table of events from growing in memory, and costs time."""


@dataclass(frozen=True)
class People:
    """Who there is. rows: the eligible, each with their key (if any) and own leaf codes.

    keys: of everybody who is not on the opt-out list, the ineligible among them; None where a row
    is a person; companies: the keys of those records that are of no person, and may be used.
    """

    rows: pl.DataFrame
    keys: pl.Series | None
    companies: pl.Series
    left_out: LeftOut


@dataclass(frozen=True)
class Circumstances:
    """Under what people are counted.

    as_of: the reference date of ages and tenures; today: the day of the run; vocabularies: of the
    topics of free text, by name.
    """

    policy: Policy
    hierarchies: Mapping[str, Hierarchy]
    exclusions: Exclusions
    as_of: date
    today: date
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)

    @property
    def latest(self) -> date:
        """The day on which retention has to last."""
        return max(self.as_of, self.today)


@dataclass(frozen=True)
class _Part:
    """What one batch of people's records leaves behind.

    listed: the `place` of everybody met who is on the opt-out list, and the `reason`, as a rank.
    """

    rows: pl.DataFrame
    keys: pl.Series
    companies: pl.Series
    listed: pl.DataFrame
    reasons: Counter[str]
    broken: Mapping[str, int]
    unlisted: Mapping[str, int]


def gather_people(batches: Batches, under: Circumstances) -> People:
    """Leave out, conform, derive and encode the person's own records.

    Raises SourceError where a value does not fit or a key is missing or double, PolicyError where
    no leaf has a value.
    """
    policy = under.policy
    parts = [_people_part(records, under) for records in batches]
    refuse_broken(policy.subject.source, _sum(part.broken for part in parts), policy)
    keys = None
    if policy.subject.key is not None:
        keys = pl.concat([part.keys for part in parts])
        _check_keys(keys, policy)
    refuse_unlisted(_sum(part.unlisted for part in parts), policy)
    left_out = _left_out(
        pl.concat([part.listed for part in parts]), _sum(part.reasons for part in parts), under
    )
    companies = pl.concat([part.companies for part in parts])
    return People(pl.concat([part.rows for part in parts]), keys, companies, left_out)


def _people_part(records: pl.DataFrame, under: Circumstances) -> _Part:
    policy, own = under.policy, [attribute.name for attribute in own_attributes(under.policy)]
    home, key = policy.subject.source, policy.subject.key
    places = _places(records, under)
    conformed = conform(_where(records, places.is_null()), home, policy)
    reasons = ineligible(conformed, policy.eligibility, under.as_of, under.today)
    current = forget_values(conformed, policy, under.latest)
    eligible = derive_own(
        current.filter(reasons.is_null()), policy, under.as_of, under.vocabularies
    )
    codes = encode(eligible, under.hierarchies, own)
    keys = conformed.get_column(key) if key else pl.Series(dtype=pl.String)
    return _Part(
        rows=codes,
        keys=keys,
        companies=_companies(conformed, keys, reasons, under),
        listed=_listed(records, places, under),
        reasons=Counter(reasons.drop_nulls().to_list()),
        broken=broken_counts(current),
        unlisted=unlisted_counts(codes, own),
    )


def _companies(
    conformed: pl.DataFrame, keys: pl.Series, reasons: pl.Series, under: Circumstances
) -> pl.Series:
    """Return the keys of companies, where events of theirs count for anybody."""
    if not any(table.companies for table in under.policy.magnitude.values()):
        return keys.clear()
    return keys.filter(companies(conformed, reasons, under.policy.eligibility, under.latest))


def _listed_keys(under: Circumstances) -> KeyList:
    """Return the opt-out list as the keys of people are compared."""
    home, key = under.policy.subject.source, under.policy.subject.key
    return under.exclusions.listed(under.policy.sources[home].columns[key].type if key else None)


def _places(records: pl.DataFrame, under: Circumstances) -> pl.Series:
    """Return where each person stands on the opt-out list, missing for who does not."""
    key = under.policy.subject.key
    if key is None:
        return pl.repeat(None, records.height, dtype=pl.Int64, eager=True)
    return _listed_keys(under).find(records.get_column(key))


def _listed(records: pl.DataFrame, places: pl.Series, under: Circumstances) -> pl.DataFrame:
    """Return the place and the first reason of everybody who is on the list.

    The source may mark them as well; what is broken of them is no mark, and stops nobody.
    """
    policy, there = under.policy, places.drop_nulls()
    ranks = _listed_keys(under).ranks.gather(there)
    if not len(there):
        return pl.DataFrame({"place": there, "reason": ranks})
    theirs = conform(records.filter(places.is_not_null()), policy.subject.source, policy)
    marked = ineligible(theirs, policy.eligibility, under.as_of, under.today)
    both = pl.DataFrame({"place": there, "listed": ranks, "marked": marked.to_physical()})
    return both.select("place", reason=pl.min_horizontal("listed", "marked"))


def _left_out(listed: pl.DataFrame, by_rule: Counter[str], under: Circumstances) -> LeftOut:
    """Count everybody who is left out, each once, however often they stand in the source."""
    people = listed.group_by("place").agg(pl.col("reason").min())
    by_rank = dict(people.get_column("reason").value_counts().rows())
    reasons = Counter({reason: by_rank.get(reason.rank, 0) for reason in Reason}) + by_rule
    return LeftOut(
        erased=reasons[Reason.ERASED],
        restricted=reasons[Reason.RESTRICTED],
        objected=reasons[Reason.OBJECTED],
        not_found=len(_listed_keys(under)) - people.height,
        not_natural_persons=reasons[Reason.NOT_A_PERSON],
        minors=reasons[Reason.MINOR],
        beyond_retention=reasons[Reason.LAPSED],
    )


def _where(records: pl.DataFrame, kept: pl.Series) -> pl.DataFrame:
    """Return the records that are kept; where all are, nothing is copied."""
    return records if kept.all() else records.filter(kept)


def _sum(counts: Iterable[Mapping[str, int]]) -> Counter[str]:
    total = Counter[str]()
    for each in counts:
        total.update(each)
    return total


def _check_keys(keys: pl.Series | None, policy: Policy) -> None:
    """Raise SourceError where a person's key is missing or double."""
    if keys is None:
        return
    where = f"{policy.subject.source}.{policy.subject.key}"
    if missing := keys.null_count():
        raise SourceError(
            f"{where}: {band(missing)} rows have no key, so nobody knows whose they are: mend the "
            f"source"
        )
    if doubled := len(keys) - keys.n_unique():
        raise SourceError(
            f"{where}: {band(doubled)} rows repeat another row's key, so people cannot be counted: "
            f"one row a person is needed"
        )


def gather_totals(tables: Tables, people: People, under: Circumstances) -> People:
    """Read the tables of many rows a person, and return the people with a column for each total.

    Rows that nobody who is left holds are not looked at. Raises SourceError where a value does not
    fit, or a row points to nobody.
    """
    policy = under.policy
    others = [table for table in policy.microdata_reads() if table != policy.subject.source]
    # First those that say whose the rows of others are.
    others.sort(key=lambda table: policy.owner(table).on is not None)
    tallies: dict[str, pl.DataFrame] = {}
    lapsed_rows: dict[str, int] = {}
    for table in others:
        read = _read(tables[table], table, under)
        _refuse_misfits(table, read, tallies, people, policy)
        tallies[table], lapsed_rows[table] = read.tallied, read.lapsed
    rows = forget_totals(add_totals(people.rows, tallies, policy), policy)
    left_out = replace(
        people.left_out,
        lapsed_values=values_lapsed(rows, policy),
        lapsed_rows=rows_lapsed(lapsed_rows, policy),
    )
    return replace(people, rows=rows, left_out=left_out)


@dataclass(frozen=True)
class _Read:
    """A table's tallies, the rows in which something does not fit, and how many have lapsed."""

    tallied: pl.DataFrame
    broken: pl.DataFrame
    lapsed: int


def _read(batches: Batches, table: str, under: Circumstances) -> _Read:
    policy = under.policy
    merged: list[pl.DataFrame] = []
    pending: list[pl.DataFrame] = []
    broken: list[pl.DataFrame] = []
    waiting = gone = 0
    for records in batches:
        named = is_named(records, table, policy, under.exclusions)
        rows = conform(_where(records, ~named), table, policy)
        rows = forget_rows(rows, table, policy, under.latest)
        gone += int((rows.get_column(ROWS) == 0).sum())
        broken.append(rows.filter(pl.any_horizontal(pl.lit(value=False), pl.col(f"^{BROKEN}.*$"))))
        pending.append(tally(rows, table, policy))
        waiting += rows.height
        if waiting > max(PENDING_ROWS, sum(part.height for part in merged)):
            merged, pending, waiting = [merge([*merged, *pending], table, policy)], [], 0
    return _Read(pl.concat([*merged, *pending]), pl.concat(broken), gone)


def _refuse_misfits(
    table: str, read: _Read, tallies: Mapping[str, pl.DataFrame], people: People, policy: Policy
) -> None:
    """Raise SourceError where something does not fit in a table, or whose it is.

    tallies: of the tables that were read before it.
    """
    owner, broken = policy.owner(table), read.broken
    holders = read.tallied if owner.on is None else holding(tallies[owner.table])
    if owner.on is not None:
        _refuse_linkless(table, owner.on, read.tallied)
        broken = _held(broken, holders, owner.on)
        links = read.tallied.get_column(owner.on)
        _refuse_strangers(owner.table, owner.on, holders, links, table)
    broken = forget_broken(broken, table, holders, people.rows, policy)
    refuse_broken(table, broken_counts(broken), policy)
    for column in read.tallied.columns:
        declared = policy.sources[table].columns.get(column)
        if declared is not None and declared.role is Role.SUBJECT and people.keys is not None:
            _refuse_strangers(table, column, read.tallied, people.keys, policy.subject.source)


def _refuse_linkless(table: str, on: str, tallied: pl.DataFrame) -> None:
    """Raise SourceError where a row has no link that could be somebody's."""
    if count := int(tallied.filter(pl.col(on).is_null()).get_column(ROWS).sum()):
        raise SourceError(
            f"{table}.{on}: {band(count)} rows have no link, or one that is not of its type, so "
            f"nobody knows whose they are: mend the source"
        )


def _held(rows: pl.DataFrame, held: pl.DataFrame, on: str) -> pl.DataFrame:
    """Return the rows that somebody who is left holds."""
    return rows.join(held, on=on, how="semi") if rows.height else rows


def _refuse_strangers(
    table: str, column: str, tallied: pl.DataFrame, known: pl.Series, where: str
) -> None:
    """Raise SourceError where rows of `table` point to nothing in `where`."""
    try:
        strangers = (
            tallied.lazy()
            .join(known.to_frame().lazy(), left_on=column, right_on=known.name, how="anti")
            .select(pl.col(ROWS).sum())
            .collect()
        )
    except pl.exceptions.PolarsError:
        raise SourceError(
            f"{table}.{column} and {where}.{known.name} are of different types: declare and store "
            f"them alike"
        ) from None
    if count := int(strangers.item() or 0):
        raise SourceError(
            f"{table}.{column}: {band(count)} rows point to nobody in {where}: mend the source"
        )
