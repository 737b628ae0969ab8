"""The walk of a flat file: load, search, lay out, write a draft, measure it, put it there."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np

from pipelines.flat.measuring import Risk, Written, check, measure
from pipelines.flat.reading import Loaded, check_columns, hierarchy_files, load, read_hierarchies
from pipelines.flat.tables import open_table
from pipelines.flat.writing import check_target, draft_of, write
from pipelines.memory import Limit
from pipelines.stopping import Stop
from transforms.errors import Refused, UsageError, band
from transforms.hierarchy import OTHER, Codes, Hierarchy
from transforms.histogram import totals
from transforms.policy.tables import Method
from transforms.recoding.flat import Demands, Recoded, recode_flat, values_of
from transforms.risk.criteria import LargestShare, LiftCap
from transforms.steps.layout import (
    MISSING,
    Column,
    DistinctRows,
    Rows,
    check_marks,
    check_names,
    distinct_rows,
    lay_out,
)

log = logging.getLogger("clause16")


class Suppressed(StrEnum):
    """What becomes of people whom no class hides."""

    OUT = "out"
    """They are left out."""
    OTHER = "other"
    """They stand in the file as `other` in each quasi-identifier, if they are enough."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made of which file."""

    file: Path
    separator: str
    hierarchies: Path
    hierarchy_separator: str
    quasi_identifiers: tuple[str, ...]
    sensitive: str | None
    demands: Demands
    method: Method
    output: Path
    suppressed: Suppressed

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read; no other exists."""
        return (*self.quasi_identifiers, *(() if self.sensitive is None else (self.sensitive,)))


@dataclass(frozen=True, slots=True)
class Watch:
    """What a walk looks at beside the file.

    clock: seconds; patience: seconds that the search may take; held: the limits of memory;
    stopped: is told what was best when a signal ended the search.
    """

    clock: Callable[[], float]
    patience: float
    stop: Stop
    held: tuple[Limit, ...]
    stopped: Callable[[Recoded], None]


@dataclass(frozen=True, slots=True)
class Seconds:
    """How long each part took."""

    load: float
    search: float
    write: float
    measure: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was made, and what it gives away. others: suppressed people stand in it as `other`."""

    recoded: Recoded
    risk: Risk
    people: int
    combinations: int
    left_behind: tuple[str, ...]
    others: bool
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class _Made:
    """A table to write: its columns, and its distinct rows with their people."""

    columns: tuple[Column, ...]
    rows: DistinctRows
    others: bool


def recode_file(order: Order, watch: Watch) -> Outcome:
    """Write the recoded file; where one of our errors is raised, nothing is left behind."""
    started = watch.clock()
    loaded, left_behind = _loaded(order, watch.held)
    searching = watch.clock()
    recoded = _searched(order, loaded, watch)
    writing = watch.clock()
    made = _made(order, loaded, recoded)
    with draft_of(order.output) as draft:
        write(made.rows, draft, order.separator)
        measuring = watch.clock()
        risk = measure(_written(order, loaded, made, draft))
        check(risk, order.demands, recoded)
    return Outcome(
        recoded=recoded,
        risk=risk,
        people=loaded.records.total,
        combinations=len(loaded.records.people),
        left_behind=left_behind,
        others=made.others,
        seconds=Seconds(
            load=searching - started,
            search=writing - searching,
            write=measuring - writing,
            measure=watch.clock() - measuring,
        ),
    )


def _loaded(order: Order, held: tuple[Limit, ...]) -> tuple[Loaded, tuple[str, ...]]:
    """Read the file; return the columns that were left behind as well."""
    read = hierarchy_files(order.hierarchies, order.columns)
    check_target(order.output, [order.file, *read.values()])
    if len(set(order.columns)) < len(order.columns):
        raise UsageError("a column is named twice: a quasi-identifier is not sensitive as well")
    table = open_table(order.file, order.separator)
    left_behind = tuple(check_columns(table, order.columns))
    hierarchies = read_hierarchies(
        order.hierarchies, order.columns, order.sensitive, table, order.hierarchy_separator
    )
    _check_layout(order, hierarchies)
    _check_adverse(order, hierarchies)
    loaded = load(table, hierarchies, order.sensitive, held)
    if loaded.records.total < order.demands.k:
        raise Refused(
            f"{order.file.name} has {band(loaded.records.total)} rows, and k is "
            f"{order.demands.k:,}: nothing can be published about so few"
        )
    return loaded, left_behind


