"""Recode one flat table: every class has k people and keeps the criteria, the rest is suppressed.

A class that fails is suppressed whole; at most a share of the people may be. This is k-anonymity
as the field's tools do it (Samarati 2001; ARX); a release's tables hide more gently, see `protect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NoReturn

import numpy as np

from transforms.errors import PolicyError, Refused
from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram, distinct, totals
from transforms.policy.tables import Method
from transforms.recoding.applying import Levels, ever_fewer, nodes_of, region_nodes
from transforms.recoding.grouping import Grouping, Node, RowsOf
from transforms.recoding.loss import Costs, Floors
from transforms.recoding.multidimensional.regions import choose_regions
from transforms.recoding.search import GoOn, Say, search
from transforms.risk.criteria import Criterion, Mask, Shares, Values, shares_of_values


@dataclass(frozen=True)
class Demands:
    """What a recoded table has to keep.

    k: people in every class; suppression: largest share of people left out; weights: of each
    column's loss, 1 where none is named.
    """

    k: int
    suppression: float
    criteria: tuple[Criterion, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)

    def most_left_out(self, people: int) -> int:
        """Return how many people may be left out; a table without anybody is no recoding."""
        return min(int(self.suppression * people + 1e-9), people - 1)


@dataclass(frozen=True)
class Recoded:
    """A recoded table.

    nodes: (n, q) node number (Hierarchy.offsets) of each combination in each quasi-identifier;
    kept: (n,) False where it is suppressed; loss: weighted NCP, a suppressed cell 1; bound: no
    recoding of the method loses less, 0 where none is known; levels: of a full-domain recoding;
    interrupted: the search was stopped before it was done.
    """

    nodes: Codes
    kept: Mask
    loss: float
    bound: float
    evaluated: int
    recodings: int
    levels: dict[str, int] | None
    interrupted: bool


def recode_flat(
    records: Histogram,
    sensitive: str | None,
    hierarchies: Mapping[str, Hierarchy],
    demands: Demands,
    method: Method,
    say: Say,
    go_on: GoOn,
) -> Recoded:
    """Return the recoding of least loss; records: the sensitive column, if any, last.

    Raises Refused, with the nearest demands that can be met, where even one class of everybody
    breaks one; PolicyError where there are too many recodings to search.
    """
    table = FlatTable(records, sensitive, hierarchies, demands)
    table.refuse_too_few()
    if method is Method.MULTIDIMENSIONAL:
        return _multidimensional(table, say, go_on)
    return _full_domain(table, say, go_on)


@dataclass(frozen=True)
class _Glanced:
    """The last recoding looked at; lost: (classes,) which are suppressed; of: each row's class."""

    node: Node
    lost: Mask
    of: Codes
    floors: Floors


class FlatTable:
    """A flat table as the search weighs it (a `Weigher`)."""

    def __init__(
        self,
        records: Histogram,
        sensitive: str | None,
        hierarchies: Mapping[str, Hierarchy],
        demands: Demands,
    ) -> None:
        self.columns = tuple(name for name in records.columns if name != sensitive)
        self.combinations = Histogram(
            self.columns, records.codes[:, : len(self.columns)], records.people
        )
        self.values = records.codes[:, -1] if sensitive is not None else None
        self.sensitive = None if sensitive is None else hierarchies[sensitive]
        self.hierarchies = hierarchies
        self.demands = demands
        self._grouping = Grouping(self.combinations, hierarchies)
        self._costs = Costs(self.combinations, hierarchies, demands.weights)
        self._most = demands.most_left_out(records.total)
        self._glanced: _Glanced | None = None

    @property
    def tops(self) -> Node:
        """Return the coarsest recoding."""
        return tuple(self.hierarchies[name].top for name in self.columns)

    @property
    def base(self) -> Floors:
        """Return what levels cost if nothing is suppressed."""
        return self._costs.base

    def glance(self, node: Node) -> Floors | None:
        """Suppress what every finer recoding suppresses too."""
        sizes, of = self._grouping.sizes(node)
        lost = sizes < self.demands.k
        inherited = [each.inherited for each in self.demands.criteria]
        for criterion in filter(None, inherited):
            lost |= criterion.failing(self.values_of(of, len(sizes)))
        if int(sizes[lost].sum()) > self._most:
            return None
        lost_rows = lost[of]
        floors = self._costs.floors(lost_rows)
        self._glanced = _Glanced(node, lost, of, floors)
        return floors

    def weigh(self, node: Node) -> tuple[float, None] | None:
        """Suppress what fails any criterion."""
        glanced = self._glanced
        if glanced is None or glanced.node != node or self._has_more_to_fail:
            kept = self.kept(node)
            if self.left_out(kept) > self._most:
                return None
            floors = self._costs.floors(~kept)
        else:
            floors = glanced.floors
        return float(sum(floor[level] for floor, level in zip(floors, node, strict=True))), None

    @property
    def _has_more_to_fail(self) -> bool:
        """Say whether a class can fail where no coarser one does."""
        return any(each.inherited != each for each in self.demands.criteria)

    def left_out(self, kept: Mask) -> int:
        """Return how many people are suppressed."""
        return self.combinations.total - int(self.combinations.people[kept].sum())

    def kept(self, node: Node) -> Mask:
        """Return which combinations stay."""
        if self._glanced is not None and self._glanced.node == node:
            lost, of = self._glanced.lost, self._glanced.of
        else:
            sizes, of = self._grouping.sizes(node)
            lost = sizes < self.demands.k
        kept: Mask = ~(lost | self.failing(of, len(lost)))[of]
        return kept

    def kept_of(self, of: Codes, classes: int) -> Mask:
        """Return which combinations stay; of: the class of each."""
        sizes = totals(of, self.combinations.people, classes)
        kept: Mask = ~((sizes < self.demands.k) | self.failing(of, classes))[of]
        return kept

    def failing(self, of: Codes, classes: int, rows: Codes | None = None) -> Mask:
        """Return which classes break a criterion; of: the class of each of these rows (or all)."""
        if not self.demands.criteria:
            return np.zeros(classes, dtype=bool)
        values = self.values_of(of, classes, rows)
        failing: Mask = np.any(
            [criterion.failing(values) for criterion in self.demands.criteria], axis=0
        )
        return failing

    def values_of(self, of: Codes, classes: int, rows: Codes | None = None) -> Values:
        """Return the sensitive values of classes; of: the class of each of these rows (or all)."""
        if self.values is None or self.sensitive is None:
            raise PolicyError("a criterion on sensitive values needs a sensitive column: name one")
        picked: Codes | slice = slice(None) if rows is None else rows
        value, people = self.values[picked], self.combinations.people[picked]
        return values_of(of, value, people, classes, self.sensitive, self.everybody)

    @cached_property
    def everybody(self) -> Shares:
        """The share of each sensitive leaf in the whole table."""
        if self.values is None or self.sensitive is None:
            return np.zeros(0)
        return shares_of_values(self.values, self.combinations.people, self.sensitive, 0)

    def loss(self, nodes: Codes, kept: Mask) -> float:
        """Return the loss where combinations are published as these node numbers."""
        return self._costs.loss(nodes, kept)

    def refuse_too_few(self) -> None:
        """Raise Refused where everybody is too few."""
        everybody = self.combinations.total
        if everybody < self.demands.k:
            raise Refused(
                f"the table has fewer than {self.demands.k} people, so k = {self.demands.k} cannot "
                f"be kept"
            )

    def refuse(self, why: str) -> NoReturn:
        """Raise Refused, with the demand that everybody in one class would break, if any."""
        of = np.zeros(len(self.combinations.people), dtype=np.int64)
        for criterion in self.demands.criteria:
            values = self.values_of(of, 1)
            if criterion.failing(values)[0]:
                raise Refused(
                    f"even where all people are one class a limit is broken: "
                    f"{criterion.nearest(values)}"
                )
        raise Refused(why)


