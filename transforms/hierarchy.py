"""Generalisation hierarchies: a finite domain of leaves, and ever coarser levels over it.

Every hierarchy, whatever its form, is brought to one shape: leaves in a fixed order, and for each
level the node that a leaf belongs to. Levels nest: a coarser level never splits a node of a finer
one. The last level is one node, `*`. A missing value (NULL) is a leaf of its own on every level
but the last.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.errors import PolicyError
from transforms.policy.labels import Bands

ANY = "*"
OTHER = "other"
"""The label of people who are too few to be published under their own."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """One level: the label of each node, and the node of each leaf."""

    labels: tuple[str, ...]
    node_of_leaf: tuple[int, ...]


@dataclass(frozen=True)
class Hierarchy:
    """Leaves and levels; level 0 is the leaves themselves, the last is `*`.

    A value is encoded as its leaf's position, NULL as `len(leaves)`; on each level NULL is again
    the code after the last node, and on the last level everything is node 0.
    """

    name: str
    leaves: tuple[str, ...]
    levels: tuple[Level, ...]
    encoder: LookupEncoder | BandEncoder

    @property
    def top(self) -> int:
        """The number of the last level."""
        return len(self.levels) - 1

    def labels(self, level: int) -> tuple[str, ...]:
        """Return the closed domain of a level, in the hierarchy's own order."""
        return self.levels[level].labels

    def null_code(self, level: int) -> int | None:
        """Return the code of NULL on a level; None where NULL is one with everything else."""
        return None if level == self.top else len(self.levels[level].labels)

    @cached_property
    def node_tables(self) -> tuple[Codes, ...]:
        """For each level an array from leaf code (NULL last) to node code."""
        return tuple(
            np.array([*level.node_of_leaf, self.null_code(i) or 0], dtype=np.int64)
            for i, level in enumerate(self.levels)
        )

    def parents(self, level: int) -> Codes:
        """Return an array from node code (NULL last) to the node code one level up."""
        upper = np.empty(len(self.levels[level].labels) + 1, dtype=np.int64)
        upper[self.node_tables[level]] = self.node_tables[level + 1]
        return upper

    @cached_property
    def losses(self) -> tuple[npt.NDArray[np.float64], ...]:
        """For each level the loss of each node, NULL last: (leaves covered - 1) / (leaves - 1).

        Normalised certainty penalty (Xu et al. 2006), between 0 (a leaf) and 1 (`*`).
        """
        return tuple(self._loss(i) for i in range(len(self.levels)))

    @cached_property
    def offsets(self) -> Codes:
        """Return the number of each level's first node, and how many nodes there are at last.

        Nodes are numbered through all levels, the finest first, NULL after the others of its
        level: a number says the level too, so that one column may hold nodes of several.
        """
        return np.cumsum([0, *(len(loss) for loss in self.losses)], dtype=np.int64)

    @property
    def coarsest(self) -> int:
        """The node number of `*`."""
        return int(self.offsets[-1]) - 1

    @property
    def other(self) -> int:
        """The node number that stands for whoever is published under no node, see `OTHER`."""
        return int(self.offsets[-1])

    @cached_property
    def numbered(self) -> Codes:
        """The node numbers of each leaf: (levels, leaves and NULL)."""
        return np.stack(self.node_tables) + self.offsets[:-1, None]

    @cached_property
    def lifted(self) -> Codes:
        """For each level the number of each node brought up to it at least: (levels, nodes)."""
        return np.stack([self._lifted(level) for level in range(len(self.levels))])

    def _lifted(self, level: int) -> Codes:
        numbers = np.arange(self.other + 1)
        for row in self.numbered[:level]:
            numbers[row] = self.numbered[level]
        return numbers

    @cached_property
    def node_levels(self) -> Codes:
        """The level of each node number; "other" is as coarse as `*`."""
        return np.append(np.repeat(np.arange(len(self.levels)), np.diff(self.offsets)), self.top)

    @cached_property
    def node_losses(self) -> npt.NDArray[np.float64]:
        """The loss of each node number, see `losses`."""
        return np.concatenate([*self.losses, [1.0]])

    @cached_property
    def node_labels(self) -> tuple[str | None, ...]:
        """The label of each node number; NULL has none."""
        labels: list[str | None] = []
        for level in range(self.top):
            labels += [*self.labels(level), None]
        return (*labels, ANY, OTHER)

    def _loss(self, level: int) -> npt.NDArray[np.float64]:
        if level == self.top:
            return np.ones(1)
        nodes = len(self.levels[level].labels)
        covered = np.bincount(self.levels[level].node_of_leaf, minlength=nodes)
        return np.append((covered - 1) / max(len(self.leaves) - 1, 1), 0.0)


