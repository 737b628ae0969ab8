"""A release is made or it is not: what a run says that is stopped, or that loses Prefect."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb
import pytest
from end_to_end.program import PROGRAM, Home

from pipelines.boundary import sealed
from pipelines.releases import is_at_work
from pipelines.settings import settings_from
from pipelines.verifier import verify

OWN_SERVER = {"PREFECT_API_URL": "", "PREFECT_CLIENT_MAX_RETRIES": "0"}


def at_work(home: Home, **environment: str) -> subprocess.Popen[str]:
    """Start a release; return when it began to read."""
    process = subprocess.Popen(
        [PROGRAM, "release"],
        env=home.settings() | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not home.leftovers:
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("seconds", [0.0, 0.15])
def test_a_run_that_is_stopped_tidies_and_says_so_in_one_line(
    released_home: Home, number: signal.Signals, seconds: float
) -> None:
    before = released_home.current
    process = at_work(released_home)
    time.sleep(seconds)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err.splitlines()[-1] == "clause16: stopped; nothing was published"
    assert "Traceback" not in err
    assert released_home.leftovers == []
    assert released_home.current == before


def test_a_query_that_a_signal_ends_is_an_interrupt_and_no_failure() -> None:
    """DuckDB swallows what the handler raised, and says that a query was interrupted."""

    def query() -> None:
        with duckdb.connect() as connection:
            connection.sql("SELECT range, 'x' || range AS t FROM range(9000000)").to_arrow_table()

    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            sealed(query)()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_choice_of_a_plan_that_is_stopped_leaves_the_stored_one(
    released_home: Home, tmp_path: Path, number: signal.Signals
) -> None:
    before = sorted((path.name, path.stat().st_mtime_ns) for path in released_home.path.iterdir())
    # Nobody ever writes this policy, so the choice waits for it.
    os.mkfifo(tmp_path / "policy.toml")
    arguments = ["plan", "--policy", str(tmp_path / "policy.toml")]
    process = subprocess.Popen(
        [PROGRAM, *arguments], env=released_home.settings(), stderr=subprocess.PIPE, text=True
    )
    settings = settings_from({}, today=date(2026, 11, 22), home=str(released_home.path))
    while not is_at_work(settings):
        assert process.poll() is None, process.communicate()
        time.sleep(0.002)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err == "clause16: stopped; nothing was chosen\n"
    after = sorted((path.name, path.stat().st_mtime_ns) for path in released_home.path.iterdir())
    assert after == before


def test_an_interrupt_of_the_terminal_does_not_reach_the_temporary_server(
    released_home: Home,
) -> None:
    """Else the run would wait for minutes to tell it."""
    process = at_work(released_home, PREFECT_API_URL="")
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "clause16: stopped; nothing was published"


@pytest.mark.soak
def test_a_release_is_published_though_prefect_went_away(released_home: Home) -> None:
    before = released_home.current
    process = at_work(released_home, **OWN_SERVER)
    (server,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(server), signal.SIGKILL)
    # Prefect's client and its events knock again and again before they give up.
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Released and verified" in out
    assert "is published, but Prefect could not be told" in err
    current = released_home.current
    assert current is not None
    assert current != before
    assert verify(current / "statistics.duckdb", current / "certificate.json").passed


def test_a_server_that_does_not_answer_is_named(home: Home) -> None:
    nobody = Home(home.path, home.source, None, {"PREFECT_API_URL": "http://127.0.0.1:9/api"})
    done = nobody.run("release")
    assert done.code == 15
    assert "$PREFECT_API_URL" in done.complaint


def test_a_run_that_cannot_unwind_is_ended_all_the_same(tmp_path: Path) -> None:
    """As one whose other threads wait for the lock of an import that the signal broke off."""
    waits = (
        "import threading\n"
        "from pathlib import Path\n"
        "from pipelines import stopping\n"
        "stopping.GRACE = 0.5\n"
        f"with stopping.stoppable(Path({str(tmp_path / 'nothing')!r}), 'nothing was done'):\n"
        "    print('at work', flush=True)\n"
        "    while True:\n"
        "        try:\n"
        "            threading.Event().wait()\n"
        "        except KeyboardInterrupt:\n"
        "            pass\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", waits], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 143
    assert said == "clause16: stopped; nothing was done\n"
