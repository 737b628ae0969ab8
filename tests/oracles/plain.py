"""What a release has to be, said again in plain Python and in SQL, without transforms.

A row is a tuple of labels, the sensitive one last; None is a missing value, and a value like any
other when people are counted. Everything is a dict from rows to people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

import duckdb
import polars as pl

Row = tuple[str | None, ...]
Counts = dict[Row, int]
Levels = Mapping[str, int]
ANY = "*"


@dataclass(frozen=True)
class Ladder:
    """A hierarchy as its file says it: a line a leaf, from the leaf up to `*`."""

    lines: tuple[tuple[str, ...], ...]

    @property
    def top(self) -> int:
        """The last level."""
        return len(self.lines[0]) - 1

    def up(self, label: str | None, below: int, level: int) -> str | None:
        """Return what a label of one level is called on a higher one."""
        if level == self.top:
            return ANY
        if label is None:
            return None
        return next(line[level] for line in self.lines if line[below] == label)

    def rank(self, label: str | None, level: int) -> int:
        """Return a label's place in the hierarchy's own order, the missing value last."""
        labels = list(dict.fromkeys(line[level] for line in self.lines))
        return len(labels) if label is None else labels.index(label)

    def loss(self, label: str | None, level: int) -> Fraction:
        """Return what it costs to say this label instead of the leaf."""
        if level == self.top:
            return Fraction(1)
        if label is None:
            return Fraction(0)
        covered = sum(line[level] == label for line in self.lines)
        return Fraction(covered - 1, max(len(self.lines) - 1, 1))


Ladders = Mapping[str, Ladder]


# ------------------------------------------------------------------------------------ class sizes


def class_sizes(rows: Iterable[Row]) -> Counts:
    """Count equal rows, one after the other."""
    sizes: Counts = {}
    for row in rows:
        sizes[row] = sizes.get(row, 0) + 1
    return sizes


def class_sizes_in_sql(rows: pl.DataFrame, columns: Sequence[str]) -> Counts:
    """Count equal rows by GROUP BY."""
    named = ", ".join(f'"{column}"' for column in columns)
    query = f"SELECT {named}, count(*) FROM t GROUP BY {named}"
    return {tuple(row[:-1]): int(row[-1]) for row in _query(rows, query)}


def fewest_behind_a_row(rows: pl.DataFrame) -> int | None:
    """Return how many people stand behind the rarest row; None where there is no row."""
    query = "SELECT min(n) FROM (SELECT *, count(*) AS n FROM t GROUP BY ALL)"
    fewest = _query(rows, query)[0][0]
    return None if fewest is None else int(fewest)


def _query(rows: pl.DataFrame, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.register("t", rows.to_arrow())
        return connection.execute(query).fetchall()


# -------------------------------------------------------------------------------------- recoding


def recoded(people: Counts, columns: Sequence[str], ladders: Ladders, levels: Levels) -> Counts:
    """Return people counted by their labels on the plan's levels; `people` by their leaves."""
    counts: Counter[Row] = Counter()
    for leaves, number in people.items():
        labels = zip(columns, leaves, strict=True)
        counts[tuple(ladders[name].up(leaf, 0, levels[name]) for name, leaf in labels)] += number
    return dict(counts)


@dataclass(frozen=True)
class Plain:
    """A table by hand: everybody's rows, and the sizes and order of the classes."""

    quasi: tuple[str, ...]
    sensitive: str
    rows: Counts
    ladders: Ladders
    levels: Levels

    @cached_property
    def sizes(self) -> Counts:
        """People by class."""
        sizes: Counter[Row] = Counter()
        for row, number in self.rows.items():
            sizes[row[:-1]] += number
        return dict(sizes)

    @property
    def total(self) -> int:
        """Everybody."""
        return sum(self.rows.values())

    @cached_property
    def _values(self) -> dict[Row, dict[str | None, int]]:
        values: dict[Row, dict[str | None, int]] = {}
        for row, number in self.rows.items():
            values.setdefault(row[:-1], {})[row[-1]] = number
        return values

    def values(self, of: Row) -> dict[str | None, int]:
        """Return the people of each sensitive value of a class."""
        return self._values[of]

    def place(self, of: Row) -> tuple[int, ...]:
        """Return the place of a class in the hierarchies' order."""
        return tuple(
            self.ladders[name].rank(label, self.levels[name])
            for name, label in zip(self.quasi, of, strict=True)
        )

    def value_place(self, value: str | None) -> int:
        """Return the place of a sensitive value in its hierarchy's order."""
        return self.ladders[self.sensitive].rank(value, self.levels[self.sensitive])


# ----------------------------------------------------------------------------------- suppression


