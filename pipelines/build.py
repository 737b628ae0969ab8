"""Make a release in a private folder: count, choose or apply the plan, write, certify, verify."""

from __future__ import annotations

import json
import logging
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import polars as pl

from pipelines import releases
from pipelines.approvals import approval_for, stored_plan
from pipelines.files import file_digest
from pipelines.intake import Intake, chosen_plan, count
from pipelines.objections.registry import Registry, Seal
from pipelines.releases import ANNEX, CERTIFICATE, DATABASE, WrittenTable, write_database
from pipelines.settings import Settings
from pipelines.sql import quoted
from pipelines.verifier import Verification, l_diversity_query, verify, whole_row_k_query
from transforms.about import AboutTable, CheckQuery, about_tables
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
from transforms.plan import Plan

log = logging.getLogger("clause16")


def build(settings: Settings, intake: Intake, registry: Registry, staging: Path) -> None:
    """Write database, certificate and annex of a release into its staging folder.

    The certificate has no verdicts yet. Raises Refused where the limits cannot be kept.
    """
    loaded = intake.loaded
    plan = stored_plan(settings)
    if plan is not None:
        check_plan(plan, loaded.policy, loaded.digest, loaded.hierarchies)
    approval = approval_for(settings, loaded.policy, plan)
    counted = count(settings, intake, registry)
    if plan is None:
        log.info("no plan is stored yet: choosing one")
        plan = chosen_plan(settings, intake, counted.population)
    tables = anonymise(counted.population, loaded.policy, loaded.hierarchies, plan)
    excluded = counted.excluded
    entries = table_entries(tables, loaded.policy, loaded.hierarchies, plan)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    about = _about(settings, intake, staging.name, created, plan, entries)
    log.info("writing %s", ", ".join(f"{table.name} ({table.people:,} rows)" for table in tables))
    write_database(staging / DATABASE, _written(tables, entries), _written_about(about))
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
        about={name: _about_hash(name, table.rows) for name, table in about.items()},
        never_read=never_read(loaded.policy),
        left_out=banded(people_left_out(counted.population)),
        objections=objection_entry(excluded.figures),
        guarantees=GUARANTEES,
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
        ),
    )


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
        return releases.publish(settings, staging, keep_earlier=keeps_earlier)


def _about(
    settings: Settings,
    intake: Intake,
    release: str,
    created: str,
    plan: Plan,
    entries: Mapping[str, TableEntry],
) -> dict[str, AboutTable]:
    loaded = intake.loaded
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
    return about_tables(facts, entries, levels, checks)


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
            rows=table.rows,
            meanings={column.name: column.meaning for column in entries[table.name].columns},
        )
        for table in tables
    }


def _written_about(about: Mapping[str, AboutTable]) -> dict[str, WrittenTable]:
    return {
        name: WrittenTable(
            table.comment, table.rows.with_columns(pl.lit(1).alias("people")), table.meanings
        )
        for name, table in about.items()
    }


def _about_hash(name: str, rows: pl.DataFrame) -> str:
    return content_hash(f"about.{name}", rows.with_columns(pl.lit(1).alias("people")))


def _write_json(path: Path, content: Certificate | Annex) -> None:
    path.write_text(
        json.dumps(content.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n", "utf-8"
    )
