"""Draws from seeded generators: each returns an array, none loops over records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Stream(IntEnum):
    """What a generator is for: a new draw in one stream leaves the others as they were."""

    NUMBERING = 0
    PEOPLE = 1
    CIRCUMSTANCES = 2
    DOCUMENTS = 3
    ACCOUNTS = 4
    BALANCES = 5
    OUTSIDERS = 6
    PAYMENTS = 7
    COUNTERPARTIES = 8
    AMOUNTS = 9
    DETAILS = 10
    LOGINS = 11
    IDENTIFICATIONS = 12
    PAYEES = 13
    MANAGERS = 14
    APPLICATIONS = 15
    APPLICATION_FORMS = 16
    RELATIVES = 17
    LOANS = 18
    INSTALMENTS = 19
    PARTIES = 20
    DEBTS = 21
    DEBT_FILES = 22
    OTHER_PEOPLE = 23
    WORDS = 24
    CORRESPONDENCE = 25
    CALLS = 26
    VIDEOS = 27
    PREFERENCES = 28
    CONSENTS = 29


def generator(seed: int, chunk: int, stream: Stream) -> np.random.Generator:
    """Return the generator of one stream of one chunk."""
    return np.random.Generator(
        np.random.PCG64(np.random.SeedSequence(entropy=seed, spawn_key=(chunk, int(stream))))
    )


def chance(rng: np.random.Generator, probability: float | Floats, size: int) -> Bools:
    """Return true with the probability given."""
    return np.asarray(rng.random(size) < probability)


def weighted(rng: np.random.Generator, weights: npt.ArrayLike, size: int) -> Ints:
    """Return positions drawn in proportion to their weights."""
    steps = np.cumsum(np.asarray(weights, dtype=np.float64))
    return np.searchsorted(steps[:-1] / steps[-1], rng.random(size), side="right")


def weighted_by(rng: np.random.Generator, weights: npt.ArrayLike, group: Ints) -> Ints:
    """Return for each group number a position drawn by the weights in the group's row."""
    table = np.asarray(weights, dtype=np.float64)
    steps = np.cumsum(table, axis=1) / table.sum(axis=1, keepdims=True)
    # One sorted line of all the rows' steps: the row number is the whole part.
    line = (steps + np.arange(len(table))[:, None]).ravel()
    drawn = np.searchsorted(line, rng.random(len(group)) + group, side="right")
    return np.asarray(np.clip(drawn - group * table.shape[1], 0, table.shape[1] - 1))


def skewed(rng: np.random.Generator, count: int | Ints, size: int, power: float = 1.7) -> Ints:
    """Return positions below ``count``, the first ones far more often than the last."""
    return np.asarray(count * rng.random(size) ** power).astype(np.int64)


def repeated(count: Ints) -> tuple[Ints, Ints]:
    """Return each row number as often as its count says, and which of its times it is."""
    row = np.repeat(np.arange(len(count)), count)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)


@dataclass(frozen=True, slots=True)
class Numbering:
    """Unique numbers in no visible order for positions 0, 1, 2, ... below ``side`` squared.

    A Feistel network: each round moves one half of the position by an amount that hangs on the
    other half, so that no two positions meet.
    """

    lowest: int
    side: int
    moves: Ints

    def number(self, position: Ints) -> Ints:
        """Return the number of each position."""
        left, right = np.divmod(position, self.side)
        for move in self.moves:
            left, right = right, (left + move[right]) % self.side
        return np.asarray(self.lowest + left * self.side + right)


_ROUNDS: Final = 4


def numbering(rng: np.random.Generator, lowest: int, count: int) -> Numbering:
    """Return a numbering drawn at random, of the largest square within ``count``."""
    side = isqrt(count)
    return Numbering(lowest, side, rng.integers(0, side, (_ROUNDS, side)))
