"""Which label covers a combination: the first of a list, found without trying each on each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import distinct
from transforms.recoding.multidimensional.lattice import (
    Block,
    Column,
    Hashes,
    in_blocks,
    mixed,
    node_numbers,
)

WINDOW = 64
"""So many labels are looked through at once for where a run of one node ends."""
GONE = 0.1
"""Rows are forgotten once so many of them are covered."""


def first_covering(codes: Codes, labels: Codes, hierarchies: Sequence[Hierarchy]) -> Codes:
    """Return for each row of leaf codes (n, q) the first label (r, q) that covers it; r: none.

    Labels that stand next to each other and belong to one node of the lattice are one run: they
    do not overlap, and a row's own node there tells which it is.
    """
    numbers = [node_numbers(hierarchy) for hierarchy in hierarchies]
    labels = np.stack(
        [
            finest_numbers(hierarchy)[column]
            for hierarchy, column in zip(hierarchies, labels.T, strict=True)
        ],
        axis=1,
    )
    rows = _Uncovered(codes, numbers, len(labels))
    for start, end, levels in _runs(labels, numbers):
        rows.cover(labels[start:end], start, levels)
        if not rows.left:
            break
    return rows.first


def finest_numbers(hierarchy: Hierarchy) -> Codes:
    """Return for each node number the finest one that covers the same leaves."""
    finest = np.arange(hierarchy.offsets[-1])
    finest[hierarchy.numbered] = node_numbers(hierarchy)
    return finest


def _runs(labels: Codes, numbers: Sequence[Codes]) -> Iterator[tuple[int, int, list[int]]]:
    """Yield start, end and a level of each column for labels that belong to one node."""
    lowest, highest = (
        np.stack([bound[column] for bound, column in zip(bounds, labels.T, strict=True)], axis=1)
        for bounds in zip(*(_standing(table) for table in numbers), strict=True)
    )
    start = 0
    while start < len(labels):
        low, end = _run(lowest, highest, start)
        yield start, end, [int(level) for level in low]
        start = end


def _run(lowest: Codes, highest: Codes, start: int) -> tuple[Codes, int]:
    """Return the levels and the end of the longest run from here."""
    low, high, end = lowest[start], highest[start], start
    while end < len(lowest):
        lows = np.maximum.accumulate(np.vstack([low, lowest[end : end + WINDOW]]))[1:]
        highs = np.minimum.accumulate(np.vstack([high, highest[end : end + WINDOW]]))[1:]
        fits = np.logical_and.reduce(lows <= highs, axis=1)
        more = len(lows) if fits.all() else int(fits.argmin())
        if more:
            low, high = lows[more - 1], highs[more - 1]
        end += more
        if more < len(lows):
            break
    return low, end


def _standing(numbers: Codes) -> tuple[Codes, Codes]:
    """Return the lowest and the highest level on which each node number stands."""
    size = int(numbers.max()) + 1
    lowest, highest = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    for level, row in enumerate(numbers):
        highest[row] = level
    for level, row in reversed(list(enumerate(numbers))):
        lowest[row] = level
    return lowest, highest


class _Uncovered:
    """The rows that no label has covered yet; shrinks."""

    def __init__(self, codes: Codes, numbers: Sequence[Codes], none: int) -> None:
        self._numbers = numbers
        columns = [Column(table, np.zeros(table.shape)) for table in numbers]
        self._blocks = in_blocks(columns, codes)
        self._codes = [block.code for block in self._blocks]
        self._leaves = codes
        self._rows = np.arange(len(codes))
        self._hashes: dict[tuple[int, int], Hashes] = {}
        self._open = np.ones(len(codes), dtype=np.bool_)
        self.first = np.full(len(codes), none, dtype=np.int64)
        self.left = len(codes)

    def cover(self, labels: Codes, start: int, levels: Sequence[int]) -> None:
        """Give the rows that these labels cover their numbers, from `start` on."""
        found = self._alike(labels, levels)
        found = found[self._open[found]]
        if not len(found):
            return
        nodes = np.stack(
            [
                table[level][leaves]
                for table, level, leaves in zip(
                    self._numbers, levels, self._leaves[self._rows[found]].T, strict=True
                )
            ],
            axis=1,
        )
        _, group = distinct(np.concatenate([labels, nodes]))
        label = np.full(int(group.max()) + 1, len(labels))
        # The first of equal labels counts.
        label[group[: len(labels)][::-1]] = np.arange(len(labels))[::-1]
        of = label[group[len(labels) :]]
        covered = of < len(labels)
        self._close(found[covered], of[covered] + start)

    def _alike(self, labels: Codes, levels: Sequence[int]) -> Codes:
        """Return the positions whose hash falls to the same place as a label's."""
        hashes = np.zeros(len(self._codes[0]), dtype=np.uint32)
        position = 0
        for number, block in enumerate(self._blocks):
            mine = levels[position : position + len(block.columns)]
            hashes = hashes + self._hash(number, block, tuple(mine), position)
            position += len(block.columns)
        shift = np.uint32(32 - min(max((16 * len(labels)).bit_length(), 10), 22))
        wanted = np.zeros(1 << (32 - int(shift)), dtype=np.bool_)
        wanted[_hash_of(labels, 0) >> shift] = True
        return np.flatnonzero(wanted[(hashes >> shift).astype(np.int64)])

    def _hash(self, number: int, block: Block, levels: tuple[int, ...], position: int) -> Hashes:
        level = int(np.ravel_multi_index(levels, block.shape))
        if (number, level) not in self._hashes:
            hashes = _hash_of(block.nodes(levels), position)
            self._hashes[number, level] = hashes[self._codes[number]]
        return self._hashes[number, level]

    def _close(self, found: Codes, first: Codes) -> None:
        self.first[self._rows[found]] = first
        self._open[found] = False
        self.left -= len(found)
        if self.left < (1 - GONE) * len(self._rows):
            self._rows = self._rows[self._open]
            self._codes = [code[self._open] for code in self._codes]
            self._open = np.ones(self.left, dtype=np.bool_)
            self._hashes.clear()


def _hash_of(nodes: Codes, position: int) -> Hashes:
    """Return the summed hashes of node numbers; the first column is the table's `position`-th."""
    total = np.zeros(len(nodes), dtype=np.uint32)
    for offset, column in enumerate(nodes.T, start=position + 1):
        total += mixed(column + (offset * 0x1E3779B9 & 0x7FFFFFFF))
    return total
