"""Make a release in a private folder: count, choose or apply the plan, write, certify, verify."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from pipelines import releases
from pipelines.approvals import approval_for, stored_plan
from pipelines.files import file_digest
from pipelines.intake import Counted, Intake, chosen_plan, count, guarding
from pipelines.magnitude import drawing
from pipelines.magnitude.drawing import Drawn
from pipelines.magnitude.ledger import Draw, Ledger
from pipelines.objections.registry import Registry, Seal
from pipelines.releases import ANNEX, CERTIFICATE, DATABASE, WrittenTable, write_database
from pipelines.settings import Settings
from pipelines.sql import quoted
from pipelines.verifier import (
    Verification,
    fewest_people_query,
    l_diversity_query,
    verify,
    whole_row_k_query,
)
from transforms.about import AboutTable, CheckQuery, Contents, about_tables
from transforms.anonymise import Table, anonymise, check_plan
from transforms.certificate import (
    GUARANTEES,
    Annex,
    Certificate,
    CheckEntry,
    ColumnEntry,
    TableEntry,
    banded,
    content_hash,
    never_read,
    objection_entry,
    people_left_out,
    plan_entry,
    table_entries,
)
from transforms.errors import ObjectionMeanwhile, Refused
from transforms.magnitude.stated import (
    MAGNITUDE_GUARANTEE,
    BudgetEntry,
    MagnitudeEntry,
    budget_entry,
    magnitude_entry,
    meanings,
    period_entry,
    readings,
)
from transforms.plan import Plan
from transforms.policy.whole import Policy

log = logging.getLogger("clause16")


def build(settings: Settings, intake: Intake, registry: Registry, staging: Path) -> None:
    """Write database, certificate and annex of a release into its staging folder.

    The certificate has no verdicts yet. Raises Refused where the limits cannot be kept.
    """
    loaded, now = intake.loaded, datetime.now(UTC)
    plan = stored_plan(settings)
    if plan is not None:
        check_plan(plan, loaded.policy, loaded.recoding_digest, loaded.hierarchies)
    approval = approval_for(settings, loaded.policy, plan)
    _check_list(settings, registry)
    ledger = drawing.open_ledger(settings, loaded.policy, now)
    counted, magnitudes = _counted(settings, intake, registry, ledger, now)
    if plan is None:
        log.info("no plan is stored yet: choosing one")
        plan = chosen_plan(settings, intake, counted.population)
    tables = anonymise(counted.population, loaded.policy, loaded.hierarchies, plan)
    excluded = counted.excluded
    entries = table_entries(tables, loaded.policy, loaded.hierarchies, plan)
    counts = {table.name: _magnitude_entry(table, loaded.policy) for table in magnitudes}
    budget = _budget(loaded.policy, ledger)
    created = now.isoformat(timespec="seconds")
    contents = Contents(entries, counts, budget)
    about = _about(settings, intake, staging.name, created, plan, contents)
    sizes = {table.name: table.people for table in tables}
    sizes |= {table.name: table.rows.height for table in magnitudes}
    log.info("writing %s", ", ".join(f"{name} ({rows:,} rows)" for name, rows in sizes.items()))
    write_database(
        staging / DATABASE,
        _written(tables, entries) | _written_magnitude(magnitudes, counts),
        _written_about(about),
    )
    certificate = Certificate(
        release=staging.name,
        created_at=created,
        as_of=settings.as_of.isoformat(),
        title=loaded.policy.title,
        policy_version=loaded.policy.version,
        policy_digest=loaded.digest,
        k=loaded.policy.limits.k,
        l=loaded.policy.limits.l,
        plan=plan_entry(plan),
        approval=approval,
        registry_seal=registry.seal(staging.name, excluded.head).digest,
        tables=entries,
        magnitude=counts,
        budget=budget,
        ledger_seal=None if ledger is None else ledger.seal(staging.name),
        about={name: content_hash(f"about.{name}", table.rows) for name, table in about.items()},
        never_read=never_read(loaded.policy),
        left_out=banded(people_left_out(counted.population)),
        objections=objection_entry(excluded.figures),
        guarantees=(*GUARANTEES, *((MAGNITUDE_GUARANTEE,) if counts else ())),
        keeps_earlier_because=loaded.policy.series.keep_earlier_because,
        database=file_digest(staging / DATABASE),
        software={"python": platform.python_version()}
        | {name: version(name) for name in ("clause16", "duckdb", "polars", "prefect")},
    )
    _write_json(staging / CERTIFICATE, certificate)
    _write_json(
        staging / ANNEX,
        Annex(
            release=staging.name,
            eligible=counted.population.eligible,
            left_out=people_left_out(counted.population),
            objections=excluded.figures,
            tables={
                table.name: {
                    "smallest_class": table.figures.smallest_class,
                    "classes": table.figures.classes,
                    "left_out": table.figures.left_out,
                    "blanked": table.figures.blanked,
                    "loss": table.figures.loss,
                }
                for table in tables
            },
            clipped={draw.name: draw.clipped for table in magnitudes for draw in table.draws},
        ),
    )


def _check_list(settings: Settings, registry: Registry) -> None:
    """Raise ObjectionError where the opt-out list is older than a release.

    Raises ReleaseError where a release was made tomorrow.
    """
    for each in guarding(settings):
        with registry.standing_still(each.state, lambda: settings.today):
            pass


def _counted(
    settings: Settings, intake: Intake, registry: Registry, ledger: Ledger | None, now: datetime
) -> tuple[Counted, tuple[Drawn, ...]]:
    """Count everything, draw the noise of what is due, and return the tables of counts and sums.

    Raises ObjectionMeanwhile where a draw that nobody could read yet holds somebody who objected
    while this was counted.
    """
    loaded, day = intake.loaded, min(settings.as_of, settings.today)

    def right(draw: Draw) -> bool:
        state = Seal(draw.name, draw.sealed)
        with registry.standing_still(state, lambda: settings.today) as nobody_more:
            return nobody_more

    if ledger is not None:
        drawing.settle(ledger, settings, now)
        drawing.void_overtaken(ledger, right, now)
    countings = drawing.countings(
        loaded.policy, loaded.hierarchies, ledger, day, loaded.vocabularies
    )
    counted = count(settings, intake, registry, countings)
    if ledger is None:
        return counted, ()
    if not all(map(right, drawing.pending(ledger))):
        raise ObjectionMeanwhile(
            "an objection was recorded while this release was made, so it is not published: run "
            "`clause16 release` again"
        )

    def sealed(name: str) -> str:
        return registry.seal(name, counted.excluded.head).digest

    exacts = counted.population.magnitudes
    drawing.draw(ledger, countings, exacts, loaded.policy, sealed, datetime.now(UTC))
    return counted, drawing.drawn(ledger, countings)


def _magnitude_entry(table: Drawn, policy: Policy) -> MagnitudeEntry:
    columns = policy.sources[table.table.source].columns
    clauses = {
        axis.name: policy.attributes[axis.category.attribute].clause
        if axis.category.attribute is not None
        else columns[str(axis.category.column)].clause
        for axis in table.grid.axes
    }
    periods = {
        draw.period: period_entry(draw.period, draw.year, draw.terms, draw.rows)
        for draw in table.draws
    }
    content = content_hash(table.name, table.rows)
    return magnitude_entry(table.table, table.grid, clauses, periods, content)


def _budget(policy: Policy, ledger: Ledger | None) -> BudgetEntry | None:
    if ledger is None or policy.budget is None:
        return None
    return budget_entry(policy.budget, ledger.spent())


def verify_staging(staging: Path) -> Verification:
    """Verify the written file; write the verdicts into its certificate.

    Raises Refused where a check failed: nothing is published then.
    """
    log.info("verifying the written file")
    verification = verify(staging / DATABASE, staging / CERTIFICATE)
    if not verification.passed:
        found = "; ".join(f"{check.name} ({check.finding})" for check in verification.failures)
        raise Refused(f"the written file failed its verification, nothing was published: {found}")
    certificate = Certificate.model_validate_json((staging / CERTIFICATE).read_text("utf-8"))
    verdicts = tuple(
        CheckEntry(check=check.name, passed=check.passed) for check in verification.checks
    )
    _write_json(staging / CERTIFICATE, certificate.model_copy(update={"checks": verdicts}))
    return verification


def publish(settings: Settings, registry: Registry, staging: Path) -> Path:
    """Switch to a verified release.

    Raises ObjectionMeanwhile where somebody has to be left out whom it may hold: they objected
    since it was counted, or the review of an override fell due. Whoever objects at this very moment
    waits until the switch is done.
    """
    certificate = Certificate.model_validate_json((staging / CERTIFICATE).read_text("utf-8"))
    state = Seal(staging.name, certificate.registry_seal)
    with registry.standing_still(state, lambda: datetime.now(UTC).date()) as nobody_more:
        if not nobody_more:
            raise ObjectionMeanwhile(
                "an objection was recorded while this release was made, so it is not published: "
                "run `clause16 release` again"
            )
        keeps_earlier = certificate.keeps_earlier_because is not None
        with _noted(settings, certificate, staging.name):
            return releases.publish(settings, staging, keep_earlier=keeps_earlier)


@contextmanager
def _noted(settings: Settings, certificate: Certificate, release: str) -> Iterator[None]:
    """Note in the ledger that draws are about to be readable, and then that they are."""
    if certificate.ledger_seal is None:
        yield
        return
    ledger = Ledger(settings.ledger, settings.key_file)
    new = [draw for draw in drawing.pending(ledger) if draw.table in certificate.magnitude]
    ledger.publishing(new, release, datetime.now(UTC))
    yield
    ledger.published(new, release, datetime.now(UTC))


def _about(
    settings: Settings,
    intake: Intake,
    release: str,
    created: str,
    plan: Plan,
    contents: Contents,
) -> dict[str, AboutTable]:
    loaded, entries = intake.loaded, contents.tables
    facts: dict[str, str | int] = {
        "release": release,
        "title": loaded.policy.title,
        "created_at": created,
        "as_of": settings.as_of.isoformat(),
        "policy_version": loaded.policy.version,
        "plan": plan.digest,
        "k": loaded.policy.limits.k,
        "l": loaded.policy.limits.l,
    }
    levels = {
        column.name: _level_name(column) for entry in entries.values() for column in entry.columns
    }
    k, l = loaded.policy.limits.k, loaded.policy.limits.l  # noqa: E741 - the literature's name
    checks = [
        check
        for name, entry in entries.items()
        for check in (
            CheckQuery(
                f"{name}: whole-row k",
                "the fewest people behind any row, its sensitive value included",
                whole_row_k_query(quoted(name)),
                f"at least {k}",
            ),
            CheckQuery(
                f"{name}: l-diversity",
                "the fewest different values (NULL is one) in a class that shows any",
                l_diversity_query(quoted(name), entry.quasi_identifiers, entry.sensitive),
                f"at least {l}",
            ),
        )
    ]
    checks += [
        CheckQuery(
            f"{name}: shown by noisy people",
            "the fewest people, with their noise, of any row that is shown",
            fewest_people_query(quoted(name)),
            f"at least {_fewest_shown(entry)}",
        )
        for name, entry in contents.magnitude.items()
        if entry.periods
    ]
    return about_tables(facts, contents, levels, checks)


def _fewest_shown(entry: MagnitudeEntry) -> int:
    """Return to what the fewest people that any period shows are rounded."""
    return entry.base * min(round(each.fewest_people / entry.base) for each in entry.periods)


def _level_name(column: ColumnEntry) -> str:
    if column.level == column.coarsest:
        return "all in one (*)"
    name = f"{column.level} of {column.coarsest} (0 is the finest)"
    return name if column.name == column.attribute else f"{name} of {column.attribute}"


def _written(
    tables: tuple[Table, ...], entries: Mapping[str, TableEntry]
) -> dict[str, WrittenTable]:
    return {
        table.name: WrittenTable(
            comment=entries[table.name].meaning,
            rows=table.rows.drop("people"),
            meanings={column.name: column.meaning for column in entries[table.name].columns},
            times=table.rows.get_column("people"),
        )
        for table in tables
    }


def _written_magnitude(
    tables: Sequence[Drawn], entries: Mapping[str, MagnitudeEntry]
) -> dict[str, WrittenTable]:
    return {
        table.name: WrittenTable(
            comment=f"{entries[table.name].meaning}. {' '.join(readings(entries[table.name]))}",
            rows=table.rows,
            meanings=meanings(entries[table.name]),
        )
        for table in tables
    }


def _written_about(about: Mapping[str, AboutTable]) -> dict[str, WrittenTable]:
    return {
        name: WrittenTable(table.comment, table.rows, table.meanings)
        for name, table in about.items()
    }


def _write_json(path: Path, content: Certificate | Annex) -> None:
    path.write_text(
        json.dumps(content.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n", "utf-8"
    )
