"""The risk and the loss of a written file: counted again by DuckDB, from the file alone."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from pipelines.sql import literal, quoted
from transforms.errors import Refused
from transforms.hierarchy import OTHER, Codes, Hierarchy
from transforms.policy.limits import Distance
from transforms.recoding.flat import Demands, Recoded, values_of
from transforms.risk.criteria import (
    Closeness,
    Criterion,
    DistinctL,
    EntropyL,
    LargestShare,
    LiftCap,
    distances,
)
from transforms.steps.layout import Column

ROUNDING = 1e-9
SAME_LOSS = 1e-6


@dataclass(frozen=True)
class Diversity:
    """Of the sensitive values of the worst class; only for closeness a missing one is a value.

    distinct: how many there are; entropy: e to their entropy; closeness: how far they are from the
    whole input's (t), by each distance; shares: the largest share that each value has in a class;
    before: the share that it has in the whole input.
    """

    distinct: int
    entropy: float
    closeness: Mapping[Distance, float]
    shares: Mapping[str, float]
    before: Mapping[str, float]

    @property
    def largest(self) -> float:
        """The largest share of any value in any class."""
        return max(self.shares.values(), default=0.0)


@dataclass(frozen=True)
class Risk:
    """What a written file gives away, and what it lost.

    rows: written; suppressed: read and not written, or written as `other`; smallest: people of the
    smallest class; highest, average: prosecutor risk, 1/smallest and classes/rows; whole_row:
    people behind the rarest row, sensitive value included; losses: of each quasi-identifier,
    suppressed cells 1; diversity: None without a sensitive column; people: everybody in the input.
    """

    people: int
    rows: int
    suppressed: int
    classes: int
    smallest: int
    whole_row: int
    losses: Mapping[str, float]
    diversity: Diversity | None

    @property
    def highest(self) -> float:
        """The prosecutor's best guess, in the smallest class."""
        return 1 / self.smallest

    @property
    def average(self) -> float:
        """The prosecutor's mean guess over all rows."""
        return self.classes / self.rows

    def loss(self, weights: Mapping[str, float]) -> float:
        """Return the weighted mean of the losses; a missing weight is 1."""
        weighed = {name: weights.get(name, 1.0) for name in self.losses}
        lost = sum(weight * self.losses[name] for name, weight in weighed.items())
        return lost / sum(weighed.values())


@dataclass(frozen=True)
class Written:
    """A file, and how it has to be read.

    quasi_identifiers: their columns, whose hierarchies these are; sensitive: (hierarchy, people of
    each leaf in the input, NULL last), None where there is none; people: everybody in the input;
    with_others: suppressed people stand in it as `other`.
    """

    path: Path
    separator: str
    quasi_identifiers: Sequence[Column]
    hierarchies: Mapping[str, Hierarchy]
    sensitive: tuple[Hierarchy, Codes] | None
    people: int
    with_others: bool


def measure(written: Written) -> Risk:
    """Return what is in a file of at least one row."""
    with duckdb.connect(":memory:", config={"temp_directory": ""}) as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute("SET preserve_insertion_order = false")
        connection.execute(_cells_sql(written))
        return _Measuring(connection, written).risk()


def _cells_sql(written: Written) -> str:
    """Return the statement that makes `cells`: q0, q1, …, s (the sensitive value), n people."""
    names = [column.name for column in written.quasi_identifiers]
    picked = [f"nullif({quoted(name)}, '') AS q{i}" for i, name in enumerate(names)]
    if written.sensitive is not None:
        names.append(written.sensitive[0].name)
        picked.append(f"nullif({quoted(names[-1])}, '') AS s")
    return (
        f"CREATE TEMP TABLE cells AS SELECT {', '.join(picked)}, count(*)::BIGINT AS n "
        f"FROM {_reader(written, names)} GROUP BY ALL"
    )


def _reader(written: Written, names: Sequence[str]) -> str:
    # A star in a name is no pattern.
    path = literal(glob.escape(str(written.path)))
    if written.path.suffix.lower() == ".parquet":
        return f"read_parquet({path})"
    # Nothing is guessed: the file is read as it was meant.
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    return (
        f"read_csv({path}, auto_detect = false, header = true, delim = "
        f"{literal(written.separator)}, quote = '\"', escape = '\"', columns = {{{columns}}}, "
        f"null_padding = false, strict_mode = true, parallel = true)"
    )


def check(risk: Risk, demands: Demands, recoded: Recoded) -> None:
    """Raise Refused where a written file does not hold what was demanded of it."""
    for held, demand in _held(risk, demands):
        if not held:
            raise Refused(f"the written file does not hold {demand}: it was removed; report it")
    if abs(risk.loss(demands.weights) - recoded.loss) > SAME_LOSS:
        raise Refused("the written file lost other than the search said: it was removed; report it")


def _held(risk: Risk, demands: Demands) -> Iterator[tuple[bool, str]]:
    yield risk.smallest >= demands.k, f"k = {demands.k:,}"
    yield risk.suppressed <= demands.most_left_out(risk.people), "the limit of suppression"
    if risk.diversity is not None:
        for criterion in demands.criteria:
            yield _keeps(risk.diversity, criterion), str(criterion)


