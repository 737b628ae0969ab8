"""Prefect flows: the order of effects. Only paths and ids cross a task, nothing of a person.

Prefect stores parameters, messages, logs and failed runs' exceptions in clear, so every task is
sealed, results are never persisted, and a source's URI (it may hold a password) comes from the
environment, not as a parameter. A failed run ends in a state of ours that says our line: Prefect
would pickle an exception to its storage.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, ParamSpec, TypeVar

from prefect import Task, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.exceptions import TerminationSignal
from prefect.states import Failed
from pydantic import Field, NonNegativeInt

from pipelines import build, officer, releases
from pipelines.boundary import sealed
from pipelines.intake import open_intake
from pipelines.objections.registry import Registry
from pipelines.settings import Settings, settings_from
from pipelines.status import forget_failure, note_failure
from pipelines.telling import line_of, tell_published, tell_refused, tell_updated
from transforms.errors import NotLookedUp, ObjectionMeanwhile, PrivacyError, UsageError

# A worker sets up Prefect's own loggers; ours is named to it by $PREFECT_LOGGING_EXTRA_LOGGERS.
log = logging.getLogger("clause16")
log.setLevel(logging.INFO)

P = ParamSpec("P")
R = TypeVar("R")

Delays = Annotated[list[NonNegativeInt], Field(max_length=20)]
"""Seconds to wait before each retry."""


@task(name="check", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def check(settings: Settings) -> None:
    """Stop before a record is read where policy and source do not fit."""
    with open_intake(settings):
        pass


@task(name="find objectors", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def find_objectors(settings: Settings, registry: Registry) -> None:
    """Look in the source for everybody on the opt-out list who was not found yet."""
    officer.find_before_a_release(settings, registry, datetime.now(UTC))


@task(name="build", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def build_release(settings: Settings, registry: Registry) -> Path:
    """Read, leave out, generalise, write; return the staging folder."""
    # A retry starts clean: nothing of the first attempt, and the source opened anew.
    releases.tidy(settings)
    staging = releases.new_staging(settings, datetime.now(UTC))
    with open_intake(settings) as intake:
        build.build(settings, intake, registry, staging)
    return staging


@task(name="verify", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def verify_release(staging: Path) -> None:
    """Prove of the written file what its certificate promises."""
    build.verify_staging(staging)


@task(name="publish", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def publish_release(settings: Settings, registry: Registry, staging: Path) -> Path:
    """Switch to the verified release, unless somebody objected meanwhile."""
    return build.publish(settings, registry, staging)


@flow(name="release", persist_result=False, log_prints=False)
def release(
    home: str | None = None,
    policy: str | None = None,
    as_of: str | None = None,
    retry_after: Delays | None = None,
) -> str | State[str]:
    """Make, verify and publish one release; return its folder, or a failed state that says why.

    as_of is an ISO 8601 date; the source is named by $CLAUSE16_SOURCE. retry_after: seconds to
    wait before each new attempt where the source is away; none for no second attempt.
    """
    try:
        directory = _release(home, policy, as_of, retry_after or [])
    except PrivacyError as error:
        return Failed(message=tell_refused(error), data=error)
    except KeyboardInterrupt:
        # Prefect knows a run that was asked to stop by this signal alone.
        raise TerminationSignal(signal.SIGTERM) from None
    tell_published(directory)
    return str(directory)


@task(name="update opt-outs", persist_result=False, cache_policy=NO_CACHE, log_prints=False)
@sealed
def take_in(settings: Settings) -> officer.Updated:
    """Take in the drop folder, note reviews, look for everybody, erase what ended long ago."""
    return officer.update(settings, officer.opened(settings), datetime.now(UTC))


@flow(name="update-opt-outs", persist_result=False, log_prints=False)
def update_opt_outs(
    home: str | None = None, policy: str | None = None
) -> dict[str, int] | State[dict[str, int]]:
    """Bring the opt-out list up to date; return how many files came, and were refused.

    It needs no lock of the home and runs beside a release. Sources are named by the environment,
    the officer's by $CLAUSE16_OFFICER_SOURCE.
    """
    try:
        updated = _updated(home, policy)
    except PrivacyError as error:
        return Failed(message=line_of(error), data=error)
    except KeyboardInterrupt:
        raise TerminationSignal(signal.SIGTERM) from None
    tell_updated(updated)
    if updated.trouble is not None:
        return Failed(message=f"nobody was looked for: {updated.trouble}")
    refused = sum(each.refused is not None for each in updated.dropped)
    return {"files": len(updated.dropped), "refused": refused}


@sealed
def _updated(home: str | None, policy: str | None) -> officer.Updated:
    settings = settings_from(os.environ, today=datetime.now(UTC).date(), home=home, policy=policy)
    return take_in(settings)


@sealed
def _release(
    home: str | None, policy: str | None, as_of: str | None, retry_after: Sequence[int]
) -> Path:
    settings = settings_from(
        os.environ,
        today=datetime.now(UTC).date(),
        home=home,
        policy=policy,
        as_of=None if as_of is None else _day(as_of),
    )
    try:
        directory = _made(settings, retry_after)
    except PrivacyError as error:
        note_failure(settings, error)
        raise
    forget_failure(settings)
    return directory


@sealed
def _made(settings: Settings, retry_after: Sequence[int]) -> Path:
    with releases.only_run(settings):
        releases.tidy(settings)
        try:
            # No list, no release: before anything else. Opened once, it is then only followed.
            registry = Registry(settings.registry, settings.key_file)
            _patient(check, retry_after)(settings)
            return _without_objectors(settings, registry, retry_after)
        finally:
            # What is left is the next run's to clear, and changes nothing about this one.
            with suppress(OSError):
                releases.tidy(settings)


def _without_objectors(settings: Settings, registry: Registry, retry_after: Sequence[int]) -> Path:
    """Compute and publish; where somebody objects meanwhile, compute again without them."""
    for _ in range(ATTEMPTS - 1):
        try:
            return _attempted(settings, registry, retry_after)
        except ObjectionMeanwhile:
            pass
        except NotLookedUp:
            # It came just after the look into the source; without one, none will find the person.
            if officer.officer_source(settings) is None:
                raise
        log.info("an objection came meanwhile: computing again, without that person")
    return _attempted(settings, registry, retry_after)


def _attempted(settings: Settings, registry: Registry, retry_after: Sequence[int]) -> Path:
    _patient(find_objectors, retry_after)(settings, registry)
    staging = _patient(build_release, retry_after)(settings, registry)
    verify_release(staging)
    return _published(settings, registry, staging)


ATTEMPTS = 3
"""Of a release that objections overtake; then it is refused, and nothing is published."""


def _published(settings: Settings, registry: Registry, staging: Path) -> Path:
    """Publish; once `current` points to the release, whatever fails then is told, not raised."""
    release = settings.releases / staging.name
    try:
        return publish_release(settings, registry, staging)
    except Exception as error:
        if releases.current_release(settings) != release:
            raise
        log.warning(
            "%s is published, but what follows failed: %s", release.name, type(error).__name__
        )
        return release


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("as_of must be a date like 2026-11-22") from None


def _patient(step: Task[P, R], retry_after: Sequence[int]) -> Task[P, R]:
    """Let a step that touches the source try again, but only where that can help."""
    return step.with_options(
        retries=len(retry_after),
        retry_delay_seconds=[float(seconds) for seconds in retry_after],
        retry_condition_fn=_retry_helps,
    )


def _retry_helps(_task: Task[..., object], _run: TaskRun, state: State[object]) -> bool:
    # Within the run a state holds the exception itself; Prefect's server never gets it.
    return isinstance(state.data, PrivacyError) and state.data.retry_helps
