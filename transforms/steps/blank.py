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

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import distinct, totals
from transforms.risk.classes import Cells
from transforms.risk.criteria import Criterion, Mask, Values, shares_of_values

SMALLEST_PARENT_GROUP = 3


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
    tells: Tells,
    hierarchies: Mapping[str, Hierarchy],
    sensitive: Hierarchy,
) -> Blanked:
    """Decide how many people of each cell are published with their value.

    Blanking a group changes what the table as a whole shows, which t-closeness compares with: it
    is looked at again until nothing fails.
    """
    shown = show(cells, kept, k)
    shows = kept & shows_a_value(cells, k)
    source, table = in_source(cells, sensitive), in_table(cells, kept, shown, sensitive)
    failing = shows & tells_too_much(source, table, tells)
    group = parent_groups(cells, kept, hierarchies) if failing.any() else np.zeros_like(cells.sizes)
    while failing.any():
        blanked = kept & np.isin(group, group[failing])
        shown = np.where(blanked[cells.of], 0, shown)
        failing = kept & (totals(cells.of, shown, len(kept)) > 0)
        failing &= _broken(tells.table, in_table(cells, kept, shown, sensitive))
    return Blanked(kept, shown)


def show(cells: Cells, kept: Mask, k: int) -> Codes:
    """Return how many people of each cell show their value, as far as their number is concerned."""
    visible = kept[cells.of] & (cells.people >= k) & (cells.value != cells.null)
    return _fill_short_blanks(cells, kept, np.where(visible, cells.people, 0), k)


def tells_too_much(source: Values, table: Values, tells: Tells) -> Mask:
    """Return the classes that break a criterion, in the source or in the table."""
    return _broken(tells.source, source) | _broken(tells.table, table)


@dataclass(frozen=True)
class Tells:
    """What no class may tell: by its values in the source, and by what the table shows of them."""

    source: tuple[Criterion, ...]
    table: tuple[Criterion, ...]


def in_source(cells: Cells, sensitive: Hierarchy) -> Values:
    """Return the values of each class as the source has them.

    A missing value is none: who knows that somebody has an income would read it off a class whose
    other incomes are all missing.
    """
    everybody = shares_of_values(cells.value, cells.people, sensitive, cells.level)
    return Values(
        of=cells.of,
        value=cells.value,
        people=cells.people,
        classes=len(cells.sizes),
        hierarchy=sensitive,
        level=cells.level,
        everybody=everybody,
        null=cells.null,
    )


def in_table(cells: Cells, kept: Mask, shown: Codes, sensitive: Hierarchy) -> Values:
    """Return the values of each class as the table shows them: a blank is one more value.

    Compared is with the classes that show anything; the others have no values here.
    """
    at = np.flatnonzero(shown)
    telling = np.bincount(cells.of[at], minlength=len(kept)) > 0
    hidden = np.where(telling, Blanked(kept, shown).hidden(cells), 0)
    blank_at = np.flatnonzero(hidden)
    of = np.concatenate([cells.of[at], blank_at])
    value = np.concatenate([cells.value[at], np.full(len(blank_at), cells.null)])
    people = np.concatenate([shown[at], hidden[blank_at]])
    return Values(
        of=of,
        value=value,
        people=people,
        classes=len(kept),
        hierarchy=sensitive,
        level=cells.level,
        everybody=shares_of_values(value, people, sensitive, cells.level),
        null=-1,
    )


def _broken(criteria: tuple[Criterion, ...], values: Values) -> Mask:
    broken = np.zeros(values.classes, dtype=bool)
    for criterion in criteria:
        broken |= criterion.failing(values)
    return broken


def shows_a_value(cells: Cells, k: int) -> Mask:
    """Return the classes with a value of k and more people; the others show none anyway."""
    common = (cells.people >= k) & (cells.value != cells.null)
    shows: Mask = np.bincount(cells.of[common], minlength=len(cells.sizes)) > 0
    return shows


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


def parent_groups(cells: Cells, kept: Mask, hierarchies: Mapping[str, Hierarchy]) -> Codes:
    """Return the group of each kept class (-1 for others): at least three classes, near each other.

    The groups come from the classes alone, never from a sensitive value, and every member of one
    is blanked with the same right: which of them failed cannot be told. On each step up classes
    of one parent that are in no group yet form one, if they are three.
    """
    group = np.full(len(cells.sizes), -1, dtype=np.int64)
    for parent in _ever_coarser(cells, hierarchies):
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


def _ever_coarser(cells: Cells, hierarchies: Mapping[str, Hierarchy]) -> Iterator[Codes]:
    """Yield each class's group as one column after the other, the last first, goes up a level.

    A column goes up to a level at least: its nodes may stand on several.
    """
    used = [hierarchies[name] for name in cells.quasi_identifiers]
    classes = cells.classes.copy()
    at = [
        int(hierarchy.node_levels[column].min())
        for hierarchy, column in zip(used, classes.T, strict=True)
    ]
    while any(level < hierarchy.top for level, hierarchy in zip(at, used, strict=True)):
        for position, hierarchy in reversed(list(enumerate(used))):
            if at[position] < hierarchy.top:
                at[position] += 1
                classes[:, position] = hierarchy.lifted[at[position]][classes[:, position]]
                yield distinct(classes)[1]
