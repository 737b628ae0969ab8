"""When things happen: hours of the day, and the days on which somebody was a customer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.draws import Bools, Floats, Ints, weighted
from pipelines.demo.people import TODAY, People
from pipelines.demo.pools import hide

MICROSECONDS_A_DAY: Final = 86_400_000_000

# Weights of the hours: phones and shops until late, branches in office hours.
DAYTIME: Final = (0.4, 0.2, 0.1, 0.1, 0.1, 0.3, 1, 3, 6, 8, 9, 9,
                  10, 9, 8, 8, 9, 10, 10, 9, 7, 5, 3, 1)  # fmt: skip
OFFICE_HOURS: Final = (*[0] * 8, 6, 9, 10, 9, 6, 7, 8, 6, 1, *[0] * 7)


@dataclass(frozen=True, slots=True)
class Spans:
    """Days from ``begin`` on, ``end`` not included; empty where the end comes first."""

    begin: Ints
    end: Ints

    @property
    def some(self) -> Bools:
        """Where there is a day at all."""
        return np.asarray(self.end > self.begin)

    def of(self, row: Ints) -> Spans:
        """Return the spans of the rows."""
        return Spans(self.begin[row], self.end[row])

    def days(self, part: Floats) -> Ints:
        """Return a day of each span, from 0 (the first) to just below 1 (the last)."""
        return self.begin + ((self.end - self.begin) * part).astype(np.int64)


def relationships(people: People, since: int = 0) -> Spans:
    """Return the days on which each customer was one, those before ``since`` left out."""
    return Spans(np.maximum(people.opened, since), np.where(people.open, TODAY, people.closed))


def moments(rng: np.random.Generator, day: Ints, hours: tuple[float, ...]) -> Ints:
    """Return microseconds since 1970 on the days, at hours by their weights."""
    hour = weighted(rng, hours, len(day))
    within = rng.integers(0, MICROSECONDS_A_DAY // 24, len(day))
    return (day * 24 + hour) * (MICROSECONDS_A_DAY // 24) + within


def timestamps(microseconds: Ints, missing: Bools | None = None) -> pl.Series:
    """Return timestamps to the second, NULL where they are missing."""
    times = pl.Series(microseconds // 1_000_000 * 1_000_000).cast(pl.Datetime("us"))
    return times if missing is None else hide(times, missing)
