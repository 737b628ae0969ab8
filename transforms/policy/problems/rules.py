"""What the rules of eligibility and of retention read, and how long they let rows be kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from transforms.policy.declared import Declared
from transforms.policy.eligibility import BY_ROW
from transforms.policy.roles import READ_FOR_MICRODATA, Kind
from transforms.policy.sources import Kept, Source


def eligibility_problems(policy: Declared) -> Iterator[str]:
    """Say which columns of the subject's table the rules could not read."""
    home = policy.sources.get(policy.subject.source)
    if home is not None:
        yield from _need_problems(
            "eligibility", policy.eligibility.needs, policy.subject.source, home
        )


def kept_problems(policy: Declared) -> Iterator[str]:
    """Say which rows could not lapse by a day of their own, or are kept too long."""
    for table, source in policy.sources.items():
        if source.kept is None:
            continue
        who = f"sources.{table}.kept"
        yield from _need_problems(who, source.kept.needs, table, source)
        if table == policy.subject.source:
            yield f"{who}: the person's own records lapse by eligibility.retention"
        elif source.kept.since in source.columns:
            yield from _too_long(who, source.kept, source.columns[source.kept.since].clause)


def _too_long(who: str, kept: Kept, clause: int) -> Iterator[str]:
    if clause not in BY_ROW:
        yield (
            f"{who}: what clause {clause} collected counts from the end of the relationship: "
            f"eligibility.retention says how long it is kept"
        )
        return
    most, settled = BY_ROW[clause]
    if kept.months > most:
        yield f"{who}: clause {clause} lets rows be kept for at most {most} months"
    if kept.proceedings is not None and not settled:
        yield f"{who}: clause {clause} knows no legal proceedings"


def unkept_problems(policy: Declared) -> Iterator[str]:
    """Say what is published of a clause whose rows lapse by a day that the policy does not name."""
    if policy.eligibility.retention is None:
        return
    for attribute in policy.attributes.values():
        source = policy.sources[attribute.table]
        since = None if source.kept is None else source.columns.get(source.kept.since)
        if attribute.clause in BY_ROW and (since is None or since.clause != attribute.clause):
            yield (
                f"sources.{attribute.table}.columns.{attribute.column}: clause {attribute.clause} "
                f"counts from a day of each row: name it under sources.{attribute.table}.kept"
            )


def _need_problems(
    who: str, needs: Iterable[tuple[str, frozenset[Kind]]], table: str, source: Source
) -> Iterator[str]:
    """Say which columns that a rule reads are not there, never read, or of another type."""
    for name, kinds in needs:
        column = source.columns.get(name)
        if column is None:
            yield f'{who} names "{name}", which is not a column of {table}'
        elif column.role not in READ_FOR_MICRODATA:
            yield f'{who} needs "{name}", but role {column.role} is never read'
        elif column.type not in kinds:
            yield f'{who} needs "{name}" to be of type {" or ".join(sorted(kinds))}'
