"""What a table may spend, and what accuracy that buys: arithmetic of public numbers alone.

Neighbours are two populations that differ by one person with all their rows. A measure of a period
with L2 sensitivity d gets Gaussian noise of standard deviation d / sqrt(2 rho), which is rho-zCDP
(Bun and Steinke 2016, Proposition 6; for the discrete Gaussian Canonne et al. 2020); rho adds up
over measures, periods and tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from transforms.magnitude.declared import EVENTS, PEOPLE, Budget, Magnitude
from transforms.magnitude.grid import Floats, Grid

SMALLEST_PEOPLE = 11
"""Beside twice the noise: how many people a published cell must seem to have."""
BASE = 5
"""To which everything is rounded, after the noise."""
CENTS = 100
"""Amounts are counted in hundredths of their unit."""


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one measure of one period.

    sensitivity, sd: in the measure's unit; rho: what it costs.
    """

    sensitivity: float
    rho: float

    @property
    def sd(self) -> float:
        """The standard deviation."""
        return self.sensitivity / math.sqrt(2 * self.rho)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a period of a table is published: the noise of each measure."""

    noises: Mapping[str, Noise]

    @property
    def rho(self) -> float:
        """What the period costs."""
        return math.fsum(noise.rho for noise in self.noises.values())

    @property
    def fewest_people(self) -> float:
        """How many people a cell must seem to have to be published."""
        return SMALLEST_PEOPLE + 2 * self.noises[PEOPLE].sd


def sensitivities(table: Magnitude, grid: Grid) -> dict[str, float]:
    """Return by how much one person changes each measure of a period at most (L2).

    Of one person only cells count that differ in what an event is, for what the person is they are
    in all of them.
    """
    cells = min(table.cells, grid.cells // grid.persons)
    return {
        PEOPLE: math.sqrt(cells),
        EVENTS: table.events * math.sqrt(cells),
        **{
            name: _largest(grid.by_person(grid.caps(measure)), cells)
            for name, measure in table.sums.items()
        },
    }


def _largest(caps: Floats, cells: int) -> float:
    """Return the largest norm of so many caps of one row."""
    kept = np.sort(caps, axis=1)[:, ::-1][:, :cells]
    return math.sqrt(float(np.square(kept).sum(axis=1).max()))


def rho_of_period(table: Magnitude, budget: Budget) -> float:
    """Return what a period of a table may cost."""
    return budget.rho * table.share / table.period.unit.most_a_year


def terms_of(table: Magnitude, budget: Budget, grid: Grid) -> Terms:
    """Return on what terms a period of a table is published."""
    rho = rho_of_period(table, budget)
    return Terms(
        {
            measure: Noise(sensitivity, rho * table.weight(measure))
            for measure, sensitivity in sensitivities(table, grid).items()
        }
    )


def epsilon(rho: float, delta: float) -> float:
    """Return the epsilon at a delta of rho-zCDP (Bun and Steinke 2016, Proposition 3)."""
    return rho + 2 * math.sqrt(rho * math.log(1 / delta))
