"""The least costly full-domain recoding that keeps the limits, found and proven.

Full-domain: one level a column, the same categories in the whole table (Samarati 2001; El Emam et
al. 2009). The first table of a release leads: the levels that lose least in it hold for all, so
that no two tables cut the same people differently; each other table, whose quasi-identifiers are
among the first one's, adds the best level of its own sensitive column.

Recodings are tried in the order of a lower bound of their loss (the marginals' loss, to which
suppression can only add); the first bound at or above the best loss found ends the search.

Pruning: the number of people in classes below k never grows on the way up the lattice, so what is
below a recoding that leaves out too many leaves out too many as well. Blanked values are not
monotone, and nothing is pruned on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from transforms.errors import PolicyError, Refused
from transforms.hierarchy import Hierarchy
from transforms.histogram import Histogram, distinct, recode, totals
from transforms.plan import TableFigures
from transforms.policy import Limits
from transforms.recoding.loss import marginal_losses
from transforms.recoding.protect import Candidate, loses_too_much, protect

LARGEST_LATTICE = 2_000_000
MOST_COLUMNS = 30
PROGRESS_EVERY = 10_000

Node = tuple[int, ...]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Recoding:
    """A choice of levels, what it costs the leading table, and the figures of all."""

    levels: Mapping[str, int]
    loss: float
    tables: Mapping[str, TableFigures]


@dataclass(frozen=True)
class Found:
    """The best recoding, how many there were, and how many had to be evaluated."""

    best: Recoding
    recodings: int
    evaluated: int


def search(
    candidates: Sequence[Candidate],
    hierarchies: Mapping[str, Hierarchy],
    limits: Limits,
    say: Say,
) -> Found:
    """Return the recoding of least loss in the first table that keeps the limits in all.

    The limits have to hold at k and at the k for choosing. Raises Refused where even the coarsest
    recoding breaks one (too few people, or one value that nearly everybody has), PolicyError
    where the lattice is too large to be searched.
    """
    if any(candidate.leaves.total < limits.k_when_choosing for candidate in candidates):
        raise Refused(
            f"fewer than {limits.k_when_choosing} people are eligible: nothing can be published "
            f"about so few"
        )
    weighing = _Weighing(hierarchies, limits)
    lattice = _Lattice(candidates[0], hierarchies, limits)
    best: Recoding | None = None
    evaluated = 0
    for position, (node, bound) in enumerate(lattice.by_bound()):
        if best is not None and bound >= best.loss - 1e-12:
            break
        if position and position % PROGRESS_EVERY == 0:
            say(f"recodings weighed: {position:,} of {lattice.size:,}, evaluated: {evaluated:,}")
        if lattice.hopeless(node):
            continue
        evaluated += 1
        levels = dict(zip(lattice.columns, node, strict=True))
        leading = weighing.figures(candidates[0], levels)
        if leading is None or (best is not None and leading.loss >= best.loss):
            continue
        best = weighing.completed(candidates, levels, leading) or best
    if best is None:
        raise Refused(
            f"no recoding keeps k = {limits.k_when_choosing}, l = {limits.l}, at most "
            f"{limits.suppression:.0%} left out and {limits.blanking:.0%} blanked: add coarser "
            f"levels to the sensitive columns' hierarchies, or raise what may be lost"
        )
    say(f"best of {lattice.size:,} recodings: loss {best.loss:.3f}, {evaluated:,} evaluated")
    return Found(best, lattice.size, evaluated)


@dataclass(frozen=True)
class _Weighing:
    """What levels cost, table by table."""

    hierarchies: Mapping[str, Hierarchy]
    limits: Limits

    def figures(self, candidate: Candidate, levels: Mapping[str, int]) -> TableFigures | None:
        """Return what the levels cost a table, None where they break a limit."""
        at_k, with_margin = (
            protect(candidate, self.hierarchies, levels, k, self.limits.l).figures
            for k in (self.limits.k, self.limits.k_when_choosing)
        )
        # Blanking is not monotone in k: the limits have to hold at both.
        if loses_too_much(with_margin, self.limits) or loses_too_much(at_k, self.limits):
            return None
        return at_k

    def completed(
        self, candidates: Sequence[Candidate], levels: Mapping[str, int], leading: TableFigures
    ) -> Recoding | None:
        """Add to the leading table's levels the others'; None where one has no level that fits."""
        chosen = dict(levels)
        tables = {candidates[0].name: leading}
        for candidate in candidates[1:]:
            offers = [
                (figures.loss, level, figures)
                for level in range(self.hierarchies[candidate.sensitive].top)
                if (figures := self.figures(candidate, chosen | {candidate.sensitive: level}))
            ]
            if not offers:
                return None
            _, chosen[candidate.sensitive], tables[candidate.name] = min(
                offers, key=lambda offer: offer[:2]
            )
        return Recoding(chosen, leading.loss, tables)


class _Lattice:
    """All levels of a table: quasi-identifiers up to `*`, the sensitive column to below it."""

    def __init__(
        self, candidate: Candidate, hierarchies: Mapping[str, Hierarchy], limits: Limits
    ) -> None:
        self.columns = candidate.leaves.columns
        self._leaves = candidate.leaves
        self._quasi = candidate.quasi_identifiers
        self._hierarchies = hierarchies
        self._k = limits.k_when_choosing
        self._limit = limits.suppression
        quasi_tops = (hierarchies[name].top for name in self._quasi)
        self._tops = (*quasi_tops, hierarchies[candidate.sensitive].top - 1)
        self.size = int(np.prod([top + 1 for top in self._tops], dtype=object))
        if self.size > LARGEST_LATTICE or len(self.columns) > MOST_COLUMNS:
            raise PolicyError(
                f"more than {LARGEST_LATTICE:,} recodings or {MOST_COLUMNS} columns are too many "
                f"to search: take quasi-identifiers out of the table, or levels out of their "
                f"hierarchies"
            )
        self._hopeless: list[Node] = []
        self._hopeful: set[Node] = set()
        self._pairs = {pair: candidate.leaves.only(pair) for pair in combinations(self._quasi, 2)}
        self._pair_left_out: dict[tuple[str, int, str, int], float] = {}

    def by_bound(self) -> Iterator[tuple[Node, float]]:
        """Yield every recoding with the bound of its loss, ascending."""
        bounds = np.zeros([top + 1 for top in self._tops])
        losses = marginal_losses(self._leaves, self._hierarchies)
        for axis, name in enumerate(self.columns):
            shape = [1] * len(self.columns)
            shape[axis] = self._tops[axis] + 1
            bounds = bounds + np.array(losses[name][: shape[axis]]).reshape(shape)
        flat = bounds.ravel() / len(self.columns)
        for position in np.argsort(flat, kind="stable"):
            node = np.unravel_index(position, bounds.shape)
            yield tuple(int(level) for level in node), float(flat[position])

    def hopeless(self, node: Node) -> bool:
        """Say whether the quasi-identifiers alone leave too many people in classes below k."""
        quasi = node[: len(self._quasi)]
        if quasi in self._hopeful:
            return False
        if self._below_a_hopeless_one(quasi) or self._hopeless_in_pairs(quasi):
            return True
        if self._keeps_enough(quasi):
            self._hopeful.add(quasi)
            return False
        self._hopeless.append(self._highest_hopeless(quasi))
        return True

    def _below_a_hopeless_one(self, quasi: Node) -> bool:
        return any(all(map(int.__le__, quasi, above)) for above in self._hopeless)

    def _hopeless_in_pairs(self, quasi: Node) -> bool:
        """Say whether two columns alone already leave out too many (a bound for all of them)."""
        levels = dict(zip(self._quasi, quasi, strict=True))
        for (first, second), leaves in self._pairs.items():
            key = (first, levels[first], second, levels[second])
            if key not in self._pair_left_out:
                self._pair_left_out[key] = self._left_out(leaves, levels)
            if self._pair_left_out[key] > self._limit:
                return True
        return False

    def _keeps_enough(self, quasi: Node) -> bool:
        levels = dict(zip(self._quasi, quasi, strict=True))
        return self._left_out(self._leaves, levels) <= self._limit

    def _left_out(self, leaves: Histogram, levels: Mapping[str, int]) -> float:
        """Return the share of people in classes below k."""
        columns = [name for name in leaves.columns if name in levels]
        codes = leaves.codes[:, : len(columns)]
        _, group = distinct(recode(codes, columns, self._hierarchies, levels))
        sizes = totals(group, leaves.people)
        return int(sizes[sizes < self._k].sum()) / leaves.total

    def _highest_hopeless(self, quasi: Node) -> Node:
        """Return the last hopeless recoding on one way up: all below it are hopeless too."""
        way = list(self._way_up(quasi))
        low, high = 0, len(way) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._keeps_enough(way[middle]):
                high = middle - 1
            else:
                low = middle
        return way[low]

    def _way_up(self, quasi: Node) -> Iterator[Node]:
        at = list(quasi)
        yield quasi
        while lower := [i for i, top in enumerate(self._tops[: len(at)]) if at[i] < top]:
            # The column that has come the smaller part of its way goes up next.
            at[min(lower, key=lambda i: at[i] / self._tops[i])] += 1
            yield tuple(at)
