"""The release as a service: Prefect's server and a worker, as an operator starts them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from end_to_end.program import Home
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterId,
)
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import DeploymentResponse

CHECKOUT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).parent / "prefect"
WITHIN = 120.0
"""Seconds that anything may take on a busy machine before a test gives up."""

IMPATIENT = {
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "1",
}


@dataclass(frozen=True)
class Service:
    """A server and a worker that releases the statistics of a home. folder: all they write."""

    folder: Path
    home: Home
    client: SyncPrefectClient
    environment: dict[str, str]

    @property
    def deployment(self) -> DeploymentResponse:
        return self.client.read_deployment_by_name("release/weekly")

    def deploy(self, file: Path) -> None:
        """Deploy all that a file like prefect.yaml says."""
        prefect(self.environment, "deploy", "--all", "--prefect-file", str(file))

    def releases(self) -> set[UUID]:
        """Return the runs of the release's deployment that are due by now, finished or not."""
        of_deployment = FlowRunFilter(
            deployment_id=FlowRunFilterDeploymentId(any_=[self.deployment.id])
        )
        runs = self.client.read_flow_runs(flow_run_filter=of_deployment)
        now = datetime.now(UTC)
        return {
            run.id
            for run in runs
            if run.expected_start_time is not None and run.expected_start_time <= now
        }

    def start(self, retry_after: list[int], **environment: str) -> FlowRun:
        """Ask for a run; environment: what is different for this one."""
        deployed = dict(self.deployment.job_variables["env"])
        return self.client.create_flow_run_from_deployment(
            self.deployment.id,
            parameters={"retry_after": retry_after},
            job_variables={"env": deployed | environment},
        )

    def run(self, run: UUID) -> FlowRun:
        return self.client.read_flow_run(run)

    def attempts(self, run: UUID, task: str) -> int:
        """Return how often a task of a finished run was tried; 0 where it never was."""
        one = FlowRunFilter(id=FlowRunFilterId(any_=[run]))
        found = self.client.read_task_runs(flow_run_filter=one)
        return sum(each.run_count for each in found if each.name.startswith(f"{task}-"))

    def finished(self, run: UUID) -> FlowRun:
        wait_until(lambda: self.is_final(run), f"run {run}")
        return self.run(run)

    def is_final(self, run: UUID) -> bool:
        state = self.run(run).state
        return state is not None and state.is_final()

    def message(self, run: UUID) -> str:
        state = self.finished(run).state
        assert state is not None
        return f"{state.name}: {state.message}"

    def states(self, run: UUID) -> list[str]:
        return [state.name or "" for state in self.client.read_flow_run_states(run)]

    def event(self, name: str, field: str, value: object) -> dict[str, Any]:
        """Return the event whose payload says this, when the server has stored it."""
        asked = {"filter": {"event": {"name": [name]}}, "limit": 50}

        def found() -> list[dict[str, Any]]:
            events = self.client.request("POST", "/events/filter", json=asked).json()["events"]
            return [event for event in events if event["payload"][field] == value]

        wait_until(lambda: bool(found()), f"the event {name}")
        (event,) = found()
        return dict(event)

    def log(self) -> str:
        return (self.folder / "worker.log").read_text()


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WITHIN
    while not true():
        assert time.monotonic() < deadline, f"not within {WITHIN:.0f} s: {what}"
        time.sleep(0.1)


@contextmanager
def service(folder: Path, home: Home) -> Iterator[Service]:
    """Start a server, make the work pool, deploy, start a worker; stop them in the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    api = f"http://127.0.0.1:{port}/api"
    own = {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": api,
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "CLAUSE16_CHECKOUT": str(CHECKOUT),
    }
    environment = home.settings() | IMPATIENT | own
    with ExitStack() as stack:
        server = ("server", "start", "--host", "127.0.0.1", "--port", port, "--no-ui")
        stack.enter_context(started(server, environment, folder / "server.log"))
        wait_until(lambda: answers(api), "the server")
        prefect(environment, "work-pool", "create", "local", "--type", "process")
        worker = ("worker", "start", "--pool", "local", "--type", "process")
        stack.enter_context(started(worker, environment, folder / "worker.log"))
        prefect(environment, "deploy", "--all")
        client = stack.enter_context(SyncPrefectClient(api))
        yield Service(folder, home, client, environment)


def prefect(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run(
        [PREFECT, "--no-prompt", *arguments],
        cwd=CHECKOUT,
        env=environment,
        check=True,
        capture_output=True,
    )


@contextmanager
def started(arguments: tuple[str, ...], environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PREFECT, *arguments],
            cwd=CHECKOUT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(api: str) -> bool:
    try:
        with urllib.request.urlopen(f"{api}/health", timeout=5):  # noqa: S310 - our own server
            return True
    except OSError:
        return False


def process_of(run: FlowRun) -> int:
    """Return the id of a run's process; the worker names it host:pid."""
    assert run.infrastructure_pid is not None
    return int(run.infrastructure_pid.rpartition(":")[2])
