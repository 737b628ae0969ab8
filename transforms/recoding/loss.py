"""What a recoding costs: the normalised certainty penalty, from 0 (nothing lost) to 1 (all).

NCP (Xu et al. 2006): a generalised cell costs (leaves covered - 1) / (leaves - 1), a suppressed or
blanked one 1; a table costs the mean over its cells, people left out included.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from transforms.hierarchy import Hierarchy
from transforms.histogram import Histogram
from transforms.risk.classes import Cells
from transforms.steps.blank import Blanked


def marginal_losses(
    leaves: Histogram, hierarchies: Mapping[str, Hierarchy]
) -> dict[str, list[float]]:
    """Return for each column the mean loss of each level if nothing were suppressed.

    Suppression only adds to it, so sums of these bound the loss of any recoding from below,
    whatever the limits.
    """
    return {
        name: [
            float(
                np.average(
                    hierarchy.losses[level][table[leaves.codes[:, position]]], weights=leaves.people
                )
            )
            for level, table in enumerate(hierarchy.node_tables)
        ]
        for position, (name, hierarchy) in enumerate(
            (name, hierarchies[name]) for name in leaves.columns
        )
    }


def table_loss(
    cells: Cells,
    blanked: Blanked,
    hierarchies: Mapping[str, Hierarchy],
    levels: Mapping[str, int],
    sensitive: str,
) -> float:
    """Return the loss of a table as it would be published."""
    sizes = np.where(blanked.kept, cells.sizes, 0)
    left_out = cells.total - int(sizes.sum())
    lost = sum(
        float(hierarchies[name].losses[levels[name]][cells.classes[:, position]] @ sizes)
        for position, name in enumerate(cells.quasi_identifiers)
    )
    lost += float(hierarchies[sensitive].losses[levels[sensitive]][cells.value] @ blanked.shown)
    columns = len(cells.quasi_identifiers) + 1
    return (lost + people_blanked(cells, blanked) + left_out * columns) / (cells.total * columns)


def people_blanked(cells: Cells, blanked: Blanked) -> int:
    """Return how many published people have a value in the source and none in the table."""
    known = blanked.kept[cells.of] & (cells.value != cells.null)
    return int(cells.people[known].sum() - blanked.shown.sum())
