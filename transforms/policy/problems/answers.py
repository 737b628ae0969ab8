"""What the officer has to answer: each category of clause 16, and what is undecided yet."""

from __future__ import annotations

from collections.abc import Iterator

from transforms.policy.declared import Declared
from transforms.policy.roles import Forbidden, Role


def forbidden_problems(policy: Declared) -> Iterator[str]:
    """Say which categories of clause 16 nobody answers for, or answers for twice."""
    answered = {
        column.category
        for source in policy.sources.values()
        for column in source.columns.values()
        if column.role is Role.FORBIDDEN and column.whose == "subject"
    }
    for category in Forbidden:
        if category not in {*answered, *policy.not_collected, *policy.undecided}:
            yield (
                f'clause 16 forbids "{category}", and no column answers for it: give the column '
                f"the role forbidden, or list the category under not-collected"
            )
        if category in answered and category in policy.not_collected:
            yield f'"{category}" is listed under not-collected, but a column holds it'
        if category in policy.undecided and category in {*answered, *policy.not_collected}:
            yield f'"{category}" is listed as undecided, but is decided: take it out there'


def open_questions(policy: Declared) -> Iterator[str]:
    """Say what nobody has decided yet, each with the way out."""
    if policy.subject.undecided:
        yield "subject is undecided: say which table and key a person is, and take the word out"
    for table, source in policy.sources.items():
        for name, column in source.columns.items():
            if column.role is Role.UNDECIDED:
                yield f"column {table}.{name} is undecided: give it a role"
    for rule in policy.eligibility.undecided:
        yield (
            f"eligibility.{rule} is undecided: give the rule, or say under not-applicable why "
            f"there is none"
        )
    for category in policy.undecided:
        yield (
            f'"{category}" is undecided: give the columns that hold it the role forbidden, or list '
            f"it under not-collected"
        )
    if not policy.microdata:
        yield "no table is declared that could be released: declare one under microdata"
