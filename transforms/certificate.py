"""The certificate: what a release is, what was never read, and what was proved of the file.

It is published with the release, so numbers that depend on people are banded; the exact ones stand
in the annex, for the data protection officer alone.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence

import polars as pl
from pydantic import BaseModel, ConfigDict

from transforms.anonymise import Population, Table
from transforms.errors import band, share_said
from transforms.hierarchy import OTHER, Hierarchy
from transforms.magnitude.stated import BudgetEntry, MagnitudeEntry
from transforms.plan import Approval, Plan
from transforms.policy.limits import Distance
from transforms.policy.roles import Forbidden, Role
from transforms.policy.tables import Method
from transforms.policy.whole import Policy
from transforms.steps.layout import MISSING, Column, lay_out


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ColumnEntry(_Frozen):
    """One published column: what it means, how coarse it is, every value it may hold.

    attribute: what it shows; several columns may show one, a level each, NULL where the table is
    coarser than the level.
    """

    name: str
    attribute: str
    role: Role
    meaning: str
    clause: int
    level: int
    coarsest: int
    domain: tuple[str, ...]
    may_be_missing: bool


class Spread(_Frozen):
    """How a class's sensitive values must be spread, beyond l of them.

    entropy_l, t: None where nothing is asked; caps: the largest share of each adverse value.
    """

    entropy_l: float | None
    t: float | None
    t_distance: Distance
    caps: Mapping[str, float]
    groups: tuple[tuple[str, ...], ...]


class TableEntry(_Frozen):
    """One published table. content: SHA-256 of its rows, see `content_hash`.

    loss, and losses (of each attribute): normalised certainty penalty.
    """

    kind: str
    meaning: str
    sensitive: str
    quasi_identifiers: tuple[str, ...]
    rows: int
    columns: tuple[ColumnEntry, ...]
    content: str
    spread: Spread
    loss: float
    losses: Mapping[str, float]
    left_out: str
    blanked: str


class NeverRead(_Frozen):
    """What clause 16 forbids, and the source columns that hold it (none: not collected)."""

    category: Forbidden
    columns: tuple[str, ...]


class PlanEntry(_Frozen):
    """The recoding that was applied.

    losses: of the leading table when it was chosen, by method, None where one kept the limits in
    no way; gap: how much less another recoding of the method could have lost, None where nobody
    knows; regions: how many there are.
    """

    digest: str
    method: Method
    chosen_as_of: str
    calibration_k: int
    levels: Mapping[str, int]
    regions: int
    losses: Mapping[Method, float | None]
    gap: float | None


class Override(_Frozen):
    """An objection that the institution proved it may override. reference: of the evidence."""

    objection: int
    ground: str
    reference: str
    by: str
    review_on: str


class ObjectionFigures(_Frozen):
    """The opt-out list in numbers, for the officer.

    received: all there ever were; in_force: those that leave somebody out; waiting: those of whom
    nobody was found; several: of which there are several candidates; days_to_effect: of those that
    no release respected before, how many took how many days from having been received.
    """

    received: int
    in_force: int
    waiting: int
    several: int
    overrides: tuple[Override, ...]
    days_to_effect: Mapping[int, int]


class ObjectionEntry(_Frozen):
    """The same for everybody: banded."""

    in_force: str
    waiting: str
    several_candidates: str
    overridden: str
    days_to_effect: Mapping[str, str]


class CheckEntry(_Frozen):
    """The verdict of one check on the written file."""

    check: str
    passed: bool


class Certificate(_Frozen):
    """The public certificate of one release.

    registry_seal: keyed digest of the opt-out list's state, says nothing without the home's key;
    ledger_seal: the same of the ledger's state, None where there is none; budget: None without one;
    approval: None where nobody had to approve the plan, nor did; database: SHA-256 of the file.
    """

    release: str
    created_at: str
    as_of: str
    title: str
    policy_version: str
    policy_digest: str
    k: int
    l: int  # noqa: E741 - the literature's name
    plan: PlanEntry
    approval: Approval | None
    registry_seal: str
    tables: Mapping[str, TableEntry]
    magnitude: Mapping[str, MagnitudeEntry]
    budget: BudgetEntry | None
    ledger_seal: str | None
    about: Mapping[str, str]
    never_read: tuple[NeverRead, ...]
    left_out: Mapping[str, str]
    objections: ObjectionEntry
    guarantees: tuple[str, ...]
    keeps_earlier_because: str | None
    software: Mapping[str, str]
    database: str = ""
    checks: tuple[CheckEntry, ...] = ()


class Annex(_Frozen):
    """The exact numbers behind a certificate, for the data protection officer.

    clipped: what bounding took off each period of the tables of counts and sums.
    """

    release: str
    eligible: int
    left_out: Mapping[str, int]
    objections: ObjectionFigures
    tables: Mapping[str, Mapping[str, float]]
    clipped: Mapping[str, Mapping[str, float]]


GUARANTEES = (
    (
        "Every row of every table, its sensitive value included and a missing value counted as a "
        "value, is the same as the rows of at least k people."
    ),
    (
        "Every class of people that shows a sensitive value shows at least l different ones, a "
        "blank counting as one, and has at least l different ones in the source; where the "
        "certificate names a spread (entropy, closeness to the whole table, caps on adverse "
        "values), it keeps that too."
    ),
    (
        "What a person is published as depends on the quasi-identifiers alone, by a plan that was "
        "chosen before and is applied unchanged."
    ),
    (
        "The national identification number, identity documents and their details and the exact "
        "residence were never asked for."
    ),
    (
        "Whoever had objected when the release was published is in no row of people, and in no "
        "period of counts and sums that was computed since; what was computed before stays as it "
        "is, with its noise."
    ),
    "No column is a key of a person; the order of the rows says nothing.",
)


def content_hash(name: str, rows: pl.DataFrame, times: pl.Series | None = None) -> str:
    """Return the SHA-256 of a table's content, whatever the order of its rows.

    rows: distinct rows; times: how often each stands in the table, once where it is not given.
    Hashed are lines of JSON, each a list without blanks in it: the table's and columns' names, then
    each distinct row with its number, sorted by bytes.
    """
    columns = rows.columns
    often = [1] * rows.height if times is None else times.to_list()
    lines = [_json((*row, n)) for row, n in zip(rows.iter_rows(), often, strict=True)]
    text = "".join(
        f"{line}\n" for line in [_json((name, *columns)), *sorted(lines, key=str.encode)]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _json(fields: tuple[object, ...]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def table_entries(
    tables: Sequence[Table], policy: Policy, hierarchies: Mapping[str, Hierarchy], plan: Plan
) -> dict[str, TableEntry]:
    """Describe the tables as they will be written."""
    return {table.name: _table_entry(table, policy, hierarchies, plan) for table in tables}


def _table_entry(
    table: Table, policy: Policy, hierarchies: Mapping[str, Hierarchy], plan: Plan
) -> TableEntry:
    declared = policy.microdata[table.name]
    published = lay_out(declared.quasi_identifiers, hierarchies, plan.common_levels)
    sensitive = lay_out((declared.sensitive,), hierarchies, plan.levels)
    columns = tuple(
        _column_entry(column, policy, hierarchies[column.of]) for column in (*published, *sensitive)
    )
    return TableEntry(
        kind="microdata",
        meaning=declared.meaning,
        sensitive=declared.sensitive,
        quasi_identifiers=tuple(column.name for column in published),
        rows=table.people,
        columns=columns,
        content=content_hash(table.name, table.rows.drop("people"), table.rows["people"]),
        spread=_spread(table, policy, hierarchies[declared.sensitive], plan),
        loss=round(table.figures.loss, 3),
        losses={name: round(loss, 3) for name, loss in table.figures.columns.items()},
        left_out=share_said(table.figures.left_out),
        blanked=share_said(table.figures.blanked),
    )


def _spread(table: Table, policy: Policy, sensitive: Hierarchy, plan: Plan) -> Spread:
    """Say what spread is asked for; groups: the nodes above each value, level by level."""
    limits = policy.limits
    level = plan.levels[policy.microdata[table.name].sensitive]
    values = range(len(sensitive.labels(level)))
    groups = []
    for higher in range(level + 1, sensitive.top):
        lifted = sensitive.lifted[higher][sensitive.offsets[level] :][: len(values)]
        groups.append(tuple(str(sensitive.node_labels[int(node)]) for node in lifted))
    return Spread(
        entropy_l=limits.entropy_l,
        t=limits.t,
        t_distance=limits.t_distance,
        caps=table.caps,
        groups=tuple(groups),
    )


def _column_entry(column: Column, policy: Policy, hierarchy: Hierarchy) -> ColumnEntry:
    attribute, level = policy.attributes[column.of], column.level
    sensitive = attribute.role is Role.SENSITIVE
    folded = policy.recoding.suppressed == "other" and not sensitive
    return ColumnEntry(
        name=column.name,
        attribute=column.of,
        role=attribute.role,
        meaning=attribute.meaning,
        clause=attribute.clause,
        level=level,
        coarsest=hierarchy.top,
        domain=(
            *hierarchy.labels(level),
            *((MISSING,) if column.name != column.of else ()),
            *((OTHER,) if folded else ()),
        ),
        may_be_missing=sensitive or level < hierarchy.top,
    )


def plan_entry(plan: Plan) -> PlanEntry:
    """Say what was applied, and what it and the other method came to."""
    outcome = plan.outcome
    return PlanEntry(
        digest=plan.digest,
        method=plan.method,
        chosen_as_of=plan.snapshot.as_of,
        calibration_k=plan.calibration_k,
        levels=plan.levels,
        regions=0 if plan.regions is None else len(plan.regions.labels),
        losses={
            method: None if each.loss is None else round(each.loss, 3)
            for method, each in plan.outcomes.items()
        },
        gap=outcome.gap if outcome.gap is None else round(outcome.gap, 3),
    )


def never_read(policy: Policy) -> tuple[NeverRead, ...]:
    """List what clause 16 forbids and where the source keeps it."""
    return tuple(
        NeverRead(
            category=category,
            columns=tuple(
                f"{table}.{name}"
                for table, source in policy.sources.items()
                for name, column in source.columns.items()
                if column.role is Role.FORBIDDEN and column.category == category
            ),
        )
        for category in Forbidden
    )


def people_left_out(population: Population) -> dict[str, int]:
    """Return how many people were left out by each rule, and of how many something was."""
    left_out = population.left_out
    return {
        "erased (clause 30.3)": left_out.erased,
        "restricted (clause 30.4)": left_out.restricted,
        "objected (clause 16)": left_out.objected,
        "objected, not known to the source": left_out.not_found,
        "not a natural person": left_out.not_natural_persons,
        "minor without consent (clause 26)": left_out.minors,
        "beyond retention": left_out.beyond_retention,
        **{
            f"values past their retention (clause {clause})": people
            for clause, people in left_out.lapsed_values.items()
        },
        **{
            f"rows past their retention (clause {clause})": rows
            for clause, rows in left_out.lapsed_rows.items()
        },
    }


def objection_entry(figures: ObjectionFigures) -> ObjectionEntry:
    """Return what everybody may know of the opt-out list; every delay is named in any case."""
    taken = dict.fromkeys(_DELAYS, 0)
    for days, people in figures.days_to_effect.items():
        taken[next(name for name, most in _DELAYS.items() if days <= most)] += people
    return ObjectionEntry(
        in_force=band(figures.in_force),
        waiting=band(figures.waiting),
        several_candidates=band(figures.several),
        overridden=band(len(figures.overrides)),
        days_to_effect=banded(taken),
    )


_DELAYS = {"a day at most": 1, "a week at most": 7, "a month at most": 31, "longer": math.inf}


def banded(counts: Mapping[str, int]) -> dict[str, str]:
    """Return counts of people as they may be published."""
    return {reason: band(count) for reason, count in counts.items()}
