"""What a recoding looks like as a table: which columns it has, and its distinct rows.

Full-domain: a column an attribute, at the attribute's level. Multidimensional: a column a level,
`age_0`, `age_1`, … up to the one below `*`, empty below the level that a row has, so that no GROUP
BY mixes levels; what is known to be missing is `(missing)` there, to be told from what is not said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.errors import PolicyError
from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import distinct, totals

MISSING = "(missing)"
"""A missing value where NULL says that a level is finer than what is released."""


@dataclass(frozen=True)
class Column:
    """One column to write. of: the quasi-identifier; level: the finest that it shows.

    labels: for each of its node numbers what is written, None where nothing is; nodes: the numbers
    that can be written at all.
    """

    name: str
    of: str
    level: int
    labels: tuple[str | None, ...]
    nodes: range

    def says(self, node: int) -> bool:
        """Say whether a node can be written in this column, if only as nothing."""
        return node in self.nodes


@dataclass(frozen=True)
class Rows:
    """People to write. nodes: (n, q); sensitive: (n,) leaf codes or None; people: (n,) counts."""

    nodes: Codes
    sensitive: Codes | None
    people: Codes


def lay_out(
    quasi_identifiers: Sequence[str],
    hierarchies: Mapping[str, Hierarchy],
    levels: Mapping[str, int] | None,
) -> tuple[Column, ...]:
    """Return the columns; levels: None for multidimensional."""
    if levels is None:
        return tuple(
            column for name in quasi_identifiers for column in _of_levels(name, hierarchies[name])
        )
    return tuple(_at_level(name, hierarchies[name], levels[name]) for name in quasi_identifiers)


def _at_level(name: str, hierarchy: Hierarchy, level: int) -> Column:
    first, end = hierarchy.offsets[level : level + 2].tolist()
    return Column(name, name, level, hierarchy.node_labels, range(first, end))


def _of_levels(name: str, hierarchy: Hierarchy) -> Iterator[Column]:
    said = [MISSING if label is None else label for label in hierarchy.node_labels]
    for level in range(hierarchy.top):
        lifted = hierarchy.lifted[level].tolist()
        finer = (hierarchy.node_levels <= level).tolist()
        finer[hierarchy.other] = True
        labels = [said[node] if shown else None for node, shown in zip(lifted, finer, strict=True)]
        yield Column(f"{name}_{level}", name, level, tuple(labels), range(len(labels)))


def check_names(columns: Sequence[Column], sensitive: str | None) -> None:
    """Raise PolicyError where two columns could not be told apart; case does not tell them."""
    names = [column.name for column in columns] + ([] if sensitive is None else [sensitive])
    folded = [name.casefold() for name in names]
    for name, key in zip(names, folded, strict=True):
        if folded.count(key) > 1:
            raise PolicyError(
                f"two columns of the output would be called {name}: rename one in the file"
            )


def check_marks(hierarchies: Mapping[str, Hierarchy], marks: Collection[str]) -> None:
    """Raise PolicyError where a hierarchy has a label that means something else in the output."""
    for name, hierarchy in hierarchies.items():
        for mark in marks:
            if mark in hierarchy.node_labels[: hierarchy.other]:
                raise PolicyError(
                    f'hierarchy {name}: its label "{mark}" could not be told from what the output '
                    f"says by it: rename it"
                )


@dataclass(frozen=True)
class DistinctRows:
    """A table in canonical order. said: its different rows; people: how many each of them is."""

    said: pl.DataFrame
    people: Codes


def distinct_rows(
    rows: Rows,
    columns: Sequence[Column],
    quasi_identifiers: Sequence[str],
    sensitive: Hierarchy | None,
) -> DistinctRows:
    """Return the rows to write."""
    codes = rows.nodes
    if rows.sensitive is not None:
        codes = np.column_stack([codes, rows.sensitive])
    first, group = distinct(codes)
    nodes = dict(zip(quasi_identifiers, codes[first].T, strict=False))
    labels = [labelled(column.name, column.labels, nodes[column.of]) for column in columns]
    if sensitive is not None:
        labels.append(labelled(sensitive.name, (*sensitive.leaves, None), codes[first, -1]))
    said = pl.DataFrame(labels)
    # Byte order, missing last: what DuckDB's ORDER BY ALL gives, so anybody can check it.
    order = said.select(pl.arg_sort_by(said.columns, nulls_last=True)).to_series()
    return DistinctRows(said[order], totals(group, rows.people, len(first))[order.to_numpy()])


def labelled(name: str, labels: Sequence[str | None], codes: Codes) -> pl.Series:
    """Return the label of each code."""
    return pl.Series(name, labels, dtype=pl.String)[pl.Series(codes)]
