"""What a full-domain recoding costs the tables of a release: what the search asks.

The first table leads: the levels that lose least in it hold for all, so that no two tables cut the
same people differently; each other table, whose quasi-identifiers are among the first one's, adds
the best level of its own sensitive column.

Two things never get better on the way down the lattice: who is in a class of fewer than k, and who
is in a cell (a value in a class) of fewer than k. The first are left out, the second blanked or
left out. Both bound the loss of everything finer, and where they are more than the limits allow,
nothing finer has to be looked at. How many values are blanked for other reasons is not monotone,
and nothing is pruned on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transforms.hierarchy import Hierarchy
from transforms.histogram import Histogram
from transforms.plan import TableFigures
from transforms.recoding.applying import Levels, Recoding
from transforms.recoding.grouping import Grouping, Node
from transforms.recoding.loss import Costs, Floors
from transforms.recoding.protect import (
    Candidate,
    Recoded,
    Terms,
    loses_too_much,
    protect,
    recode,
)

TOLERANCE = 1e-9
"""Sums of shares are not exact; nothing is pruned for their last digits."""


@dataclass(frozen=True)
class Figures:
    """What a recoding makes of all tables: the level of each sensitive column, and figures."""

    sensitive_levels: Mapping[str, int]
    tables: Mapping[str, TableFigures]


@dataclass(frozen=True)
class Weighing:
    """What recodings cost, table by table."""

    candidates: Sequence[Candidate]
    hierarchies: Mapping[str, Hierarchy]
    terms: Terms

    def figures(self, recoded: Recoded, level: int) -> TableFigures | None:
        """Return what a recoding costs a table, None where it breaks a limit.

        level: of the table's sensitive column.
        """
        limits = self.terms.limits
        at_k, with_margin = (
            protect(recoded, self.hierarchies, level, k, self.terms).figures
            for k in (limits.k, limits.k_when_choosing)
        )
        # Blanking is not monotone in k: the limits have to hold at both.
        if loses_too_much(with_margin, limits) or loses_too_much(at_k, limits):
            return None
        return at_k

    def weigh(self, recoding: Recoding, level: int) -> Figures | None:
        """Return what a recoding makes of all tables, None where one breaks a limit.

        level: of the leading table's sensitive column.
        """
        recoded = recode(self.candidates[0], self.hierarchies, recoding)
        leading = self.figures(recoded, level)
        return None if leading is None else self._completed(recoding, level, leading)

    def _completed(self, recoding: Recoding, level: int, leading: TableFigures) -> Figures | None:
        """Add the other tables' sensitive levels; None where one has none that fits."""
        lead = self.candidates[0]
        levels, tables = {lead.sensitive: level}, {lead.name: leading}
        for candidate in self.candidates[1:]:
            recoded = recode(candidate, self.hierarchies, recoding)
            offers = [
                (figures.loss, own, figures)
                for own in range(self.hierarchies[candidate.sensitive].top)
                if (figures := self.figures(recoded, own))
            ]
            if not offers:
                return None
            _, levels[candidate.sensitive], tables[candidate.name] = min(
                offers, key=lambda offer: offer[:2]
            )
        return Figures(levels, tables)


class LeadingTable:
    """The leading table as the search weighs it (a `Weigher`); its sensitive column is the last."""

    def __init__(self, weighing: Weighing) -> None:
        self._weighing = weighing
        lead, hierarchies = weighing.candidates[0], weighing.hierarchies
        leaves = lead.own
        self.columns = leaves.columns
        self._people = leaves.people
        quasi = Histogram(leaves.columns[:-1], leaves.codes[:, :-1], leaves.people)
        self._classes = Grouping(quasi, hierarchies)
        self._cells = Grouping(leaves, hierarchies)
        self._costs = Costs(leaves, hierarchies, weighing.terms.weights)
        self._known = leaves.codes[:, -1] != len(hierarchies[lead.sensitive].leaves)
        tops = [hierarchies[name].top for name in self.columns]
        self._tops = (*tops[:-1], tops[-1] - 1)

    @property
    def tops(self) -> Node:
        """Quasi-identifiers go up to `*`, the sensitive column to the level below."""
        return self._tops

    @property
    def base(self) -> Floors:
        """Return what levels cost if nothing is suppressed."""
        *quasi, sensitive = self._costs.base
        return [*quasi, sensitive[: self._tops[-1] + 1]]

    def glance(self, node: Node) -> Floors | None:
        """Leave out small classes and blank small cells: finer recodings do so too."""
        limits, total = self._weighing.terms.limits, int(self._people.sum())
        sizes, of = self._classes.sizes(node[:-1])
        # Divided as `protect` does it, so that both round alike at the limit.
        if int(sizes[sizes < limits.k_when_choosing].sum()) / total > limits.suppression:
            return None
        cells, cell = self._cells.sizes(node)
        of_cell = cells[cell]
        small = self._known & (of_cell < limits.k_when_choosing)
        # Of these, those in small classes are left out, and the others are blanked.
        blanked = int(self._people[small].sum()) / total - limits.suppression
        if self._blanks and blanked > limits.blanking + TOLERANCE:
            return None
        left_out = sizes[of] < limits.k
        lost = left_out | (self._known & (of_cell < limits.k))
        at, value_at = np.flatnonzero(left_out), np.flatnonzero(lost)
        last = len(self.columns) - 1
        floors = [self._costs.floor(column, at) for column in range(last)]
        floors.append(self._costs.floor(last, value_at if self._blanks else value_at[:0]))
        return [*floors[:-1], floors[-1][: self._tops[-1] + 1]]

    @property
    def _blanks(self) -> bool:
        """Say whether small cells are lost for sure: in "other" they may come together."""
        return self._weighing.terms.suppressed == "out"

    def weigh(self, node: Node) -> tuple[float, Figures] | None:
        """Return the leading table's loss, None where any table breaks a limit."""
        levels = Levels(dict(zip(self.columns, node, strict=True)))
        weighed = self._weighing.weigh(levels, node[-1])
        if weighed is None:
            return None
        return weighed.tables[self._weighing.candidates[0].name].loss, weighed
