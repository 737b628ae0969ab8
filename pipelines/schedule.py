"""When the next release is scheduled: asked of Prefect's server, briefly."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from queue import Empty, SimpleQueue
from threading import Thread

from pipelines.scheduler import STAY_AT_HOME

DEPLOYMENT = "release/weekly"
WITHIN = 4.0
"""Seconds that a server has for its answer."""


class State(StrEnum):
    """What is known of scheduled releases."""

    NO_SERVER = "no server is named"
    AWAY = "Prefect's server does not answer"
    NOT_DEPLOYED = f"the server has no deployment {DEPLOYMENT}"
    PAUSED = f"the deployment {DEPLOYMENT} is paused"
    NOTHING = f"the deployment {DEPLOYMENT} has no run to come"
    SCHEDULED = "scheduled"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The state, and when the next run is due where it is scheduled."""

    state: State
    next: datetime | None = None


def next_run(server: str | None) -> Schedule:
    """Ask for the next run; a server that does not answer in time is away."""
    if server is None:
        return Schedule(State.NO_SERVER)
    for name, value in STAY_AT_HOME.items():
        os.environ.setdefault(name, value)
    # Slow, and not the server's fault: before its time runs.
    import prefect.client.orchestration  # noqa: F401

    answers: SimpleQueue[Schedule] = SimpleQueue()
    # Prefect's client tries again and again; a thread is left behind when time is up.
    Thread(target=lambda: answers.put(_asked()), daemon=True).start()
    try:
        return answers.get(timeout=WITHIN)
    except Empty:
        return Schedule(State.AWAY)


def _asked() -> Schedule:
    from prefect.exceptions import ObjectNotFound

    try:
        return _answer()
    except ObjectNotFound:
        return Schedule(State.NOT_DEPLOYED)
    except Exception:  # noqa: BLE001 - whatever the client meets, the server gave no answer
        return Schedule(State.AWAY)


def _answer() -> Schedule:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterId,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(sync_client=True, httpx_settings={"timeout": WITHIN}) as client,
    ):
        deployment = client.read_deployment_by_name(DEPLOYMENT)
        if deployment.paused or not any(schedule.active for schedule in deployment.schedules):
            return Schedule(State.PAUSED)
        scheduled = FlowRunFilterStateType(any_=[StateType.SCHEDULED])
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment.id])),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=scheduled)),
            sort=FlowRunSort.EXPECTED_START_TIME_ASC,
            limit=1,
        )
        due = runs[0].expected_start_time if runs else None
        return Schedule(State.NOTHING if due is None else State.SCHEDULED, due)
