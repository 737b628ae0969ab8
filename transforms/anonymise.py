"""The whole walk of the data on one page: from an operational bank's tables to what may leave.

    tables, batch by batch ─▶ exclude ─▶ conform ─▶ exclude by rule ─▶ lapse ─▶ derive ─▶ encode ─┐
    histograms ◀─ unlink ◀─ joined: keys, codes and sums ◀──────────────┬──────────── gather ◀────┘
    histograms ─▶ search ─▶ plan            (decide: once, stored)      │
    histograms + plan ─▶ recode ─▶ suppress ─▶ blank ─▶ tabulate ─▶ microdata tables    (act)
                                                                        │
    events, batch by batch ─▶ whose ─▶ tally ─▶ bound ─▶ count ◀────────┘
    bounded counts + terms ─▶ perturb (noise, once) ─▶ threshold ─▶ round ─▶ magnitude tables

Nothing here reads a file, a clock or a key: what it needs comes in as arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from transforms.errors import PolicyError, Refused, share_said
from transforms.hierarchy import Hierarchy
from transforms.magnitude.bound import Exact
from transforms.magnitude.count import Due, count_events
from transforms.plan import Plan, Snapshot, TableFigures
from transforms.policy.tables import Method
from transforms.policy.whole import Policy
from transforms.recoding.applying import Recoding
from transforms.recoding.choosing import (
    alternatives,
    full_domain,
    multidimensional,
    recoding_of,
    refuse_too_few,
    why_not,
)
from transforms.recoding.protect import Candidate, Terms, loses_too_much, protect, recode
from transforms.recoding.search import GoOn, Say
from transforms.recoding.weighing import Weighing
from transforms.risk.classes import Cells
from transforms.steps.blank import in_source
from transforms.steps.derive import total_attributes
from transforms.steps.encode import encode, fold_rare, refuse_unlisted, unlisted_counts
from transforms.steps.exclude import LeftOut
from transforms.steps.gather import Circumstances, Tables, gather_people, gather_totals
from transforms.steps.layout import lay_out
from transforms.steps.tabulate import tabulate
from transforms.steps.unlink import unlink

Hierarchies = Mapping[str, Hierarchy]


@dataclass(frozen=True)
class SearchTime:
    """What a search has to do with the world: whom it tells, and when its time is up.

    start: called as a search begins; its answer says whether there is time left.
    """

    say: Say
    start: Callable[[], GoOn]


@dataclass(frozen=True)
class Population:
    """Everybody eligible, counted: a candidate for each table, and who was left out.

    magnitudes: the bounded measures of the periods that were due, without noise yet.
    """

    candidates: tuple[Candidate, ...]
    eligible: int
    left_out: LeftOut
    magnitudes: tuple[Exact, ...] = ()


@dataclass(frozen=True)
class Table:
    """A table as it may leave: distinct rows with their number of `people`, and its figures.

    caps: the largest share that each adverse value may have in a class.
    """

    name: str
    rows: pl.DataFrame
    figures: TableFigures
    eligible: int
    caps: Mapping[str, float]

    @property
    def people(self) -> int:
        """The rows that the table has once it is written."""
        return int(self.rows.get_column("people").sum())


def count_population(tables: Tables, under: Circumstances, due: Due | None = None) -> Population:
    """Leave out, conform, forget, derive, encode and count; nobody can be told apart afterwards.

    tables: batches of records by table, each walked once; those of the person's table first, a
    table that says whose the rows of another are before that other. due: periods of magnitude
    tables.
    """
    policy, hierarchies = under.policy, under.hierarchies
    own = gather_people(tables[policy.subject.source], under)
    magnitudes = () if due is None else count_events(own, under, due)
    people = gather_totals(tables, own, under)
    totals = tuple(attribute.name for attribute in total_attributes(policy))
    everybody = encode(people.rows, hierarchies, totals)
    refuse_unlisted(unlisted_counts(everybody, totals), policy)
    everybody = fold_rare(everybody, policy, hierarchies)
    everything = unlink(everybody, policy.subject.key, tuple(policy.attributes))
    leading = next(iter(policy.microdata.values())).quasi_identifiers
    candidates = tuple(
        Candidate(
            name,
            everything.only((*leading, table.sensitive)),
            table.quasi_identifiers,
            _known_sums(policy, name),
            policy.adverse(table.sensitive),
        )
        for name, table in policy.microdata.items()
    )
    return Population(candidates, everything.total, people.left_out, magnitudes)


def choose_plan(
    population: Population,
    policy: Policy,
    policy_digest: str,
    hierarchies: Hierarchies,
    as_of: date,
    time: SearchTime,
    take: int = 0,
) -> Plan:
    """Search the recoding of least loss by both methods, and take the one that the policy asks for.

    take: of a full-domain search's results, the best first. Raises Refused, with the nearest
    limits that could be kept, where none keeps them; PolicyError where there is no such result.
    """
    weighing = Weighing(population.candidates, hierarchies, terms_of(policy))
    refuse_too_few(weighing)
    tried = {
        Method.FULL_DOMAIN: full_domain(weighing, time.say, time.start()),
        Method.MULTIDIMENSIONAL: multidimensional(weighing, time.say, time.start()),
    }
    taken, lead = tried[policy.recoding.method], population.candidates[0]
    if not taken.chosen:
        raise Refused(why_not(weighing) if taken.outcome.finished else TIME_IS_UP)
    if take >= len(taken.chosen):
        raise PolicyError(
            f"there are {len(taken.chosen) - 1} alternatives, and no number {take}: see them with "
            f"`clause16 plan`"
        )
    chosen = taken.chosen[take]
    return Plan(
        policy_digest=policy_digest,
        method=policy.recoding.method,
        snapshot=Snapshot(
            as_of=as_of.isoformat(),
            people=lead.leaves.total,
            combinations=len(lead.leaves.people),
            content=lead.leaves.content,
        ),
        calibration_k=policy.limits.k_when_choosing,
        levels=dict(chosen.levels),
        regions=chosen.regions,
        tables=dict(chosen.tables),
        outcomes={method: each.outcome for method, each in tried.items()},
        alternatives=alternatives(taken, lead),
    )


TIME_IS_UP = (
    "the time was up before a recoding was found that keeps the limits: give the search more "
    "(recoding.seconds), or ask for less"
)


def terms_of(policy: Policy) -> Terms:
    """Return on what terms tables are made."""
    return Terms(policy.limits, policy.recoding.suppressed, policy.recoding.weights)


def check_plan(plan: Plan, policy: Policy, policy_digest: str, hierarchies: Hierarchies) -> None:
    """Raise PolicyError where a plan was not chosen under this policy and these hierarchies."""
    if plan.policy_digest != policy_digest:
        raise PolicyError(
            "the stored plan was chosen under another policy or other hierarchies: choose one for "
            "this policy with `clause16 plan`"
        )
    if not _fits(plan, policy, hierarchies):
        raise PolicyError(
            "the stored plan does not fit its policy, so it was edited or is damaged: choose one "
            "with `clause16 plan`"
        )
    recoding_of(plan, hierarchies)


def _fits(plan: Plan, policy: Policy, hierarchies: Hierarchies) -> bool:
    """Say whether a plan speaks of the policy's tables, attributes and levels, and no others."""
    sensitive = {table.sensitive for table in policy.microdata.values()}
    leading = next(iter(policy.microdata.values())).quasi_identifiers
    by_levels = policy.recoding.method is Method.FULL_DOMAIN
    return (
        plan.method is policy.recoding.method
        and plan.method in plan.outcomes
        and plan.calibration_k == policy.limits.k_when_choosing
        and set(plan.tables) == set(policy.microdata)
        and (plan.regions is None) is by_levels
        and (plan.regions is None or plan.regions.fits(leading))
        and set(plan.levels) == (sensitive | set(leading) if by_levels else sensitive)
        and all(
            0 <= level <= hierarchies[name].top - (name in sensitive)
            for name, level in plan.levels.items()
        )
    )


