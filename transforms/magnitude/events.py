"""Turn a table's events, batch by batch, into what each person has in each cell of each period.

An event counts for everybody who holds it: for each holder of a joint account, and, where the
policy says so, for the persons behind a company. Nothing is bounded here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl

from transforms.errors import EngineError, PolicyError, SourceError, band
from transforms.hierarchy import Hierarchy
from transforms.magnitude.accounting import CENTS
from transforms.magnitude.declared import EVENTS, Calendar, Magnitude, Sum
from transforms.magnitude.grid import Axis, Grid
from transforms.magnitude.periods import Period, counted_in
from transforms.policy.whole import Policy
from transforms.steps.conform import BROKEN, conform
from transforms.steps.derive import ROWS
from transforms.steps.lapse import forget_rows
from transforms.text.category import TextCategory
from transforms.text.closed import categorised

PERSON, SLOT = "__person", "__slot"
"""Who, as a row of the people; where, as a cell of a period: period number x cells + cell."""
IN, OUT, RAW = "__in ", "__out ", "__raw "
"""Before a sum's name: what came in and what went out in hundredths, each event cut at the cap;
and the sum as it is, in the unit."""
_PERIOD, _LINK, _RATE = "__period", "__link", "__rate"
_BAD, _TEXT = "__bad ", "__text "
PENDING_ROWS = 8_000_000
"""Tallies wait unmerged up to so many rows, or as many as are merged already."""
FINEST = 2**20
"""In how many parts people are walked, at most."""
MOST_ROWS = 20_000_000
"""Of some 45 bytes; there are up to twice as many, and once more as many, while they are merged."""
GROUPED_ROWS = 4_000_000
"""Grouped at once."""


@dataclass(frozen=True)
class Counting:
    """A table that is counted: its declaration, and the periods that are due, in their order."""

    name: str
    table: Magnitude
    grid: Grid
    due: tuple[Period, ...]
    policy: Policy
    hierarchies: Mapping[str, Hierarchy]

    @property
    def source(self) -> str:
        """The table of the events."""
        return self.table.source


@dataclass(frozen=True)
class Holders:
    """Whose the events are. link: the column that says it, as it is in the events' table.

    rows: that column's values, and who holds them (PERSON, UInt32); each pair once.
    """

    link: str
    rows: pl.DataFrame


@dataclass(frozen=True)
class _Counted:
    """What a batch leaves: a row a person and slot, and how many events do not fit, by why."""

    tallies: pl.DataFrame
    misfits: Counter[str]


@dataclass(frozen=True)
class Part:
    """A part of the people: those whose number leaves this remainder."""

    modulus: int = 1
    remainder: int = 0

    @property
    def halves(self) -> tuple[Part, Part]:
        """Two parts that are this one together."""
        doubled = 2 * self.modulus
        return Part(doubled, self.remainder), Part(doubled, self.remainder + self.modulus)

    def of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of these people."""
        return rows.filter(pl.col(PERSON).mod(self.modulus) == self.remainder)


@dataclass(frozen=True)
class Tallied:
    """What was walked. rows: one a person and slot; waiting: the people left for another walk."""

    rows: pl.DataFrame
    waiting: tuple[Part, ...]


def tally_events(
    batches: Iterable[pl.DataFrame],
    holders: Holders,
    codes: Mapping[str, pl.Series],
    counting: Counting,
    day: date,
    part: Part,
    most: int = MOST_ROWS,
) -> Tallied:
    """Return for each person and slot events, and for each sum what came in, went out, and raw.

    codes: for each axis of an attribute everybody's code (Int32), missing where it has none; day:
    on which retention has to last; part: of the people; where they have more than `most` rows, half
    of them is left for another walk. Raises SourceError or PolicyError where an event of somebody
    who counts does not fit.
    """
    held = replace(holders, rows=part.of(holders.rows))
    merged: list[pl.DataFrame] = []
    pending: list[pl.DataFrame] = []
    later: list[Part] = []
    misfits: Counter[str] = Counter()
    for records in batches:
        counted = _counted(records, held, codes, counting, day)
        misfits.update(counted.misfits)
        pending.append(counted.tallies)
        if _rows(pending) > max(PENDING_ROWS, _rows(merged)):
            merged, pending = [_merged([*merged, *pending])], []
        while merged and _rows(merged) > most:
            if part.modulus > FINEST:
                raise EngineError(
                    f"{counting.source} has people of more events than memory holds: give the run "
                    f"more, or fewer periods at once (first)"
                )
            part, other = part.halves
            later.append(other)
            merged = [part.of(rows) for rows in merged]
            held = replace(held, rows=part.of(held.rows))
    refuse_misfits(misfits, counting)
    return Tallied(_merged([*merged, *map(part.of, pending)]), tuple(later))


def _rows(parts: Sequence[pl.DataFrame]) -> int:
    return sum(part.height for part in parts)


