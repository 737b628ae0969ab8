"""What each combination is published as: a function of its quasi-identifiers alone.

The same recoding is applied to whoever is there: to the people that it was chosen on, and to those
of later releases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from transforms.hierarchy import Codes, Hierarchy
from transforms.histogram import distinct
from transforms.recoding.multidimensional.regions import Regions, region_of


@dataclass(frozen=True)
class Levels:
    """A full-domain recoding: one level a column."""

    of: Mapping[str, int]


Recoding = Levels | Regions


def nodes_of(
    codes: Codes, columns: Sequence[str], recoding: Recoding, hierarchies: Mapping[str, Hierarchy]
) -> Codes:
    """Return the node numbers (n, q) that rows of leaf codes (n, q) are published as.

    columns: the names of the q columns; regions need all of theirs.
    """
    if isinstance(recoding, Levels):
        numbered = [
            hierarchies[name].numbered[recoding.of[name]][codes[:, position]]
            for position, name in enumerate(columns)
        ]
        return np.stack(numbered, axis=1)
    picked = codes[:, [columns.index(name) for name in recoding.columns]]
    first, combination = distinct(picked)
    nodes, _ = region_nodes(picked[first], recoding, hierarchies)
    return nodes[combination]


def region_nodes(
    codes: Codes, regions: Regions, hierarchies: Mapping[str, Hierarchy]
) -> tuple[Codes, Codes]:
    """Return node numbers (n, q) and region of each row of leaf codes; uncovered: `*`, the last."""
    coarsest = [[hierarchies[name].coarsest for name in regions.columns]]
    labels = np.vstack([regions.labels, np.array(coarsest, dtype=np.int64)])
    region = region_of(codes, regions, hierarchies)
    return labels[region], region


def ever_fewer(regions: Regions) -> Iterator[Regions]:
    """Yield the regions, then ever fewer of the first, down to none: the rest is one, `*`.

    For limits that the people left over by all regions break among themselves.
    """
    yield regions
    dropped = 1
    while dropped < 2 * len(regions.labels):
        yield Regions(regions.columns, regions.labels[: max(len(regions.labels) - dropped, 0)])
        dropped *= 2
