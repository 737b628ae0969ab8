"""The lattice of levels as multidimensional recoding walks it: columns, and blocks of them.

A node of the lattice names a level for each column. Columns that have few combinations of leaves
are taken together as a block, so that what a node makes of a combination is read off two or three
tables instead of one a column.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram, distinct

MOST_LEVELS = 64
MOST_LEAVES = 20_000
"""A block has at most so many levels, and combinations of leaves, unless it is a single column."""

Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint32]
Node = tuple[int, ...]
"""A level of each block."""


def node_numbers(hierarchy: Hierarchy) -> Codes:
    """Return the node of each leaf on each level, by the finest number of the same leaves.

    Where a node has one child only, both cover the same leaves and are one.
    """
    numbers = hierarchy.numbered.copy()
    covered = [np.bincount(row)[row] for row in numbers]
    for level in range(1, len(numbers)):
        same = covered[level] == covered[level - 1]
        numbers[level][same] = numbers[level - 1][same]
    return numbers


@dataclass(frozen=True)
class Column:
    """A hierarchy's levels that differ on the leaves that occur: (levels, leaves and NULL)."""

    numbers: Codes
    losses: Floats


def column(hierarchy: Hierarchy, weight: float, leaves: Codes) -> Column:
    """Return the levels worth trying for these leaves; a loss counts `weight` times."""
    numbers, occurring = node_numbers(hierarchy), np.unique(leaves)
    nodes = [len(np.unique(row[occurring])) for row in numbers]
    # Levels nest: where there are as many nodes, they are the same, and the finer cost less.
    kept = [level for level in range(len(nodes)) if not level or nodes[level] < nodes[level - 1]]
    return Column(numbers[kept], hierarchy.node_losses[numbers[kept]] * weight)


@dataclass(frozen=True)
class Block:
    """Neighbouring columns, taken together.

    code: the leaf combination of each combination, within these columns; leaves: (leaf
    combinations, columns) their leaf codes.
    """

    columns: tuple[Column, ...]
    code: Codes
    leaves: Codes
    salt: int

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """How many levels each column has."""
        return tuple(len(column.numbers) for column in self.columns)

    @cached_property
    def levels(self) -> tuple[tuple[int, ...], ...]:
        """The level of each column, for each level of the block."""
        return tuple(np.ndindex(self.shape))

    @cached_property
    def groups(self) -> tuple[Codes, ...]:
        """For each level the group of each leaf combination."""
        return tuple(distinct(self.nodes(level))[1] for level in self.levels)

    @cached_property
    def hashes(self) -> tuple[Hashes, ...]:
        """For each level a hash of the group of each leaf combination, no two groups the same."""
        return tuple(mixed(group + self.salt) for group in self.groups)

    @cached_property
    def losses(self) -> tuple[Floats, ...]:
        """For each level what the label of each leaf combination loses."""
        return tuple(self._losses(level) for level in self.levels)

    def nodes(self, levels: Sequence[int]) -> Codes:
        """Return the node numbers of each leaf combination."""
        return np.stack(
            [
                column.numbers[level][leaf]
                for column, level, leaf in zip(self.columns, levels, self.leaves.T, strict=True)
            ],
            axis=1,
        )

    def _losses(self, levels: Sequence[int]) -> Floats:
        losses = np.zeros(len(self.leaves))
        for position, (column_, level) in enumerate(zip(self.columns, levels, strict=True)):
            losses += column_.losses[level][self.leaves[:, position]]
        return losses

    def least_losses(self, people: Floats, k: int) -> Floats:
        """Return the least loss of each level among groups of at least k; infinite: there is none.

        people: of each leaf combination.
        """
        least = np.full(len(self.levels), np.inf)
        for level, (group, losses) in enumerate(zip(self.groups, self.losses, strict=True)):
            many = np.bincount(group, people)[group] >= k
            least[level] = losses[many].min(initial=np.inf)
        return least


def mixed(numbers: Codes) -> Hashes:
    """Return 32 well mixed bits of each number, different for different numbers."""
    bits = numbers.astype(np.uint32)
    bits ^= bits >> np.uint32(16)
    bits *= np.uint32(0x7FEB352D)
    bits ^= bits >> np.uint32(15)
    bits *= np.uint32(0x846CA68B)
    bits ^= bits >> np.uint32(16)
    return bits


def blocks(
    combinations: Histogram, hierarchies: Mapping[str, Hierarchy], weights: Mapping[str, float]
) -> tuple[Block, ...]:
    """Return the columns in blocks, in their order; weights have a mean of 1 from here on."""
    mean = sum(weights[name] for name in combinations.columns) / len(combinations.columns)
    columns = [
        column(hierarchies[name], weights[name] / mean, combinations.codes[:, position])
        for position, name in enumerate(combinations.columns)
    ]
    return in_blocks(columns, combinations.codes)


def in_blocks(columns: Sequence[Column], codes: Codes) -> tuple[Block, ...]:
    """Return these columns of leaf codes (n, q) in blocks, in their order."""
    built = []
    for number, members in enumerate(_together(columns, codes), start=1):
        mine = codes[:, members.start : members.stop]
        first, code = distinct(mine)
        salt = number * 0x1E3779B9 & 0x7FFFFFFF
        built.append(Block(tuple(columns[members.start : members.stop]), code, mine[first], salt))
    return tuple(built)


def _together(columns: Sequence[Column], codes: Codes) -> list[range]:
    """Return which columns make a block: as many neighbours as its limits allow."""
    members: list[range] = []
    levels = leaves = 1
    for position, column_ in enumerate(columns):
        occurring = len(np.unique(codes[:, position]))
        levels, leaves = levels * len(column_.numbers), leaves * occurring
        if members and levels <= MOST_LEVELS and leaves <= MOST_LEAVES:
            members[-1] = range(members[-1].start, position + 1)
        else:
            members.append(range(position, position + 1))
            levels, leaves = len(column_.numbers), occurring
    return members
