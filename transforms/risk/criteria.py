"""What a class's sensitive values must not tell: l-diversity, t-closeness, largest share, lift.

A criterion looks at the people of each value in each class and says which classes fail. A missing
value is no diversity and no company: l and shares look at known values only; for t it is a value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import totals
from transforms.policy.limits import Distance

Mask = npt.NDArray[np.bool_]
Shares = npt.NDArray[np.float64]

ROUNDING = 1e-12
"""Sums of shares are exact to some 1e-15; a limit that is met exactly is met."""


@dataclass(frozen=True)
class Values:
    """The sensitive values of each class, at one level of their hierarchy.

    of: (n,) the class of each cell, 0 to classes - 1; value: (n,) its node code; people: (n,)
    counts; everybody: (v,) the share of each node code, NULL last, in the whole table; null: the
    code that is no value, -1 where each is one. A class and value stand in one cell only.
    """

    of: Codes
    value: Codes
    people: Codes
    classes: int
    hierarchy: Hierarchy
    level: int
    everybody: Shares
    null: int

    @property
    def known(self) -> Mask:
        """Say which cells have a value."""
        known: Mask = self.value != self.null
        return known

    def adverse(self, labels: tuple[str, ...]) -> Mask:
        """Say which cells hold any of these leaves; no leaves are named: every known cell."""
        if not labels:
            return self.known
        leaves = [self.hierarchy.leaves.index(label) for label in labels]
        nodes = self.hierarchy.node_tables[self.level][leaves]
        return np.isin(self.value, nodes)

    def known_shares(self) -> Shares:
        """Return the share of each cell among the known values of its class."""
        known = totals(self.of, np.where(self.known, self.people, 0), self.classes)
        return self.people / np.maximum(known, 1)[self.of]


def shares_of_values(value: Codes, people: Codes, hierarchy: Hierarchy, level: int) -> Shares:
    """Return the share of each node code, NULL last, among these people."""
    counts = np.bincount(value, weights=people, minlength=len(hierarchy.losses[level]))
    return np.asarray(counts / max(float(counts.sum()), 1.0))


class Criterion(Protocol):
    """Something that every published class has to keep."""

    def failing(self, values: Values) -> Mask:
        """Return (classes,) which classes break it."""
        ...

    def nearest(self, values: Values) -> str:
        """Say what one failing class of everybody could keep instead."""
        ...

    @property
    def inherited(self) -> Criterion | None:
        """The part that a class below a failing one breaks too, whatever it is made of."""
        ...


@dataclass(frozen=True, slots=True)
class DistinctL:
    """At least l different known values (distinct l-diversity, Machanavajjhala et al. 2007)."""

    l: int  # noqa: E741 - the literature's name

    def failing(self, values: Values) -> Mask:
        """Return the classes of fewer than l known values."""
        mask: Mask = np.bincount(values.of[values.known], minlength=values.classes) < self.l
        return mask

    def nearest(self, values: Values) -> str:
        """Say how many known values there are."""
        return (
            f"l = {self.l} different values, where the table has {int(values.known.sum())}: ask "
            f"for no more, or take another sensitive column"
        )

    @property
    def inherited(self) -> DistinctL:
        """A part of a class has no value that the class lacks."""
        return self


@dataclass(frozen=True, slots=True)
class EntropyL:
    """Known values as even as l equally frequent ones: entropy of at least log(l)."""

    l: float  # noqa: E741 - the literature's name

    def failing(self, values: Values) -> Mask:
        """Return the classes whose known values have an entropy below log(l)."""
        mask: Mask = entropies(values) < math.log(self.l) - ROUNDING
        return mask

    def nearest(self, values: Values) -> str:
        """Say the entropy of the table."""
        most = math.floor(100 * math.exp(entropies(values)[0])) / 100
        return f"entropy l = {self.l:g}, where the whole table has {most:g}: ask for no more"

    @property
    def inherited(self) -> DistinctL | None:
        """A part of an uneven class may be even; fewer than l values never are."""
        return DistinctL(math.ceil(self.l - ROUNDING)) if self.l > 1 else None


@dataclass(frozen=True, slots=True)
class Closeness:
    """Values spread as in the whole table: earth mover's distance of at most t (Li et al. 2007).

    A missing value is one more value: the last in order, a branch of its own in a hierarchy.
    """

    t: float
    distance: Distance = Distance.EQUAL

    def failing(self, values: Values) -> Mask:
        """Return the classes farther than t from the table."""
        mask: Mask = distances(values, self.distance) > self.t + ROUNDING
        return mask

    def nearest(self, values: Values) -> str:
        """Say how far the class is."""
        return f"t = {self.t:g}, where {distances(values, self.distance)[0]:.2f} can be reached"

    @property
    def inherited(self) -> None:
        """A part of a class may be closer to the table than the class is."""
        return


@dataclass(frozen=True, slots=True)
class LargestShare:
    """No adverse value holds for more than this share of a class's known values."""

    share: float
    adverse: tuple[str, ...] = ()

    def failing(self, values: Values) -> Mask:
        """Return the classes in which an adverse value has a larger share."""
        return _above(values, np.full(len(values.of), self.share), self.adverse)

    def nearest(self, values: Values) -> str:
        """Say the largest share in the table."""
        largest = _largest(values, self.adverse)
        return f"a largest share of {self.share:g}, where the table has {largest}"

    @property
    def inherited(self) -> None:
        """A part of a class may hold less of a value than the class does."""
        return