def _check_layout(order: Order, hierarchies: Mapping[str, Hierarchy]) -> None:
    """Raise PolicyError where the output could not say what it means."""
    quasi = {name: hierarchies[name] for name in order.quasi_identifiers}
    by_level = order.method is Method.MULTIDIMENSIONAL
    levels = None if by_level else dict.fromkeys(quasi, 0)
    check_names(lay_out(order.quasi_identifiers, quasi, levels), order.sensitive)
    marks = ([MISSING] if by_level else []) + (
        [OTHER] if order.suppressed is Suppressed.OTHER else []
    )
    check_marks(quasi, marks)


def _check_adverse(order: Order, hierarchies: Mapping[str, Hierarchy]) -> None:
    """Raise UsageError where a named sensitive value is none."""
    if order.sensitive is None:
        return
    for criterion in order.demands.criteria:
        if isinstance(criterion, LargestShare | LiftCap):
            for value in criterion.adverse:
                if value not in hierarchies[order.sensitive].leaves:
                    raise UsageError(
                        f"--adverse names {value}, which is no value of {order.sensitive}: spell "
                        f"it as its hierarchy does"
                    )


def _searched(order: Order, loaded: Loaded, watch: Watch) -> Recoded:
    """Search until the time is over; a signal ends the search, and then the walk."""
    until = watch.clock() + watch.patience
    with watch.stop.noted():
        recoded = recode_flat(
            loaded.records,
            order.sensitive,
            loaded.hierarchies,
            order.demands,
            order.method,
            log.info,
            lambda: watch.stop.signal is None and watch.clock() < until,
        )
    if watch.stop.signal is not None:
        watch.stopped(recoded)
        raise KeyboardInterrupt
    return recoded


def _made(order: Order, loaded: Loaded, recoded: Recoded) -> _Made:
    """Lay the recoding out; raises Refused where nobody is left to be written."""
    columns = lay_out(order.quasi_identifiers, loaded.hierarchies, recoded.levels)
    others = order.suppressed is Suppressed.OTHER and _stand_together(order, loaded, recoded)
    if not others and not recoded.kept.any():
        raise Refused("everybody would be suppressed: allow more loss, or a smaller k")
    rows = distinct_rows(
        _rows(order, loaded, recoded, others=others),
        columns,
        order.quasi_identifiers,
        None if order.sensitive is None else loaded.hierarchies[order.sensitive],
    )
    return _Made(columns, rows, others)


def _stand_together(order: Order, loaded: Loaded, recoded: Recoded) -> bool:
    """Say whether the suppressed people keep the demands as one class."""
    people = loaded.records.people[~recoded.kept]
    if not len(people):
        return False
    if int(people.sum()) >= order.demands.k and not _fail_together(order, loaded, recoded):
        return True
    log.info(
        "the suppressed rows do not keep the demands as one class: left out, not called `other`"
    )
    return False


def _fail_together(order: Order, loaded: Loaded, recoded: Recoded) -> bool:
    if order.sensitive is None:
        return False
    hierarchy, everybody = loaded.hierarchies[order.sensitive], _values(loaded, order.sensitive)
    people = loaded.records.people[~recoded.kept]
    values = values_of(
        np.zeros(len(people), dtype=np.int64),
        loaded.records.codes[~recoded.kept, -1],
        people,
        1,
        hierarchy,
        everybody / everybody.sum(),
    )
    return any(bool(criterion.failing(values)[0]) for criterion in order.demands.criteria)


def _values(loaded: Loaded, sensitive: str) -> Codes:
    """Return the people of each sensitive leaf, NULL last."""
    leaves = len(loaded.hierarchies[sensitive].leaves) + 1
    return totals(loaded.records.codes[:, -1], loaded.records.people, leaves)


def _rows(order: Order, loaded: Loaded, recoded: Recoded, *, others: bool) -> Rows:
    """Return whom to write: people kept, and suppressed ones as `other`."""
    other = np.array([loaded.hierarchies[name].other for name in order.quasi_identifiers])
    nodes = np.where(recoded.kept[:, None], recoded.nodes, other)
    written = recoded.kept | others
    sensitive = None if order.sensitive is None else loaded.records.codes[written, -1]
    return Rows(nodes[written], sensitive, loaded.records.people[written])


def _written(order: Order, loaded: Loaded, made: _Made, draft: Path) -> Written:
    sensitive = None
    if order.sensitive is not None:
        sensitive = (loaded.hierarchies[order.sensitive], _values(loaded, order.sensitive))
    return Written(
        path=draft,
        separator=order.separator,
        quasi_identifiers=made.columns,
        hierarchies={name: loaded.hierarchies[name] for name in order.quasi_identifiers},
        sensitive=sensitive,
        people=loaded.records.total,
        with_others=made.others,
    )
