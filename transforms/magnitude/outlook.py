"""What accuracy a table would get, before anything is spent: arithmetic of the policy alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from transforms.hierarchy import Hierarchy
from transforms.magnitude.accounting import Terms, terms_of
from transforms.magnitude.declared import PEOPLE, Budget, Magnitude
from transforms.magnitude.grid import NO_VOCABULARIES, Grid, Vocabularies, grid_of
from transforms.magnitude.periods import Unit
from transforms.policy.whole import Policy

_THOUSAND = 1000
_LONGER = {Unit.WEEK: Unit.MONTH, Unit.MONTH: Unit.QUARTER}


@dataclass(frozen=True, slots=True)
class Choice:
    """Another way to spend the same budget, and the noise of each measure that it leaves."""

    what: str
    sds: Mapping[str, float]
    fewest_people: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """A table at its share of the budget.

    cells: of a period; sds: standard deviation of the noise of each measure, in its unit;
    fewest_people: how many a cell must seem to have to be shown; error_of_a_thousand: of a cell of
    so many people, the relative error that is exceeded in 5 of 100 cells; choices: what else the
    budget could buy.
    """

    table: str
    unit: str
    cells: int
    sds: Mapping[str, float]
    fewest_people: float
    error_of_a_thousand: float
    choices: tuple[Choice, ...]


def outlooks(
    policy: Policy,
    hierarchies: Mapping[str, Hierarchy],
    vocabularies: Vocabularies = NO_VOCABULARIES,
) -> tuple[Outlook, ...]:
    """Return what each table would get."""
    if policy.budget is None:
        return ()
    return tuple(
        _outlook(
            name, table, policy, policy.budget, grid_of(name, table, hierarchies, vocabularies)
        )
        for name, table in policy.magnitude.items()
    )


def _outlook(name: str, table: Magnitude, policy: Policy, budget: Budget, grid: Grid) -> Outlook:
    terms = terms_of(table, budget, grid)
    return Outlook(
        table=name,
        unit=str(table.period.unit),
        cells=grid.cells,
        sds=_sds(terms),
        fewest_people=terms.fewest_people,
        error_of_a_thousand=2 * terms.noises[PEOPLE].sd / _THOUSAND,
        choices=tuple(_choices(name, table, policy, budget, grid)),
    )


def _choices(
    name: str, table: Magnitude, policy: Policy, budget: Budget, grid: Grid
) -> Iterator[Choice]:
    for other, another in policy.magnitude.items():
        share = min(table.share + another.share, 1.0)
        if other != name:
            more = table.model_copy(update={"share": share})
            yield _choice(f"without the table {other}", more, budget, grid)
    longer = _LONGER.get(table.period.unit)
    if longer is not None:
        period = table.period.model_copy(update={"unit": longer})
        slower = table.model_copy(update={"period": period})
        yield _choice(f"by {longer}, with the same bounds", slower, budget, grid)
    if table.sums:
        fewer = table.model_copy(update={"sums": {}, "weights": {}})
        yield _choice("without sums", fewer, budget, grid)


def _choice(what: str, table: Magnitude, budget: Budget, grid: Grid) -> Choice:
    terms = terms_of(table, budget, grid)
    return Choice(what, _sds(terms), terms.fewest_people)


def _sds(terms: Terms) -> dict[str, float]:
    return {measure: noise.sd for measure, noise in terms.noises.items()}