@dataclass(frozen=True)
class LookupEncoder:
    """Text to leaf code; blanks at the ends, runs of blanks and case do not matter.

    others: the code of every value that is no leaf; None where there is no such leaf.
    """

    codes: dict[str, int]
    others: int | None = None

    def expression(self, column: str, distinct: Sequence[str | None]) -> pl.Expr:
        """Return the leaf code of each value, `unlisted` where the hierarchy has no such leaf.

        `distinct` are the column's different values; each is folded once.
        """
        unlisted = UNLISTED if self.others is None else self.others
        known = {
            value: self.codes.get(fold(value), unlisted) for value in distinct if value is not None
        }
        missing = len(self.codes)
        return (
            pl.col(column)
            .replace_strict(known, default=unlisted, return_dtype=pl.Int32)
            .pipe(lambda code: pl.when(pl.col(column).is_null()).then(missing).otherwise(code))
        )


@dataclass(frozen=True)
class BandEncoder:
    """Numbers to leaf code: how many cut points lie at or below the value."""

    least: float
    most: float
    cuts: tuple[float, ...]

    def expression(self, column: str) -> pl.Expr:
        """Return the leaf code of each number, `unlisted` outside the hierarchy's range."""
        value = pl.col(column)
        inside = value.is_between(self.least, self.most)
        code = pl.sum_horizontal((value >= cut).cast(pl.Int32) for cut in self.cuts)
        return (
            pl.when(value.is_null())
            .then(len(self.cuts) + 1)
            .when(inside)
            .then(code)
            .otherwise(UNLISTED)
        )


UNLISTED = -1


def fold(value: str) -> str:
    """Return a value as it is compared: canonical form, one case, single inner blanks."""
    return " ".join(unicodedata.normalize("NFC", value).casefold().split())


def lookup_hierarchy(
    name: str, rows: Sequence[Sequence[str]], others: str | None = None
) -> Hierarchy:
    """Build a hierarchy from lines `leaf, level 1, …`; a last level `*` is added if missing.

    others: a leaf that stands for every value without a line, and for itself on all levels.
    Raises PolicyError where lines differ in length, a leaf stands twice, a label is empty or holds
    a control character, or a level splits a node of the level below.
    """
    _check_lines(name, rows)
    if others is not None:
        rows = [*rows, _folded_away(others, rows)]
        _check_lines(name, rows)
    columns = [tuple(cell.strip() for cell in column) for column in zip(*rows, strict=True)]
    if set(columns[-1]) != {ANY}:
        columns.append((ANY,) * len(rows))
    leaves = columns[0]
    folded = [fold(leaf) for leaf in leaves]
    if len(set(folded)) < len(folded):
        twice = next(
            leaf for leaf, key in zip(leaves, folded, strict=True) if folded.count(key) > 1
        )
        raise PolicyError(f'hierarchy {name}: the leaf "{twice}" stands in more than one line')
    levels = tuple(_level(column) for column in columns)
    _check_nesting(name, levels)
    encoder = LookupEncoder(
        {key: code for code, key in enumerate(folded)},
        None if others is None else len(folded) - 1,
    )
    return Hierarchy(name, leaves, levels, encoder)


