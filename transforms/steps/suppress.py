"""Leave out classes of fewer than k people, without leaving a hole of fewer than k.

k-anonymity by suppression (Samarati 2001). A class is left out whole, whatever the sensitive
values in it, so that nobody is left out because of a value.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transforms.histogram import totals
from transforms.risk.classes import Cells, nested


def suppress(cells: Cells, k: int, known_sums: Sequence[tuple[str, ...]]) -> npt.NDArray[np.bool_]:
    """Return which classes stay.

    known_sums: sets of columns whose groups somebody can count elsewhere (another table of the
    release; `()` is the grand total). Where the people left out of such a group are fewer than k,
    their number, taken from the difference, would single them out: the smallest class of the
    group goes with them.
    """
    kept = cells.sizes >= k
    for columns in known_sums:
        kept = _without_holes(
            cells, k, kept, nested(cells.classes, cells.quasi_identifiers, columns)
        )
    return kept


def _without_holes(
    cells: Cells, k: int, kept: npt.NDArray[np.bool_], group: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    if not len(group):
        return kept
    groups = int(group.max()) + 1
    left_out = totals(group, np.where(kept, 0, cells.sizes), groups)
    holes = (left_out > 0) & (left_out < k)
    candidates = np.flatnonzero(kept & holes[group])
    # Smallest first; classes stand in the order of their codes, so ties fall the same way always.
    by_size = candidates[np.argsort(cells.sizes[candidates], kind="stable")]
    _, first = np.unique(group[by_size], return_index=True)
    closed = kept.copy()
    closed[by_size[first]] = False
    return closed
