"""From bounded measures to what may be read: noise, then a threshold on noise, then rounding.

What is published depends on noisy numbers alone. A cell whose noisy people are too few is NULL in
all its measures, and nobody learns whether it was empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import polars as pl

from transforms.magnitude.accounting import BASE, CENTS, Terms
from transforms.magnitude.bound import Exact, Ints
from transforms.magnitude.declared import EVENTS, PEOPLE
from transforms.magnitude.grid import Grid
from transforms.magnitude.periods import Period

Sample = Callable[[Ints, float, float], Ints]
"""Whole numbers, their L2 sensitivity and a rho → the same with noise that makes them rho-zCDP."""


def perturbed(exact: Exact, terms: Terms, sample: Sample) -> dict[str, Ints]:
    """Return the measures with their noise; sums in hundredths."""
    return {
        measure: sample(
            cells, terms.noises[measure].sensitivity * parts_of(measure), terms.noises[measure].rho
        )
        for measure, cells in exact.measures.items()
    }


def parts_of(measure: str) -> int:
    """Return in how many parts of its unit a measure is counted."""
    return 1 if measure in {PEOPLE, EVENTS} else CENTS


def rows_of(period: Period, noisy: Mapping[str, Ints], terms: Terms, grid: Grid) -> pl.DataFrame:
    """Return a period's rows as they are published, a row a cell.

    noisy: as of `perturbed`. Measures are whole numbers, multiples of BASE.
    """
    shown = noisy[PEOPLE] >= terms.fewest_people
    values: list[pl.Series] = []
    for measure, cells in noisy.items():
        rounded = np.rint(cells / (BASE * parts_of(measure))).astype(np.int64) * BASE
        values.append(pl.Series(measure, rounded, dtype=pl.Int64).set(pl.Series(~shown), None))
        values.append(
            pl.Series(f"{measure}_sd", [said_sd(terms, measure)], dtype=pl.Float64).new_from_index(
                0, grid.cells
            )
        )
    return pl.DataFrame(
        [pl.Series("period", [period.label]).new_from_index(0, grid.cells), *grid.labels(), *values]
    )


def said_sd(terms: Terms, measure: str) -> float:
    """Return a measure's standard deviation as it stands beside it."""
    return float(f"{terms.noises[measure].sd:.6g}")


def schema_of(measures: tuple[str, ...], grid: Grid) -> pl.Schema:
    """Return the columns of a table of such measures."""
    columns: dict[str, type[pl.DataType]] = {"period": pl.String}
    columns |= {axis.name: pl.String for axis in grid.axes}
    for measure in measures:
        columns |= {measure: pl.Int64, f"{measure}_sd": pl.Float64}
    return pl.Schema(columns)
