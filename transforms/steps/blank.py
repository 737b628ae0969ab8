"""Hide sensitive values that too few people share, and whole groups where one value says it all.

Whole-row k: a published row, its sensitive value included, stands for at least k people. A value
of fewer becomes NULL, in its class alone. A class in which fewer than l values would show is never
blanked alone (its blank would say that it is homogeneous): its whole parent group of at least
three classes is. A class whose values are all rare shows none, and needs no company.
Nobody is left out because of a sensitive value: that would bias every statistic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import distinct, totals
from transforms.risk.classes import Cells

SMALLEST_PARENT_GROUP = 3

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Blanked:
    """What of each cell may show: `shown` people (n,) with their value, the rest without one."""

    kept: Mask
    shown: Codes

    def hidden(self, cells: Cells) -> Codes:
        """Return the people of each class that are published without a value."""
        of_class = totals(cells.of, self.shown, len(cells.sizes))
        return np.where(self.kept, cells.sizes - of_class, 0)


def blank(
    cells: Cells,
    kept: Mask,
    k: int,
    l: int,  # noqa: E741 - the literature's name
    hierarchies: Mapping[str, Hierarchy],
    levels: Mapping[str, int],
) -> Blanked:
    """Decide how many people of each cell are published with their value."""
    visible = kept[cells.of] & (cells.people >= k) & (cells.value != cells.null)
    shown = np.where(visible, cells.people, 0)
    shown = _fill_short_blanks(cells, kept, shown, k)
    failing = kept & _shows_a_value(cells, k) & _homogeneous(cells, shown, l)
    if failing.any():
        group = parent_groups(cells, kept, hierarchies, levels)
        blanked = kept & np.isin(group, group[failing])
        shown = np.where(blanked[cells.of], 0, shown)
    return Blanked(kept, shown)


def _diversity(cells: Cells, shown: Codes) -> Codes:
    """Return how many values a class shows, a blank counting as one more."""
    values = np.bincount(cells.of[shown > 0], minlength=len(cells.sizes))
    return values + (totals(cells.of, shown, len(cells.sizes)) < cells.sizes)


def _shows_a_value(cells: Cells, k: int) -> Mask:
    """Return the classes with a value of k and more people; the others show none anyway."""
    common = (cells.people >= k) & (cells.value != cells.null)
    shows: Mask = np.bincount(cells.of[common], minlength=len(cells.sizes)) > 0
    return shows


def _homogeneous(cells: Cells, shown: Codes, l: int) -> Mask:  # noqa: E741 - the literature's name
    """Return the classes of too few values, in the table or in the source.

    In the table a blank is one more value. In the source a missing value is none: who knows that
    somebody has an income would read it off a class whose other incomes are all missing.
    """
    known = np.bincount(cells.of[cells.value != cells.null], minlength=len(cells.sizes))
    homogeneous: Mask = (_diversity(cells, shown) < l) | (known < l)
    return homogeneous


def _fill_short_blanks(cells: Cells, kept: Mask, shown: Codes, k: int) -> Codes:
    """Where 1 to k-1 people of a class would be blank, blank more until they are k.

    They come from the commonest value if it stays at k or more (which of its people does not
    matter: within a class and value nobody can be told apart), else the rarest shown value goes
    whole. A class that shows a single value goes whole as well: the blank beside it would not
    make it diverse.
    """
    classes = len(cells.sizes)
    hidden = np.where(kept, cells.sizes - totals(cells.of, shown, classes), 0)
    short = (hidden > 0) & (hidden < k)
    at = np.flatnonzero((shown > 0) & short[cells.of])
    if not len(at):
        return shown
    # Cells of a class lie together, so sorting by count keeps the rarest first, the commonest last.
    order = at[np.lexsort((shown[at], cells.of[at]))]
    of, first, values = np.unique(cells.of[order], return_index=True, return_counts=True)
    rarest, commonest = order[first], order[first + values - 1]
    missing = k - hidden[of]
    spares = (shown[commonest] - missing >= k) & (values > 1)
    filled = shown.copy()
    filled[commonest[spares]] -= missing[spares]
    filled[rarest[~spares]] = 0
    return filled


def parent_groups(
    cells: Cells, kept: Mask, hierarchies: Mapping[str, Hierarchy], levels: Mapping[str, int]
) -> Codes:
    """Return the group of each kept class (-1 for others): at least three classes, near each other.

    The groups come from the classes alone, never from a sensitive value, and every member of one
    is blanked with the same right: which of them failed cannot be told. On each step up classes
    of one parent that are in no group yet form one, if they are three.
    """
    group = np.full(len(cells.sizes), -1, dtype=np.int64)
    for parent in _ever_coarser(cells, hierarchies, levels):
        alone = kept & (group < 0)
        siblings = np.bincount(parent[alone], minlength=int(parent.max()) + 1)
        forming = alone & (siblings[parent] >= SMALLEST_PARENT_GROUP)
        group[forming] = group.max() + 1 + parent[forming]
    left_over = kept & (group < 0)
    if left_over.any():
        grouped = group >= 0
        sizes = totals(group[grouped], cells.sizes[grouped])
        sizes = np.where(sizes > 0, sizes, np.iinfo(np.int64).max)
        group[left_over] = int(sizes.argmin()) if len(sizes) else 0
    return group


def _ever_coarser(
    cells: Cells, hierarchies: Mapping[str, Hierarchy], levels: Mapping[str, int]
) -> Iterator[Codes]:
    """Yield each class's group as one column after the other, the last first, goes up a level."""
    codes = cells.classes.copy()
    at = {name: levels[name] for name in cells.quasi_identifiers}
    while any(at[name] < hierarchies[name].top for name in at):
        for position, name in reversed(list(enumerate(cells.quasi_identifiers))):
            if at[name] < hierarchies[name].top:
                codes[:, position] = hierarchies[name].parents(at[name])[codes[:, position]]
                at[name] += 1
                yield distinct(codes)[1]
