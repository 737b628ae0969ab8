"""What a recoding makes of a table: recode, suppress, blank, and what that costs.

The search weighs recodings with it and a release applies one with it: one way through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram
from transforms.plan import TableFigures
from transforms.policy.limits import Limits
from transforms.recoding.applying import Levels, Recoding, nodes_of
from transforms.recoding.loss import column_losses, people_blanked, shares_of
from transforms.risk.classes import Cells, count_cells, fold
from transforms.risk.criteria import Closeness, Criterion, DistinctL, EntropyL, LiftCap
from transforms.steps.blank import Blanked, Tells, blank
from transforms.steps.suppress import suppress


@dataclass(frozen=True)
class Candidate:
    """A table to publish.

    leaves: its people over the quasi-identifiers of the leading table, which regions need, and
    its own sensitive column, the last; quasi_identifiers: its own; known_sums: who can sum it up;
    adverse: sensitive leaves that nobody likes to be known for.
    """

    name: str
    leaves: Histogram
    quasi_identifiers: tuple[str, ...]
    known_sums: tuple[tuple[str, ...], ...]
    adverse: tuple[str, ...] = ()

    @property
    def sensitive(self) -> str:
        """The last column."""
        return self.leaves.columns[-1]

    @cached_property
    def own(self) -> Histogram:
        """Its people over its own columns alone."""
        columns = (*self.quasi_identifiers, self.sensitive)
        return self.leaves if columns == self.leaves.columns else self.leaves.only(columns)


@dataclass(frozen=True)
class Terms:
    """On what terms tables are made: limits, what becomes of those left out, weights of losses."""

    limits: Limits
    suppressed: Literal["out", "other"]
    weights: Mapping[str, float]

    def tells(self, adverse: tuple[str, ...]) -> Tells:
        """Return what no class may tell."""
        limits = self.limits
        even: tuple[Criterion, ...] = (DistinctL(limits.l),)
        if limits.entropy_l is not None:
            even = (*even, EntropyL(limits.entropy_l))
        close = () if limits.t is None else (Closeness(limits.t, limits.t_distance),)
        return Tells(source=(*even, *self.caps(adverse)), table=(*even, *close))

    def caps(self, adverse: tuple[str, ...]) -> tuple[LiftCap, ...]:
        """Return the cap on adverse values, none where none are declared."""
        limits = self.limits
        if not adverse:
            return ()
        most = limits.largest_share
        return (LiftCap(limits.lift_factor, limits.lift_plus, most, adverse),)


@dataclass(frozen=True)
class Protected:
    """A table whose every row stands for at least k people, and its price."""

    cells: Cells
    blanked: Blanked
    figures: TableFigures


@dataclass(frozen=True)
class Recoded:
    """A table whose quasi-identifiers are recoded: node numbers (n, q) of each row of leaves."""

    candidate: Candidate
    leaves: Histogram
    nodes: Codes


def recode(
    candidate: Candidate, hierarchies: Mapping[str, Hierarchy], recoding: Recoding
) -> Recoded:
    """Say what the people of a table are published as."""
    leaves = candidate.own if isinstance(recoding, Levels) else candidate.leaves
    columns = leaves.columns[:-1]
    nodes = nodes_of(leaves.codes[:, :-1], columns, recoding, hierarchies)
    own = [columns.index(name) for name in candidate.quasi_identifiers]
    return Recoded(candidate, leaves, nodes[:, own])


def protect(
    recoded: Recoded, hierarchies: Mapping[str, Hierarchy], level: int, k: int, terms: Terms
) -> Protected:
    """Hide what too few people of a table share; there is at least one person.

    level: of the sensitive column.
    """
    candidate = recoded.candidate
    sensitive = hierarchies[candidate.sensitive]
    cells = count_cells(
        recoded.leaves, candidate.quasi_identifiers, recoded.nodes, sensitive, level
    )
    kept = suppress(cells, k, candidate.known_sums)
    left_out = cells.total - int(cells.sizes[kept].sum())
    if terms.suppressed == "other":
        cells = fold(cells, kept, [hierarchies[name].other for name in cells.quasi_identifiers])
        kept = np.ones(len(cells.sizes), dtype=bool)
    blanked = blank(cells, kept, k, terms.tells(candidate.adverse), hierarchies, sensitive)
    losses = column_losses(cells, blanked, hierarchies, candidate.sensitive)
    shares = shares_of(tuple(losses), terms.weights)
    figures = TableFigures(
        loss=sum(losses[name] * share for name, share in shares.items()),
        columns=losses,
        left_out=left_out / cells.total,
        blanked=people_blanked(cells, blanked) / max(int(cells.sizes[kept].sum()), 1),
        classes=int(kept.sum()),
        smallest_class=int(cells.sizes[kept].min(initial=cells.total)),
    )
    return Protected(cells, blanked, figures)


def loses_too_much(figures: TableFigures, limits: Limits) -> bool:
    """Say whether more people are left out, or values blanked, than the policy allows."""
    return figures.left_out > limits.suppression or figures.blanked > limits.blanking