def _keeps(diversity: Diversity, criterion: Criterion) -> bool:
    """Hold the worst figures against a criterion."""
    match criterion:
        case DistinctL(least):
            return diversity.distinct >= least
        case EntropyL(least):
            return diversity.entropy >= least - ROUNDING
        case Closeness(most, distance):
            return diversity.closeness[distance] <= most + ROUNDING
        case LargestShare(most, adverse):
            return _capped(diversity, dict.fromkeys(adverse or diversity.before, most))
        case LiftCap(factor, plus, most, adverse):
            caps = {
                value: min(most, factor * diversity.before[value] + plus)
                for value in adverse or diversity.before
            }
            return _capped(diversity, caps)
        case _:
            raise Refused(f"{criterion} cannot be checked on the written file: it was removed")


def _capped(diversity: Diversity, caps: Mapping[str, float]) -> bool:
    return all(diversity.shares.get(value, 0) <= cap + ROUNDING for value, cap in caps.items())


class _Measuring:
    """Questions to `cells`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, written: Written) -> None:
        self._connection = connection
        self._written = written
        self._class = ", ".join(f"q{i}" for i in range(len(written.quasi_identifiers)))

    def risk(self) -> Risk:
        rows, classes, smallest, whole_row = self._row(
            f"SELECT sum(people), count(*), min(people), min(rarest) FROM (SELECT sum(n) AS people,"
            f" min(n) AS rarest FROM cells GROUP BY {self._class})"
        )
        return Risk(
            people=self._written.people,
            rows=int(rows),
            suppressed=self._written.people - int(rows) + self._others(),
            classes=int(classes),
            smallest=int(smallest),
            whole_row=int(whole_row),
            losses={name: self._loss(name) for name in self._written.hierarchies},
            diversity=self._diversity(),
        )

    def _others(self) -> int:
        if not self._written.with_others:
            return 0
        query = f"SELECT coalesce(sum(n), 0) FROM cells WHERE q0 = {literal(OTHER)}"
        return int(self._row(query)[0])

    def _row(self, query: str) -> tuple[Any, ...]:
        (row,) = self._connection.execute(query).fetchall()
        return tuple(row)

    def _loss(self, name: str) -> float:
        """Return the loss of a quasi-identifier; who is not written, or `other`, lost all."""
        columns = self._written.quasi_identifiers
        places = [place for place, column in enumerate(columns) if column.of == name]
        costs = {
            tuple(columns[place].labels[node] for place in places): cost
            for node, cost in enumerate(self._written.hierarchies[name].node_losses.tolist())
            if columns[places[0]].says(node)
        }
        said = ", ".join(f"q{place}" for place in places)
        counted = self._connection.execute(
            f"SELECT {said}, sum(n)::BIGINT FROM cells GROUP BY {said}"
        ).fetchall()
        lost = sum(costs.get(tuple(labels), 1.0) * people for *labels, people in counted)
        absent = self._written.people - sum(people for *_, people in counted)
        return float(lost + absent) / self._written.people

    def _diversity(self) -> Diversity | None:
        if self._written.sensitive is None:
            return None
        hierarchy, people = self._written.sensitive
        self._connection.execute(
            "CREATE TEMP TABLE input AS SELECT unnest(?) AS s, unnest(?)::DOUBLE AS share,"
            " unnest(?) AS code",
            [
                [*hierarchy.leaves, None],
                (people / people.sum()).tolist(),
                list(range(len(people))),
            ],
        )
        self._connection.execute(
            f"CREATE TEMP TABLE shares AS SELECT cells.*, share, n / sum(n) OVER class AS p,"
            f" n / sum(n) FILTER (cells.s IS NOT NULL) OVER class AS known"
            f" FROM cells JOIN input ON cells.s IS NOT DISTINCT FROM input.s"
            f" WINDOW class AS (PARTITION BY {self._class})"
        )
        distinct, entropy, closeness = self._row(
            f"SELECT min(d), min(e), max(t) FROM (SELECT count(s) AS d,"
            f" exp(-coalesce(sum(known * ln(known)) FILTER (s IS NOT NULL), 0)) AS e,"
            f" (1 + sum(abs(p - share) - share)) / 2 AS t FROM shares GROUP BY {self._class})"
        )
        shares = "SELECT s, max(known) FROM shares WHERE s IS NOT NULL GROUP BY s"
        known = people[:-1] / max(int(people[:-1].sum()), 1)
        return Diversity(
            distinct=int(distinct),
            entropy=float(entropy),
            closeness={
                # Sums of shares that should be nothing may come out just below it.
                Distance.EQUAL: max(float(closeness), 0.0),
                Distance.ORDERED: self._distance(Distance.ORDERED),
                Distance.HIERARCHICAL: self._distance(Distance.HIERARCHICAL),
            },
            shares=dict(self._connection.execute(shares).fetchall()),
            before=dict(zip(hierarchy.leaves, known.tolist(), strict=True)),
        )

    def _distance(self, distance: Distance) -> float:
        """Return how far the worst class is from the input, by a distance that SQL cannot say."""
        if self._written.sensitive is None:
            return 0.0
        hierarchy, people = self._written.sensitive
        cells = self._connection.execute(
            f"SELECT dense_rank() OVER (ORDER BY {self._class}) - 1 AS class, code, n "
            f"FROM cells JOIN input ON cells.s IS NOT DISTINCT FROM input.s"
        ).fetchnumpy()
        of, code, counts = (cells[name].astype(np.int64) for name in ("class", "code", "n"))
        values = values_of(of, code, counts, int(of.max()) + 1, hierarchy, people / people.sum())
        return float(distances(values, distance).max())
