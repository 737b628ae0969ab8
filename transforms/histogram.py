"""The histogram of people over combinations of attributes: all that a recoding needs to know.

Once people are counted, nobody is left: the histogram has no key, no row and no order of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms.hierarchy import Codes

DIRECT_SPACE = 16
"""Up to this many possible combinations a row a table of positions beats a sort."""


@dataclass(frozen=True)
class Histogram:
    """How many people share each combination of codes.

    columns: c attribute names; codes: (n, c) node codes, rows distinct; people: (n,) counts.
    """

    columns: tuple[str, ...]
    codes: Codes
    people: Codes

    @property
    def total(self) -> int:
        """Everybody counted."""
        return int(self.people.sum())

    @property
    def content(self) -> str:
        """SHA-256 of the counts, whatever the order of the rows."""
        rows = np.column_stack([self.codes, self.people])
        ordered = rows[np.lexsort(rows.T[::-1])] if len(rows) else rows
        named = "\n".join(self.columns).encode()
        return hashlib.sha256(named + b"\0" + ordered.astype("<i8").tobytes()).hexdigest()

    def only(self, columns: Sequence[str]) -> Histogram:
        """Return the histogram over some of the columns."""
        picked = self.codes[:, [self.columns.index(name) for name in columns]]
        first, group = distinct(picked)
        return Histogram(tuple(columns), picked[first], totals(group, self.people))


def histogram(people: pl.DataFrame, columns: Sequence[str]) -> Histogram:
    """Count the people of each combination of leaf codes; one row is one person."""
    names = list(columns)
    counted = people.lazy().group_by(names).agg(pl.len().alias("people")).sort(names).collect()
    return Histogram(
        tuple(columns),
        counted.select(pl.col(list(columns)).cast(pl.Int64)).to_numpy(),
        counted.get_column("people").cast(pl.Int64).to_numpy(),
    )


def totals(group: Codes, people: Codes, groups: int | None = None) -> Codes:
    """Return the people of each group."""
    size = 0 if groups is None else groups
    # bincount adds in floating point, exact up to 2**53 people.
    return np.bincount(group, weights=people, minlength=size).astype(np.int64)


def distinct(codes: Codes) -> tuple[Codes, Codes]:
    """Return one row number for each distinct row of codes, and the group of each row.

    Groups are numbered in lexicographic order of their codes. Rows are compared as mixed-radix
    integers, re-ranked before they could overflow 64 bits.
    """
    if codes.shape[1] == 0:
        return np.zeros(min(1, len(codes)), dtype=np.int64), np.zeros(len(codes), dtype=np.int64)
    key, space = codes[:, 0], _space(codes[:, 0])
    for column in codes.T[1:]:
        radix = _space(column)
        if space * radix >= 2**62:
            _, key = _rank(key, space)
            space = _space(key)
        key, space = key * radix + column, space * radix
    return _rank(key, space)


def _space(codes: Codes) -> int:
    return int(codes.max()) + 1 if len(codes) else 1


def _rank(key: Codes, space: int) -> tuple[Codes, Codes]:
    """Return the first position of each distinct key in ascending order, and each key's rank."""
    if space > DIRECT_SPACE * len(key):
        _, first, rank = np.unique(key, return_index=True, return_inverse=True)
        return first, rank
    position = np.full(space, -1, dtype=np.int64)
    position[key[::-1]] = np.arange(len(key) - 1, -1, -1)
    used = position >= 0
    rank = np.cumsum(used) - 1
    return position[used], rank[key]
