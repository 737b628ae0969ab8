"""From settings to a counted population: policy, source and opt-out list, opened and read."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from pipelines import memory
from pipelines.certified import Certified, guards
from pipelines.files import write_private
from pipelines.gate.belonging import Belonging, Read
from pipelines.gate.watching import Gate
from pipelines.magnitude.drawing import choices
from pipelines.objections.registry import Excluded, Registry
from pipelines.policies import LoadedPolicy, load_policy
from pipelines.releases import CURRENT, current_release, only_run
from pipelines.settings import DEMO_POLICY, Settings
from pipelines.sources.bank import Bank
from pipelines.sources.fitting import check_source
from pipelines.sources.opening import file_of, is_demo_bank, open_bank
from pipelines.stopping import Stop
from transforms.anonymise import Population, SearchTime, choose_plan, count_population
from transforms.errors import (
    NotLookedUp,
    ObjectionError,
    PolicyError,
    ReleaseError,
    SourceError,
    band,
)
from transforms.magnitude.count import Due
from transforms.magnitude.events import Counting
from transforms.plan import Plan
from transforms.policy.whole import Policy
from transforms.steps.exclude import LeftOut
from transforms.steps.gather import Circumstances

log = logging.getLogger("clause16")

TOLD_EVERY = 10.0
"""Seconds between two words about how far a table's reading is."""


@dataclass(frozen=True)
class Intake:
    """A policy and the bank that it was found to fit."""

    loaded: LoadedPolicy
    bank: Bank


@dataclass(frozen=True)
class Counted:
    """A population, and who was excluded: with the state of the opt-out list that it respects."""

    population: Population
    excluded: Excluded


@contextmanager
def open_intake(settings: Settings) -> Iterator[Intake]:
    """Open policy and source; raises PolicyError or SourceError where they do not fit."""
    with inspected(settings) as (intake, problems):
        if problems:
            others = len(problems) - 1
            more = f"; and {others} more, see `clause16 check`" if others else ""
            raise type(problems[0])(f"{problems[0]}{more}")
        yield intake


@contextmanager
def inspected(settings: Settings) -> Iterator[tuple[Intake, list[PolicyError | SourceError]]]:
    """Open policy and source; yield all that does not fit, what the source lacks first."""
    uri = source_of(settings)
    loaded = policy_for(settings, uri)
    with closing(open_bank(uri, loaded.policy)) as bank:
        problems = sorted(check_source(bank, loaded.policy), key=lambda p: -p.exit_code)
        yield Intake(loaded, bank), problems


def policy_for(settings: Settings, uri: str) -> LoadedPolicy:
    """Return the policy; raises PolicyError where none is named and the source is not the demo."""
    if settings.policy is None and not is_demo_bank(uri):
        raise PolicyError(
            "this source is not the demo bank, so its policy must be named: --policy FILE"
        )
    return load_policy(settings.policy or DEMO_POLICY)


def source_of(settings: Settings) -> str:
    """Return the URI of the source; raises SourceError where there is none."""
    if settings.source is not None:
        return settings.source
    demo = file_of(settings.demo_source)
    if demo is None or not demo.exists():
        raise SourceError(
            "no source is named: give --source (or $CLAUSE16_SOURCE), or make a demo bank with "
            "`clause16 demo --customers 50000`"
        )
    return settings.demo_source


def count(
    settings: Settings, intake: Intake, registry: Registry, countings: Sequence[Counting] = ()
) -> Counted:
    """Read the permitted columns and count everybody eligible who did not object.

    countings: magnitude tables with the periods that are due. Raises ObjectionError before a record
    is read where the opt-out list cannot be, or somebody on it was never looked for in the source.
    """
    excluded = _excluded(settings, registry)
    policy = intake.loaded.policy
    if policy.subject.key is None and excluded.objections:
        raise ObjectionError(
            "the source has no key of a person, so those on the opt-out list cannot be found in "
            "it: release it from a home of its own whose list is empty, or give it a key"
        )
    _refuse_unlooked(excluded, policy)
    held = memory.limits(settings.memory)
    memory.refuse_too_little(held)
    read = _watched(settings, intake, excluded, held)
    tables = {table: read(table, columns) for table, columns in policy.microdata_reads().items()}
    home = policy.subject.source
    tables[home] = _not_empty(tables[home], home)
    under = Circumstances(
        policy,
        intake.loaded.hierarchies,
        excluded.people,
        settings.as_of,
        settings.today,
        intake.loaded.vocabularies,
    )
    population = count_population(tables, under, _due(settings, intake, countings, read))
    _tell(population.left_out)
    return Counted(population, excluded)


def _due(
    settings: Settings,
    intake: Intake,
    countings: Sequence[Counting],
    read: Read,
) -> Due | None:
    if not any(counting.due for counting in countings):
        return None
    return Due(tuple(countings), read, choices(settings, intake.loaded.policy))


