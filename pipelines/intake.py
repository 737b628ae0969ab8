"""From settings to a counted population: policy, source and opt-out list, opened and read."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import polars as pl

from pipelines import memory
from pipelines.certified import guards
from pipelines.files import write_private
from pipelines.policies import LoadedPolicy, load_policy
from pipelines.registry import Registry, Seal
from pipelines.releases import CURRENT, current_release, only_run
from pipelines.settings import DEMO_POLICY, Settings
from pipelines.sources.bank import Bank
from pipelines.sources.fitting import check_source
from pipelines.sources.opening import file_of, is_demo_bank, open_bank
from pipelines.stopping import Stop
from transforms.anonymise import Population, SearchTime, choose_plan, count_population
from transforms.errors import ObjectionError, PolicyError, ReleaseError, SourceError, band
from transforms.plan import Plan

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
    """A population, and the state of the opt-out list that it respects."""

    population: Population
    registry_head: str


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
    uri = _source(settings)
    if settings.policy is None and not is_demo_bank(uri):
        raise PolicyError(
            "this source is not the demo bank, so its policy must be named: --policy FILE"
        )
    loaded = load_policy(settings.policy or DEMO_POLICY)
    with closing(open_bank(uri, loaded.policy)) as bank:
        problems = sorted(check_source(bank, loaded.policy), key=lambda p: -p.exit_code)
        yield Intake(loaded, bank), problems


def _source(settings: Settings) -> str:
    if settings.source is not None:
        return settings.source
    demo = file_of(settings.demo_source)
    if demo is None or not demo.exists():
        raise SourceError(
            "no source is named: give --source (or $CLAUSE16_SOURCE), or make a demo bank with "
            "`clause16 demo --customers 50000`"
        )
    return settings.demo_source


def count(settings: Settings, intake: Intake) -> Counted:
    """Read the permitted columns and count everybody eligible who did not object.

    Raises ObjectionError before a record is read where the opt-out list cannot be.
    """
    registry = Registry(settings.registry, settings.key_file)
    excluded = registry.excluded(must_hold=_last_states(settings))
    policy = intake.loaded.policy
    if policy.subject.key is None and excluded.customer_ids:
        raise ObjectionError(
            "the source has no key of a person, so those on the opt-out list cannot be found in "
            "it: release it from a home of its own whose list is empty, or give it a key"
        )
    held = memory.limits(settings.memory)
    memory.refuse_too_little(held)
    tables = {
        table: _read(intake.bank, table, columns, held) for table, columns in policy.reads().items()
    }
    home = policy.subject.source
    tables[home] = _not_empty(tables[home], home)
    population = count_population(
        tables,
        policy,
        intake.loaded.hierarchies,
        excluded.customer_ids,
        settings.as_of,
        settings.today,
    )
    if population.left_out.not_found:
        log.info(
            "objections of people whom the source does not know: %s",
            band(population.left_out.not_found),
        )
    return Counted(population, excluded.head)


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


def _last_states(settings: Settings) -> list[Seal]:
    """Return the states of the opt-out list that the current and the newest release respect.

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
    return [each.state for each in certified]


def chosen_plan(settings: Settings, intake: Intake, population: Population) -> Plan:
    """Search a plan and store it in the home."""
    plan = _searched(settings, intake, population, take=0, interrupted=lambda: False)
    write_private(settings.plan, plan.stored())
    return plan


def make_plan(settings: Settings, stop: Stop, take: int) -> Plan:
    """Choose a plan for the source as it is now and store it in place of the old one.

    take: which of the recodings found, the best is 0. Where somebody asks to stop meanwhile, the
    best so far is returned, and nothing is stored.
    """
    with only_run(settings), open_intake(settings) as intake:
        population = count(settings, intake).population
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
        return plan


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
        loaded.digest,
        loaded.hierarchies,
        settings.as_of,
        SearchTime(log.info, start),
        take,
    )
