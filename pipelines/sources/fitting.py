"""Does the source fit the policy? Asked of its metadata alone, before a record is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.sources.bank import Bank
from transforms.errors import PolicyError, SourceError, shown
from transforms.policy.roles import Kind
from transforms.policy.whole import Policy
from transforms.steps.conform import fits


def check_source(bank: Bank, policy: Policy) -> list[PolicyError | SourceError]:
    """Hold the source's tables, columns and types against the policy; nothing is read."""
    return list(_misfits(bank, policy))


def _misfits(bank: Bank, policy: Policy) -> Iterator[PolicyError | SourceError]:
    yield from (PolicyError(question) for question in policy.questions)
    found = bank.schema()
    for table in sorted(found.keys() - policy.sources.keys()):
        number = sorted(found).index(table) + 1
        named = (
            f"table {shown(table)}" if bank.catalogued else f"file or folder {number} of the source"
        )
        yield PolicyError(
            f"{named} is in the source and not in the policy: declare it under [sources], or keep "
            f"it out of the source"
        )
    for table, declared in policy.sources.items():
        if table not in found:
            yield SourceError(
                f"table {table} is in the policy and not in the source: is this the bank?"
            )
            continue
        for column in sorted(found[table].keys() - declared.columns.keys()):
            # The header of a CSV file may be a record: then its names are values.
            number = list(found[table]).index(column) + 1
            named = (
                f"column {shown(table)}.{shown(column)}"
                if bank.typed
                else f"column {number} of {shown(table)}"
            )
            yield PolicyError(
                f"{named} is in the source and not in the policy: declare its role, or nothing is "
                f"released"
            )
        for column in sorted(declared.columns.keys() - found[table].keys()):
            yield SourceError(
                f"column {table}.{column} is in the policy and not in the source: has it been "
                f"renamed?"
            )
        if bank.typed:
            yield from _mistyped(table, found[table], policy)


def _mistyped(
    table: str, found: Mapping[str, Kind | None], policy: Policy
) -> Iterator[SourceError]:
    for column in policy.reads().get(table, ()):
        wanted = policy.sources[table].columns[column].type
        if column in found and wanted is not None and not fits(found[column], wanted):
            yield SourceError(
                f"column {table}.{column} is {found[column] or 'of an unknown type'} in the "
                f"source, and {wanted} in the policy: has the bank changed?"
            )
