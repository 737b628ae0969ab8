"""Tables of counts and sums: a budget, events that are somebody's, columns used as they are."""

from __future__ import annotations

import math
from collections.abc import Iterator

from transforms.magnitude.declared import Magnitude
from transforms.policy.declared import Declared
from transforms.policy.eligibility import BY_ROW
from transforms.policy.roles import DAYS, Kind, Role


def magnitude_problems(policy: Declared) -> Iterator[str]:
    """Say which tables have no budget, no name of their own, or nobody's events."""
    if policy.magnitude and policy.budget is None:
        yield "magnitude tables need a budget: say under [budget] what a year may reveal"
    if policy.magnitude and policy.subject.key is None:
        yield "magnitude tables need the key of a person: whose events would they count?"
    shares = math.fsum(table.share for table in policy.magnitude.values())
    if shares > 1 + 1e-9:
        yield f"the magnitude tables' shares of the budget are {shares:g} together, more than all"
    for name, table in policy.magnitude.items():
        where = f"magnitude.{name}"
        if name in policy.microdata:
            yield f"{where}: a microdata table is called so already"
        if table.source not in policy.sources:
            yield f'{where}: there is no source "{table.source}"'
        elif not policy.has_owner(table.source):
            yield f"{where}: nothing says whose the rows of {table.source} are"
        else:
            yield from _event_problems(where, table, policy)
        yield from _person_problems(where, table, policy)


_EVENT_KINDS = {
    Role.EVENT_TIME: DAYS,
    Role.CATEGORY: frozenset({Kind.TEXT, Kind.INTEGER, Kind.BOOLEAN}),
    Role.TEXT: frozenset({Kind.TEXT}),
    Role.MEASURE: frozenset({Kind.NUMBER, Kind.INTEGER}),
}
"""The types that a column of events may have, by its role."""


def _event_problems(where: str, table: Magnitude, policy: Declared) -> Iterator[str]:
    """Say which columns of the events are not there, or are not what they are used as."""
    used = [(column, Role.EVENT_TIME) for column in table.period.columns]
    used += [
        (each.column, Role.CATEGORY if each.text is None else Role.TEXT)
        for each in table.by.values()
        if each.column is not None
    ]
    for measure in table.sums.values():
        used.append((measure.column, Role.MEASURE))
        if measure.currency is not None:
            used.append((measure.currency, Role.CATEGORY))
    source = policy.sources[table.source]
    for name, role in used:
        column = source.columns.get(name)
        if column is None:
            yield f'{where} names "{name}", which is not a column of {table.source}'
        elif column.role is not role:
            yield f'{where} needs "{name}" to have the role {role}'
        elif column.type not in _EVENT_KINDS[role]:
            kinds = " or ".join(sorted(_EVENT_KINDS[role]))
            yield f'{where} reads "{name}", so its type must be declared: {kinds}'
    clauses = {source.columns[name].clause for name, _ in used if name in source.columns}
    if policy.eligibility.retention is not None and clauses & set(BY_ROW) and source.kept is None:
        yield (
            f"{where}: clause {min(clauses & set(BY_ROW))} counts from a day of each row: name it "
            f"under sources.{table.source}.kept"
        )


def _person_problems(where: str, table: Magnitude, policy: Declared) -> Iterator[str]:
    """Say which attributes, and which persons behind companies, are not there."""
    for name, category in table.by.items():
        if category.vocabulary is not None and category.vocabulary not in policy.vocabularies:
            yield f'{where}: category {name} names no vocabulary: "{category.vocabulary}"'
    own = {a.name for a in policy.attributes.values() if a.table == policy.subject.source}
    for name, category in table.by.items():
        if category.attribute is not None and category.attribute not in own:
            yield (
                f'{where}: category {name} names the attribute "{category.attribute}", which no '
                f"microdata table publishes of the person's own record"
            )
    behind = table.companies
    if behind is None:
        return
    if policy.eligibility.persons is None:
        yield f"{where}: companies need the rule persons, which says who is none"
    columns = policy.sources[behind.through].columns if behind.through in policy.sources else {}
    for column in (behind.company, behind.person):
        if column not in columns or columns[column].role is not Role.SUBJECT:
            yield f'{where}: companies names "{column}", which is no subject of {behind.through}'
