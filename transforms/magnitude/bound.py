"""Bound what one person can change, then count: exact numbers that nobody may see yet.

Of a person in a period at most m cells count, chosen by a keyed function of the person and the cell
(not by what arrived first); in each they are one of the people, have at most e events, and amounts
of either sign that come to the cell's cap at most. So a person with all their rows changes a
measure of a period by no more than its sensitivity (`accounting.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.errors import PolicyError
from transforms.magnitude.accounting import CENTS, SMALLEST_PEOPLE
from transforms.magnitude.declared import EVENTS, PEOPLE
from transforms.magnitude.events import IN, OUT, PERSON, RAW, SLOT, Counting
from transforms.magnitude.periods import Period

Ints = npt.NDArray[np.int64]
Choose = Callable[[pl.Series, pl.Series], pl.Series]
"""A keyed pseudorandom function: keys of persons and slots (Int64) → numbers (UInt64)."""

_CELL, _CAP, _DRAWN = "__cell", "__cap ", "__drawn"


@dataclass(frozen=True)
class Clipped:
    """What bounding took off a period, for the owner: in all, of nobody in particular.

    people: who have events; cells: of people's, how many there were; events; sums: by measure, in
    the unit; each with what is left (_left).
    """

    people: int
    cells: int
    cells_left: int
    events: int
    events_left: int
    sums: Mapping[str, float]
    sums_left: Mapping[str, float]

    def plus(self, other: Clipped) -> Clipped:
        """Return both together; they are of different people."""
        return Clipped(
            people=self.people + other.people,
            cells=self.cells + other.cells,
            cells_left=self.cells_left + other.cells_left,
            events=self.events + other.events,
            events_left=self.events_left + other.events_left,
            sums={name: sum_ + other.sums[name] for name, sum_ in self.sums.items()},
            sums_left={name: left + other.sums_left[name] for name, left in self.sums_left.items()},
        )


@dataclass(frozen=True)
class Exact:
    """The bounded measures of one period of a table, before noise: by measure, a number a cell.

    Sums are in hundredths of their unit.
    """

    table: str
    period: Period
    measures: Mapping[str, Ints]
    clipped: Clipped

    def plus(self, other: Exact) -> Exact:
        """Return both together; they are of the same period and of different people."""
        return replace(
            self,
            measures={name: cells + other.measures[name] for name, cells in self.measures.items()},
            clipped=self.clipped.plus(other.clipped),
        )


def bounded(
    tallies: pl.DataFrame, keys: pl.Series, counting: Counting, choose: Choose
) -> tuple[Exact, ...]:
    """Return the bounded measures of each period that is due.

    tallies: a row a person and slot, each pair once; keys: everybody's own key, in the order of the
    people. Raises PolicyError where a cap is below every amount.
    """
    _refuse_low_caps(tallies, counting)
    return tuple(
        _bounded(_of_period(tallies, period, counting), keys, counting, choose, period)
        for period in counting.due
    )


def _of_period(tallies: pl.DataFrame, period: Period, counting: Counting) -> pl.DataFrame:
    """Return a period's rows, each with its cell and what counts at most in it.

    Only these are ever held twice: a walk has many more.
    """
    cells = counting.grid.cells
    first = period.number * cells
    rows = tallies.filter(pl.col(SLOT).is_between(first, first + cells, closed="left"))
    return _with_caps(
        rows.with_columns((pl.col(SLOT) - first).cast(pl.Int32).alias(_CELL)), counting
    )


def _with_caps(rows: pl.DataFrame, counting: Counting) -> pl.DataFrame:
    return rows.with_columns(
        pl.Series(_CAP + name, _caps(counting, name)).gather(rows.get_column(_CELL))
        for name in counting.table.sums
    )


def _bounded(
    rows: pl.DataFrame, keys: pl.Series, counting: Counting, choose: Choose, period: Period
) -> Exact:
    kept = _few_cells(rows, keys, counting.table.cells, choose).with_columns(
        pl.col(EVENTS).clip(upper_bound=counting.table.events),
        *(_net(name).alias(name) for name in counting.table.sums),
    )
    summed = kept.group_by(_CELL).agg(
        pl.len().cast(pl.Int64).alias(PEOPLE),
        pl.col(EVENTS, *counting.table.sums).cast(pl.Int64).sum(),
    )
    return Exact(
        table=counting.name,
        period=period,
        measures=_dense(summed, counting),
        clipped=_clipped(rows, kept, counting),
    )


def _caps(counting: Counting, name: str) -> Ints:
    """Return each cell's cap in hundredths; never more than the policy says."""
    return np.floor(counting.grid.caps(counting.table.sums[name]) * CENTS).astype(np.int64)


def _net(name: str) -> pl.Expr:
    """Return what came in less what went out, each cut at the cap."""
    cap = pl.col(_CAP + name)
    return pl.min_horizontal(IN + name, cap) - pl.min_horizontal(OUT + name, cap)


def _few_cells(rows: pl.DataFrame, keys: pl.Series, most: int, choose: Choose) -> pl.DataFrame:
    """Return of each person at most so many cells of a period."""
    together = rows.select(many=pl.len().over(PERSON) > most).get_column("many")
    if not together.any():
        return rows
    crowded = rows.filter(together)
    drawn = choose(keys.gather(crowded.get_column(PERSON)), crowded.get_column(SLOT))
    rank = pl.col(_DRAWN).rank("ordinal").over(PERSON)
    few = crowded.with_columns(drawn.alias(_DRAWN)).filter(rank <= most).drop(_DRAWN)
    return pl.concat([rows.filter(~together), few])


def _refuse_low_caps(tallies: pl.DataFrame, counting: Counting) -> None:
    """Raise PolicyError where everybody has more in a cell than counts."""
    for name in counting.table.sums:
        raw = pl.col(RAW + name)
        amount = raw.abs() * CENTS
        smallest = int(_caps(counting, name).min())
        # Nearly always somebody has less than any cap, and no cell has to be looked up.
        if tallies.select(((raw != 0) & (amount <= smallest)).any()).item():
            continue
        cell = pl.col(SLOT).mod(counting.grid.cells).cast(pl.Int32).alias(_CELL)
        amounts = _with_caps(tallies.filter(raw != 0).with_columns(cell), counting)
        beyond = amounts.select((amount > pl.col(_CAP + name)).all()).item()
        if beyond and amounts.get_column(PERSON).n_unique() >= SMALLEST_PEOPLE:
            raise PolicyError(
                f"magnitude.{counting.name}: the cap of {name} is below what everybody has in a "
                f"cell, so the sum would be the people times the cap and say nothing: raise the cap"
            )


def _dense(summed: pl.DataFrame, counting: Counting) -> dict[str, Ints]:
    places = summed.get_column(_CELL).to_numpy()
    measures: dict[str, Ints] = {}
    for measure in counting.table.measures:
        measures[measure] = np.zeros(counting.grid.cells, dtype=np.int64)
        measures[measure][places] = summed.get_column(measure).to_numpy()
    return measures


def _clipped(rows: pl.DataFrame, kept: pl.DataFrame, counting: Counting) -> Clipped:
    return Clipped(
        people=rows.get_column(PERSON).n_unique(),
        cells=rows.height,
        cells_left=kept.height,
        events=int(rows.get_column(EVENTS).cast(pl.Int64).sum()),
        events_left=int(kept.get_column(EVENTS).cast(pl.Int64).sum()),
        sums={name: float(rows.get_column(RAW + name).sum()) for name in counting.table.sums},
        sums_left={
            name: float(kept.get_column(name).sum()) / CENTS for name in counting.table.sums
        },
    )
