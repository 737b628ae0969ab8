"""What a class may tell, by the definitions of the papers, in fractions, without transforms.

Distinct and entropy l-diversity: Machanavajjhala et al. 2007. t-closeness and its three ground
distances: Li, Li, Venkatasubramanian 2007. A class is a dict from values to people; None is a
missing value. The whole table is a dict of the same kind, of whoever is compared with.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import duckdb

from oracles.plain import Ladder

Values = Mapping[str | None, int]


def known(values: Values) -> dict[str, int]:
    """Return the people of each value that is known."""
    return {value: n for value, n in values.items() if value is not None and n}


def whole_of(classes: Sequence[Values]) -> dict[str | None, int]:
    """Return the people of each value in all classes together."""
    whole: Counter[str | None] = Counter()
    for values in classes:
        whole.update(values)
    return {value: n for value, n in whole.items() if n}


# -------------------------------------------------------------------------------------- diversity


def as_even_as(people: Collection[int], l: Fraction) -> bool:  # noqa: E741 - the literature's name
    """Say whether an entropy is at least log(l), in whole numbers.

    sum -p log p >= log l, times all people and out of the logarithm: N^N >= l^N prod n^n. No value
    at all is as even as one.
    """
    everybody = max(sum(people), 1)
    least = l**everybody * math.prod(n**n for n in people)
    even: bool = everybody**everybody >= least
    return even


def too_uneven(values: Values, l: Fraction) -> bool:  # noqa: E741 - the literature's name
    """Say whether a class's known values are less even than l equally frequent ones."""
    return not as_even_as(known(values).values(), l)


# -------------------------------------------------------------------------------------- distances


@dataclass(frozen=True)
class Scale:
    """Where values stand: a level of a hierarchy, in the order of its file."""

    ladder: Ladder
    level: int

    def order(self, whole: Values) -> list[str | None]:
        """Return the domain in its order; the missing value is its last, where there is any."""
        labels: list[str | None] = list(
            dict.fromkeys(line[self.level] for line in self.ladder.lines)
        )
        return [*labels, None] if whole.get(None, 0) else labels


def _extras(values: Values, whole: Values, order: Sequence[str | None]) -> list[Fraction]:
    """Return p - q for each value."""
    here, there = sum(values.values()), sum(whole.values())
    return [
        Fraction(values.get(value, 0), here) - Fraction(whole.get(value, 0), there)
        for value in order
    ]


def equal_distance(values: Values, whole: Values, scale: Scale) -> Fraction:
    """Return half the sum of |p - q|."""
    extras = _extras(values, whole, scale.order(whole))
    return sum((abs(extra) for extra in extras), Fraction()) / 2


def ordered_distance(values: Values, whole: Values, scale: Scale) -> Fraction:
    """Return the sum of |r_1 + ... + r_i| over i, divided by m - 1."""
    extras = _extras(values, whole, scale.order(whole))
    if len(extras) == 1:
        return Fraction(0)
    carried = [abs(sum(extras[: place + 1], Fraction())) for place in range(len(extras))]
    return sum(carried, Fraction()) / (len(extras) - 1)


def hierarchical_distance(values: Values, whole: Values, scale: Scale) -> Fraction:
    """Return the sum of cost(N) over the inner nodes: height(N) / H min(pos_extra, neg_extra).

    A missing value is a branch of its own up to the root.
    """
    order = scale.order(whole)
    extra = dict(zip(order, _extras(values, whole, order), strict=True))
    height_of_all = scale.ladder.top - scale.level
    distance = Fraction(0)
    for height in range(1, height_of_all + 1):
        children: dict[str | None, list[Fraction]] = {}
        for node, more in extra.items():
            above = scale.ladder.up(node, scale.level + height - 1, scale.level + height)
            children.setdefault(above, []).append(more)
        for mine in children.values():
            pos_extra = sum((more for more in mine if more > 0), Fraction())
            neg_extra = sum((-more for more in mine if more < 0), Fraction())
            distance += Fraction(height, height_of_all) * min(pos_extra, neg_extra)
        extra = {node: sum(mine, Fraction()) for node, mine in children.items()}
    return distance


DISTANCES = {
    "equal": equal_distance,
    "ordered": ordered_distance,
    "hierarchical": hierarchical_distance,
}


def equal_distances_in_sql(classes: Sequence[Values]) -> list[float]:
    """Return how far each class is from all of them, said in SQL over one row a person."""
    rows = [(of, value) for of, values in enumerate(classes) for value in _each(values)]
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("CREATE TABLE t (of INTEGER, v VARCHAR)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", rows)
        answer = connection.execute(
            "WITH q AS (SELECT v, count(*) / (SELECT count(*) FROM t) AS q FROM t GROUP BY v), "
            "sizes AS (SELECT of, count(*) AS size FROM t GROUP BY of), "
            "p AS (SELECT of, v, count(*) AS n FROM t GROUP BY of, v) "
            "SELECT sum(abs(coalesce(n, 0) / size - q)) / 2 FROM sizes CROSS JOIN q "
            "LEFT JOIN p ON p.of = sizes.of AND p.v IS NOT DISTINCT FROM q.v "
            "GROUP BY sizes.of ORDER BY sizes.of"
        ).fetchall()
    return [float(apart) for (apart,) in answer]


def _each(values: Values) -> list[str | None]:
    return [value for value, n in values.items() for _ in range(n)]


# ----------------------------------------------------------------------------------------- shares


def lift_cap(
    value: str, whole: Values, factor: Fraction, plus: Fraction, most: Fraction
) -> Fraction:
    """Return the largest share of a value, in whole hundredths, rounded down."""
    sure = known(whole)
    share = Fraction(sure.get(value, 0), max(sum(sure.values()), 1))
    return Fraction(math.floor(100 * min(most, factor * share + plus)), 100)


def goes_beyond(values: Values, caps: Mapping[str, Fraction]) -> bool:
    """Say whether a value has a larger share of the known ones than its cap."""
    sure = known(values)
    everybody = sum(sure.values())
    return any(Fraction(n, everybody) > caps[value] for value, n in sure.items() if value in caps)
