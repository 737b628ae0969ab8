"""Write a protected table out: labels instead of codes, one row a person, in canonical order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from transforms.hierarchy import Hierarchy
from transforms.risk.classes import Cells
from transforms.steps.blank import Blanked
from transforms.steps.layout import Column, labelled


def tabulate(
    cells: Cells,
    blanked: Blanked,
    columns: Sequence[Column],
    name: str,
    sensitive: Hierarchy,
) -> pl.DataFrame:
    """Return the distinct rows of the table and `people`, how many rows each of them is.

    columns: those of the quasi-identifiers; name: that of the sensitive column.
    """
    shows = blanked.shown > 0
    hidden = blanked.hidden(cells)
    without = np.flatnonzero(hidden)
    of = np.concatenate([cells.of[shows], without])
    values = np.concatenate([cells.value[shows], np.full(len(without), cells.null)])
    nodes = dict(zip(cells.quasi_identifiers, cells.classes[of].T, strict=True))
    said = [labelled(column.name, column.labels, nodes[column.of]) for column in columns]
    said.append(labelled(name, (*sensitive.labels(cells.level), None), values))
    people = pl.Series("people", np.concatenate([blanked.shown[shows], hidden[without]]))
    rows = pl.DataFrame([*said, people])
    # Byte order, missing last: what DuckDB's ORDER BY ALL gives, so anybody can check it.
    return rows.sort(rows.columns[:-1], nulls_last=True)
