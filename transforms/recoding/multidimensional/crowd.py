"""Combinations that have no region yet, and which groups of them a node of the lattice makes.

Groups are found without sorting: people are counted in a table of hashed places. A place of fewer
than k people holds no group of k, which rules out nearly all; a place of more holds one group, or
several that fell together, and those few are told apart exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.hierarchy import Codes
from transforms.histogram import distinct
from transforms.recoding.multidimensional.lattice import Block, Floats, Hashes, Node

PLACES = 8
"""Hashed places for each k people: more of them keep groups apart, fewer are read sooner."""
FEWEST_PLACES, MOST_PLACES = 8, 22
"""As powers of two."""
GONE = 0.1
"""Combinations are forgotten once so many of them have a region."""


@dataclass(frozen=True)
class Groups:
    """Groups of at least k people.

    members: (m,) positions in the crowd; of: (m,) the group of each; first: (g,) one member of
    each; loss: (g,) what its label loses.
    """

    members: Codes
    of: Codes
    first: Codes
    loss: Floats

    def only(self, these: npt.NDArray[np.bool_]) -> Groups:
        """Return some of the groups."""
        kept = these[self.of]
        number = np.cumsum(these) - 1
        return Groups(
            self.members[kept], number[self.of[kept]], self.first[these], self.loss[these]
        )


class Crowd:
    """The combinations without a region; shrinks."""

    def __init__(self, blocks: Sequence[Block], people: Codes, k: int) -> None:
        self._blocks, self._k = blocks, k
        self._people = people.astype(np.float64)
        self._codes = [block.code for block in blocks]
        self._hashes: dict[tuple[int, int], Hashes] = {}
        self._gone = 0
        self.rows = np.arange(len(people))
        self.total = int(people.sum())
        self.least_losses = self._least_losses()

    def groups(self, node: Node) -> Groups | None:
        """Return the groups of k that a node makes; None where there is none, now and for good."""
        hashes = [self._hash(*part) for part in enumerate(node)]
        bits = self._bits()
        place = (_summed(hashes) >> np.uint32(32 - bits)).astype(np.int64)
        crowded = np.bincount(place, self._people, 1 << bits) >= self._k
        crowded_places = np.flatnonzero(crowded)
        if not len(crowded_places):
            return None
        members = np.flatnonzero(crowded[place])
        members = members[self._people[members] > 0]
        number = np.empty(1 << bits, dtype=np.int64)
        number[crowded_places] = np.arange(len(crowded_places))
        return self._told_apart(node, hashes, members, number[place[members]])

    def _told_apart(
        self, node: Node, hashes: Sequence[Hashes], members: Codes, of: Codes
    ) -> Groups | None:
        """Return the groups of k among members that share hashed places."""
        first = np.empty(int(of.max()) + 1, dtype=np.int64)
        first[of] = members
        another = np.zeros(len(members), dtype=np.bool_)
        for hashed in hashes:
            another |= hashed[members] != hashed[first[of]]
        groups = Groups(members, of, first, self._loss(node, first))
        if not another.any():
            return groups
        mixed = np.zeros(len(first), dtype=np.bool_)
        mixed[of[another]] = True
        told = self._exact(node, members[mixed[of]])
        pure = groups.only(~mixed)
        both = Groups(
            np.concatenate([pure.members, told.members]),
            np.concatenate([pure.of, told.of + len(pure.first)]),
            np.concatenate([pure.first, told.first]),
            np.concatenate([pure.loss, told.loss]),
        )
        return both if len(both.first) else None

    def _exact(self, node: Node, members: Codes) -> Groups:
        """Return the groups of k among these members, whatever their hashes."""
        codes = np.stack(
            [
                block.groups[level][code[members]]
                for block, level, code in zip(self._blocks, node, self._codes, strict=True)
            ],
            axis=1,
        )
        first, of = distinct(codes)
        groups = Groups(members, of, members[first], self._loss(node, members[first]))
        return groups.only(np.bincount(of, self._people[members]) >= self._k)

    def close(self, groups: Groups) -> bool:
        """Take the groups' members out; say whether what is left was brought up to date."""
        self.total -= int(self._people[groups.members].sum())
        self._people[groups.members] = 0
        self._gone += len(groups.members)
        if self._gone <= GONE * len(self.rows):
            return False
        self._compact()
        return True

    def _compact(self) -> None:
        kept = self._people > 0
        self.rows, self._people = self.rows[kept], self._people[kept]
        self._codes = [code[kept] for code in self._codes]
        self._hashes.clear()
        self._gone = 0
        self.least_losses = self._least_losses()

    def _least_losses(self) -> list[Floats]:
        """Return for each block, and level of it, the least loss of a group of k.

        A group of all columns lies in a group of each block: their sum bounds a label's loss.
        """
        return [
            block.least_losses(self._by_leaves(part), self._k)
            for part, block in enumerate(self._blocks)
        ]

    def _by_leaves(self, part: int) -> Floats:
        """Return the people of each leaf combination of a block."""
        counted = np.bincount(self._codes[part], self._people, len(self._blocks[part].leaves))
        return counted.astype(np.float64)

    def level_losses(self, part: int) -> list[list[float]]:
        """Return for each column of a block everybody's loss on each of its levels."""
        block = self._blocks[part]
        people = self._by_leaves(part)
        return [
            [float(losses[leaves] @ people) for losses in column.losses]
            for column, leaves in zip(block.columns, block.leaves.T, strict=True)
        ]

    def _loss(self, node: Node, members: Codes) -> Floats:
        losses = np.zeros(len(members))
        for block, level, code in zip(self._blocks, node, self._codes, strict=True):
            losses += block.losses[level][code[members]]
        return losses

    def _hash(self, block: int, level: int) -> Hashes:
        """Return the hash of each combination's group in a block."""
        if (block, level) not in self._hashes:
            hashes = self._blocks[block].hashes[level]
            self._hashes[block, level] = hashes[self._codes[block]]
        return self._hashes[block, level]

    def _bits(self) -> int:
        """Return how many bits number the hashed places."""
        return min(max(int(self.total * PLACES / self._k).bit_length(), FEWEST_PLACES), MOST_PLACES)


def _summed(hashes: Sequence[Hashes]) -> Hashes:
    total = hashes[0]
    for hashed in hashes[1:]:
        total = total + hashed
    return total
