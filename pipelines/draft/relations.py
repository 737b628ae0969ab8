"""Who a person is, and whose the rows of each table are: keys, links, who holds things together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from pipelines.draft.findings import Finding
from pipelines.draft.looking import MOSTLY, Evidence
from pipelines.draft.words import (
    Topic,
    is_of_holders,
    is_of_others,
    is_of_people,
    stem_of,
    topic_of,
    words_of,
)
from transforms.policy.roles import Kind

CONTAINED = 0.9
"""Share of a column's values among the keys of a table from which on it refers to it."""
PERSONAL = frozenset(
    {
        *(Topic.PERSONAL_NUMBER, Topic.BIRTH, Topic.FIRST_NAME, Topic.LAST_NAME, Topic.FULL_NAME),
        *(Topic.EMAIL, Topic.PHONE),
    }
)
ASKED = 3_000
"""Values of a column that are looked for among the keys."""
ENOUGH = 2
"""Signs of a person that a table of people has at least."""
LONGEST_KEY = 40

Tables = Mapping[str, Mapping[str, Evidence]]
"""Table → column → evidence."""


class Keys(Protocol):
    """The different values of a table's column, as texts."""

    def sampled(self, at: tuple[str, str]) -> pl.Series:
        """Return those that were sampled."""

    def whole(self, at: tuple[str, str]) -> pl.Series:
        """Return all there are, or as many as may be read."""


@dataclass(frozen=True, slots=True)
class Person:
    """The table and key that a person is; signs: what of a person the table holds."""

    table: str
    key: str
    signs: int
    referred_to: int


@dataclass(frozen=True)
class Relations:
    """Whose rows are whose.

    subjects: table → the column that is the person's key there; others: further such columns;
    through: table → the table that says whose its rows are, and the column that both have; links:
    columns that tables are joined by; joint: tables that say who holds what together; unlike: what
    is called like the person's key and holds other values; numbers: what numbers a table's rows.
    """

    person: Person | None
    subjects: Mapping[str, str] = field(default_factory=dict)
    others: frozenset[tuple[str, str]] = frozenset()
    through: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    links: frozenset[tuple[str, str]] = frozenset()
    joint: frozenset[str] = frozenset()
    unlike: frozenset[tuple[str, str]] = frozenset()
    numbers: frozenset[tuple[str, str]] = frozenset()

    def has_owner(self, table: str) -> bool:
        """Say whether it is known whose the rows of a table are."""
        return table in self.subjects or table in self.through


def relate(tables: Tables, keys: Keys) -> Relations:
    """Find the person, and what refers to it."""
    person = _person(tables, keys)
    numbers = frozenset((t, c) for t, columns in tables.items() for c in _keys(t, columns))
    if person is None:
        return Relations(None, numbers=numbers)
    subjects, others, unlike = {person.table: person.key}, set(), set()
    for table, columns in tables.items():
        if table == person.table:
            continue
        for column in _named_after(person, table, columns):
            if not _refers(keys, (table, column), (person.table, person.key)):
                unlike.add((table, column))
            elif table in subjects or is_of_others(column):
                others.add((table, column))
            else:
                subjects[table] = column
    taken = {*subjects.items(), *others}
    through = dict(_through(tables, subjects, keys, taken))
    links = frozenset(_links(tables, through, numbers, taken))
    joint = frozenset(t for t in subjects if _is_joint(t, tables[t], subjects[t], links, person))
    return Relations(
        person, subjects, frozenset(others), through, links, joint, frozenset(unlike), numbers
    )


def _keys(table: str, columns: Mapping[str, Evidence]) -> Iterator[str]:
    """Yield the columns that number a table's rows, the likeliest first."""
    fitting = [name for name, evidence in columns.items() if _may_be_key(name, evidence)]
    stem, places = stem_of(table), {name: place for place, name in enumerate(columns)}

    def likely(name: str) -> tuple[bool, bool, int]:
        words = words_of(name)
        named = bool(stem) and any(word.startswith(stem) or stem.startswith(word) for word in words)
        return (topic_of(name) is not Topic.KEY, not named, places[name])

    yield from sorted(fitting, key=likely)


def _may_be_key(name: str, evidence: Evidence) -> bool:
    is_key = topic_of(name) in {Topic.KEY, None}
    kind = evidence.kind in {Kind.INTEGER, Kind.TEXT} and not evidence.is_day
    short = evidence.length <= LONGEST_KEY and evidence.words <= 1 and not evidence.decimals
    return is_key and kind and short and evidence.unique and not _is_identifier(evidence)


