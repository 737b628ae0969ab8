"""What a recoding costs: the normalised certainty penalty, from 0 (nothing lost) to 1 (all).

NCP (Xu et al. 2006): a generalised cell costs (leaves covered - 1) / (leaves - 1), a suppressed or
blanked one 1; a column costs the mean over everybody's cells, people left out included; a table
the mean over its columns, each with its weight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram
from transforms.risk.classes import Cells
from transforms.steps.blank import Blanked

Floors = Sequence[npt.NDArray[np.float64]]
"""For each column a part of the loss by level; a recoding's is their sum over the columns."""


class Costs:
    """What levels cost the people of a histogram, where some of them are lost anyway."""

    def __init__(
        self,
        combinations: Histogram,
        hierarchies: Mapping[str, Hierarchy],
        weights: Mapping[str, float],
    ) -> None:
        used = [hierarchies[name] for name in combinations.columns]
        shares = shares_of(combinations.columns, weights)
        self.shares = [shares[name] for name in combinations.columns]
        self._people = combinations.people
        self._codes = [np.ascontiguousarray(column) for column in combinations.codes.T]
        self._losses = [each.node_losses[each.numbered] for each in used]
        self._node_losses = [each.node_losses for each in used]
        everybody = np.arange(len(self._people))
        self.base: Floors = [
            losses @ self._leaves(column, everybody) * self._unit(column)
            for column, losses in enumerate(self._losses)
        ]

    def floors(self, lost: npt.NDArray[np.bool_]) -> Floors:
        """Return what levels cost, by column, where these combinations cost 1 a cell."""
        at = np.flatnonzero(lost)
        return [self.floor(column, at) for column in range(len(self._codes))]

    def floor(self, column: int, lost: Codes) -> npt.NDArray[np.float64]:
        """Return what levels cost one column where these rows of the histogram cost 1 in it."""
        if not len(lost):
            return self.base[column]
        leaves = self._leaves(column, lost)
        extra = leaves.sum() - self._losses[column] @ leaves
        return np.asarray(self.base[column] + extra * self._unit(column))

    def loss(self, nodes: Codes, kept: npt.NDArray[np.bool_]) -> float:
        """Return the loss where combinations are published as these node numbers."""
        people = np.where(kept, self._people, 0)
        lost = (self._people.sum() - people.sum()) / self._people.sum()
        generalised = sum(
            float(losses[column] @ people) * self._unit(position)
            for position, (losses, column) in enumerate(
                zip(self._node_losses, nodes.T, strict=True)
            )
        )
        return float(lost + generalised)

    def _leaves(self, column: int, rows: Codes) -> npt.NDArray[np.float64]:
        """Return how many people of these rows have each leaf."""
        return np.bincount(
            self._codes[column][rows],
            weights=self._people[rows],
            minlength=self._losses[column].shape[1],
        ).astype(np.float64)

    def _unit(self, column: int) -> float:
        return self.shares[column] / max(int(self._people.sum()), 1)


def shares_of(columns: Sequence[str], weights: Mapping[str, float]) -> dict[str, float]:
    """Return each column's part of the loss; weights: 1 where a column is not named."""
    weight = {name: weights.get(name, 1.0) for name in columns}
    return {name: each / sum(weight.values()) for name, each in weight.items()}


def column_losses(
    cells: Cells, blanked: Blanked, hierarchies: Mapping[str, Hierarchy], sensitive: str
) -> dict[str, float]:
    """Return what each column of a table loses as it would be published."""
    sizes = np.where(blanked.kept, cells.sizes, 0)
    everybody = cells.total
    missing = everybody - int(sizes.sum())
    losses = {
        name: (float(hierarchies[name].node_losses[cells.classes[:, position]] @ sizes) + missing)
        / everybody
        for position, name in enumerate(cells.quasi_identifiers)
    }
    shown = float(hierarchies[sensitive].losses[cells.level][cells.value] @ blanked.shown)
    losses[sensitive] = (shown + people_blanked(cells, blanked) + missing) / everybody
    return losses


def people_blanked(cells: Cells, blanked: Blanked) -> int:
    """Return how many published people have a value in the source and none in the table."""
    known = blanked.kept[cells.of] & (cells.value != cells.null)
    return int(cells.people[known].sum() - blanked.shown.sum())
