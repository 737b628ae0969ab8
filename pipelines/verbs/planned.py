"""A plan in words, for whoever has to choose or approve one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict

from transforms.errors import share_said
from transforms.magnitude.outlook import Outlook
from transforms.plan import Plan, TableFigures
from transforms.policy.tables import Method


def told(plan: Plan) -> str:
    """Return what a plan does and costs, the other method, and the best alternatives."""
    return "\n".join(
        [
            f"{_done(plan)} at k = {plan.calibration_k}, {_proof(plan)}:",
            *_deeds(plan),
            "Its price, and what each column loses of it (0: nothing, 1: all):",
            *(line for name, cost in plan.tables.items() for line in _cost(name, cost)),
            "Both methods, by the loss of the first table:",
            *(_method(method, plan) for method in Method),
            *_alternatives(plan),
        ]
    )


def _done(plan: Plan) -> str:
    if plan.regions is not None:
        return f"{len(plan.regions.labels):,} regions"
    return f"One of {plan.outcome.recodings:,} recodings"


def _proof(plan: Plan) -> str:
    outcome, taken = plan.outcome, next(iter(plan.tables.values())).loss
    if outcome.loss is not None and taken > outcome.loss:
        return f"taken by its owner, where the best loses {outcome.loss:.4f}"
    if outcome.gap is None:
        return "without a proof that there is no better one"
    if outcome.gap == 0:
        return f"the least loss, proven with {outcome.evaluated:,} looked at"
    return f"the best in the time given: another may lose up to {outcome.gap:.4f} less"


def _deeds(plan: Plan) -> Iterator[str]:
    for name, level in plan.levels.items():
        yield f"  {name:<20} level {level}"
    if plan.regions is not None:
        yield f"  regions of           {', '.join(plan.regions.columns)}"


def _cost(name: str, cost: TableFigures) -> Iterator[str]:
    yield (
        f"  {name:<20} loss {cost.loss:.4f}, {share_said(cost.left_out)} left out, "
        f"{share_said(cost.blanked)} blanked, {cost.classes:,} classes, the smallest of "
        f"{cost.smallest_class:,}"
    )
    yield "    " + ", ".join(f"{column} {loss:.3f}" for column, loss in cost.columns.items())


def _method(method: Method, plan: Plan) -> str:
    outcome = plan.outcomes[method]
    loss = "keeps the limits in no way" if outcome.loss is None else f"loss {outcome.loss:.4f}"
    taken = " (taken)" if method is plan.method else ""
    return f"  {method:<20} {loss}{taken}"


def _alternatives(plan: Plan) -> Iterator[str]:
    if plan.alternatives:
        yield "Other recodings seen; store one with `clause16 plan --take N`:"
    for number, other in enumerate(plan.alternatives, start=1):
        levels = ", ".join(f"{name} {level}" for name, level in other.levels.items())
        left_out, blanked = share_said(other.figures.left_out), share_said(other.figures.blanked)
        yield f"  {number}  loss {other.figures.loss:.4f}, {left_out} left out, {blanked} blanked"
        yield f"     levels: {levels}"


def told_outlooks(outlooks: Sequence[Outlook]) -> str:
    """Return what accuracy each table of counts and sums gets for its share of the budget."""
    lines = [line for outlook in outlooks for line in _outlook(outlook)]
    if not lines:
        return ""
    title = "Tables of counts and sums, at this budget (nothing is spent by asking):"
    return "\n".join([title, *lines, ""])


def fields_of_outlooks(outlooks: Sequence[Outlook]) -> dict[str, object]:
    """Return the same for programs."""
    return {outlook.table: asdict(outlook) for outlook in outlooks}


def _outlook(outlook: Outlook) -> Iterator[str]:
    yield (
        f"  {outlook.table:<20} {outlook.cells:,} cells a {outlook.unit}; standard deviation of "
        f"the noise: {_sds(outlook.sds)}"
    )
    yield (
        f"    shown from {outlook.fewest_people:,.0f} people on; a cell of 1,000 people is read to "
        f"within {outlook.error_of_a_thousand:.1%}, 95 times of 100"
    )
    for choice in outlook.choices:
        yield (
            f"    {choice.what + ':':<36} {_sds(choice.sds)}; shown from "
            f"{choice.fewest_people:,.0f} on"
        )


def _sds(sds: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {sd:,.1f}" for name, sd in sds.items())