@dataclass(frozen=True, slots=True)
class LiftCap:
    """An adverse value of share p in the table has at most min(most, factor p + plus) in a class.

    Caps what a class adds to what anybody could have guessed.
    """

    factor: float = 4.0
    plus: float = 0.05
    most: float = 0.8
    adverse: tuple[str, ...] = ()

    def failing(self, values: Values) -> Mask:
        """Return the classes in which an adverse value goes beyond its cap."""
        return _above(values, self.caps(values)[values.value], self.adverse)

    def nearest(self, values: Values) -> str:
        """Say the largest share in the table."""
        largest = _largest(values, self.adverse)
        return f"a lift cap of at most {self.most:g}, where the table has {largest}"

    def caps(self, values: Values) -> Shares:
        """Return the largest share of each value code, in whole hundredths, rounded down."""
        share = values.everybody.copy()
        if values.null >= 0:
            share[values.null] = 0
        share /= max(float(share.sum()), ROUNDING)
        most = np.minimum(self.most, self.factor * share + self.plus)
        caps: Shares = np.floor(100 * (most + ROUNDING)) / 100
        return caps

    @property
    def inherited(self) -> None:
        """A part of a class may hold less of a value than the class does."""
        return


def _above(values: Values, cap: Shares, adverse: tuple[str, ...]) -> Mask:
    beyond = values.adverse(adverse) & (values.known_shares() > cap + ROUNDING)
    mask: Mask = np.bincount(values.of[beyond], minlength=values.classes) > 0
    return mask


def _largest(values: Values, adverse: tuple[str, ...]) -> str:
    share = values.known_shares()[values.adverse(adverse)].max(initial=0)
    return f"{math.ceil(100 * share) / 100:g}"


def entropies(values: Values) -> Shares:
    """Return (classes,) the entropy of each class's known values, in nats."""
    known = values.known
    share = values.known_shares()[known]
    weights = -share * np.log(share)
    return np.bincount(values.of[known], weights=weights, minlength=values.classes).astype(float)


def distances(values: Values, distance: Distance) -> Shares:
    """Return (classes,) how far each class's values are from the table's (earth mover's)."""
    if distance is Distance.ORDERED:
        return _ordered(values)
    heights = values.hierarchy.top - values.level if distance is Distance.HIERARCHICAL else 1
    # On a tree of heights 0 to h leaves with an ancestor of height j in common are j / h apart:
    # each edge is 1 / 2h long, and carries what its subtree has too much or too little of.
    apart = np.zeros(values.classes)
    node = np.arange(len(values.everybody))
    for height in range(heights):
        if height:
            node = values.hierarchy.parents(values.level + height - 1)[node]
        apart += _total_variation(values, node)
    return apart / max(heights, 1)


def _total_variation(values: Values, node: Codes) -> Shares:
    """Return half the sum of |class's share - table's share| over all nodes; node: of each code."""
    table = np.bincount(node, weights=values.everybody)
    sizes = totals(values.of, values.people, values.classes)
    key, cell = np.unique(values.of * len(table) + node[values.value], return_inverse=True)
    of, there = np.divmod(key, len(table))
    share = totals(cell, values.people) / sizes[of]
    # A node that a class lacks differs by its whole share in the table; all of those are one.
    extra = np.abs(share - table[there]) - table[there]
    apart: Shares = (1 + np.bincount(of, weights=extra, minlength=values.classes)) / 2
    return np.where(sizes > 0, apart, 0.0)


CHUNK = 4_000_000


def _ordered(values: Values) -> Shares:
    """Values one step apart in the order are 1 / (number of values - 1) apart."""
    # Missing values are the last in the order, where there are any.
    last = len(values.everybody) - 1
    width = last + int(values.everybody[last] > 0 or bool((values.value == last).any()))
    table = values.everybody[:width]
    apart = np.zeros(values.classes)
    rows = max(1, CHUNK // width)
    for start in range(0, values.classes, rows):
        here = (values.of >= start) & (values.of < start + rows)
        matrix = np.zeros((min(rows, values.classes - start), width))
        matrix[values.of[here] - start, values.value[here]] = values.people[here]
        matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        moved = np.cumsum(matrix - table, axis=1)[:, :-1]
        apart[start : start + rows] = np.abs(moved).sum(axis=1) / max(width - 1, 1)
    return apart
