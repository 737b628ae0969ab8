"""Leave out classes of fewer than k people, without leaving a hole of fewer than k.

k-anonymity by suppression (Samarati 2001). A class is left out whole, whatever the sensitive
values in it, so that nobody is left out because of a value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transforms.hierarchy import Codes
from transforms.histogram import totals
from transforms.risk.classes import Cells, nested


def suppress(cells: Cells, k: int, known_sums: Sequence[tuple[str, ...]]) -> npt.NDArray[np.bool_]:
    """Return which classes stay.

    known_sums: sets of columns whose groups somebody can count elsewhere (another table of the
    release; `()` is the grand total). Where the people left out of such a group are fewer than k,
    their number, taken from the difference, would single them out: the smallest class of the
    group goes with them.
    """
    return _kept(cells.classes, cells.quasi_identifiers, cells.sizes, k, known_sums)


def _kept(
    classes: Codes,
    columns: tuple[str, ...],
    sizes: Codes,
    k: int,
    known_sums: Sequence[tuple[str, ...]],
) -> npt.NDArray[np.bool_]:
    kept = sizes >= k
    for known in known_sums:
        group = nested(classes, columns, known)
        # Whom the other table leaves out nobody must find here: what both leave out is a hole too.
        coarser = [other for other in known_sums if set(other) < set(known)]
        first = np.unique(group, return_index=True)[1]
        picked = [columns.index(name) for name in known]
        there = _kept(classes[first][:, picked], known, totals(group, sizes), k, coarser)
        kept = _without_holes(sizes, k, kept & there[group], group)
    return kept


def _without_holes(
    sizes: Codes, k: int, kept: npt.NDArray[np.bool_], group: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    if not len(group):
        return kept
    groups = int(group.max()) + 1
    left_out = totals(group, np.where(kept, 0, sizes), groups)
    holes = (left_out > 0) & (left_out < k)
    candidates = np.flatnonzero(kept & holes[group])
    # Smallest first; classes stand in the order of their codes, so ties fall the same way always.
    by_size = candidates[np.argsort(sizes[candidates], kind="stable")]
    _, first = np.unique(group[by_size], return_index=True)
    closed = kept.copy()
    closed[by_size[first]] = False
    return closed
