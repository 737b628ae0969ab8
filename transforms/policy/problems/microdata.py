"""Tables of people: attributes that there are, and no two tables that tell more than each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from transforms.policy.attributes import attributes_of
from transforms.policy.declared import Declared
from transforms.policy.roles import Role


def microdata_problems(policy: Declared) -> Iterator[str]:
    """Say which tables name an attribute that is none, or cut people as the first does not."""
    attributes = {
        attribute.name: attribute
        for table, source in policy.sources.items()
        for attribute in attributes_of(table, source)
    }
    first = next(iter(policy.microdata.values()), None)
    yield from _overlaps(policy)
    for name, table in policy.microdata.items():
        wanted = [(q, Role.QUASI_IDENTIFIER) for q in table.quasi_identifiers]
        for attribute, role in [*wanted, (table.sensitive, Role.SENSITIVE)]:
            if attribute not in attributes:
                yield f'microdata.{name}: no source column gives the attribute "{attribute}"'
            elif attributes[attribute].role is not role:
                yield f'microdata.{name}: "{attribute}" is not declared {role}'
        if len(set(table.quasi_identifiers)) < len(table.quasi_identifiers):
            yield f"microdata.{name}: a quasi-identifier is named twice"
        if first and not set(table.quasi_identifiers) <= set(first.quasi_identifiers):
            yield (
                f"microdata.{name}: quasi-identifiers must be among those of the first table, so "
                f"that no two tables cut the same people differently"
            )


def _overlaps(policy: Declared) -> Iterator[str]:
    """Two tables must not give, by their difference, what neither shows."""
    for (name, table), (other, another) in combinations(policy.microdata.items(), 2):
        one, two = set(table.quasi_identifiers), set(another.quasi_identifiers)
        if not (one <= two or two <= one):
            yield (
                f"microdata.{other}: its quasi-identifiers and those of {name} overlap; one table "
                f"must have all those of the other"
            )
        if table.sensitive == another.sensitive:
            yield f'microdata.{other}: "{table.sensitive}" is published by {name} already'


def recoding_problems(policy: Declared) -> Iterator[str]:
    """Say which weights are of attributes that no table publishes."""
    for name in sorted(set(policy.recoding.weights) - set(policy.attributes)):
        yield f'recoding.weights names "{name}", which no table publishes'