def _folded_away(others: str, rows: Sequence[Sequence[str]]) -> list[str]:
    ends = {row[-1].strip() for row in rows} == {ANY} and len(rows[0]) > 1
    return [*([others] * (len(rows[0]) - ends)), *([ANY] * ends)]


def band_hierarchy(name: str, bands: Bands) -> Hierarchy:
    """Build a numeric hierarchy; the bands of the finest level are its leaves.

    Raises PolicyError where cut points are not ascending, lie outside the range, or a coarser
    level has one that the finer level lacks (it would split a band).
    """
    if not (math.isfinite(bands.least) and math.isfinite(bands.most) and bands.least < bands.most):
        raise PolicyError(f"hierarchy {name}: least must be a number below most")
    for position, cuts in enumerate(bands.cuts):
        if not all(low < high for low, high in pairwise((bands.least, *cuts, bands.most))):
            raise PolicyError(
                f"hierarchy {name}: the cuts of level {position} must ascend between least and most"
            )
        if position and not set(cuts) < set(bands.cuts[position - 1]):
            raise PolicyError(
                f"hierarchy {name}: level {position} must keep some of the cuts of the level "
                f"below, and have no others"
            )
    if bands.whole_numbers and not all(cut.is_integer() for cut in bands.cuts[0]):
        raise PolicyError(f"hierarchy {name}: whole numbers need whole cuts")
    finest = bands.cuts[0]
    starts = (bands.least, *finest)
    levels = []
    for cuts in bands.cuts:
        node_of_leaf = tuple(sum(cut <= start for cut in cuts) for start in starts)
        levels.append(Level(tuple(_band_labels(cuts, whole=bands.whole_numbers)), node_of_leaf))
    levels.append(Level((ANY,), (0,) * len(starts)))
    encoder = BandEncoder(bands.least, bands.most, finest)
    return Hierarchy(name, levels[0].labels, tuple(levels), encoder)


def _band_labels(cuts: Sequence[float], *, whole: bool) -> Iterator[str]:
    yield f"under {_said(cuts[0])}"
    for low, high in pairwise(cuts):
        if not whole:
            yield f"{_said(low)} to under {_said(high)}"
        elif high - low > 1:
            yield f"{_said(low)}-{_said(high - 1)}"
        else:
            yield _said(low)
    yield f"{_said(cuts[-1])} and over"


def _said(number: float) -> str:
    return f"{number:,.0f}" if number == int(number) else f"{number:,}"


def _level(column: Sequence[str]) -> Level:
    labels = tuple(dict.fromkeys(column))
    position = {label: node for node, label in enumerate(labels)}
    return Level(labels, tuple(position[label] for label in column))


def _check_lines(name: str, rows: Sequence[Sequence[str]]) -> None:
    if not rows:
        raise PolicyError(f"hierarchy {name} is empty: give a line for each leaf")
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise PolicyError(
                f"hierarchy {name}, line {number}: {len(row)} levels where the first line has "
                f"{len(rows[0])}"
            )
        for cell in row:
            if not cell.strip() or any(unicodedata.category(sign)[0] == "C" for sign in cell):
                raise PolicyError(
                    f"hierarchy {name}, line {number}: a label is empty or has a control character"
                )


def _check_nesting(name: str, levels: Sequence[Level]) -> None:
    for height, (finer, coarser) in enumerate(pairwise(levels), start=1):
        parent: dict[int, int] = {}
        for below, above in zip(finer.node_of_leaf, coarser.node_of_leaf, strict=True):
            if parent.setdefault(below, above) != above:
                raise PolicyError(
                    f'hierarchy {name}: level {height} splits "{finer.labels[below]}" of the level '
                    f"below; a coarser level must keep it whole"
                )
