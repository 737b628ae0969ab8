"""Which tables of events could be counted by period, and by what of the person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.draft.hierarchies import Cut, FromFile, Proposed
from pipelines.draft.proposing import At, Column, Proposal
from pipelines.draft.relations import Relations
from pipelines.draft.words import plain_name
from transforms.policy.roles import DAYS, Role

MOST_TABLES = 3
_OFTEN_MISSING = 0.05


@dataclass(frozen=True)
class Countable:
    """A table of events, the column that says when, and the person's attribute to count by."""

    name: str
    source: str
    time: str
    attribute: str
    level: int


def countable(
    columns: Mapping[At, Column],
    found: Mapping[At, Proposal],
    relations: Relations,
    offered: Sequence[tuple[str, Proposed]],
) -> Iterator[Countable]:
    """Yield the tables of events that say whose they are and when, a few at most.

    offered: attributes of the person with their hierarchies, the best one first.
    """
    if not offered:
        return
    shipped = (one for one in offered if isinstance(one[1], FromFile))
    attribute, hierarchy = next(shipped, offered[0])
    names: set[str] = set()
    for table in dict.fromkeys(table for table, _ in columns):
        time = _time(table, columns, found)
        if time is None or not relations.has_owner(table) or table in relations.joint:
            continue
        name = f"{plain_name(table, 'events')}_by_month"
        if name.isascii() and name[0].isalpha() and name not in names:
            names.add(name)
            yield Countable(name, table, time, attribute, _coarse(hierarchy))
        if len(names) == MOST_TABLES:
            return


def _time(table: str, columns: Mapping[At, Column], found: Mapping[At, Proposal]) -> str | None:
    """Return the column that most surely says when something happened: missing least often."""
    times = [
        (columns[at].evidence.missing, at[1])
        for at, proposal in found.items()
        if at[0] == table and proposal.role is Role.EVENT_TIME and _is_read(columns[at])
    ]
    missing, time = min(times, default=(1.0, ""), key=lambda one: one[0])
    return time if missing <= _OFTEN_MISSING else None


def _is_read(column: Column) -> bool:
    """Say whether every value of a sample is a day or a time, and one alone."""
    reading = column.evidence.reading
    plain = reading is None or (reading.all_read and not reading.ambiguous)
    return plain and column.readable in DAYS


def _coarse(hierarchy: Proposed) -> int:
    """Return a level at which a cell is large: regions, the widest bands, the labels themselves."""
    if isinstance(hierarchy, FromFile):
        return 1
    return len(hierarchy.cuts) - 1 if isinstance(hierarchy, Cut) else 0
