"""Prefect flows: the order of effects. Only paths and ids cross a task, nothing of a person.

Prefect stores parameters, messages, logs and failed runs' exceptions in clear, so every task is
sealed, results are never persisted, and a source's URI (it may hold a password) comes from the
environment, not as a parameter.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from pipelines import build, releases
from pipelines.boundary import sealed
from pipelines.intake import open_intake
from pipelines.settings import Settings, settings_from
from transforms.errors import UsageError


@task(name="check", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def check(settings: Settings) -> None:
    """Stop before a record is read where policy and source do not fit."""
    open_intake(settings)


@task(name="build", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def build_release(settings: Settings, staging: Path) -> None:
    """Read, leave out, generalise, write."""
    build.build(settings, open_intake(settings), staging)


@task(name="verify", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def verify_release(staging: Path) -> None:
    """Prove of the written file what its certificate promises."""
    build.verify_staging(staging)


@task(name="publish", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def publish_release(settings: Settings, staging: Path) -> Path:
    """Switch to the verified release, unless somebody objected meanwhile."""
    return build.publish(settings, staging)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("as_of must be a date like 2026-11-22") from None


@flow(name="release", persist_result=False, log_prints=False)
@sealed
def release(home: str | None = None, policy: str | None = None, as_of: str | None = None) -> str:
    """Make, verify and publish one release; return its folder.

    as_of is an ISO 8601 date; the source is named by $CLAUSE16_SOURCE.
    """
    settings = settings_from(
        os.environ,
        today=datetime.now(UTC).date(),
        home=home,
        policy=policy,
        as_of=None if as_of is None else _day(as_of),
    )
    with releases.only_run(settings):
        releases.tidy(settings)
        try:
            check(settings)
            staging = releases.new_staging(settings, datetime.now(UTC))
            build_release(settings, staging)
            verify_release(staging)
            return str(publish_release(settings, staging))
        finally:
            releases.tidy(settings)
