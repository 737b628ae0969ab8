"""Who a person is, by what they are found, and whose the rows of a table are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from transforms.policy.attributes import attributes_of
from transforms.policy.declared import Declared
from transforms.policy.roles import Identifies, Role
from transforms.policy.sources import has_subject, is_link


def subject_problems(policy: Declared) -> Iterator[str]:
    """Say what of the person's table, or of the key in it, is not there."""
    home = policy.sources.get(policy.subject.source)
    if home is None:
        yield f'subject.source "{policy.subject.source}" is not among the sources'
        return
    key = policy.subject.key
    if key is not None and (key not in home.columns or home.columns[key].role is not Role.SUBJECT):
        yield f'subject.key "{key}" is not a column of {policy.subject.source} with role subject'


def identifying_problems(policy: Declared) -> Iterator[str]:
    """Say what cannot lead to a person: a row that is nobody's, a name without its birth."""
    home = policy.sources.get(policy.subject.source)
    for name in policy.subject.same_person or ():
        if home is not None and name not in home.columns:
            yield f'subject.same-person names "{name}", which is not in {policy.subject.source}'
    for table, source in policy.sources.items():
        said = [column for column in source.columns.values() if column.identifies is not None]
        if any(column.whose == "subject" for column in said) and not policy.has_owner(table):
            yield f"sources.{table}: a column identifies somebody, and no subject is given"
        for whose in ("subject", "others"):
            parts = Counter(column.identifies for column in said if column.whose == whose)
            yield from _naming_problems(f"sources.{table}", parts)


_NAMES = (Identifies.FIRST_NAME, Identifies.LAST_NAME, Identifies.FULL_NAME)
_NAMINGS = ((0, 0, 0, 0), (1, 1, 0, 1), (0, 0, 1, 1))
"""How often first, last and full name and date of birth stand in a table together."""


def _naming_problems(where: str, parts: Mapping[Identifies | None, int]) -> Iterator[str]:
    if tuple(parts[part] for part in (*_NAMES, Identifies.DATE_OF_BIRTH)) not in _NAMINGS:
        yield (
            f"{where}: identifies names a person by first and last name, or by full name, and "
            f"by date of birth, each once: a name alone, or a date alone, is too many people's"
        )


def link_problems(policy: Declared) -> Iterator[str]:
    """Say which tables do not lead to a person."""
    for table, source in policy.sources.items():
        if source.subject is not None:
            through, on = source.subject.through, source.subject.on
            holder = policy.sources.get(through)
            if holder is None:
                yield f'sources.{table}.subject: there is no source "{through}"'
            elif not is_link(source, on) or not is_link(holder, on):
                yield (
                    f'sources.{table}.subject: "{on}" must have role link in {table} and {through}'
                )
            elif not has_subject(holder):
                yield f"sources.{table}.subject: {through} has no column with role subject"
        elif (
            table != policy.subject.source
            and any(attributes_of(table, source))
            and not has_subject(source)
        ):
            yield f"sources.{table}: no column has role subject, and no subject is given"
