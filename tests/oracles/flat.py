"""What a recoded flat file has to be, said again in plain Python: rows are tuples of labels."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from pathlib import Path

from oracles.plain import Ladder, Row

OTHER = "other"
MISSING = "(missing)"


def read_ladder(path: Path, separator: str = ";") -> Ladder:
    """Read a hierarchy's lines."""
    with path.open(encoding="utf-8", newline="") as lines:
        return Ladder(tuple(tuple(row) for row in csv.reader(lines, delimiter=separator)))


def read_rows(path: Path, columns: Sequence[str], separator: str = ";") -> list[Row]:
    """Read some columns of a CSV file; an empty cell is a missing value."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows = csv.DictReader(lines, delimiter=separator)
        return [tuple(row[name] or None for name in columns) for row in rows]


@dataclass(frozen=True)
class Worst:
    """Of the sensitive values of the worst class; a missing one counts for t alone."""

    distinct: int
    entropy: float
    t: float
    share: float


def classes(rows: Sequence[Row], width: int) -> dict[Row, list[Row]]:
    """Group rows by their first columns."""
    found: dict[Row, list[Row]] = {}
    for row in rows:
        found.setdefault(row[:width], []).append(row[width:])
    return found


def worst(rows: Sequence[Row], width: int, before: Sequence[str | None]) -> Worst:
    """Look at every class; before: the sensitive values of the whole input."""
    groups = [[row[0] for row in group] for group in classes(rows, width).values()]
    whole = _shares(before)
    known = [_shares([value for value in group if value is not None]) for group in groups]
    return Worst(
        distinct=min(len(shares) for shares in known),
        entropy=min(
            math.exp(-sum(float(share) * math.log(share) for share in shares.values()))
            for shares in known
        ),
        t=max(_apart(_shares(group), whole) for group in groups),
        share=float(max(max(shares.values(), default=0) for shares in known)),
    )


def _shares(values: Sequence[str | None]) -> dict[str | None, Fraction]:
    return {value: Fraction(people, len(values)) for value, people in Counter(values).items()}


def _apart(one: Mapping[str | None, Fraction], another: Mapping[str | None, Fraction]) -> float:
    values = one.keys() | another.keys()
    none = Fraction(0)
    return float(sum(abs(one.get(value, none) - another.get(value, none)) for value in values) / 2)


def full_domain_losses(
    rows: Sequence[Row], people: int, ladders: Sequence[Ladder], levels: Sequence[int]
) -> list[Fraction]:
    """Return the loss of each column; people who are not in the rows, or `other`, lost all."""
    losses = []
    for position, (ladder, level) in enumerate(zip(ladders, levels, strict=True)):
        said = [row[position] for row in rows if row[position] != OTHER]
        kept = sum(ladder.loss(label, level) for label in said)
        losses.append((kept + people - len(said)) / Fraction(people))
    return losses


def multidimensional_losses(
    rows: Sequence[Row], people: int, ladders: Sequence[Ladder]
) -> list[Fraction]:
    """Return the loss of each column from a column a level, empty below the level of a row."""
    losses, start = [], 0
    for ladder in ladders:
        said = [row[start : start + ladder.top] for row in rows]
        start += ladder.top
        kept = sum(_of_levels(ladder, labels) for labels in said if OTHER not in labels)
        absent = people - sum(OTHER not in labels for labels in said)
        losses.append((kept + absent) / Fraction(people))
    return losses


def _of_levels(ladder: Ladder, labels: Row) -> Fraction:
    level = next((level for level, label in enumerate(labels) if label is not None), ladder.top)
    if level == ladder.top:
        return Fraction(1)
    label = None if labels[level] == MISSING else labels[level]
    # What is said on one level says what stands on those above it.
    for above in range(level + 1, ladder.top):
        up = ladder.up(label, level, above)
        assert labels[above] == (MISSING if up is None else up)
    return ladder.loss(label, level)


def recodings(
    rows: Sequence[Row], ladders: Sequence[Ladder], k: int
) -> Iterator[tuple[tuple[int, ...], Fraction, Fraction]]:
    """Yield each choice of levels with the share suppressed at k, and its mean loss."""
    for levels in product(*(range(ladder.top + 1) for ladder in ladders)):
        recoded = [
            tuple(
                ladder.up(leaf, 0, level)
                for ladder, leaf, level in zip(ladders, row, levels, strict=True)
            )
            for row in rows
        ]
        sizes = Counter(recoded)
        kept = [row for row in recoded if sizes[row] >= k]
        losses = full_domain_losses(kept, len(rows), ladders, levels)
        suppressed = Fraction(len(rows) - len(kept), len(rows))
        yield levels, suppressed, sum(losses, Fraction(0)) / len(losses)
