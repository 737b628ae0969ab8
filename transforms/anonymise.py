"""The whole walk of the data on one page: from an operational bank's tables to what may leave.

    tables, batch by batch ─▶ exclude ─▶ conform ─▶ exclude by rule ─▶ derive ─▶ encode ─┐
    histograms ◀─ unlink ◀─ joined: keys, codes and sums ◀───────────────── gather ◀─────┘
    histograms ─▶ search ─▶ plan            (decide: once, stored)
    histograms + plan ─▶ recode ─▶ suppress ─▶ blank ─▶ tabulate ─▶ microdata tables    (act)

Nothing here reads a file, a clock or a key: what it needs comes in as arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date

import polars as pl

from transforms.errors import PolicyError, Refused, share_said
from transforms.hierarchy import Hierarchy
from transforms.plan import Plan, TableFigures
from transforms.policy import Policy
from transforms.recoding.protect import Candidate, loses_too_much, protect
from transforms.recoding.search import search
from transforms.steps.derive import add_totals, total_attributes
from transforms.steps.encode import encode, refuse_unlisted, unlisted_counts
from transforms.steps.exclude import LeftOut
from transforms.steps.gather import Circumstances, Tables, gather_people, gather_tallies
from transforms.steps.tabulate import tabulate
from transforms.steps.unlink import unlink

Hierarchies = Mapping[str, Hierarchy]


@dataclass(frozen=True)
class Population:
    """Everybody eligible, counted: a candidate for each table, and who was left out."""

    candidates: tuple[Candidate, ...]
    eligible: int
    left_out: LeftOut


@dataclass(frozen=True)
class Table:
    """A table as it may leave: distinct rows with their number of `people`, and its figures."""

    name: str
    rows: pl.DataFrame
    figures: TableFigures
    smallest_class: int
    eligible: int

    @property
    def people(self) -> int:
        """The rows that the table has once it is written."""
        return int(self.rows.get_column("people").sum())


def count_population(
    tables: Tables,
    policy: Policy,
    hierarchies: Hierarchies,
    objectors: Collection[str],
    as_of: date,
    today: date,
) -> Population:
    """Leave out, conform, derive, encode and count; nobody can be told apart afterwards.

    tables: batches of records by table, each walked once; those of the person's table first, a
    table that says whose the rows of another are before that other. as_of: the reference date of
    ages and tenures; today: the day on which the run happens.
    """
    under = Circumstances(policy, hierarchies, objectors, as_of, today)
    people = gather_people(tables[policy.subject.source], under)
    tallies = gather_tallies(tables, people, under)
    totals = tuple(attribute.name for attribute in total_attributes(policy))
    everybody = encode(add_totals(people.rows, tallies, policy), hierarchies, totals)
    refuse_unlisted(unlisted_counts(everybody, totals), policy)
    everything = unlink(everybody, policy.subject.key, tuple(policy.attributes))
    candidates = tuple(
        Candidate(
            name,
            everything.only((*table.quasi_identifiers, table.sensitive)),
            _known_sums(policy, name),
        )
        for name, table in policy.microdata.items()
    )
    return Population(candidates, everything.total, people.left_out)


def choose_plan(
    population: Population,
    policy: Policy,
    policy_digest: str,
    hierarchies: Hierarchies,
    as_of: date,
    say: Callable[[str], None],
) -> Plan:
    """Search the recoding of least loss; raises Refused where none keeps the limits."""
    found = search(population.candidates, hierarchies, policy.limits, say)
    return Plan(
        policy_digest=policy_digest,
        as_of=as_of.isoformat(),
        calibration_k=policy.limits.k_when_choosing,
        levels=dict(found.best.levels),
        loss=found.best.loss,
        recodings=found.recodings,
        evaluated=found.evaluated,
        tables=dict(found.best.tables),
    )


def check_plan(plan: Plan, policy_digest: str) -> None:
    """Raise PolicyError where the plan was chosen under another policy or other hierarchies."""
    if plan.policy_digest != policy_digest:
        raise PolicyError(
            "the stored plan was chosen under another policy or other hierarchies: choose one for "
            "this policy with `clause16 plan`"
        )


def anonymise(
    population: Population, policy: Policy, hierarchies: Hierarchies, plan: Plan
) -> tuple[Table, ...]:
    """Apply a plan; raises Refused where a table would lose more than the limits allow."""
    return tuple(
        _table(candidate, policy, hierarchies, plan.levels) for candidate in population.candidates
    )


def _table(
    candidate: Candidate, policy: Policy, hierarchies: Hierarchies, levels: Mapping[str, int]
) -> Table:
    limits = policy.limits
    if candidate.leaves.total < limits.k:
        raise Refused(
            f"fewer than {limits.k} people are eligible: nothing can be published about so few"
        )
    protected = protect(candidate, hierarchies, levels, limits.k, limits.l)
    figures, cells = protected.figures, protected.cells
    if loses_too_much(figures, limits):
        raise Refused(
            f"table {candidate.name}: the plan would leave out {share_said(figures.left_out)} of "
            f"the eligible people and blank {share_said(figures.blanked)} of the values; the "
            f"limits are {limits.suppression:.0%} and {limits.blanking:.0%}: the bank has changed "
            f"since it was chosen; choose a new one with `clause16 plan`"
        )
    rows = tabulate(cells, protected.blanked, hierarchies, levels, candidate.sensitive)
    smallest = int(cells.sizes[protected.blanked.kept].min())
    return Table(candidate.name, rows, figures, smallest, cells.total)


def _known_sums(policy: Policy, name: str) -> tuple[tuple[str, ...], ...]:
    """Return the column sets over which people of this table are counted elsewhere."""
    own = set(policy.microdata[name].quasi_identifiers)
    others = {
        tuple(q for q in policy.microdata[name].quasi_identifiers if q in table.quasi_identifiers)
        for other, table in policy.microdata.items()
        if other != name and set(table.quasi_identifiers) < own
    }
    return (*sorted(others), ())