def values_of(
    of: Codes,
    value: Codes,
    people: Codes,
    classes: int,
    hierarchy: Hierarchy,
    everybody: Shares,
) -> Values:
    """Count the people of each leaf in each class: rows of one cell become one."""
    first, cell = distinct(np.stack([of, value], axis=1))
    counts = totals(cell, people)
    null = len(hierarchy.leaves)
    return Values(of[first], value[first], counts, classes, hierarchy, 0, everybody, null)


def _full_domain(table: FlatTable, say: Say, go_on: GoOn) -> Recoded:
    found = search(table, say, go_on)
    if not found.best:
        table.refuse(
            "no recoding keeps the limits: allow more suppression, or ask for less"
            if found.finished
            else "the time was up before a recoding was found that keeps the limits: give it more"
        )
    best = found.best[0]
    levels = dict(zip(table.columns, best.node, strict=True))
    return Recoded(
        nodes=nodes_of(table.combinations.codes, table.columns, Levels(levels), table.hierarchies),
        kept=table.kept(best.node),
        loss=best.loss,
        bound=found.bound,
        evaluated=found.evaluated,
        recodings=found.recodings,
        levels=levels,
        interrupted=not found.finished,
    )


def _multidimensional(table: FlatTable, say: Say, go_on: GoOn) -> Recoded:
    demands, combinations = table.demands, table.combinations
    first, of = distinct(combinations.codes)
    people = Histogram(
        table.columns, combinations.codes[first], totals(of, combinations.people, len(first))
    )
    accept = _Acceptable(table, of, len(first)) if demands.criteria else None
    weights = {name: demands.weights.get(name, 1.0) for name in table.columns}
    regions = choose_regions(people, table.hierarchies, demands.k, weights, accept, say, go_on)
    finished = go_on()
    for fewer in ever_fewer(regions):
        nodes, region = region_nodes(people.codes, fewer, table.hierarchies)
        kept = table.kept_of(region[of], len(fewer.labels) + 1)
        if table.left_out(kept) <= demands.most_left_out(combinations.total):
            break
    else:
        table.refuse("no regions keep the limits: allow more suppression, or ask for less")
    return Recoded(
        nodes=nodes[of],
        kept=kept,
        loss=table.loss(nodes[of], kept),
        bound=0.0,
        evaluated=len(regions.labels),
        recodings=0,
        levels=None,
        interrupted=not finished,
    )


class _Acceptable:
    """Which groups of combinations keep every criterion (an `Accept`)."""

    def __init__(self, table: FlatTable, of: Codes, combinations: int) -> None:
        self._table = table
        self._rows = RowsOf(of, combinations)

    def __call__(self, members: Codes, group: Codes) -> Mask:
        """Return (g,) which groups may be published; members: (m,) combinations; group: (m,)."""
        rows, group_of = self._rows.of(members, group)
        groups = int(group.max(initial=-1)) + 1
        return ~self._table.failing(group_of, groups, rows)
