"""The deployment of prefect.yaml as a service: a real server, a real worker, real runs."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import duckdb
import pytest
from end_to_end.program import change, new_home
from end_to_end.test_boundary import found_in
from end_to_end.watch import CANARY, canary, hidden_text_columns

if TYPE_CHECKING:
    # Prefect reads the environment when it is imported, so not before there is a server in it.
    from end_to_end.service import Service

SHORT = [0, 1]
LONG = [600]
PATIENT = [2] * 20


@pytest.fixture(scope="module")
def canaries(small_bank: Path) -> list[str]:
    return [canary(table, column) for table, column in hidden_text_columns(small_bank)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, small_bank: Path) -> Iterator[Service]:
    """The service over a bank in which every hidden text is a canary."""
    from end_to_end import service

    folder = tmp_path_factory.mktemp("service")
    bank = folder / "bank.duckdb"
    bank.write_bytes(small_bank.read_bytes())
    columns = hidden_text_columns(bank)
    change(bank, *(f"UPDATE {t} SET {c} = '{canary(t, c)}'" for t, c in columns))
    written = folder / "written"
    written.mkdir()
    with service.service(written, new_home(folder, f"duckdb://{bank}")) as running:
        yield running


@pytest.fixture(scope="module")
def scheduled(service: Service) -> list[UUID]:
    """Two finished runs, one from a schedule and one asked for while the other is at work."""
    from end_to_end.service import wait_until
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId
    from prefect.client.schemas.schedules import IntervalSchedule

    soon = datetime.now(UTC) + timedelta(seconds=4)
    hourly = IntervalSchedule(interval=timedelta(hours=1), anchor_date=soon)
    (schedule,) = service.client.create_deployment_schedules(
        service.deployment.id,
        [
            DeploymentScheduleCreate(
                schedule=hourly, active=True, parameters={"retry_after": PATIENT}
            )
        ],
    )
    of_deployment = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[service.deployment.id])
    )

    def due() -> list[UUID]:
        runs = service.client.read_flow_runs(flow_run_filter=of_deployment)
        return [
            run.id
            for run in runs
            if run.auto_scheduled
            and run.expected_start_time is not None
            and run.expected_start_time < soon + timedelta(minutes=1)
        ]

    wait_until(lambda: bool(due()), "a scheduled run")
    (from_schedule,) = due()
    # Whichever is first does not get on while somebody writes to its source.
    with duckdb.connect(service.home.source.removeprefix("duckdb://")):
        asked_for = service.start(PATIENT).id
        runs = [from_schedule, asked_for]
        wait_until(
            lambda: any("AwaitingConcurrencySlot" in service.states(run) for run in runs),
            "a run that waits for the other",
        )
    for run in runs:
        service.finished(run)
    service.client.delete_deployment_schedule(service.deployment.id, schedule.id)
    return runs


def test_the_release_is_deployed_weekly_and_one_at_a_time(service: Service) -> None:
    (schedule,) = service.deployment.schedules
    assert schedule.active
    assert getattr(schedule.schedule, "cron", None) == "30 4 * * 1"
    assert getattr(schedule.schedule, "timezone", None) == "Europe/Belgrade"
    assert service.deployment.global_concurrency_limit is not None
    assert service.deployment.global_concurrency_limit.limit == 1
    assert service.deployment.parameters == {"retry_after": [30, 120, 480]}


def test_a_schedule_publishes_a_release(service: Service, scheduled: list[UUID]) -> None:
    assert [service.message(run) for run in scheduled] == ["Completed: None"] * 2
    assert service.home.current is not None
    assert service.home.leftovers == []


def test_two_runs_at_once_work_one_after_the_other(service: Service, scheduled: list[UUID]) -> None:
    first, second = sorted(map(service.run, scheduled), key=lambda run: str(run.start_time))
    assert "AwaitingConcurrencySlot" in service.states(second.id)
    assert first.end_time is not None
    assert second.start_time is not None
    assert first.end_time <= second.start_time


def test_a_published_release_is_told_with_its_public_figures(
    service: Service, scheduled: list[UUID]
) -> None:
    from pipelines.telling import ARTIFACT, figures
    from transforms.certificate import Certificate

    current = service.home.current
    assert current is not None
    certificate = Certificate.model_validate_json((current / "certificate.json").read_text())
    artifacts = service.client.read_artifacts(limit=50)
    told = [artifact for artifact in artifacts if artifact.key == ARTIFACT]
    assert len(told) == len(scheduled)
    assert figures(certificate) in [artifact.data for artifact in told]
    event = service.event("clause16.release.published", "release", current.name)
    assert event["resource"]["prefect.resource.id"] == "clause16.release"
    rows = {name: table.rows for name, table in certificate.tables.items()}
    rows |= {name: table.rows for name, table in certificate.magnitude.items()}
    assert event["payload"]["tables"] == rows


def test_a_source_that_is_away_is_tried_again_until_it_is_back(service: Service) -> None:
    from end_to_end.service import wait_until

    before = service.home.current
    with duckdb.connect(service.home.source.removeprefix("duckdb://")):
        # Whoever writes to a DuckDB file lets nobody read meanwhile.
        run = service.start([1] * 20).id
        wait_until(lambda: "Retry 1/20 will start 1.0 second(s) from now" in service.log(), "retry")
    assert service.message(run) == "Completed: None"
    # The server hears of a task's end a little later than of its run's.
    wait_until(lambda: service.attempts(run, "check") > 1, "the second attempt")
    assert service.home.current != before


def test_a_source_that_stays_away_fails_the_run_with_our_line(service: Service) -> None:
    from end_to_end.service import wait_until

    before = service.home.current
    with duckdb.connect(service.home.source.removeprefix("duckdb://")):
        run = service.start(SHORT).id
        message = service.message(run)
    assert message.startswith("Failed: source (11): bank.duckdb is being written")
    wait_until(lambda: service.attempts(run, "check") == 1 + len(SHORT), "the attempts")
    assert service.home.current == before
    assert service.home.leftovers == []
    event = service.event("clause16.release.refused", "exit_code", 11)
    assert event["resource"]["prefect.resource.id"] == "clause16.release"
    assert event["payload"]["kind"] == "source"
    assert message == f"Failed: source (11): {event['payload']['line']}"


def test_what_a_retry_cannot_mend_is_not_tried_again(
    service: Service, tmp_path: Path, canaries: list[str]
) -> None:
    from end_to_end.service import wait_until

    bank = tmp_path / "bank.duckdb"
    bank.write_bytes(Path(service.home.source.removeprefix("duckdb://")).read_bytes())
    change(bank, "UPDATE customers SET municipality = 'zqvalueqz' WHERE kind = 'natural person'")
    run = service.start(LONG, CLAUSE16_SOURCE=f"duckdb://{bank}").id
    assert service.message(run).startswith("Failed: policy (10): ")
    assert service.log().count("Retry 1/1") == 0
    wait_until(lambda: service.attempts(run, "build") == 1, "the attempt")
    assert service.attempts(run, "verify") == 0
    assert found_in(service.folder, [*canaries, "zqvalueqz"]) == set()


def waiting(service: Service) -> UUID:
    """Start a run that finds its source away, and waits long for it."""
    from end_to_end.service import wait_until

    said = service.log().count("Retry 1/1 will start 600.0 second(s)")
    run = service.start(LONG).id
    wait_until(
        lambda: service.log().count("Retry 1/1 will start 600.0 second(s)") > said, "a retry"
    )
    return run


def test_a_cancelled_run_tidies_and_publishes_nothing(service: Service) -> None:
    from prefect.states import Cancelling

    before = service.home.current
    with duckdb.connect(service.home.source.removeprefix("duckdb://")):
        run = waiting(service)
        service.client.set_flow_run_state(run, Cancelling())
        assert service.message(run).startswith("Cancelled: ")
    assert service.home.current == before
    assert service.home.leftovers == []


@pytest.mark.parametrize(
    ("number", "said", "tidied"),
    [
        (signal.SIGTERM, "Crashed: Execution was aborted by a termination signal.", True),
        (signal.SIGKILL, "Crashed: ", False),
    ],
)
def test_a_run_that_was_stopped_or_killed_is_told_as_crashed(
    service: Service, number: signal.Signals, said: str, *, tidied: bool
) -> None:
    before = service.home.current
    with duckdb.connect(service.home.source.removeprefix("duckdb://")):
        run = waiting(service)
        os.kill(process_of(service, run), number)
        assert service.message(run).startswith(said)
    assert service.home.current == before
    if tidied:
        assert service.home.leftovers == []


def process_of(service: Service, run: UUID) -> int:
    from end_to_end.service import process_of

    return process_of(service.run(run))


def test_the_drop_folder_is_taken_each_hour_and_the_server_is_told_no_more_than_that(
    service: Service,
) -> None:
    drop = service.home.path / "drop"
    drop.mkdir(mode=0o700, exist_ok=True)
    file = drop / "crm.csv"
    lines = [f"crm-{n},{CANARY}{n}@posta.example,2026-11-02" for n in range(30)]
    file.write_text("\n".join(["reference,email,received_at", *lines, "bad,,2026-11-02"]))
    os.utime(file, (0, 0))
    deployed = service.client.read_deployment_by_name("update-opt-outs/hourly")
    run = service.client.create_flow_run_from_deployment(deployed.id)
    assert service.message(run.id).startswith("Completed")
    assert [path.name for path in drop.glob("*.csv")] == []
    assert len(list((drop / "rejected").iterdir())) == 1
    told = service.event("clause16.objections.received", "objections", "about 30")
    assert told["payload"] == {"files": 1, "refused": 0, "objections": "about 30"}
    listed = service.home.run("objections", "list", "--state", "waiting", "--json").answer
    assert len(listed["objections"]) == 30  # type: ignore[arg-type]  # a list


def test_objections_start_a_release_where_the_trigger_of_prefect_yaml_is_taken(
    service: Service, tmp_path: Path
) -> None:
    from end_to_end.service import CHECKOUT, wait_until

    whole = (CHECKOUT / "prefect.yaml").read_text(encoding="utf-8")
    taken = re.sub(r"(?m)^    # (?=triggers:|  )", "    ", whole)
    assert taken.count("triggers:") == 1 != whole.count("\n    triggers:")
    file = tmp_path / "prefect.yaml"
    file.write_text(taken, encoding="utf-8")
    before = service.releases()
    service.deploy(file)
    try:
        (service.home.path / "drop" / "more.csv").write_text(
            "reference,email,received_at\nmore-1,more@posta.example,2026-11-03"
        )
        os.utime(service.home.path / "drop" / "more.csv", (0, 0))
        hourly = service.client.read_deployment_by_name("update-opt-outs/hourly")
        update = service.client.create_flow_run_from_deployment(hourly.id)
        assert service.message(update.id).startswith("Completed")
        wait_until(lambda: len(service.releases() - before) == 1, "a release that objections start")
        (started,) = service.releases() - before
        assert service.message(started).startswith("Completed")
    finally:
        service.deploy(CHECKOUT / "prefect.yaml")


def test_neither_server_nor_worker_holds_a_personal_value(
    service: Service, scheduled: list[UUID], canaries: list[str]
) -> None:
    assert len(canaries) > 15
    assert len(scheduled) == 2
    assert (service.folder / "prefect" / "prefect.db").stat().st_size > 0
    assert found_in(service.folder, [*canaries, "@posta.example"]) == set()
    # The scan sees what is kept: our own lines are there.
    ours = ["reading customers", "is being written by another program"]
    assert found_in(service.folder, ours) == set(ours)
    exact = json.loads((service.home.path / "releases" / "current" / "annex.json").read_text())
    assert not found_in(service.folder, [f'"eligible": {exact["eligible"]}'])
