"""What is made of columns: names, hierarchies and vocabularies that fit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from transforms.policy.attributes import TAKEN, attributes_of
from transforms.policy.declared import Declared
from transforms.policy.labels import Bands
from transforms.policy.roles import Derivation, Kind

_ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]{0,62}")


def attribute_problems(policy: Declared) -> Iterator[str]:
    """Say which attributes have no name of their own, or nothing to be generalised by."""
    seen: set[str] = set()
    for table, source in policy.sources.items():
        for attribute in attributes_of(table, source):
            where = f"sources.{table}.columns.{attribute.column}"
            if attribute.name in seen:
                yield f'{where}: a second attribute is called "{attribute.name}"'
            seen.add(attribute.name)
            if attribute.name in {*TAKEN, policy.subject.key}:
                yield f'{where}: the name "{attribute.name}" is taken; give attribute another one'
            if not _ATTRIBUTE.fullmatch(attribute.name):
                yield f'{where}: "{attribute.name}" is no attribute name; use a-z, 0-9 and _'
            if attribute.hierarchy not in policy.hierarchies:
                yield f'{where}: there is no hierarchy "{attribute.hierarchy}"'
                continue
            total = attribute.derive is Derivation.TOTAL
            if (table != policy.subject.source) is not total:
                yield (f'{where}: derive = "total" goes with tables of many rows a person')
            bands = isinstance(policy.hierarchies[attribute.hierarchy], Bands)
            if attribute.vocabulary is not None and attribute.vocabulary not in policy.vocabularies:
                yield f'{where}: there is no vocabulary "{attribute.vocabulary}"'
            numeric = attribute.derive in {Derivation.YEARS, Derivation.TOTAL} or source.columns[
                attribute.column
            ].type in {
                Kind.NUMBER,
                Kind.INTEGER,
            }
            if bands is not numeric:
                form = "numbers need bands" if numeric else "bands need numbers"
                yield f'{where}: hierarchy "{attribute.hierarchy}" does not fit: {form}'
