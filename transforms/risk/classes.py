"""Equivalence classes, and the people of each sensitive value in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram, distinct, totals


@dataclass(frozen=True)
class Cells:
    """A recoded table, counted: a cell is one sensitive value in one equivalence class.

    quasi_identifiers: q names; classes: (c, q) node numbers (`Hierarchy.offsets`), in
    lexicographic order; sizes: (c,) people; of: (n,) the class of each cell; value: (n,) its
    sensitive node code at `level`; people: (n,) counts; null: the code of a missing value. Cells
    are ordered by class, then value.
    """

    quasi_identifiers: tuple[str, ...]
    classes: Codes
    sizes: Codes
    of: Codes
    value: Codes
    people: Codes
    null: int
    level: int

    @property
    def total(self) -> int:
        """Everybody counted."""
        return int(self.sizes.sum())


def count_cells(
    leaves: Histogram,
    quasi_identifiers: tuple[str, ...],
    nodes: Codes,
    sensitive: Hierarchy,
    level: int,
) -> Cells:
    """Count the classes and cells of a histogram (the sensitive column last).

    nodes: (n, q) the node numbers that each row is published as, by its quasi-identifiers.
    """
    values = sensitive.node_tables[level][leaves.codes[:, -1]]
    rows = np.column_stack([nodes, values])
    first, group = distinct(rows)
    cells = rows[first]
    first_of_class, of = distinct(cells[:, :-1])
    people = totals(group, leaves.people)
    null = sensitive.null_code(level)
    return Cells(
        quasi_identifiers=quasi_identifiers,
        classes=cells[first_of_class, :-1],
        sizes=totals(of, people),
        of=of,
        value=cells[:, -1],
        people=people,
        null=-1 if null is None else null,
        level=level,
    )


def only(cells: Cells, kept: npt.NDArray[np.bool_]) -> Cells:
    """Return the cells of the classes that stay."""
    renumbered = np.cumsum(kept) - 1
    stays = kept[cells.of]
    return replace(
        cells,
        classes=cells.classes[kept],
        sizes=cells.sizes[kept],
        of=renumbered[cells.of[stays]],
        value=cells.value[stays],
        people=cells.people[stays],
    )


def fold(cells: Cells, kept: npt.NDArray[np.bool_], other: Sequence[int]) -> Cells:
    """Return the cells with everybody who does not stay in one class, the last.

    other: (q,) the node numbers of that class, above all others.
    """
    staying, left = only(cells, kept), only(cells, ~kept)
    if not len(left.sizes):
        return staying
    value, cell = np.unique(left.value, return_inverse=True)
    return replace(
        staying,
        classes=np.vstack([staying.classes, np.array([other], dtype=np.int64)]),
        sizes=np.append(staying.sizes, left.total),
        of=np.concatenate([staying.of, np.full(len(value), len(staying.sizes))]),
        value=np.concatenate([staying.value, value]),
        people=np.concatenate([staying.people, totals(cell, left.people)]),
    )


def nested(classes: Codes, columns: tuple[str, ...], subset: tuple[str, ...]) -> Codes:
    """Return the group of each class when only some of the columns are looked at."""
    picked = [columns.index(name) for name in subset]
    return distinct(classes[:, picked])[1] if len(classes) else np.zeros(0, dtype=np.int64)
