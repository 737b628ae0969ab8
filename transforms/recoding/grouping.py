"""Which combinations become one class at given levels: the inner loop of the full-domain search.

Columns are packed into a few blocks of a few ten thousand different sub-combinations each. What a
block becomes at given levels is worked out once, for its sub-combinations alone; a combination's
key is then one look-up a block instead of one a column.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from transforms.errors import PolicyError
from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram, distinct

BLOCK = 65_536
"""The most sub-combinations of a block: its look-up table stays in a core's cache."""

DIRECT = 8
"""Up to so many possible keys a combination a table of sums beats a sort."""

LARGEST_LATTICE = 2_000_000
MOST_COLUMNS = 30

Node = tuple[int, ...]
"""A level for each column."""
Keys = npt.NDArray[np.int64]


def lattice_size(tops: Node) -> int:
    """Return how many recodings there are; raises PolicyError where memory is too small for them.

    tops: the coarsest level of each column.
    """
    size = math.prod(top + 1 for top in tops)
    if size > LARGEST_LATTICE or len(tops) > MOST_COLUMNS:
        raise PolicyError(
            f"{size:,} recodings of {len(tops)} columns are too many to search (at most "
            f"{LARGEST_LATTICE:,} and {MOST_COLUMNS}): take quasi-identifiers out of the table, or "
            f"levels out of their hierarchies"
        )
    return size


@dataclass(frozen=True)
class _Block:
    """Some columns. parts: (p, b) their different leaf codes; of: (n,) each combination's part."""

    columns: Sequence[int]
    parts: Codes
    of: npt.NDArray[np.int32]
    hierarchies: Sequence[Hierarchy]
    known: dict[Node, tuple[Keys, int]] = field(default_factory=dict)

    def keys(self, levels: Node) -> tuple[Keys, int]:
        """Return the dense key of each part at these levels, and how many keys there are."""
        if levels not in self.known:
            nodes = np.stack(
                [
                    hierarchy.node_tables[level][self.parts[:, position]]
                    for position, (hierarchy, level) in enumerate(
                        zip(self.hierarchies, levels, strict=True)
                    )
                ],
                axis=1,
            )
            first, group = distinct(nodes)
            self.known[levels] = group, len(first)
        return self.known[levels]


class Grouping:
    """The classes of a histogram's combinations at any levels of its columns."""

    def __init__(self, combinations: Histogram, hierarchies: Mapping[str, Hierarchy]) -> None:
        self._people = combinations.people
        used = [hierarchies[name] for name in combinations.columns]
        self._blocks = list(_blocks(combinations.codes, used))

    def keys(self, node: Node) -> tuple[Keys, int]:
        """Return a number for each combination, equal in a class, and a bound of the numbers."""
        key, space = np.zeros(len(self._people), dtype=np.int64), 1
        for block in self._blocks:
            table, radix = block.keys(tuple(node[column] for column in block.columns))
            if space * radix >= 2**62:
                _, key = np.unique(key, return_inverse=True)
                space = int(key.max()) + 1
            if radix > 1:
                key = table[block.of] + key * radix if space > 1 else table[block.of]
                space *= radix
        return key, space

    def sizes(self, node: Node) -> tuple[Codes, Keys]:
        """Return the people of each class (0: no class), and the class of each combination."""
        key, space = self.keys(node)
        if space > DIRECT * len(key):
            first, key = distinct(key[:, None])
            space = len(first)
        return np.bincount(key, weights=self._people, minlength=space).astype(np.int64), key


class RowsOf:
    """The rows of a histogram that have each combination of some of its columns."""

    def __init__(self, of: Codes, combinations: int) -> None:
        """Take the combination of each row, and how many there are."""
        self._rows = np.argsort(of, kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=combinations))])

    def of(self, members: Codes, group: Codes) -> tuple[Codes, Codes]:
        """Return the rows of some combinations, and the group of each row."""
        lengths = self._starts[members + 1] - self._starts[members]
        before = np.cumsum(lengths) - lengths
        at = np.arange(int(lengths.sum())) + np.repeat(self._starts[members] - before, lengths)
        return self._rows[at], np.repeat(group, lengths)


def _blocks(codes: Codes, hierarchies: Sequence[Hierarchy]) -> list[_Block]:
    """Pack the columns, the largest first, each into the fullest block that has room for it."""
    leaves = [len(hierarchy.leaves) + 1 for hierarchy in hierarchies]
    packed: list[list[int]] = []
    room: list[int] = []
    for column in sorted(range(len(leaves)), key=lambda column: -leaves[column]):
        fits = [block for block in range(len(packed)) if room[block] >= leaves[column]]
        if fits:
            best = min(fits, key=lambda block: room[block])
        else:
            best = len(packed)
            packed.append([])
            room.append(max(BLOCK, leaves[column]))
        packed[best].append(column)
        room[best] //= leaves[column]
    return [_block(codes, columns, hierarchies) for columns in packed]


def _block(codes: Codes, columns: Sequence[int], hierarchies: Sequence[Hierarchy]) -> _Block:
    picked = codes[:, list(columns)]
    first, of = distinct(picked)
    return _Block(columns, picked[first], of.astype(np.int32), [hierarchies[c] for c in columns])
