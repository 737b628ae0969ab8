"""Write a protected table out: labels instead of codes, one row a person, in canonical order."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from transforms.hierarchy import Codes, Hierarchy
from transforms.risk.classes import Cells
from transforms.steps.blank import Blanked


def tabulate(
    cells: Cells,
    blanked: Blanked,
    hierarchies: Mapping[str, Hierarchy],
    levels: Mapping[str, int],
    sensitive: str,
) -> pl.DataFrame:
    """Return the distinct rows of the table and `people`, how many rows each of them is."""
    shows = blanked.shown > 0
    hidden = blanked.hidden(cells)
    without = np.flatnonzero(hidden)
    of = np.concatenate([cells.of[shows], without])
    values = np.concatenate([cells.value[shows], np.full(len(without), -1)])
    columns = [
        _labels(name, cells.classes[of, position], hierarchies[name], levels[name])
        for position, name in enumerate(cells.quasi_identifiers)
    ]
    columns.append(_labels(sensitive, values, hierarchies[sensitive], levels[sensitive]))
    people = pl.Series("people", np.concatenate([blanked.shown[shows], hidden[without]]))
    rows = pl.DataFrame([*columns, people])
    # Byte order, missing last: what DuckDB's ORDER BY ALL gives, so anybody can check it.
    return rows.sort(rows.columns[:-1], nulls_last=True)


def _labels(name: str, codes: Codes, hierarchy: Hierarchy, level: int) -> pl.Series:
    """Return the label of each code; the code of NULL, and -1, have none."""
    labels = pl.Series(name, [*hierarchy.labels(level), None], dtype=pl.String)
    return labels[pl.Series(np.where(codes < 0, len(hierarchy.labels(level)), codes))]