def kept_classes(table: Plain, k: int, known_sums: Sequence[tuple[str, ...]]) -> set[Row]:
    """Return the classes that stay: k people, in what another table that sums them up keeps.

    No sum may be one from which fewer than k are missing.
    """
    place = {of: table.place(of) for of in table.sizes}
    return _kept(table.quasi, table.sizes, place, k, known_sums)


def _kept(
    quasi: Sequence[str],
    sizes: Counts,
    place: Mapping[Row, tuple[int, ...]],
    k: int,
    known_sums: Sequence[tuple[str, ...]],
) -> set[Row]:
    kept = {of for of, size in sizes.items() if size >= k}
    for columns in known_sums:
        positions = [quasi.index(name) for name in columns]
        sums: Counter[Row] = Counter()
        places: dict[Row, tuple[int, ...]] = {}
        for of, size in sizes.items():
            above = tuple(of[i] for i in positions)
            sums[above] += size
            places[above] = tuple(place[of][i] for i in positions)
        coarser = [other for other in known_sums if set(other) < set(columns)]
        there = _kept(columns, sums, places, k, coarser)
        for above in sums:
            group = [of for of in sizes if tuple(of[i] for i in positions) == above]
            kept -= set() if above in there else set(group)
            left_out = sum(sizes[of] for of in group if of not in kept)
            staying = [of for of in group if of in kept]
            if 0 < left_out < k and staying:
                kept.remove(min(staying, key=lambda of: (sizes[of], place[of])))
    return kept


# -------------------------------------------------------------------------------------- blanking


def published(table: Plain, kept: set[Row], k: int, l: int) -> Counts:  # noqa: E741 - its name
    """Return the table's rows as they may leave, a hidden value as None."""
    shown = {of: _shown(table, of, k) for of in kept}
    failing = {of for of in kept if _common(table, of, k) and _homogeneous(table, of, shown[of], l)}
    for group in parent_groups(table, kept):
        if failing & group:
            shown.update({of: {} for of in group})
    rows: Counts = {}
    for of in kept:
        for value, number in shown[of].items():
            rows[(*of, value)] = number
        if hidden := table.sizes[of] - sum(shown[of].values()):
            rows[(*of, None)] = hidden
    return rows


def _shown(table: Plain, of: Row, k: int) -> dict[str | None, int]:
    """Return which values of a class show, and for how many, before diversity is looked at."""
    values = table.values(of)
    shown: dict[str | None, int] = {
        value: n for value, n in values.items() if value is not None and n >= k
    }
    hidden = table.sizes[of] - sum(shown.values())
    if hidden == 0 or hidden >= k or not shown:
        return shown
    missing = k - hidden
    by_number = sorted(shown, key=lambda value: (shown[value], table.value_place(value)))
    rarest, commonest = by_number[0], by_number[-1]
    if len(shown) > 1 and shown[commonest] - missing >= k:
        return {**shown, commonest: shown[commonest] - missing}
    return {value: n for value, n in shown.items() if value != rarest}


def _diversity(shown: Mapping[str | None, int], size: int) -> int:
    return len(shown) + (sum(shown.values()) < size)


def _common(table: Plain, of: Row, k: int) -> bool:
    return any(n >= k for value, n in table.values(of).items() if value is not None)


def _homogeneous(table: Plain, of: Row, shown: Mapping[str | None, int], l: int) -> bool:  # noqa: E741 - its name
    known = sum(value is not None for value in table.values(of))
    return known < l or _diversity(shown, table.sizes[of]) < l


def parent_groups(table: Plain, kept: set[Row]) -> list[set[Row]]:
    """Return the groups that are blanked together, in the order in which they form."""
    groups: list[set[Row]] = []
    alone = set(kept)
    for parent in _ever_coarser(table):
        for above in sorted({parent[of][0] for of in table.sizes}):
            siblings = {of for of in alone if parent[of][0] == above}
            if len(siblings) >= 3:
                groups.append(siblings)
                alone -= siblings
    if alone and groups:
        min(groups, key=lambda group: sum(table.sizes[of] for of in group)).update(alone)
    elif alone:
        groups.append(alone)
    return groups


def _ever_coarser(table: Plain) -> Iterator[dict[Row, tuple[tuple[int, ...], Row]]]:
    """Yield each class's parent and its place, one column a step further up, the last first."""
    now = {of: of for of in table.sizes}
    at = dict(table.levels)
    while any(at[name] < table.ladders[name].top for name in table.quasi):
        for position in reversed(range(len(table.quasi))):
            name = table.quasi[position]
            if at[name] == table.ladders[name].top:
                continue
            for of, above in now.items():
                label = table.ladders[name].up(above[position], at[name], at[name] + 1)
                now[of] = (*above[:position], label, *above[position + 1 :])
            at[name] += 1
            yield {of: (_place(table, above, at), above) for of, above in now.items()}