def anonymise(
    population: Population, policy: Policy, hierarchies: Hierarchies, plan: Plan
) -> tuple[Table, ...]:
    """Apply a plan; raises Refused where a table would lose more than the limits allow."""
    recoding = recoding_of(plan, hierarchies)
    return tuple(
        _table(candidate, policy, hierarchies, plan, recoding)
        for candidate in population.candidates
    )


def _table(
    candidate: Candidate, policy: Policy, hierarchies: Hierarchies, plan: Plan, recoding: Recoding
) -> Table:
    limits, terms = policy.limits, terms_of(policy)
    if candidate.leaves.total < limits.k:
        raise Refused(
            f"fewer than {limits.k} people are eligible: nothing can be published about so few"
        )
    level = plan.levels[candidate.sensitive]
    protected = protect(
        recode(candidate, hierarchies, recoding), hierarchies, level, limits.k, terms
    )
    figures, cells = protected.figures, protected.cells
    if loses_too_much(figures, limits):
        raise Refused(
            f"table {candidate.name}: the plan would leave out {share_said(figures.left_out)} of "
            f"the eligible people and blank {share_said(figures.blanked)} of the values; the "
            f"limits are {limits.suppression:.0%} and {limits.blanking:.0%}: the bank has changed "
            f"since it was chosen; choose a new one with `clause16 plan`"
        )
    sensitive = hierarchies[candidate.sensitive]
    columns = lay_out(candidate.quasi_identifiers, hierarchies, plan.common_levels)
    rows = tabulate(cells, protected.blanked, columns, candidate.sensitive, sensitive)
    caps = _caps(candidate, sensitive, cells, terms)
    return Table(candidate.name, rows, figures, candidate.leaves.total, caps)


def _caps(
    candidate: Candidate, sensitive: Hierarchy, cells: Cells, terms: Terms
) -> dict[str, float]:
    """Return the largest share that each adverse value may have in a class."""
    values = in_source(cells, sensitive)
    nodes = sensitive.node_tables[cells.level][
        [sensitive.leaves.index(label) for label in candidate.adverse]
    ]
    labels = sensitive.labels(cells.level)
    return {
        labels[node]: float(cap.caps(values)[node])
        for cap in terms.caps(candidate.adverse)
        for node in sorted(set(nodes.tolist()))
    }


def _known_sums(policy: Policy, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the column sets over which people of this table are counted elsewhere."""
    own = set(policy.microdata[name].quasi_identifiers)
    others = {
        tuple(q for q in policy.microdata[name].quasi_identifiers if q in table.quasi_identifiers)
        for other, table in policy.microdata.items()
        if other != name and set(table.quasi_identifiers) < own
    }
    return (*sorted(others), ())
