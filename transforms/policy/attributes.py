"""What is known of a person, out of which column."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from transforms.policy.roles import FROM_TEXT, Derivation, Role
from transforms.policy.sources import Source
from transforms.text.category import TextCategory

TAKEN = frozenset({"people", "n"})
"""What counts people until a table is written, and in the query that anybody checks it with."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing known of a person: `name`, made from `table`.`column` by `derive`."""

    name: str
    table: str
    column: str
    role: Role
    clause: int
    derive: Derivation | None
    hierarchy: str
    meaning: str
    vocabulary: str | None = None

    @property
    def text(self) -> TextCategory | None:
        """What is made of a free text, None where it is none."""
        return TextCategory(self.derive.value) if self.derive in FROM_TEXT else None


def attributes_of(table: str, source: Source) -> Iterator[Attribute]:
    """Yield what the columns of a table say of a person, in their order."""
    for name, column in source.columns.items():
        if column.hierarchy is not None and column.meaning is not None:
            yield Attribute(
                name=column.attribute or name,
                table=table,
                column=name,
                role=column.role,
                clause=column.clause,
                derive=column.derive,
                hierarchy=column.hierarchy,
                meaning=column.meaning,
                vocabulary=column.vocabulary,
            )