def _place(table: Plain, above: Row, at: Levels) -> tuple[int, ...]:
    return tuple(
        table.ladders[name].rank(label, at[name])
        for name, label in zip(table.quasi, above, strict=True)
    )


# ------------------------------------------------------------------------------------------ loss


@dataclass(frozen=True)
class Price:
    """What a table costs: loss, and the shares of people left out and of values hidden."""

    loss: Fraction
    left_out: Fraction
    blanked: Fraction


def price(table: Plain, kept: set[Row], rows: Counts) -> Price:
    """Return the mean loss over everybody's cells, cell by cell."""
    cells = len(table.quasi) + 1
    staying = sum(table.sizes[of] for of in kept)
    lost = Fraction((table.total - staying) * cells)
    blanks = 0
    for of in kept:
        size = table.sizes[of]
        for name, label in zip(table.quasi, of, strict=True):
            lost += size * table.ladders[name].loss(label, table.levels[name])
        known = size - table.values(of).get(None, 0)
        shown = {row[-1]: n for row, n in rows.items() if row[:-1] == of and row[-1] is not None}
        for value, number in shown.items():
            lost += number * table.ladders[table.sensitive].loss(
                value, table.levels[table.sensitive]
            )
        blanks += known - sum(shown.values())
    return Price(
        loss=(lost + blanks) / (table.total * cells),
        left_out=Fraction(table.total - staying, table.total),
        blanked=Fraction(blanks, max(staying, 1)),
    )


# ---------------------------------------------------------------------------------------- search


@dataclass(frozen=True)
class Wanted:
    """A table to publish: people by their leaves, and who can sum it up."""

    quasi: tuple[str, ...]
    sensitive: str
    people: Counts
    known_sums: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Bounds:
    """The limits of a search."""

    k: int
    calibration_k: int
    l: int  # noqa: E741 - the literature's name
    suppression: Fraction
    blanking: Fraction


def made(wanted: Wanted, ladders: Ladders, levels: Levels, k: int, l: int) -> tuple[Counts, Price]:  # noqa: E741 - its name
    """Return a table's published rows and its price under a recoding."""
    columns = (*wanted.quasi, wanted.sensitive)
    rows = recoded(wanted.people, columns, ladders, levels)
    table = Plain(wanted.quasi, wanted.sensitive, rows, ladders, levels)
    kept = kept_classes(table, k, wanted.known_sums)
    leaving = published(table, kept, k, l)
    return leaving, price(table, kept, leaving)


def least_loss(tables: Sequence[Wanted], ladders: Ladders, bounds: Bounds) -> Fraction | None:
    """Try every recoding; return the first table's least loss, None where no recoding is within.

    The first table leads: a recoding is within the limits where it is so for the first table and
    each other one has a level of its own sensitive column that is.
    """
    leading, *others = tables
    best: Fraction | None = None
    companions: dict[tuple[int, ...], bool] = {}
    for levels in every_recoding((*leading.quasi, leading.sensitive), leading.sensitive, ladders):
        loss = loss_within(leading, ladders, levels, bounds)
        if loss is None or (best is not None and loss >= best):
            continue
        shared = tuple(levels[name] for name in leading.quasi)
        if shared not in companions:
            companions[shared] = all(
                best_companion(other, ladders, levels, bounds) is not None for other in others
            )
        if companions[shared]:
            best = loss
    return best


def best_companion(
    table: Wanted, ladders: Ladders, levels: Levels, bounds: Bounds
) -> tuple[Fraction, int] | None:
    """Return the least loss of another table under the first one's levels, and its own level."""
    offers = [
        (loss, level)
        for level in range(ladders[table.sensitive].top)
        if (loss := loss_within(table, ladders, {**levels, table.sensitive: level}, bounds))
        is not None
    ]
    return min(offers, default=None)


def every_recoding(
    columns: Sequence[str], sensitive: str, ladders: Ladders
) -> Iterator[dict[str, int]]:
    """Yield all choices of levels; the sensitive column stays below `*`."""
    tops = [ladders[name].top - (name == sensitive) for name in columns]
    for levels in product(*(range(top + 1) for top in tops)):
        yield dict(zip(columns, levels, strict=True))


def loss_within(table: Wanted, ladders: Ladders, levels: Levels, bounds: Bounds) -> Fraction | None:
    """Return the loss of a table under a recoding, None where it breaks a limit at either k."""
    prices = [
        made(table, ladders, levels, k, bounds.l)[1] for k in (bounds.k, bounds.calibration_k)
    ]
    within = all(
        seen.left_out <= bounds.suppression and seen.blanked <= bounds.blanking for seen in prices
    )
    return prices[0].loss if within else None
