"""What a certificate and the schema `about` say of magnitude tables: public numbers alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import BaseModel, ConfigDict

from transforms.magnitude.accounting import BASE, Terms, epsilon
from transforms.magnitude.bound import Clipped
from transforms.magnitude.declared import EVENTS, PEOPLE, Budget, Magnitude
from transforms.magnitude.grid import Grid
from transforms.magnitude.publish import said_sd


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CategoryEntry(_Frozen):
    """A category: what it means, every value it has; of_person: it says what the person is."""

    name: str
    meaning: str
    clause: int
    of_person: bool
    domain: tuple[str, ...]


class MeasureEntry(_Frozen):
    """A measure. cap: the largest of a person in a cell, of either sign; unit: it is counted in.

    caps: of some values of a category, where they differ.
    """

    name: str
    meaning: str
    unit: str
    cap: float
    caps: Mapping[str, Mapping[str, float]]


class NoiseEntry(_Frozen):
    """Of one measure of one period: L2 sensitivity, rho, and the standard deviation they make."""

    sensitivity: float
    rho: float
    sd: float


class PeriodEntry(_Frozen):
    """A period that was computed once.

    year: to whose budget it belongs; content: SHA-256 of its rows as the ledger keeps them.
    """

    period: str
    year: int
    rho: float
    fewest_people: float
    noises: Mapping[str, NoiseEntry]
    content: str


class MagnitudeEntry(_Frozen):
    """One published magnitude table. content: SHA-256 of its rows, see `content_hash`.

    cells_a_person: in how many one person counts in a period, at most.
    """

    kind: str
    meaning: str
    companies: str
    unit: str
    closes_after: int
    rows: int
    cells_a_person: int
    base: int
    categories: tuple[CategoryEntry, ...]
    measures: tuple[MeasureEntry, ...]
    periods: tuple[PeriodEntry, ...]
    content: str


class YearEntry(_Frozen):
    """What was spent of a year's budget, and what is left; epsilon: of what was spent."""

    rho: float
    left: float
    epsilon: float


class BudgetEntry(_Frozen):
    """The privacy budget of all magnitude tables (zero-concentrated differential privacy).

    rho, epsilon: of a whole year; ever: of all years together, whatever table or release.
    """

    rho: float
    epsilon: float
    delta: float
    years: Mapping[str, YearEntry]
    rho_ever: float
    epsilon_ever: float


MAGNITUDE_GUARANTEE = (
    "Magnitude tables of a calendar year reveal of a person, with all their events, no more than "
    "the budget: rho-zero-concentrated differential privacy, neighbours being populations with "
    "and without the person. What is shown of a cell, and whether it is, depends on noisy counts "
    "alone, drawn once."
)

_COMPANIES = {
    False: "Events of companies, and of whoever else is not a person by the policy, are not in it.",
    True: "Events of a company count for each person who stands behind it, bounded with their own; "
    "companies themselves are not counted.",
}


def magnitude_entry(
    table: Magnitude, grid: Grid, clauses: Mapping[str, int], periods: Mapping[str, PeriodEntry],
    content: str,
) -> MagnitudeEntry:  # fmt: skip
    """Describe a table as it will be written.

    clauses: under which each category was collected; periods: by label, in their order.
    """
    return MagnitudeEntry(
        kind="magnitude",
        meaning=table.meaning,
        companies=_COMPANIES[table.companies is not None],
        unit=str(table.period.unit),
        closes_after=table.period.closes_after,
        rows=grid.cells * len(periods),
        cells_a_person=min(table.cells, grid.cells // grid.persons),
        base=BASE,
        categories=tuple(
            CategoryEntry(
                name=axis.name,
                meaning=axis.category.meaning,
                clause=clauses[axis.name],
                of_person=axis.is_of_person,
                domain=axis.labels,
            )
            for axis in grid.axes
        ),
        measures=tuple(_measures(table)),
        periods=tuple(periods.values()),
        content=content,
    )


def _measures(table: Magnitude) -> Iterator[MeasureEntry]:
    yield MeasureEntry(
        name=PEOPLE, meaning="People who have such events", unit="people", cap=1, caps={}
    )
    yield MeasureEntry(
        name=EVENTS,
        meaning="Events; one that several people hold counts for each",
        unit="events",
        cap=table.events,
        caps={},
    )
    for name, measure in table.sums.items():
        yield MeasureEntry(
            name=name, meaning=measure.meaning, unit=measure.unit, cap=measure.cap,
            caps=measure.caps,
        )  # fmt: skip


def period_entry(label: str, year: int, terms: Terms, content: str) -> PeriodEntry:
    """Describe a period that was drawn. content: the digest of its rows."""
    return PeriodEntry(
        period=label,
        year=year,
        rho=terms.rho,
        fewest_people=terms.fewest_people,
        noises={
            measure: NoiseEntry(
                sensitivity=noise.sensitivity, rho=noise.rho, sd=said_sd(terms, measure)
            )
            for measure, noise in terms.noises.items()
        },
        content=content,
    )


def budget_entry(budget: Budget, spent: Mapping[int, float]) -> BudgetEntry:
    """Say what was spent and what is left. spent: rho by year, of all tables there ever were."""
    ever = sum(spent.values())
    return BudgetEntry(
        rho=budget.rho,
        epsilon=_said(epsilon(budget.rho, budget.delta)),
        delta=budget.delta,
        years={
            str(year): YearEntry(
                rho=_said(rho),
                left=_said(max(budget.rho - rho, 0.0)),
                epsilon=_said(epsilon(rho, budget.delta)),
            )
            for year, rho in spent.items()
        },
        rho_ever=_said(ever),
        epsilon_ever=_said(epsilon(ever, budget.delta)),
    )


def _said(number: float) -> float:
    return float(f"{number:.6g}")


def clipped_figures(clipped: Clipped) -> dict[str, float]:
    """Return what bounding took off a period, for the owner, to three digits."""
    figures: dict[str, float] = {
        "people": clipped.people,
        "cells of people": clipped.cells,
        "cells of people left out": clipped.cells - clipped.cells_left,
        "events": clipped.events,
        "events left out": clipped.events - clipped.events_left,
    }
    for name, whole in clipped.sums.items():
        figures[name] = whole
        figures[f"{name} after caps"] = clipped.sums_left[name]
    return {name: float(f"{figure:.3g}") for name, figure in figures.items()}


def meanings(entry: MagnitudeEntry) -> dict[str, str]:
    """Return what each column of a table means, as its comment."""
    said = {"period": f"The {entry.unit}"}
    said |= {category.name: category.meaning for category in entry.categories}
    for measure in entry.measures:
        cap = f"{measure.cap:,g}" if not measure.caps else f"{measure.cap:,g} in most cells"
        said[measure.name] = (
            f"{measure.meaning}, in {measure.unit}, of one person at most {cap}; with noise, "
            f"rounded to {entry.base}; NULL: too few people, or none"
        )
        said[f"{measure.name}_sd"] = f"Standard deviation of the noise of {measure.name}"
    return said


def readings(entry: MagnitudeEntry) -> Sequence[str]:
    """Return how to read a table, a sentence each."""
    return (
        f"A row is a {entry.unit} and a combination of categories; all there are stand in it.",
        (
            "Every number has noise: beside it is its standard deviation, and two of those either "
            "way hold the bounded truth in 95 of 100 cells."
        ),
        "NULL is shown where too few people seem to be in a cell, or none; it does not say which.",
        (
            f"Of a person at most {entry.cells_a_person} cells of a {entry.unit} count, chosen by "
            f"a keyed function; in each they count once among people."
        ),
        entry.companies,
    )
