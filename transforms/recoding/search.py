"""The recoding of least loss among all levels of all columns, found and proven.

Full-domain: one level a column, the same categories in the whole table (Samarati 2001; El Emam et
al. 2009). What a recoding costs and whether it keeps the limits is its weigher's to say; this is
the search alone.

Each recoding has a bound of its loss: at first what its levels cost if nothing were suppressed,
which needs no look at the data. A glance at one recoding raises the bounds of all that are finer:
people whom it suppresses are suppressed there as well. Where it suppresses too many, all that are
finer are out. The recoding of the least bound is next, until that bound is no better than the best
loss found: no other can be better then. Best first (Land and Doig 1960) on the lattice of
Incognito (LeFevre et al. 2005).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from transforms.recoding.grouping import Node, lattice_size
from transforms.recoding.loss import Floors

ALTERNATIVES = 5
TOLERANCE = 1e-12
"""Two losses this near are one: sums of shares are exact to some 1e-15."""
SAY_EVERY = 50

Say = Callable[[str], None]
GoOn = Callable[[], bool]

W = TypeVar("W")
W_co = TypeVar("W_co", covariant=True)


@dataclass(frozen=True)
class Weighed(Generic[W]):
    """A recoding that keeps the limits: its levels, its loss, and what its weigher says of it."""

    node: Node
    loss: float
    figures: W


class Weigher(Protocol[W_co]):
    """What the search has to know of a table.

    tops: the coarsest level of each column; base: the loss of each level if nothing is suppressed.
    """

    @property
    def tops(self) -> Node:
        """Return the coarsest recoding."""
        ...

    @property
    def base(self) -> Floors:
        """Return what levels cost without a look at the data."""
        ...

    def glance(self, node: Node) -> Floors | None:
        """Return a bound of the loss of this recoding and of all finer ones.

        None where this one, and so each finer one, suppresses more than the limits allow.
        """
        ...

    def weigh(self, node: Node) -> tuple[float, W_co] | None:
        """Return the loss of a recoding, None where it breaks a limit."""
        ...


@dataclass(frozen=True)
class Search(Generic[W]):
    """What was found: the best first; no recoding loses less than `bound`.

    recodings: how many there are; evaluated: how many were looked at; finished: False where the
    search was stopped before it could prove that the best is the best.
    """

    best: tuple[Weighed[W], ...]
    bound: float
    recodings: int
    evaluated: int
    finished: bool


def search(weigher: Weigher[W], say: Say, go_on: GoOn) -> Search[W]:
    """Return the recoding of least loss and the best others seen; none where no one fits.

    go_on: asked before each step; the answer False ends the search with the best so far and a
    bound that holds. Raises PolicyError where the lattice is too large for memory.
    """
    looking = _Looking(weigher)
    looking.descend(go_on)
    steps = 0
    while (node := looking.most_hopeful()) is not None and go_on():
        looking.climb(node)
        steps += 1
        if steps % SAY_EVERY == 0:
            say(looking.said())
    return looking.result()


class _Looking(Generic[W]):
    """A search at work: a bound for each recoding, infinite for those that are settled."""

    def __init__(self, weigher: Weigher[W]) -> None:
        self._weigher = weigher
        self._tops = weigher.tops
        self._base = weigher.base
        self._size = lattice_size(self._tops)
        self._bounds = _sums(self._base)
        self._fits: dict[Node, bool] = {}
        self._best: list[Weighed[W]] = []

    @property
    def _least(self) -> float:
        return self._best[0].loss if self._best else np.inf

    def most_hopeful(self) -> Node | None:
        """Return the recoding of the least bound, None where no bound is below the best loss."""
        position = int(np.argmin(self._bounds))
        if not self._bounds.flat[position] < self._least - TOLERANCE:
            return None
        return tuple(int(level) for level in np.unravel_index(position, self._bounds.shape))

    def descend(self, go_on: GoOn) -> None:
        """Go down from the top, each time where least would be lost: a first good recoding."""
        at: Node | None = self._tops
        self._keeps(self._tops)
        while at is not None and go_on():
            below = [
                (*at[:column], level - 1, *at[column + 1 :])
                for column, level in enumerate(at)
                if level
            ]
            at = min(
                (node for node in below if self._keeps(node)), key=self._unsuppressed, default=None
            )

    def climb(self, node: Node) -> None:
        """Look at a recoding; where it suppresses too many, at the last above it that does too.

        The way up takes the cheapest step each time: what it passes is what might be hoped for.
        """
        if self._keeps(node):
            return
        way = self._way_up(node)
        low, high = 0, len(way) - 1
        while low < high:
            middle = (low + high + 1) // 2
            if self._keeps(way[middle]):
                high = middle - 1
            else:
                low = middle

    def _way_up(self, node: Node) -> list[Node]:
        way, at = [node], list(node)
        while lower := [i for i, top in enumerate(self._tops) if at[i] < top]:
            at[min(lower, key=lambda i: self._base[i][at[i] + 1] - self._base[i][at[i]])] += 1
            way.append(tuple(at))
        return way

    def _keeps(self, node: Node) -> bool:
        """Say whether a recoding does not suppress too many; each is looked at once."""
        if node not in self._fits:
            self._fits[node] = self._look(node)
        return self._fits[node]

    def _look(self, node: Node) -> bool:
        floors = self._weigher.glance(node)
        finer = tuple(slice(0, level + 1) for level in node)
        if floors is None:
            self._bounds[finer] = np.inf
            return False
        bounds = _sums([floor[: level + 1] for floor, level in zip(floors, node, strict=True)])
        np.maximum(self._bounds[finer], bounds, out=self._bounds[finer])
        if self._bounds[node] < self._least - TOLERANCE or len(self._best) < ALTERNATIVES:
            self._weigh(node)
        self._bounds[node] = np.inf
        return True

    def _weigh(self, node: Node) -> None:
        weighed = self._weigher.weigh(node)
        if weighed is not None:
            loss, figures = weighed
            self._best.append(Weighed(node, loss, figures))
            self._best.sort(key=lambda each: (each.loss, each.node))
            del self._best[ALTERNATIVES:]

    def _unsuppressed(self, node: Node) -> float:
        return float(sum(base[level] for base, level in zip(self._base, node, strict=True)))

    def said(self) -> str:
        """Return how far it is, in words."""
        best = f"{self._least:.4f}" if self._best else "none yet"
        open_ = int((self._bounds < self._least - TOLERANCE).sum())
        return (
            f"recodings: {self._size:,}, looked at {len(self._fits):,}, still open {open_:,}; "
            f"least loss {best}, none below {min(self._bounds.min(), self._least):.4f}"
        )

    def result(self) -> Search[W]:
        """Return what was found."""
        finished = self.most_hopeful() is None
        bound = self._least if finished else float(self._bounds.min())
        return Search(tuple(self._best), bound, self._size, len(self._fits), finished)


def _sums(parts: Floors) -> npt.NDArray[np.float64]:
    """Return the sum over the columns for each recoding: an axis a column."""
    total = parts[0]
    for part in parts[1:]:
        total = total[..., None] + part
    return total.copy()
