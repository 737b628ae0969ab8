"""Multidimensional recoding: the label of a combination depends on the whole of it.

Cheapest label first. A label names one hierarchy node a column and covers the combinations below
its nodes. Of all labels that cover at least k people whom no label before it has taken, the one of
least loss is taken next, until everybody has one. The labels in that order are a decision list:
a combination, also one that was not there when they were chosen, is published as the first label
that covers it (LeFevre et al. 2006 on multidimensional recoding; the list is our own).

What no label has taken only shrinks, so a label that once covers too few people is refused for
good, and one pass over the lattice of levels, in the order of the least loss that each of its nodes
can still offer, sees every label in its turn.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram
from transforms.recoding.grouping import lattice_size
from transforms.recoding.multidimensional.covering import first_covering
from transforms.recoding.multidimensional.crowd import Crowd, Groups
from transforms.recoding.multidimensional.lattice import Block, Node, blocks
from transforms.recoding.multidimensional.leftover import Accept, Classes, take_in_what_is_left

STEP = 0.02
"""Labels that cost so little more (of a column) than the cheapest are taken with it."""
WORK = 6_500_000_000
"""So many combinations are looked at, over all visits to nodes: about a minute of one core.

What counts is work, not time: the same histogram has the same regions on any machine.
"""
VISIT = 10_000
"""A visit to a node costs as much as looking at so many combinations, however few there are."""
WIDENINGS = 10
"""So often, as the work goes by, labels that cost twice as much more are taken at once."""
TOLD = 10
"""Progress is told in so many parts."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Regions:
    """What a combination is published as: the first region that covers it; none: `*` everywhere.

    columns: q names; labels: (r, q) node numbers (`Hierarchy.offsets`), in the order in which they
    are tried.
    """

    columns: tuple[str, ...]
    labels: Codes


def choose_regions(
    combinations: Histogram,
    hierarchies: Mapping[str, Hierarchy],
    k: int,
    weights: Mapping[str, float],
    accept: Accept | None,
    say: Say,
    go_on: Callable[[], bool],
) -> Regions:
    """Return regions of at least k people each that cover every combination, at little loss.

    `combinations`: distinct rows of leaf codes of at least one column, counted. `weights`: what a
    column's loss counts, above 0. `accept`: which groups of combinations may be published, None:
    all. Where it refuses the last ones, or everybody is fewer than k, combinations stay without a
    region. Once the work is used up, or `go_on` says no, what is still open is brought up level by
    level, the columns that lose least first, and nothing else is weighed. Unless `go_on` does, the
    regions depend on the histogram's content alone, not on its order. Raises PolicyError where the
    lattice is too large for memory.
    """
    classes = cheapest_first(combinations, hierarchies, k, weights, accept, say, go_on)
    return Regions(combinations.columns, take_in_what_is_left(classes, k, accept))


def cheapest_first(
    combinations: Histogram,
    hierarchies: Mapping[str, Hierarchy],
    k: int,
    weights: Mapping[str, float],
    accept: Accept | None,
    say: Say,
    go_on: Callable[[], bool],
) -> Classes:
    """Return the labels that `choose_regions` takes, those left over without one still."""
    lattice_size(tuple(hierarchies[name].top for name in combinations.columns))
    choice = _Choice(combinations, blocks(combinations, hierarchies, weights), k, accept)
    _walk(choice, say, go_on)
    return Classes(
        combinations,
        [hierarchies[name] for name in combinations.columns],
        [weights[name] for name in combinations.columns],
        choice.labels(),
        choice.region,
    )


def region_of(codes: Codes, regions: Regions, hierarchies: Mapping[str, Hierarchy]) -> Codes:
    """Return the region of each row of leaf codes (n, q): the first that covers it.

    As many as there are regions where none does.
    """
    return first_covering(codes, regions.labels, [hierarchies[name] for name in regions.columns])


def _walk(choice: _Choice, say: Say, go_on: Callable[[], bool]) -> None:
    """Take the cheapest label, again and again, until too few people are left."""
    heap = choice.offers()
    told = 0
    while heap and choice.enough():
        if choice.work >= WORK or not go_on():
            choice.bring_up()
            return
        due, number = heapq.heappop(heap)
        again = choice.take(due, number)
        if again is not None:
            heapq.heappush(heap, (again, number))
        if int(choice.done() * TOLD) > told:
            told = int(choice.done() * TOLD)
            say(f"regions chosen for {told / TOLD:.0%} of the people: {choice.chosen:,}")


