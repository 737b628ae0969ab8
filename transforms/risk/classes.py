"""Equivalence classes, and the people of each sensitive value in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram, distinct, recode, totals


@dataclass(frozen=True)
class Cells:
    """A recoded table, counted: a cell is one sensitive value in one equivalence class.

    quasi_identifiers: q names; classes: (c, q) node codes, in lexicographic order; sizes: (c,)
    people; of: (n,) the class of each cell; value: (n,) its sensitive node; people: (n,) counts;
    null: the code of a missing value. Cells are ordered by class, then value.
    """

    quasi_identifiers: tuple[str, ...]
    classes: Codes
    sizes: Codes
    of: Codes
    value: Codes
    people: Codes
    null: int

    @property
    def total(self) -> int:
        """Everybody counted."""
        return int(self.sizes.sum())


def count_cells(
    leaves: Histogram, hierarchies: Mapping[str, Hierarchy], levels: Mapping[str, int]
) -> Cells:
    """Recode a histogram (the sensitive column last) and count its classes and cells."""
    *quasi_identifiers, sensitive = leaves.columns
    nodes = recode(leaves.codes, leaves.columns, hierarchies, levels)
    first, group = distinct(nodes)
    cells = nodes[first]
    first_of_class, of = distinct(cells[:, :-1])
    people = totals(group, leaves.people)
    null = hierarchies[sensitive].null_code(levels[sensitive])
    return Cells(
        quasi_identifiers=tuple(quasi_identifiers),
        classes=cells[first_of_class, :-1],
        sizes=totals(of, people),
        of=of,
        value=cells[:, -1],
        people=people,
        null=-1 if null is None else null,
    )


def nested(classes: Codes, columns: tuple[str, ...], subset: tuple[str, ...]) -> Codes:
    """Return the group of each class when only some of the columns are looked at."""
    picked = [columns.index(name) for name in subset]
    return distinct(classes[:, picked])[1] if len(classes) else np.zeros(0, dtype=np.int64)
