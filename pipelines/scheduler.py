"""Prefect's own side: what it may do, and a server for a single run where none is configured.

Without a server Prefect starts a temporary one itself, but only when the first flow does: its
seconds of imports then follow ours. Started as the very first thing it gets ready meanwhile, it
says nothing on our standard error, and it dies with us even where we are killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.boundary import disk_full, is_full
from transforms.errors import EngineError, ReleaseError

STARTS_WITHIN = 120.0
"""Seconds; the first start in a home makes the database, about ten of them on two cores."""

STAY_AT_HOME = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # Failures are told in one line of ours; Prefect would print a traceback as well.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
}
_SERVER_ONLY = {
    "PREFECT_UI_ENABLED": "false",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
_SET_PARENT_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of prctl(2), Linux."""


class Server:
    """A configured server, or a temporary one that is getting ready. folder: its files."""

    def __init__(
        self, api: str, folder: Path, process: subprocess.Popen[bytes] | None = None
    ) -> None:
        self._health = f"{api}/health"
        self._folder = folder
        self._process = process

    def wait(self) -> None:
        """Return when the server answers.

        Raises EngineError where it does not in time, ReleaseError where its disk is full.
        """
        if self._process is None:
            return
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(self._health, timeout=5):  # noqa: S310 - our own http address
                    return
            except OSError:
                time.sleep(0.05)
        if is_full(self._folder):
            raise disk_full()
        raise EngineError(
            "Prefect's temporary server does not start: run one yourself (`prefect server start`) "
            "and name it in $PREFECT_API_URL"
        )


@contextmanager
def scheduler(folder: Path) -> Iterator[Server]:
    """Prepare the environment for Prefect (not imported yet) and yield its server.

    folder: Prefect's files where no server is configured in $PREFECT_API_URL.
    """
    for name, value in STAY_AT_HOME.items():
        os.environ.setdefault(name, value)
    if os.environ.get("PREFECT_API_URL"):
        yield Server(os.environ["PREFECT_API_URL"], folder)
        return
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        raise ReleaseError(f"{folder} cannot be made: check the home's path and mode") from None
    port = _free_port()
    os.environ["PREFECT_HOME"] = str(folder)
    os.environ["PREFECT_API_URL"] = api = f"http://127.0.0.1:{port}/api"
    process = _start(port)
    try:
        yield Server(api, folder, process)
    finally:
        process.terminate()
        process.wait()
        del os.environ["PREFECT_API_URL"]


def _start(port: int) -> subprocess.Popen[bytes]:
    application = ["--factory", "prefect.server.api.server:create_app", "--lifespan", "on"]
    address = ["--host", "127.0.0.1", "--port", str(port), "--log-level", "critical"]
    return subprocess.Popen(  # noqa: S603 - our own interpreter and constants
        [sys.executable, "-m", "uvicorn", *application, *address],
        env=os.environ | _SERVER_ONLY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Whoever interrupts the run at the terminal means us: we still tell the server of it.
        process_group=0,
        preexec_fn=_die_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - no thread runs yet
    )


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
