"""The last few people, too few for a region of their own, join one class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import Histogram, totals
from transforms.recoding.multidimensional.covering import finest_numbers
from transforms.recoding.multidimensional.lattice import Floats, node_numbers

PROMISING = 30
"""So many classes are tried as the one that takes in the last few people."""

Flags = npt.NDArray[np.bool_]
Accept = Callable[[Codes, Codes], Flags]
"""(m,) combinations (rows of the histogram) and the group 0..g-1 of each -> (g,) which groups may
be published as they are, beyond having k people."""


@dataclass(frozen=True)
class Classes:
    """The combinations by the label that covers them first.

    labels: (r, q) finest node numbers; of: (n,) the label of each combination, r: none.
    """

    combinations: Histogram
    hierarchies: Sequence[Hierarchy]
    weights: Sequence[float]
    labels: Codes
    of: Codes

    @cached_property
    def people(self) -> Codes:
        """How many people each label has, those without one last."""
        return totals(self.of, self.combinations.people, len(self.labels) + 1)

    @cached_property
    def loss(self) -> Floats:
        """What each label loses."""
        return self.loss_of(self.labels)

    @cached_property
    def left(self) -> Codes:
        """The combinations that no label covers."""
        return np.flatnonzero(self.of == len(self.labels))

    def loss_of(self, labels: Codes) -> Floats:
        """Return what labels lose."""
        losses = np.zeros(len(labels))
        for hierarchy, weight, numbers in zip(
            self.hierarchies, self.weights, labels.T, strict=True
        ):
            losses += hierarchy.node_losses[numbers] * weight
        return losses

    @cached_property
    def joined(self) -> Codes:
        """Each label joined with all that is left: lowest common nodes."""
        left = self.combinations.codes[self.left]
        return np.stack(
            [
                _joined(hierarchy, numbers, leaves)
                for hierarchy, numbers, leaves in zip(
                    self.hierarchies, self.labels.T, left.T, strict=True
                )
            ],
            axis=1,
        )


@dataclass(frozen=True)
class _Move:
    """A label is taken out of the list, and joined with what is left it comes back at the end.

    rows: the combinations that move; to: the label of each then, r: the joined one.
    """

    label: int
    rows: Codes
    to: Codes
    loss: float


def take_in_what_is_left(classes: Classes, k: int, accept: Accept | None) -> Codes:
    """Return the labels with one of them widened, and last, so that everybody has a class.

    The one for which the loss rises least, among the most promising. As they are where nobody is
    left, and where no class may take them in.
    """
    if not len(classes.left) or not len(classes.labels):
        return classes.labels
    joined_loss = classes.loss_of(classes.joined)
    people, left = classes.people[:-1], int(classes.people[-1])
    at_most = (people + left) * joined_loss - people * classes.loss
    # The last label's own people have nowhere else to go: with it nobody falls short.
    tried = {*np.argsort(at_most, kind="stable")[:PROMISING].tolist(), len(people) - 1}
    moves = (_move(classes, label, float(joined_loss[label])) for label in sorted(tried))
    possible = [move for move in moves if _holds(classes, move, k, accept)]
    if not possible:
        return classes.labels
    best = min(possible, key=lambda move: move.loss)
    others = np.delete(classes.labels, best.label, axis=0)
    return np.concatenate([others, classes.joined[best.label][None]])


def _move(classes: Classes, label: int, joined_loss: float) -> _Move:
    members = np.flatnonzero(classes.of == label)
    later = classes.labels[label + 1 :]
    to = [
        _first_covering(classes.hierarchies, classes.combinations.codes[row], later)
        for row in members
    ]
    rows = np.concatenate([members, classes.left])
    goal = np.append(
        np.array(to, dtype=np.int64) + label + 1,
        np.full(len(classes.left), len(classes.labels)),
    )
    price = np.append(classes.loss, joined_loss)
    moved = totals(goal, classes.combinations.people[rows], len(price))
    loss = float(moved @ price - classes.people[label] * classes.loss[label])
    return _Move(label, rows, goal, loss)


def _holds(classes: Classes, move: _Move, k: int, accept: Accept | None) -> bool:
    """Say whether every class that grows or begins may be published."""
    joined = len(classes.labels)
    beginning = move.rows[move.to == joined]
    if classes.combinations.people[beginning].sum() < k:
        return False
    if accept is None:
        return True
    of = classes.of.copy()
    of[move.rows] = move.to
    members = np.flatnonzero(np.isin(of, move.to))
    _, group = np.unique(of[members], return_inverse=True)
    return bool(accept(members, group).all())


def _first_covering(hierarchies: Sequence[Hierarchy], leaves: Codes, labels: Codes) -> int:
    """Return the first label that covers a combination; as many as there are: none."""
    at = np.arange(len(labels))
    for hierarchy, leaf, numbers in zip(hierarchies, leaves, labels.T, strict=True):
        above = np.zeros(int(hierarchy.offsets[-1]), dtype=np.bool_)
        above[node_numbers(hierarchy)[:, leaf]] = True
        at = at[above[numbers[at]]]
    return int(at[0]) if len(at) else len(labels)


def _joined(hierarchy: Hierarchy, numbers: Codes, leaves: Codes) -> Codes:
    """Return the lowest node above each of these nodes and all of these leaves."""
    joined = np.zeros(len(numbers), dtype=np.int64)
    for level in reversed(range(len(hierarchy.levels))):
        above = np.unique(hierarchy.numbered[level][leaves])
        lifted = hierarchy.lifted[level][numbers]
        if len(above) == 1:
            joined = np.where(lifted == above[0], lifted, joined)
    return finest_numbers(hierarchy)[joined]
