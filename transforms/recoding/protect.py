"""What a recoding makes of a table: recode, suppress, blank, and what that costs.

The search weighs recodings with it and a release applies one with it: one way through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from transforms.hierarchy import Hierarchy
from transforms.histogram import Histogram
from transforms.plan import TableFigures
from transforms.policy import Limits
from transforms.recoding.loss import people_blanked, table_loss
from transforms.risk.classes import Cells, count_cells
from transforms.steps.blank import Blanked, blank
from transforms.steps.suppress import suppress


@dataclass(frozen=True)
class Candidate:
    """A table to publish: its leaf histogram (sensitive column last), and who can sum it up."""

    name: str
    leaves: Histogram
    known_sums: tuple[tuple[str, ...], ...]

    @property
    def quasi_identifiers(self) -> tuple[str, ...]:
        """All columns but the last."""
        return self.leaves.columns[:-1]

    @property
    def sensitive(self) -> str:
        """The last column."""
        return self.leaves.columns[-1]


@dataclass(frozen=True)
class Protected:
    """A table whose every row stands for at least k people, and its price."""

    cells: Cells
    blanked: Blanked
    figures: TableFigures


def protect(
    candidate: Candidate,
    hierarchies: Mapping[str, Hierarchy],
    levels: Mapping[str, int],
    k: int,
    l: int,  # noqa: E741 - the literature's name
) -> Protected:
    """Recode a table of at least one person and hide what too few people share."""
    cells = count_cells(candidate.leaves, hierarchies, levels)
    kept = suppress(cells, k, candidate.known_sums)
    blanked = blank(cells, kept, k, l, hierarchies, levels)
    published = int(cells.sizes[kept].sum())
    figures = TableFigures(
        loss=table_loss(cells, blanked, hierarchies, levels, candidate.sensitive),
        left_out=(cells.total - published) / cells.total,
        blanked=people_blanked(cells, blanked) / max(published, 1),
        classes=int(kept.sum()),
    )
    return Protected(cells, blanked, figures)


def loses_too_much(figures: TableFigures, limits: Limits) -> bool:
    """Say whether more people are left out, or values blanked, than the policy allows."""
    return figures.left_out > limits.suppression or figures.blanked > limits.blanking
