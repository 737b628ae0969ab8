"""The grid of a magnitude table: every combination of its public categories, whoever is in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.errors import PolicyError
from transforms.hierarchy import Hierarchy
from transforms.magnitude.declared import Category, Magnitude, Sum
from transforms.text.category import TextCategory
from transforms.text.closed import labels_of
from transforms.text.vocabulary import Vocabulary

MOST_CELLS = 1_000_000

Floats = npt.NDArray[np.float64]
Hierarchies = Mapping[str, Hierarchy]
Vocabularies = Mapping[str, Vocabulary]
NO_VOCABULARIES: Vocabularies = {}


@dataclass(frozen=True)
class Axis:
    """One category. labels: all there are, each with its place as code; vocabulary: of a text."""

    name: str
    category: Category
    labels: tuple[str, ...]
    vocabulary: Vocabulary | None = None

    @property
    def is_of_person(self) -> bool:
        """Whether it says what the person is: then all events of one person are alike in it."""
        return self.category.attribute is not None

    @property
    def others(self) -> int | None:
        """The code of what is not listed, None where that stops the run."""
        label = self.category.others
        return None if label is None else self.labels.index(label)

    @property
    def missing(self) -> int | None:
        """The code of what is missing; where it has no label it is one of the others."""
        label = self.category.without
        return self.others if label is None else self.labels.index(label)


@dataclass(frozen=True)
class Grid:
    """The axes of a table; cells are numbered, the last axis varies first."""

    axes: tuple[Axis, ...]

    @property
    def cells(self) -> int:
        """How many there are."""
        return math.prod(len(axis.labels) for axis in self.axes)

    @property
    def persons(self) -> int:
        """In how many ways people differ in what they are, as far as the grid tells."""
        return math.prod(len(axis.labels) for axis in self.axes if axis.is_of_person)

    def by_person(self, values: Floats) -> Floats:
        """Return a value a cell as a table: a row for what a person is, a column for the event."""
        shape = [len(axis.labels) for axis in self.axes]
        own = [place for place, axis in enumerate(self.axes) if axis.is_of_person]
        others = [place for place, axis in enumerate(self.axes) if not axis.is_of_person]
        return values.reshape(shape).transpose([*own, *others]).reshape(self.persons, -1)

    @cached_property
    def strides(self) -> Mapping[str, int]:
        """By axis, how far apart two cells are that differ by one in it."""
        strides: dict[str, int] = {}
        step = 1
        for axis in reversed(self.axes):
            strides[axis.name] = step
            step *= len(axis.labels)
        return strides

    def codes(self, axis: Axis) -> npt.NDArray[np.int64]:
        """Return each cell's code on an axis."""
        return np.arange(self.cells) // self.strides[axis.name] % len(axis.labels)

    def labels(self) -> pl.DataFrame:
        """Return a row a cell, with its label on every axis."""
        return pl.DataFrame(
            {
                axis.name: pl.Series(axis.labels, dtype=pl.String).gather(self.codes(axis))
                for axis in self.axes
            }
        )

    def caps(self, measure: Sum) -> Floats:
        """Return the cap of each cell, in the unit of the sum."""
        caps = np.full(self.cells, measure.cap)
        for axis in self.axes:
            codes = self.codes(axis)
            for label, cap in measure.caps.get(axis.name, {}).items():
                caps[codes == axis.labels.index(label)] = cap
        return caps


def grid_of(
    name: str,
    table: Magnitude,
    hierarchies: Hierarchies,
    vocabularies: Vocabularies = NO_VOCABULARIES,
) -> Grid:
    """Lay out a table's grid; raises PolicyError where it cannot be.

    hierarchies: of the attributes that it names; vocabularies: of the topics, by their names.
    """
    axes = tuple(
        _axis(axis, category, hierarchies, vocabularies) for axis, category in table.by.items()
    )
    grid = Grid(axes)
    if grid.cells > MOST_CELLS:
        raise PolicyError(
            f"magnitude.{name}: {grid.cells:,} cells are too many (at most {MOST_CELLS:,}): take "
            f"fewer categories, or coarser ones"
        )
    for measure in table.sums.values():
        _check_caps(name, measure, axes)
    return grid


def _axis(
    name: str, category: Category, hierarchies: Hierarchies, vocabularies: Vocabularies
) -> Axis:
    if category.text is not None:
        vocabulary = vocabularies.get(category.vocabulary or "")
        listed = labels_of(TextCategory(category.text), vocabulary)
        return Axis(name, category, category.domain(listed), vocabulary)
    if category.attribute is None:
        return Axis(name, category, category.domain(category.values))
    hierarchy = hierarchies[category.attribute]
    if category.level is None or category.level >= hierarchy.top:
        raise PolicyError(
            f'category {name}: the hierarchy of "{category.attribute}" has levels 0 to '
            f"{hierarchy.top - 1} with more than one value"
        )
    return Axis(name, category, category.domain(hierarchy.labels(category.level)))


def _check_caps(name: str, measure: Sum, axes: tuple[Axis, ...]) -> None:
    labels = {axis.name: axis.labels for axis in axes}
    for category, caps in measure.caps.items():
        for label in caps:
            if label not in labels[category]:
                raise PolicyError(
                    f'magnitude.{name}: a cap is given for "{label}", which is no value of '
                    f"{category}"
                )
