"""Choose a recoding for the tables of a release, by either method, and put it in a plan's words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from transforms.errors import PolicyError, Refused
from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram, distinct, totals
from transforms.plan import Alternative, Outcome, Plan, RegionList, TableFigures
from transforms.recoding.applying import Levels, Recoding, ever_fewer
from transforms.recoding.grouping import RowsOf
from transforms.recoding.loss import Costs
from transforms.recoding.multidimensional.regions import Regions, choose_regions
from transforms.recoding.protect import Candidate, protect, recode
from transforms.recoding.search import GoOn, Say, search
from transforms.recoding.weighing import Figures, LeadingTable, Weighing
from transforms.risk.classes import Cells
from transforms.risk.criteria import Mask, shares_of_values
from transforms.steps.blank import in_source, in_table, show, shows_a_value, tells_too_much


@dataclass(frozen=True)
class Chosen:
    """A recoding that keeps the limits; levels: of each attribute, or of the sensitive ones."""

    levels: Mapping[str, int]
    regions: RegionList | None
    tables: Mapping[str, TableFigures]


@dataclass(frozen=True)
class Tried:
    """What a method came to, and the best that it found, the best first."""

    outcome: Outcome
    chosen: tuple[Chosen, ...]


def full_domain(weighing: Weighing, say: Say, go_on: GoOn) -> Tried:
    """Search the levels of least loss."""
    found = search(LeadingTable(weighing), say, go_on)
    lead = weighing.candidates[0]
    chosen = tuple(
        Chosen(
            dict(zip((*lead.quasi_identifiers, lead.sensitive), best.node, strict=True))
            | dict(best.figures.sensitive_levels),
            None,
            best.figures.tables,
        )
        for best in found.best
    )
    loss = found.best[0].loss if found.best else None
    outcome = Outcome(
        loss=loss,
        bound=found.bound if found.best else None,
        recodings=found.recodings,
        evaluated=found.evaluated,
        finished=found.finished,
    )
    return Tried(outcome, chosen)


def multidimensional(weighing: Weighing, say: Say, go_on: GoOn) -> Tried:
    """Choose regions under each level of the sensitive column; the level of least loss is taken."""
    lead = weighing.candidates[0]
    tried: list[tuple[float, Chosen]] = []
    regions_weighed = 0
    least = Costs(lead.leaves, weighing.hierarchies, weighing.terms.weights).base[-1]
    for level in range(weighing.hierarchies[lead.sensitive].top):
        if tried and (least[level] >= tried[0][0] or not go_on()):
            # Coarser values alone cost more than all of the best so far, or the time is up.
            break
        say(f"regions with {lead.sensitive} on level {level}")
        regions = _regions(weighing, level, say, go_on)
        regions_weighed += len(regions.labels)
        within = _within_limits(weighing, regions, level)
        if within is not None:
            fewer, figures = within
            listed = _listed(fewer, weighing.hierarchies)
            loss = figures.tables[lead.name].loss
            tried.append((loss, Chosen(figures.sensitive_levels, listed, figures.tables)))
            tried.sort(key=lambda each: each[0])
    outcome = Outcome(
        loss=tried[0][0] if tried else None,
        bound=None,
        recodings=regions_weighed,
        evaluated=regions_weighed,
        finished=go_on(),
    )
    return Tried(outcome, tuple(chosen for _, chosen in tried[:1]))


def _within_limits(
    weighing: Weighing, regions: Regions, level: int
) -> tuple[Regions, Figures] | None:
    """Return the regions, or the first of them, that keep the limits in all tables."""
    for fewer in ever_fewer(regions):
        figures = weighing.weigh(fewer, level)
        if figures is not None:
            return fewer, figures
    return None


def _regions(weighing: Weighing, level: int, say: Say, go_on: GoOn) -> Regions:
    lead, limits = weighing.candidates[0], weighing.terms.limits
    quasi = lead.leaves.columns[:-1]
    codes = lead.leaves.codes[:, :-1]
    first, of = distinct(codes)
    combinations = Histogram(quasi, codes[first], totals(of, lead.leaves.people, len(first)))
    weights = {name: weighing.terms.weights.get(name, 1.0) for name in quasi}
    accept = _Telling(weighing, level, of, len(first))
    return choose_regions(
        combinations, weighing.hierarchies, limits.k_when_choosing, weights, accept, say, go_on
    )


class _Telling:
    """Which groups of combinations tell little enough to be published (an `Accept`).

    Their values have to be diverse, and few of them blanked: what each class keeps by itself the
    table keeps as a whole, and no class has others blanked for its company.
    """

    def __init__(self, weighing: Weighing, level: int, of: Codes, combinations: int) -> None:
        lead = weighing.candidates[0]
        self._limits = weighing.terms.limits
        self._sensitive = weighing.hierarchies[lead.sensitive]
        self._level = level
        self._tells = weighing.terms.tells(lead.adverse)
        self._value = self._sensitive.node_tables[level][lead.leaves.codes[:, -1]]
        self._people = lead.leaves.people
        self._rows = RowsOf(of, combinations)
        self._everybody = shares_of_values(self._value, self._people, self._sensitive, level)

    def __call__(self, members: Codes, group: Codes) -> Mask:
        """Return (g,) which groups may be published; members: (m,) combinations; group: (m,)."""
        cells = self._cells(members, group)
        accepted = np.ones(len(cells.sizes), dtype=bool)
        for k in (self._limits.k, self._limits.k_when_choosing):
            accepted &= self._accepted(cells, k)
        return accepted

    def _accepted(self, cells: Cells, k: int) -> Mask:
        everybody = np.ones(len(cells.sizes), dtype=bool)
        shown = show(cells, everybody, k)
        # Compared with the whole table, not with these groups alone.
        source, table = (
            replace(values, everybody=self._everybody)
            for values in (
                in_source(cells, self._sensitive),
                in_table(cells, everybody, shown, self._sensitive),
            )
        )
        fails = shows_a_value(cells, k) & tells_too_much(source, table, self._tells)
        known = np.where(cells.value == cells.null, 0, cells.people)
        blanked = totals(cells.of, known - shown, len(cells.sizes))
        accepted: Mask = ~fails & (blanked <= self._limits.blanking * cells.sizes)
        return accepted

    def _cells(self, members: Codes, group: Codes) -> Cells:
        rows, group_of = self._rows.of(members, group)
        pairs = np.stack([group_of, self._value[rows]], axis=1)
        first, cell = distinct(pairs)
        people = totals(cell, self._people[rows], len(first))
        groups = int(group.max(initial=-1)) + 1
        return Cells(
            quasi_identifiers=(),
            classes=np.zeros((groups, 0), dtype=np.int64),
            sizes=totals(pairs[first, 0], people, groups),
            of=pairs[first, 0],
            value=pairs[first, 1],
            people=people,
            null=len(self._sensitive.labels(self._level)),
            level=self._level,
        )


# ------------------------------------------------------------------------------- a plan's words


def _listed(regions: Regions, hierarchies: Mapping[str, Hierarchy]) -> RegionList:
    said = [
        np.array(_node_names(hierarchies[name]), dtype=object)[regions.labels[:, position]]
        for position, name in enumerate(regions.columns)
    ]
    return RegionList(columns=regions.columns, labels=tuple(zip(*said, strict=True)))


def _node_names(hierarchy: Hierarchy) -> list[str]:
    return [
        f"{level}" if label is None else f"{level}:{label}"
        for level, label in zip(hierarchy.node_levels.tolist(), hierarchy.node_labels, strict=True)
    ][: hierarchy.other]


def recoding_of(plan: Plan, hierarchies: Mapping[str, Hierarchy]) -> Recoding:
    """Return what a plan does; raises PolicyError where it names a node that there is not."""
    if plan.regions is None:
        return Levels(plan.levels)
    numbers = []
    for place, name in enumerate(plan.regions.columns):
        said = [label[place] for label in plan.regions.labels]
        known = {node: number for number, node in enumerate(_node_names(hierarchies[name]))}
        if not set(said) <= set(known):
            raise PolicyError(
                f"the stored plan has a region of {name} that its hierarchy does not: choose a "
                f"new one with `clause16 plan`"
            )
        numbers.append([known[node] for node in said])
    return Regions(plan.regions.columns, np.array(numbers, dtype=np.int64).T)


def alternatives(tried: Tried, lead: Candidate) -> tuple[Alternative, ...]:
    """Return the best recodings but the first."""
    return tuple(
        Alternative(levels=dict(chosen.levels), figures=chosen.tables[lead.name])
        for chosen in tried.chosen[1:]
    )


# ------------------------------------------------------------------------------------ no way out


def refuse_too_few(weighing: Weighing) -> None:
    """Raise Refused where a table has too few people for any recoding."""
    limits = weighing.terms.limits
    for candidate in weighing.candidates:
        if candidate.leaves.total < limits.k_when_choosing:
            raise Refused(
                f"fewer than {limits.k_when_choosing} people are eligible: nothing can be "
                f"published about so few"
            )


def why_not(weighing: Weighing) -> str:
    """Say which limit nothing keeps, and the nearest that could be kept, table by table.

    Looked at is everybody in one class: what that breaks every recoding breaks.
    """
    said = [line for candidate in weighing.candidates for line in _broken(weighing, candidate)]
    nearest = "; ".join(said) or (
        "each table alone would keep them, but no recoding does for all: take a table out, or ask "
        "for less"
    )
    return f"no recoding keeps the limits: {nearest}"


def _broken(weighing: Weighing, candidate: Candidate) -> Sequence[str]:
    """Say what each level of the sensitive column breaks, the one that comes nearest."""
    terms, hierarchies = weighing.terms, weighing.hierarchies
    coarsest = Levels({name: hierarchies[name].top for name in candidate.own.columns})
    everybody = recode(candidate, hierarchies, coarsest)
    offers = []
    for level in range(hierarchies[candidate.sensitive].top):
        made = protect(everybody, hierarchies, level, terms.limits.k_when_choosing, terms)
        if weighing.figures(everybody, level) is not None:
            return ()
        values = in_source(made.cells, hierarchies[candidate.sensitive])
        broken = [
            criterion.nearest(values)
            for criterion in terms.tells(candidate.adverse).source
            if criterion.failing(values).any()
        ]
        offers.append((made.figures.blanked, broken))
    blanked, broken = min(offers, key=lambda offer: offer[0])
    if not broken:
        least = f"{np.ceil(blanked * 100) / 100:g}"
        limit = f"blanking = {terms.limits.blanking:g}"
        broken = [f"{limit}, where {least} is the least even if all people are one class"]
    return [f"table {candidate.name} ({candidate.sensitive}): {reason}" for reason in broken]
