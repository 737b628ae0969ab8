"""How a home is: each thing that needs attention is provoked, and nothing is touched."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from end_to_end.program import Here, Home, change

from pipelines import status
from pipelines.settings import Settings, settings_from
from pipelines.status import note_failure
from transforms.errors import AnotherRun, Refused

if TYPE_CHECKING:
    from prefect.client.schemas.responses import DeploymentResponse

CHECKOUT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).parent / "prefect"
NO_SERVER = {"PREFECT_API_URL": ""}


@pytest.fixture
def quiet_home(released_home: Home) -> Home:
    """A home with a release, and no server that somebody would have to ask."""
    return Home(released_home.path, released_home.source, environment=NO_SERVER)


def settings_of(home: Home) -> Settings:
    return settings_from({}, today=date(2026, 11, 22), home=str(home.path))


def current(home: Home) -> Path:
    assert home.current is not None
    return home.current


def certify(home: Home, **fields: object) -> None:
    path = current(home) / "certificate.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | fields), encoding="utf-8")


def ago(time: timedelta) -> str:
    return (datetime.now(UTC) - time).isoformat(timespec="seconds")


def object_to(home: Home, hours: int) -> None:
    received = ago(timedelta(hours=hours))
    done = home.run("objections", "record", "--customer-id", "4711", "--received-at", received)
    assert done.code == 0, done.err


def test_a_home_with_a_fresh_release_needs_no_attention(quiet_home: Home, here: Here) -> None:
    done = here(quiet_home, "status", "--json")
    assert done.code == 0, done.out
    said = done.answer
    assert (said["verdict"], said["attention"], said["at_work"]) == ("fine", [], False)
    assert said["waiting_objections"] == {"number": 0, "since": None}
    assert said["schedule"] == {"state": "no server is named", "next": None}
    certificate = json.loads((current(quiet_home) / "certificate.json").read_text("utf-8"))
    release = said["release"]
    assert isinstance(release, dict)
    assert release["verdict"] == "passed"
    assert release["release"] == current(quiet_home).name
    assert release["plan"] == certificate["plan"]["digest"]
    assert release["policy_version"] == certificate["policy_version"]
    assert here(quiet_home, "status").out.rstrip().endswith("Nothing needs attention.")


def replace_registry_with_an_older_one(home: Home) -> None:
    registry = home.path / "registry" / "objections.sqlite"
    older = registry.read_bytes()
    object_to(home, 1)
    Home(home.path, home.source).release()
    registry.write_bytes(older)


def edit_plan(home: Home) -> None:
    plan = home.path / "plan.json"
    plan.write_text(plan.read_text().replace('"age": ', '"age": 1'))


def follow_the_link(home: Home) -> None:
    """Make a folder of `current`, as a copy does that does not keep links."""
    link = home.path / "releases" / "current"
    folder = link.resolve()
    link.unlink()
    shutil.copytree(folder, link)


ATTENTION: dict[str, tuple[Callable[[Home], object], str]] = {
    "no home": (lambda home: shutil.rmtree(home.path), "there is no home"),
    "no release": (
        lambda home: (home.path / "releases" / "current").unlink(),
        "there is no release yet",
    ),
    "a release whose database was changed": (
        lambda home: change(
            current(home) / "statistics.duckdb", "DELETE FROM customers WHERE rowid = 5"
        ),
        "not the one that was certified",
    ),
    "a release whose database is gone": (
        lambda home: (current(home) / "statistics.duckdb").unlink(),
        "has no database",
    ),
    "a release with a check that failed": (
        lambda home: certify(home, checks=[{"check": "whole-row k", "passed": False}]),
        "did not pass",
    ),
    "a release that was never checked": (lambda home: certify(home, checks=[]), "did not pass"),
    "a release whose certificate is no certificate": (
        lambda home: (current(home) / "certificate.json").write_text("[]"),
        "certificate.json cannot be read",
    ),
    "a release that is too old": (
        lambda home: certify(home, created_at=ago(timedelta(days=8, hours=1))),
        "8 days old",
    ),
    "an objection that waits too long": (lambda home: object_to(home, 25), "objections wait"),
    "no opt-out list": (
        lambda home: (home.path / "registry" / "objections.sqlite").unlink(),
        "no opt-out list",
    ),
    "a damaged opt-out list": (
        lambda home: (home.path / "registry" / "objections.sqlite").write_bytes(b"SQLite"),
        "opt-out list",
    ),
    "an opt-out list that is older than the release": (
        replace_registry_with_an_older_one,
        "older than the release",
    ),
    "no key": (lambda home: home.path.with_name("home.key").unlink(), "home.key cannot be read"),
    "an edited plan": (edit_plan, "stored plan is damaged"),
    "an earlier release that is still readable": (
        lambda home: shutil.copytree(current(home), home.path / "releases" / "20200101T000000Z"),
        "the release 20200101T000000Z could not be retired",
    ),
    "a `current` that is no link": (follow_the_link, "current is no link"),
    "a failure": (
        lambda home: note_failure(settings_of(home), Refused("too few people")),
        "the last release failed (exit code 13): too few people",
    ),
    "a failure that cannot be read": (
        lambda home: (home.path / "last-failure.json").write_text("{"),
        "last-failure.json cannot be read",
    ),
}


@pytest.mark.parametrize("what", list(ATTENTION))
def test_attention_is_drawn_to(quiet_home: Home, here: Here, what: str) -> None:
    provoke, said = ATTENTION[what]
    provoke(quiet_home)
    done = here(quiet_home, "status", "--json")
    assert done.code == 13
    drawn = done.answer["attention"]
    assert isinstance(drawn, list)
    assert len(drawn) == 1
    assert said in drawn[0]["what"]
    assert drawn[0]["do"]
    words = here(quiet_home, "status")
    assert words.code == 13
    assert [line for line in words.out.splitlines() if line.startswith("attention: ")] == [
        f"attention: {drawn[0]['what']} → {drawn[0]['do']}"
    ]


@pytest.mark.parametrize("place", ["..", ".", "releases", "releases/current", "registry"])
def test_what_may_not_be_looked_at_is_a_trouble_and_no_failure(
    quiet_home: Home, place: str, here: Here
) -> None:
    folder = (quiet_home.path / place).resolve()
    allowed = folder.stat().st_mode
    folder.chmod(0o000)
    done = quiet_home.run_powerless("status", "--json")
    folder.chmod(allowed)
    assert done.code == 13, done.err
    assert done.answer["attention"]
    assert "there is no release yet" not in done.out
    assert here(quiet_home, "status").code == 0


def test_an_earlier_release_that_the_policy_keeps_is_no_trouble(
    quiet_home: Home, here: Here
) -> None:
    shutil.copytree(current(quiet_home), quiet_home.path / "releases" / "20200101T000000Z")
    certify(quiet_home, keeps_earlier_because="a study compares them")
    assert here(quiet_home, "status").code == 0


def test_attention_is_drawn_to_a_full_disk(
    quiet_home: Home, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(quiet_home.path).free
    monkeypatch.setattr(status, "SPARE", 2 * free)
    done = here(quiet_home, "status")
    assert done.code == 13
    assert "MiB left" in done.out


def test_the_limits_are_the_operators_own(quiet_home: Home, here: Here) -> None:
    object_to(quiet_home, 25)
    certify(quiet_home, created_at=ago(timedelta(days=9)))
    assert here(quiet_home, "status", "--max-age", "10").code == 13
    assert here(quiet_home, "status", "--objections-within", "48").code == 13
    done = here(quiet_home, "status", "--max-age", "10", "--objections-within", "48", "--json")
    assert done.code == 0
    waiting = done.answer["waiting_objections"]
    assert isinstance(waiting, dict)
    assert waiting["number"] == 1
    since = datetime.now(UTC) - datetime.fromisoformat(waiting["since"])
    assert timedelta(hours=25) <= since < timedelta(hours=26)


def test_an_objection_waits_until_the_next_release(quiet_home: Home, here: Here) -> None:
    object_to(quiet_home, 25)
    assert here(quiet_home, "status").code == 13
    assert here(Home(quiet_home.path, quiet_home.source), "release").code == 0
    assert here(quiet_home, "status").code == 0


def test_a_release_that_failed_is_remembered_until_one_succeeds(
    released_home: Home, quiet_home: Home, here: Here
) -> None:
    bank = Path(released_home.source.removeprefix("duckdb://"))
    change(bank, "ALTER TABLE customers RENAME income TO salary")
    failed = here(released_home, "release")
    assert failed.code == 11
    done = here(quiet_home, "status", "--json")
    assert done.code == 13
    failure = done.answer["last_failure"]
    assert isinstance(failure, dict)
    assert failure["kind"] == "source"
    assert failure["exit_code"] == 11
    assert failed.complaint == f"clause16: {failure['message']}"
    change(bank, "ALTER TABLE customers RENAME salary TO income")
    assert here(released_home, "release").code == 0
    assert here(quiet_home, "status").code == 0


def test_a_failure_that_cannot_be_noted_makes_no_other(quiet_home: Home) -> None:
    shutil.rmtree(quiet_home.path)
    note_failure(settings_of(quiet_home), Refused("too few people"))
    assert not quiet_home.path.exists()


def test_another_run_at_work_is_no_failure(quiet_home: Home, here: Here) -> None:
    note_failure(settings_of(quiet_home), AnotherRun("another run is at work"))
    with (quiet_home.path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = here(quiet_home, "status", "--json")
    assert (done.code, done.answer["at_work"]) == (0, True)
    assert here(quiet_home, "status", "--json").answer["at_work"] is False


def test_a_look_leaves_everything_as_it_is(quiet_home: Home, here: Here) -> None:
    def everything() -> list[tuple[Path, int, int]]:
        stats = [(path, path.lstat()) for path in sorted(quiet_home.path.parent.rglob("*"))]
        return [(path, stat.st_mtime_ns, stat.st_size) for path, stat in stats]

    before = everything()
    assert here(quiet_home, "status").code == 0
    assert everything() == before


def test_without_a_server_prefect_is_not_imported(quiet_home: Home) -> None:
    script = (
        "import sys; from pipelines.cli import main; code = main(['status']); "
        "sys.exit(code or 'prefect' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=quiet_home.settings(), check=False, capture_output=True
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def deployment() -> Iterator[DeploymentResponse]:
    """A deployment without any run of other tests; its own runs go with it."""
    from prefect.client.orchestration import get_client

    forget_deployment()
    prefect("work-pool", "create", "local", "--type", "process", "--overwrite")
    prefect("deploy", "--all")
    with get_client(sync_client=True) as client:
        deployed = client.read_deployment_by_name("release/weekly")
    yield deployed
    forget_deployment()


def prefect(*arguments: str) -> None:
    subprocess.run(
        [PREFECT, "--no-prompt", *arguments],
        cwd=CHECKOUT,
        env=os.environ | {"CLAUSE16_CHECKOUT": str(CHECKOUT)},
        check=True,
        capture_output=True,
    )


def forget_deployment() -> None:
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    with get_client(sync_client=True) as client, suppress(ObjectNotFound):
        client.delete_deployment(client.read_deployment_by_name("release/weekly").id)


def schedule_at(deployment: DeploymentResponse, due: datetime) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Scheduled

    with get_client(sync_client=True) as client:
        client.create_flow_run_from_deployment(deployment.id, state=Scheduled(scheduled_time=due))


def test_the_next_scheduled_run_is_told_and_one_that_nobody_began(
    released_home: Home, here: Here, deployment: DeploymentResponse
) -> None:
    due = datetime.now(UTC).replace(microsecond=0)
    schedule_at(deployment, due)
    done = here(released_home, "status", "--json")
    assert done.code == 0, done.out
    assert done.answer["schedule"] == {"state": "scheduled", "next": due.isoformat()}
    schedule_at(deployment, due - timedelta(hours=1))
    late = here(released_home, "status")
    assert late.code == 13
    assert "has not begun" in late.out


@pytest.mark.usefixtures("deployment")
def test_a_server_without_the_deployment_and_a_paused_one_need_attention(
    released_home: Home, here: Here
) -> None:
    prefect("deployment", "schedule", "pause", "--all")
    paused = here(released_home, "status")
    assert paused.code == 13
    assert "is paused" in paused.out
    forget_deployment()
    missing = here(released_home, "status")
    assert missing.code == 13
    assert "no deployment release/weekly" in missing.out


def test_a_server_that_never_answers_is_told_as_away_in_time(released_home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for address in (f"http://127.0.0.1:{port}/api", "http://127.0.0.1:9/api"):
            asked = {"PREFECT_API_URL": address}
            started = time.monotonic()
            done = Home(released_home.path, released_home.source, environment=asked).run("status")
            assert done.code == 13
            assert "does not answer" in done.out
            # Four seconds for the server, the rest for imports on a busy machine.
            assert time.monotonic() - started < 20
