"""The least costly full-domain recoding that keeps the limits, found and proven.

Full-domain: one level a column, the same categories in the whole table (Samarati 2001; El Emam et
al. 2009). All tables of a release share one recoding, so that no two of them cut the same people
differently. Recodings are tried in the order of a lower bound of their loss (the marginals' loss,
to which suppression can only add); the first bound above the best loss found ends the search.

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
from transforms.plan import TableFigures
from transforms.policy import Limits
from transforms.recoding.histogram import Histogram, distinct, recode, totals
from transforms.recoding.loss import marginal_losses
from transforms.recoding.protect import Candidate, loses_too_much, protect

LARGEST_LATTICE = 2_000_000
PROGRESS_EVERY = 10_000

Node = tuple[int, ...]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Recoding:
    """A choice of levels and what it costs each table; loss is the mean over the tables."""

    levels: Mapping[str, int]
    loss: float
    tables: Mapping[str, TableFigures]


@dataclass(frozen=True)
class Found:
    """The best recoding, how many there were, and how many had to be tried."""

    best: Recoding
    recodings: int
    evaluated: int


def search(
    candidates: Sequence[Candidate],
    hierarchies: Mapping[str, Hierarchy],
    limits: Limits,
    say: Say,
) -> Found:
    """Return the recoding of least loss under the limits, at the k for choosing.

    Raises Refused where even the coarsest recoding breaks a limit (too few people, or one value
    that nearly everybody has), PolicyError where the lattice is too large to be searched.
    """
    if any(candidate.leaves.total < limits.k_when_choosing for candidate in candidates):
        raise Refused(
            f"fewer than {limits.k_when_choosing} people are eligible: nothing can be published "
            f"about so few"
        )
    lattice = _Lattice(candidates, hierarchies)
    best: Recoding | None = None
    evaluated = 0
    for position, (node, bound) in enumerate(lattice.by_bound()):
        if best is not None and bound >= best.loss - 1e-12:
            break
        if position and position % PROGRESS_EVERY == 0:
            say(f"recodings weighed: {position:,} of {lattice.size:,}, evaluated: {evaluated:,}")
        if lattice.hopeless(node, limits):
            continue
        evaluated += 1
        recoding = lattice.evaluate(node, limits)
        if recoding is not None and (best is None or recoding.loss < best.loss):
            best = recoding
    if best is None:
        raise Refused(
            f"no recoding keeps k = {limits.k_when_choosing}, l = {limits.l}, at most "
            f"{limits.suppression:.0%} left out and {limits.blanking:.0%} blanked: add coarser "
            f"levels to the sensitive columns' hierarchies, or raise what may be lost"
        )
    say(f"best of {lattice.size:,} recodings: loss {best.loss:.3f}, {evaluated:,} evaluated")
    return Found(best, lattice.size, evaluated)


class _Lattice:
    """All choices of levels: quasi-identifiers up to `*`, sensitive columns up to below it."""

    def __init__(
        self, candidates: Sequence[Candidate], hierarchies: Mapping[str, Hierarchy]
    ) -> None:
        self._candidates = candidates
        self._hierarchies = hierarchies
        self._quasi = tuple(dict.fromkeys(q for c in candidates for q in c.quasi_identifiers))
        self._sensitive = tuple(c.sensitive for c in candidates)
        self.columns = self._quasi + self._sensitive
        self._tops = tuple(hierarchies[name].top for name in self._quasi) + tuple(
            hierarchies[name].top - 1 for name in self._sensitive
        )
        self.size = int(np.prod([top + 1 for top in self._tops], dtype=object))
        if self.size > LARGEST_LATTICE:
            raise PolicyError(
                f"{self.size:,} recodings are too many to search: take quasi-identifiers out of "
                f"the table, or levels out of their hierarchies"
            )
        self._hopeless: list[Node] = []
        self._hopeful: set[Node] = set()
        self._pair_histograms: dict[tuple[int, str, str], Histogram] = {}
        self._pairs: dict[tuple[int, str, int, str, int], int] = {}

    def by_bound(self) -> Iterator[tuple[Node, float]]:
        """Yield every recoding with the bound of its loss, ascending."""
        bounds = np.zeros([top + 1 for top in self._tops])
        for candidate in self._candidates:
            columns = len(candidate.leaves.columns)
            for name, losses in marginal_losses(candidate.leaves, self._hierarchies).items():
                axis = self.columns.index(name)
                shape = [1] * len(self.columns)
                shape[axis] = self._tops[axis] + 1
                share = np.array(losses[: shape[axis]]) / columns / len(self._candidates)
                bounds = bounds + share.reshape(shape)
        flat = bounds.ravel()
        for position in np.argsort(flat, kind="stable"):
            yield (
                tuple(int(i) for i in np.unravel_index(position, bounds.shape)),
                float(flat[position]),
            )

    def hopeless(self, node: Node, limits: Limits) -> bool:
        """Say whether the quasi-identifiers alone leave too many people in classes below k."""
        quasi = node[: len(self._quasi)]
        if quasi in self._hopeful:
            return False
        if _below(quasi, self._hopeless) or self._hopeless_in_pairs(quasi, limits):
            return True
        if self._keeps_enough(quasi, limits):
            self._hopeful.add(quasi)
            return False
        self._hopeless.append(self._highest_hopeless(quasi, limits))
        return True

    def _keeps_enough(self, quasi: Node, limits: Limits) -> bool:
        levels = dict(zip(self._quasi, quasi, strict=True))
        return all(
            self._left_out(candidate.leaves, candidate.quasi_identifiers, levels, limits)
            <= limits.suppression * candidate.leaves.total
            for candidate in self._candidates
        )

    def _left_out(
        self, leaves: Histogram, columns: Sequence[str], levels: Mapping[str, int], limits: Limits
    ) -> int:
        picked = leaves.codes[:, [leaves.columns.index(name) for name in columns]]
        _, group = distinct(recode(picked, columns, self._hierarchies, levels))
        sizes = totals(group, leaves.people)
        return int(sizes[sizes < limits.k_when_choosing].sum())

    def _hopeless_in_pairs(self, quasi: Node, limits: Limits) -> bool:
        """Say whether two columns alone already leave out too many (a bound for all of them)."""
        levels = dict(zip(self._quasi, quasi, strict=True))
        for number, candidate in enumerate(self._candidates):
            allowed = limits.suppression * candidate.leaves.total
            for first, second in combinations(candidate.quasi_identifiers, 2):
                key = (number, first, levels[first], second, levels[second])
                if key not in self._pairs:
                    pair = self._pair(number, first, second)
                    self._pairs[key] = self._left_out(pair, pair.columns, levels, limits)
                if self._pairs[key] > allowed:
                    return True
        return False

    def _pair(self, number: int, first: str, second: str) -> Histogram:
        key = (number, first, second)
        if key not in self._pair_histograms:
            self._pair_histograms[key] = self._candidates[number].leaves.only((first, second))
        return self._pair_histograms[key]

    def _highest_hopeless(self, quasi: Node, limits: Limits) -> Node:
        """Return the last hopeless recoding on one way up: all below it are hopeless too."""
        way = list(self._way_up(quasi))
        low, high = 0, len(way) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._keeps_enough(way[middle], limits):
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

    def evaluate(self, node: Node, limits: Limits) -> Recoding | None:
        """Return what the recoding costs, or None where it breaks a limit."""
        levels = dict(zip(self.columns, node, strict=True))
        tables: dict[str, TableFigures] = {}
        for candidate in self._candidates:
            at_k, with_margin = (
                protect(candidate, self._hierarchies, levels, k, limits.l).figures
                for k in (limits.k, limits.k_when_choosing)
            )
            # Blanking is not monotone in k: the limits have to hold at both.
            if loses_too_much(with_margin, limits) or loses_too_much(at_k, limits):
                return None
            tables[candidate.name] = at_k
        loss = sum(figures.loss for figures in tables.values()) / len(tables)
        return Recoding(levels, loss, tables)


def _below(node: Node, hopeless: Sequence[Node]) -> bool:
    """Say whether a recoding is as fine as or finer than a hopeless one."""
    return any(all(map(int.__le__, node, above)) for above in hopeless)