def _watched(
    settings: Settings, intake: Intake, excluded: Excluded, held: tuple[memory.Limit, ...]
) -> Read:
    """Return how a table is read, every batch through the gate (docs/gate.md)."""
    loaded, as_of, today = intake.loaded, settings.as_of, settings.today

    def read(table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        return _read(intake.bank, table, tuple(columns), held)

    belonging = Belonging(loaded.policy, excluded.people, as_of, today, read)
    gate = Gate(loaded.policy, loaded.hierarchies, belonging)
    return lambda table, columns: gate.watch(table, read(table, columns))


def _excluded(settings: Settings, registry: Registry) -> Excluded:
    certified = guarding(settings)
    current = current_release(settings)
    before = [
        each.state for each in certified if current is not None and each.release == current.name
    ]
    return registry.excluded(
        settings.today,
        must_hold=[each.state for each in certified],
        before=before[0] if before else None,
    )


def _refuse_unlooked(excluded: Excluded, policy: Policy) -> None:
    """Raise NotLookedUp where somebody objected whom nobody has looked for in the source yet."""
    how = (
        "`clause16 objections resolve --all` does it, for PostgreSQL under the officer's role "
        "($CLAUSE16_OFFICER_SOURCE)"
    )
    if excluded.not_looked_up:
        raise NotLookedUp(
            f"{band(excluded.not_looked_up)} objections were never looked up in the source, so "
            f"nobody knows whom to leave out: {how}"
        )
    if excluded.objections and is_stale(excluded.looked_at, policy, datetime.now(UTC)):
        raise NotLookedUp(
            f"those on the opt-out list were not looked for in the source within "
            f"{policy.objections.look_again_within} hours, and may have another record by now: "
            f"{how}"
        )


def is_stale(looked_at: datetime | None, policy: Policy, now: datetime) -> bool:
    """Say whether everybody on the list has to be looked for in the source again.

    A clock that went back does not make an old look a new one.
    """
    within = timedelta(hours=policy.objections.look_again_within)
    return looked_at is None or not timedelta(0) <= now - looked_at + _CLOCKS_DIFFER < within


_CLOCKS_DIFFER = timedelta(minutes=5)


def _tell(left_out: LeftOut) -> None:
    """Say to the operator, banded, what there is to look after in the source."""
    if left_out.not_found:
        log.info(
            "on the opt-out list, not known to the source: %s people", band(left_out.not_found)
        )
    for clause, people in left_out.lapsed_values.items():
        if people:
            log.info(
                "past the retention of clause %d, left out: values of %s people: should the bank "
                "not have deleted them?",
                clause,
                band(people),
            )
    for clause, rows in left_out.lapsed_rows.items():
        if rows:
            log.info(
                "past the retention of clause %d, left out: %s rows: should the bank not have "
                "deleted them?",
                clause,
                band(rows),
            )


def _read(
    bank: Bank, table: str, columns: tuple[str, ...], held: tuple[memory.Limit, ...]
) -> Iterator[pl.DataFrame]:
    """Yield a table's batches, say how far the reading is, and stop where memory runs out."""
    log.info("reading %s (%d of its columns)", table, len(columns))
    rows, told = 0, time.monotonic()
    for batch in bank.read(table, columns):
        rows += batch.height
        memory.refuse_when_full(held)
        if time.monotonic() - told > TOLD_EVERY:
            told = time.monotonic()
            log.info("reading %s: %s rows so far", table, f"{rows:,}")
        yield batch


def _not_empty(batches: Iterator[pl.DataFrame], table: str) -> Iterator[pl.DataFrame]:
    """Yield the batches; raises SourceError where there was no row in any."""
    rows = 0
    for batch in batches:
        rows += batch.height
        yield batch
    if not rows:
        raise SourceError(f"table {table} is empty: is this the bank?")


def guarding(settings: Settings) -> Sequence[Certified]:
    """Return the current and the newest release, whose state the opt-out list must have had.

    Raises ReleaseError where one of them was made tomorrow: under a clock that went back somebody
    whose data are past their retention would be let in again.
    """
    current = current_release(settings)
    certified = guards(settings)
    for each in certified:
        folder, made = settings.releases / each.release, each.created_at.date()
        if made > settings.today:
            which = "current" if folder == current else "newest"
            raise ReleaseError(
                f"the clock says {settings.today}, and the {which} release was made on {made}: set "
                f"the clock; or, if it was wrong on that day, move {folder} out of "
                f"{settings.releases} and remove the link `{CURRENT}` if it points there: the "
                f"newest release that stays then guards the opt-out list"
            )
    return certified


def chosen_plan(settings: Settings, intake: Intake, population: Population) -> Plan:
    """Search a plan and store it in the home."""
    plan = _searched(settings, intake, population, take=0, interrupted=lambda: False)
    write_private(settings.plan, plan.stored())
    return plan


def make_plan(settings: Settings, stop: Stop, take: int) -> tuple[Plan, LoadedPolicy]:
    """Choose a plan for the source as it is now and store it in place of the old one.

    Returned is the policy too that it was chosen under. take: which of the recodings found, the
    best is 0. Where somebody asks to stop meanwhile, the best so far is returned, and nothing is
    stored.
    """
    registry = Registry(settings.registry, settings.key_file)
    with only_run(settings), open_intake(settings) as intake:
        population = count(settings, intake, registry).population
        with stop.noted():
            plan = _searched(
                settings,
                intake,
                population,
                take=take,
                interrupted=lambda: stop.signal is not None,
            )
        if stop.signal is None:
            write_private(settings.plan, plan.stored())
        return plan, intake.loaded


def _searched(
    settings: Settings,
    intake: Intake,
    population: Population,
    *,
    take: int,
    interrupted: Callable[[], bool],
) -> Plan:
    loaded = intake.loaded
    seconds = loaded.policy.recoding.seconds

    def start() -> Callable[[], bool]:
        end = time.monotonic() + seconds
        return lambda: time.monotonic() < end and not interrupted()

    return choose_plan(
        population,
        loaded.policy,
        loaded.recoding_digest,
        loaded.hierarchies,
        settings.as_of,
        SearchTime(log.info, start),
        take,
    )
