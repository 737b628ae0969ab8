"""Regions again, in plain Python and by their definition, without transforms.

A label is a row of nodes, a node its level and what it is called there; None is a missing value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product

from oracles.plain import Counts, Ladder, Row

Node = tuple[int, str | None]
Label = tuple[Node, ...]


def covers(label: Label, leaves: Row, ladders: Sequence[Ladder]) -> bool:
    """Say whether each leaf lies below the label's node."""
    return all(
        ladder.up(leaf, 0, level) == name
        for ladder, leaf, (level, name) in zip(ladders, leaves, label, strict=True)
    )


def first_of(leaves: Row, labels: Sequence[Label], ladders: Sequence[Ladder]) -> int:
    """Return the first label that covers a row; as many as there are: none."""
    return next(
        (place for place, label in enumerate(labels) if covers(label, leaves, ladders)),
        len(labels),
    )


def sizes(people: Counts, labels: Sequence[Label], ladders: Sequence[Ladder]) -> Mapping[int, int]:
    """Return the people of each label that has any."""
    counted: dict[int, int] = {}
    for leaves, number in people.items():
        place = first_of(leaves, labels, ladders)
        counted[place] = counted.get(place, 0) + number
    return counted


def loss(label: Label, ladders: Sequence[Ladder]) -> Fraction:
    """Return what a label loses, over all its columns."""
    return sum(
        (ladder.loss(name, level) for ladder, (level, name) in zip(ladders, label, strict=True)),
        Fraction(),
    )


def total_loss(people: Counts, labels: Sequence[Label], ladders: Sequence[Ladder]) -> Fraction:
    """Return what everybody loses; without a label everything."""
    all_of_them = [*(loss(label, ladders) for label in labels), Fraction(len(ladders))]
    return sum(
        (
            number * all_of_them[first_of(leaves, labels, ladders)]
            for leaves, number in people.items()
        ),
        Fraction(),
    )


def cheapest(people: Counts, k: int, ladders: Sequence[Ladder]) -> Fraction | None:
    """Return the least loss of a label that covers k people; None: none does."""
    least = None
    for levels in product(*(range(ladder.top + 1) for ladder in ladders)):
        gathered: dict[Label, int] = {}
        for leaves, number in people.items():
            label = _label(leaves, levels, ladders)
            gathered[label] = gathered.get(label, 0) + number
        losses = [loss(label, ladders) for label, number in gathered.items() if number >= k]
        least = min([*losses, *([] if least is None else [least])], default=None)
    return least


def ways_to_take_in(
    people: Counts, labels: Sequence[Label], ladders: Sequence[Ladder]
) -> Iterator[Sequence[Label]]:
    """Yield the lists in which one label is out, and its join with those left over at the end."""
    left = [leaves for leaves in people if first_of(leaves, labels, ladders) == len(labels)]
    for place, label in enumerate(labels):
        joined = tuple(
            _above(node, [leaves[column] for leaves in left], ladders[column])
            for column, node in enumerate(label)
        )
        yield [*labels[:place], *labels[place + 1 :], joined]


def _label(leaves: Row, levels: Sequence[int], ladders: Sequence[Ladder]) -> Label:
    return tuple(
        (level, ladder.up(leaf, 0, level))
        for ladder, leaf, level in zip(ladders, leaves, levels, strict=True)
    )


def _above(node: Node, leaves: Sequence[str | None], ladder: Ladder) -> Node:
    level, name = node
    for higher in range(level, ladder.top + 1):
        lifted = ladder.up(name, level, higher)
        if all(ladder.up(leaf, 0, higher) == lifted for leaf in leaves):
            return higher, lifted
    raise AssertionError