def _merged(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return a row a person and slot. Some people after the others: grouping takes memory."""
    keys, whole = [PERSON, SLOT], pl.concat(parts)
    shares = 1 + whole.height // GROUPED_ROWS
    last: int = whole.select(pl.col(PERSON).max()).item() or 0
    share = pl.col(PERSON).floordiv(last // shares + 1)
    return pl.concat(
        whole.lazy().filter(share == number).group_by(keys).agg(pl.exclude(keys).sum()).collect()
        for number in range(shares)
    )


def _counted(
    records: pl.DataFrame,
    holders: Holders,
    codes: Mapping[str, pl.Series],
    counting: Counting,
    day: date,
) -> _Counted:
    table = counting.table
    rows = forget_rows(
        conform(records, counting.source, counting.policy), counting.source, counting.policy, day
    )
    rows = _with_texts(rows, counting)
    events = (
        rows.lazy()
        .filter(pl.col(ROWS) > 0)
        .select(
            pl.col(holders.link).alias(_LINK),
            _period(table.period, counting.due).alias(_PERIOD),
            *(_own_code(axis, rows).alias(axis.name) for axis in counting.grid.axes if _own(axis)),
            *_amounts(counting, rows.columns),
        )
        # Of what is not due nothing is looked at; whose time nobody knows is to be refused.
        .filter(pl.col(_PERIOD).is_null() | pl.col(_PERIOD).is_in(_numbers(counting.due)))
        .join(holders.rows.lazy(), left_on=_LINK, right_on=holders.rows.columns[0], how="inner")
        .with_columns(
            pl.lit(codes[axis.name]).gather(pl.col(PERSON)).alias(axis.name)
            for axis in counting.grid.axes
            if not _own(axis)
        )
        .with_columns(_bad(counting))
        .collect()
    )
    flags = events.select(pl.col(f"^{_BAD}.*$").sum())
    misfits = Counter({column.name.removeprefix(_BAD): int(column.item()) for column in flags})
    tallies = (
        events.lazy()
        .filter(~pl.any_horizontal(pl.col(f"^{_BAD}.*$")))
        .select(PERSON, _slot(counting.grid).alias(SLOT), *_parts(counting))
        .group_by(PERSON, SLOT)
        .agg(pl.len().alias(EVENTS).cast(pl.UInt32), pl.exclude(PERSON, SLOT).sum())
        .collect()
    )
    return _Counted(tallies, misfits)


def _numbers(due: Sequence[Period]) -> list[int]:
    return [period.number for period in due]


def _period(calendar: Calendar, due: Sequence[Period]) -> pl.Expr:
    """Return the number of the period in which an event counts, missing where nobody knows."""
    recorded = None if calendar.recorded is None else pl.col(calendar.recorded)
    return counted_in(pl.col(calendar.column), recorded, calendar.closes_after, due[0].unit)


def _own(axis: Axis) -> bool:
    return axis.category.column is not None


def _with_texts(rows: pl.DataFrame, counting: Counting) -> pl.DataFrame:
    """Return the rows with what is made of their texts, as codes; of what is not due, no row."""
    axes = [axis for axis in counting.grid.axes if axis.category.text is not None]
    if not axes:
        return rows
    period = _period(counting.table.period, counting.due)
    there = rows.filter(period.is_null() | period.is_in(_numbers(counting.due)))
    return there.with_columns(
        categorised(
            there.get_column(str(axis.category.column)),
            TextCategory(str(axis.category.text)),
            axis.vocabulary,
        )
        .to_physical()
        .cast(pl.Int32)
        .alias(_TEXT + axis.name)
        for axis in axes
    )


def _own_code(axis: Axis, rows: pl.DataFrame) -> pl.Expr:
    """Return an event's code on an axis of its own column, missing where it has none."""
    if axis.category.text is not None:
        return pl.col(_TEXT + axis.name).fill_null(pl.lit(axis.missing, pl.Int32))
    column = str(axis.category.column)
    value = pl.col(column)
    if rows.schema[column] != pl.String:
        value = value.cast(pl.String)
    listed = axis.category.values
    code = value.replace_strict(
        list(listed),
        [axis.labels.index(label) for label in listed],
        default=None if axis.others is None else pl.lit(axis.others),
        return_dtype=pl.Int32,
    )
    return pl.when(value.is_null()).then(pl.lit(axis.missing, pl.Int32)).otherwise(code)


def persons_codes(axis: Axis, leaves: pl.Series, hierarchy: Hierarchy) -> pl.Series:
    """Return everybody's code on an axis (Int32) from the leaf codes of its attribute."""
    level = axis.category.level or 0
    nodes = hierarchy.node_tables[level][leaves.to_numpy()].astype(np.int32)
    codes = pl.Series(axis.name, nodes, dtype=pl.Int32)
    nobody_knows = codes == hierarchy.null_code(level)
    known = codes.set(nobody_knows, None)
    return known if axis.missing is None else known.fill_null(axis.missing)


def _amounts(counting: Counting, columns: Sequence[str]) -> list[pl.Expr]:
    """Return for each sum the amount in its unit, and whether it is not there, or is no amount."""
    amounts: list[pl.Expr] = []
    for name, measure in counting.table.sums.items():
        flag = BROKEN + measure.column
        broken = pl.col(flag) if flag in columns else pl.lit(value=False)
        amount = pl.col(measure.column).cast(pl.Float64)
        rate = _rate(measure, counting.due, counting.table.period)
        amounts += [
            (amount * rate).alias(name),
            broken.alias(f"__broken {name}"),
            pl.col(measure.column).is_null().alias(f"__missing {name}"),
            (pl.lit(value=False) if not measure.rates else rate.is_null()).alias(
                f"__currency {name}"
            ),
        ]
    return amounts


def _rate(measure: Sum, due: Sequence[Period], calendar: Calendar) -> pl.Expr:
    """Return what one unit of an amount's currency is worth in its period."""
    if not measure.rates:
        return pl.lit(1.0)
    currency, period = pl.col(str(measure.currency)), _period(calendar, due)
    worth = [(currency == measure.unit, 1.0)]
    labels = {each.label: each.number for each in due}
    for other, rates in measure.rates.items():
        if not isinstance(rates, dict):
            worth.append((currency == other, rates))
            continue
        worth += [
            ((currency == other) & (period == labels[label]), rate)
            for label, rate in rates.items()
            if label in labels
        ]
    return pl.coalesce(pl.when(where).then(pl.lit(rate)) for where, rate in worth)


def _bad(counting: Counting) -> list[pl.Expr]:
    """Say of each event that somebody who counts holds why it does not fit."""
    late = pl.col(_PERIOD).is_null()
    bad = [late.alias(f"{_BAD}time")]
    bad += [
        (~late & pl.col(axis.name).is_null()).alias(f"{_BAD}category {axis.name}")
        for axis in counting.grid.axes
    ]
    for name, measure in counting.table.sums.items():
        missing = pl.col(f"__missing {name}") & ~pl.col(f"__broken {name}")
        if measure.missing == "nothing":
            missing = pl.lit(value=False)
        bad += [
            (~late & pl.col(f"__broken {name}")).alias(f"{_BAD}amount {name}"),
            (~late & missing).alias(f"{_BAD}missing {name}"),
            (~late & pl.col(f"__currency {name}")).alias(f"{_BAD}currency {name}"),
        ]
    return bad


def _slot(grid: Grid) -> pl.Expr:
    cell = pl.sum_horizontal(
        pl.col(axis.name).cast(pl.Int64) * grid.strides[axis.name] for axis in grid.axes
    )
    return pl.col(_PERIOD).cast(pl.Int64) * grid.cells + cell


def _parts(counting: Counting) -> list[pl.Expr]:
    """Return each sum's parts; an amount is cut at the cap, beyond which it cannot count."""
    parts: list[pl.Expr] = []
    for name, measure in counting.table.sums.items():
        amount = pl.col(name).fill_null(0.0)
        cents = (amount * CENTS).round().clip(-_most(measure), _most(measure)).cast(pl.Int64)
        parts += [
            cents.clip(lower_bound=0).alias(IN + name),
            (-cents).clip(lower_bound=0).alias(OUT + name),
            amount.alias(RAW + name),
        ]
    return parts


def _most(measure: Sum) -> int:
    return int(measure.largest_cap * CENTS)


def refuse_misfits(misfits: Mapping[str, int], counting: Counting) -> None:
    """Raise SourceError or PolicyError for events that do not fit; none is named by its value."""
    for why, count in misfits.items():
        if not count:
            continue
        kind, _, name = why.partition(" ")
        where = f"magnitude.{counting.name}: {band(count)} events of {counting.source}"
        if kind == "time":
            column = counting.table.period.column
            raise SourceError(f"{where} have no {column} that says when they were: mend the source")
        if kind == "category":
            raise PolicyError(f"{where} {_unlisted(counting, name)}")
        column = counting.table.sums[name].column
        if kind == "amount":
            raise SourceError(
                f"{where} have a {column} that is no amount (not a number, infinite, or beyond all "
                f"accounts): mend the source"
            )
        if kind == "missing":
            raise SourceError(
                f'{where} have no {column}: mend the source, or say missing = "nothing" for the '
                f"sum {name}"
            )
        raise PolicyError(
            f"{where} are in a currency that the sum {name} has no rate for: declare it under "
            f"rates, for every period that is due"
        )


def _unlisted(counting: Counting, name: str) -> str:
    category = counting.table.by[name]
    what = f"column {category.column}" if category.column else f'attribute "{category.attribute}"'
    return (
        f"have a value, or none, in {what} that category {name} does not list: add it to its "
        f"values, or say under others (and missing) what it counts as"
    )
