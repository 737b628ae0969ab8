"""Write a protected table out: labels instead of codes, one row a person, in canonical order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.hierarchy import OTHER, Codes, Hierarchy
from transforms.policy import Method
from transforms.risk.classes import Cells
from transforms.steps.blank import Blanked

MISSING = "(missing)"
"""A missing value where NULL says that a level is finer than what is released."""


@dataclass(frozen=True, slots=True)
class PublishedColumn:
    """A column of a table: the attribute that it shows; level: the only one it shows, None: any."""

    name: str
    attribute: str
    level: int | None

    def labels(self, hierarchy: Hierarchy) -> tuple[str | None, ...]:
        """Return what the column shows of each node number."""
        if self.level is None:
            return hierarchy.node_labels
        return tuple(
            _at_level(label, node, self.level, hierarchy)
            for node, label in enumerate(hierarchy.node_labels)
        )


def _at_level(label: str | None, node: int, level: int, hierarchy: Hierarchy) -> str | None:
    if node == hierarchy.other:
        return OTHER
    if hierarchy.node_levels[node] > level:
        return None
    label = hierarchy.node_labels[int(hierarchy.lifted[level][node])]
    return MISSING if label is None else label


def published_columns(
    attribute: str, hierarchy: Hierarchy, method: Method
) -> tuple[PublishedColumn, ...]:
    """Return the columns that show a quasi-identifier.

    Regions stand on different levels, so each level but `*` has a column of its own, NULL where
    what is released is coarser: no GROUP BY can mix two levels.
    """
    if method is Method.FULL_DOMAIN:
        return (PublishedColumn(attribute, attribute, None),)
    return tuple(
        PublishedColumn(level_column(attribute, level), attribute, level)
        for level in range(hierarchy.top)
    )


def level_column(attribute: str, level: int) -> str:
    """Return the name of the column that shows one level of an attribute."""
    return f"{attribute}_{level}"


def tabulate(
    cells: Cells,
    blanked: Blanked,
    hierarchies: Mapping[str, Hierarchy],
    sensitive: str,
    method: Method,
) -> pl.DataFrame:
    """Return the distinct rows of the table and `people`, how many rows each of them is."""
    shows = blanked.shown > 0
    hidden = blanked.hidden(cells)
    without = np.flatnonzero(hidden)
    of = np.concatenate([cells.of[shows], without])
    values = np.concatenate([cells.value[shows], np.full(len(without), cells.null)])
    columns = [
        _labels(column.name, cells.classes[of, position], column.labels(hierarchies[name]))
        for position, name in enumerate(cells.quasi_identifiers)
        for column in published_columns(name, hierarchies[name], method)
    ]
    columns.append(_labels(sensitive, values, (*hierarchies[sensitive].labels(cells.level), None)))
    people = pl.Series("people", np.concatenate([blanked.shown[shows], hidden[without]]))
    rows = pl.DataFrame([*columns, people])
    # Byte order, missing last: what DuckDB's ORDER BY ALL gives, so anybody can check it.
    return rows.sort(rows.columns[:-1], nulls_last=True)


def _labels(name: str, codes: Codes, labels: tuple[str | None, ...]) -> pl.Series:
    return pl.Series(name, labels, dtype=pl.String)[pl.Series(codes)]