def _is_identifier(evidence: Evidence) -> bool:
    """Say whether most values are numbers of people, addresses or the like: never a plain key."""
    sure = evidence.surely
    named = evidence.found.get(Finding.NAME, 0) >= MOSTLY
    return (sure is not None and sure[1] >= MOSTLY) or named


def _person(tables: Tables, keys: Keys) -> Person | None:
    found = []
    for table, columns in tables.items():
        signs = len({topic_of(name) for name in columns} & PERSONAL)
        signs += any(_is_identifier(evidence) for evidence in columns.values())
        key = next(_keys(table, columns), None)
        if key is None or signs < ENOUGH or is_of_others(table):
            continue
        candidate = Person(table, key, signs, 0)
        referred = sum(
            _refers(keys, (other, column), (table, key))
            for other in tables
            if other != table
            for column in _named_after(candidate, other, tables[other])
        )
        found.append(Person(table, key, signs, referred))
    return max(
        found,
        key=lambda one: (is_of_people(one.table), one.referred_to, one.signs, one.table),
        default=None,
    )


def _named_after(person: Person, table: str, columns: Mapping[str, Evidence]) -> Iterator[str]:
    """Yield the columns of a table whose name says that they hold the person's key."""
    stem = stem_of(person.table)
    plain = words_of(person.key) in {("id",), ("nr",), ("key",), ("code",), ("kodas",)}
    for name, evidence in columns.items():
        if evidence.kind not in {Kind.INTEGER, Kind.TEXT} or evidence.is_day:
            continue
        words = words_of(name)
        same = words == words_of(person.key) and not plain
        after = bool(stem) and any(word.startswith(stem) for word in words)
        if same or (after and topic_of(name) in {Topic.KEY, None} and table != person.table):
            yield name


def _refers(keys: Keys, column: tuple[str, str], key: tuple[str, str]) -> bool:
    held = keys.sampled(column).head(ASKED)
    if not held.len():
        return False
    # Most of a table that was sampled whole is answered by what was sampled.
    for known in (keys.sampled, keys.whole):
        # Keys are many and different: they are looked at once each, not made a table of.
        there = known(key).is_in(held.implode()).sum()
        if there >= CONTAINED * held.len():
            return True
    return False


def _through(
    tables: Tables,
    subjects: Mapping[str, str],
    keys: Keys,
    taken: set[tuple[str, str]],
) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield, for tables without the person's key, the table that says whose their rows are."""
    for table, columns in tables.items():
        if table in subjects:
            continue
        found = [
            (not is_of_holders(holder), tables[holder][name].unique, holder, name)
            for name in columns
            for holder in subjects
            if name in tables[holder]
            and (holder, name) not in taken
            and _joins(name, columns[name], tables[holder][name])
            and _refers(keys, (table, name), (holder, name))
        ]
        if found:
            *_, holder, name = min(found)
            yield table, (holder, name)


def _joins(name: str, one: Evidence, other: Evidence) -> bool:
    """Say whether two columns of one name may be the two ends of a link."""
    kinds = {one.kind, other.kind}
    return (
        topic_of(name) in {Topic.KEY, None}
        and words_of(name) != ("id",)
        and len(kinds) == 1
        and kinds <= {Kind.INTEGER, Kind.TEXT}
        and not one.few
        and not _is_identifier(one)
        and not _is_identifier(other)
    )


def _links(
    tables: Tables,
    through: Mapping[str, tuple[str, str]],
    numbers: frozenset[tuple[str, str]],
    taken: set[tuple[str, str]],
) -> Iterator[tuple[str, str]]:
    for table, (holder, name) in through.items():
        yield from ((table, name), (holder, name))
    for table, name in numbers - taken:
        elsewhere = [
            (other, name)
            for other, columns in tables.items()
            if other != table
            and name in columns
            and (other, name) not in taken
            and _joins(name, columns[name], tables[table][name])
        ]
        if elsewhere:
            yield from ((table, name), *elsewhere)


def _is_joint(
    table: str,
    columns: Mapping[str, Evidence],
    subject: str,
    links: frozenset[tuple[str, str]],
    person: Person,
) -> bool:
    """Say whether a table has two keys of which neither alone is unique."""
    linked = [name for name in columns if (table, name) in links]
    return (
        table != person.table
        and bool(linked)
        and not columns[subject].unique
        and not any(columns[name].unique for name in columns)
        and (is_of_holders(table) or len(columns) <= FEW_COLUMNS)
    )


FEW_COLUMNS = 6