class _Choice:
    """The labels taken so far, and the people who have none."""

    def __init__(
        self, combinations: Histogram, parts: Sequence[Block], k: int, accept: Accept | None
    ) -> None:
        self._combinations, self._blocks, self._k, self._accept = combinations, parts, k, accept
        self._shape = tuple(len(block.levels) for block in parts)
        self._crowd = Crowd(parts, combinations.people, k)
        self._labels: list[Codes] = []
        self.chosen = 0
        self.work = 0
        self._of = np.full(len(combinations.people), -1, dtype=np.int64)

    @property
    def region(self) -> Codes:
        """The label of each combination; as many as there are: none."""
        return np.where(self._of < 0, self.chosen, self._of)

    def labels(self) -> Codes:
        """Return the labels taken, in order."""
        none = np.empty((0, len(self._combinations.columns)), dtype=np.int64)
        return np.concatenate([none, *self._labels])

    def enough(self) -> bool:
        """Say whether those without a label could make a class."""
        return self._crowd.total >= self._k

    def done(self) -> float:
        """Return which part of the people has a label."""
        return 1 - self._crowd.total / max(self._combinations.total, 1)

    def offers(self) -> list[tuple[float, int]]:
        """Return each node of the lattice with a bound of its cheapest label, as a heap."""
        bounds = np.zeros(1)
        for least in self._crowd.least_losses:
            bounds = np.add.outer(bounds, least).ravel()
        heap = [(float(bounds[node]), int(node)) for node in np.flatnonzero(np.isfinite(bounds))]
        heapq.heapify(heap)
        return heap

    def take(self, due: float, number: int) -> float | None:
        """Take a node's labels that are due; return when its next one is, None: never."""
        node = tuple(int(level) for level in np.unravel_index(number, self._shape))
        bound = sum(
            float(least[level]) for least, level in zip(self._crowd.least_losses, node, strict=True)
        )
        limit = due + STEP * 2 ** (self.work * WIDENINGS // WORK)
        if bound > limit:
            return bound if np.isfinite(bound) else None
        self.work += VISIT + len(self._crowd.rows)
        groups = self._crowd.groups(node)
        if groups is None:
            return None
        now = groups.loss <= limit
        self._close(node, groups.only(now))
        dearer = groups.loss[~now]
        return float(dearer.min()) if len(dearer) else None

    def bring_up(self) -> None:
        """Take whatever labels there are on one way through the lattice, from leaves to `*`."""
        for node in self._way_up():
            groups = self._crowd.groups(node) if self.enough() else None
            if groups is not None:
                self._close(node, groups)

    def _close(self, node: Node, groups: Groups) -> None:
        if self._accept is not None and len(groups.first):
            rows = self._crowd.rows[groups.members]
            groups = groups.only(self._accept(rows, groups.of))
        if not len(groups.first):
            return
        first = self._crowd.rows[groups.first]
        labels = np.concatenate(
            [
                block.nodes(block.levels[level])[block.code[first]]
                for block, level in zip(self._blocks, node, strict=True)
            ],
            axis=1,
        )
        # Groups come in the order of their hashes, on which nothing may depend.
        order = np.lexsort(labels.T[::-1])
        place = np.empty(len(order), dtype=np.int64)
        place[order] = np.arange(self.chosen, self.chosen + len(order))
        self._of[self._crowd.rows[groups.members]] = place[groups.of]
        self._labels.append(labels[order])
        self.chosen += len(first)
        self._crowd.close(groups)

    def _way_up(self) -> Iterator[Node]:
        """Yield nodes from the finest to the coarsest, each time the column that loses least."""
        levels = [[0] * len(block.columns) for block in self._blocks]
        steps = sorted(
            (loss, part, position, level)
            for part, block in enumerate(self._blocks)
            for position, losses in enumerate(self._crowd.level_losses(part))
            for level, loss in enumerate(losses)
            if level
        )
        yield self._node(levels)
        for _, part, position, level in steps:
            levels[part][position] = level
            yield self._node(levels)

    def _node(self, levels: Sequence[Sequence[int]]) -> Node:
        return tuple(
            int(np.ravel_multi_index(tuple(mine), block.shape))
            for mine, block in zip(levels, self._blocks, strict=True)
        )
