"""From settings to a counted population: policy, source and opt-out list, opened and read."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

from pipelines.policies import LoadedPolicy, load_policy
from pipelines.registry import Registry
from pipelines.releases import ANNEX, current_release, only_run
from pipelines.settings import DEMO_POLICY, Settings
from pipelines.sources import Bank, check_source, open_bank, split_uri
from transforms.anonymise import Population, choose_plan, count_population
from transforms.errors import ObjectionError, PolicyError, ReleaseError, SourceError, band
from transforms.plan import Plan
from transforms.policy import Csv

log = logging.getLogger("clause16")


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


def open_intake(settings: Settings) -> Intake:
    """Open policy and source; raises PolicyError or SourceError where they do not fit."""
    intake, problems = inspect(settings)
    if problems:
        others = len(problems) - 1
        more = f"; and {others} more, see `clause16 check`" if others else ""
        raise type(problems[0])(f"{problems[0]}{more}")
    return intake


def inspect(settings: Settings) -> tuple[Intake, list[PolicyError | SourceError]]:
    """Open policy and source; return all that does not fit, what the source lacks first."""
    uri = _source(settings)
    if settings.policy is None:
        kind, _ = split_uri(uri)
        if kind == "csv" or not open_bank(uri, Csv()).is_demo():
            raise PolicyError(
                "this source is not the demo bank, so its policy must be named: --policy FILE"
            )
    loaded = load_policy(settings.policy or DEMO_POLICY)
    bank = open_bank(uri, loaded.policy.csv)
    problems = sorted(check_source(bank, loaded.policy), key=lambda p: -p.exit_code)
    return Intake(loaded, bank), problems


def _source(settings: Settings) -> str:
    if settings.source is not None:
        return settings.source
    _, path = split_uri(settings.demo_source)
    if not path.exists():
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
    excluded = registry.excluded(must_hold=_last_head(settings))
    policy = intake.loaded.policy
    if policy.subject.key is None and excluded.customer_ids:
        raise ObjectionError(
            "the source has no key of a person, so those on the opt-out list cannot be found in "
            "it: release it from a home of its own whose list is empty, or give it a key"
        )
    tables = {}
    for table, columns in policy.reads().items():
        log.info("reading %s (%d of its columns)", table, len(columns))
        tables[table] = intake.bank.read(table, columns)
    home = policy.subject.source
    if tables[home].height == 0:
        raise SourceError(f"table {home} is empty: is this the bank?")
    log.info("leaving out, deriving, counting")
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


def _last_head(settings: Settings) -> str | None:
    """Return the head that the opt-out list had for the current release."""
    current = current_release(settings)
    if current is None:
        return None
    try:
        annex = json.loads((current / ANNEX).read_text(encoding="utf-8"))
        return str(annex["registry_head"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ReleaseError(
            f"{current / ANNEX} cannot be read, so nobody knows whether the opt-out list is the "
            f"newest: put it back"
        ) from None


def chosen_plan(settings: Settings, intake: Intake, population: Population) -> Plan:
    """Search a plan and store it in the home."""
    loaded = intake.loaded
    plan = choose_plan(
        population, loaded.policy, loaded.digest, loaded.hierarchies, settings.as_of, log.info
    )
    draft = settings.plan.with_suffix(".draft")
    draft.write_text(plan.stored(), encoding="utf-8")
    draft.chmod(0o600)
    draft.replace(settings.plan)
    return plan


def stored_plan(settings: Settings) -> Plan | None:
    """Return the home's plan, None where none was chosen yet; raises PolicyError."""
    if not settings.plan.exists():
        return None
    try:
        text = settings.plan.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    return Plan.from_stored(text)


def make_plan(settings: Settings) -> Plan:
    """Choose a plan for the source as it is now and store it in place of the old one."""
    with only_run(settings):
        intake = open_intake(settings)
        return chosen_plan(settings, intake, count(settings, intake).population)
