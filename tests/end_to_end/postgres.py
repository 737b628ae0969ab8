"""A real PostgreSQL for the tests: a cluster of its own in a temporary folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PASSWORD = "only-for-tests"  # noqa: S105 - a server of the test's own
_SETTINGS = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
logging_collector = off
log_statement = all
log_connections = on
log_min_messages = notice
log_line_prefix = '%m [%p] app=%a '
"""


def binaries() -> Path | None:
    """Return the folder of the newest server that is installed, None where there is none."""
    named = shutil.which("initdb")
    found = [Path(named).parent] if named else []
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    return next((path for path in [*(path.parent for path in reversed(debian)), *found]), None)


def _version(initdb: Path) -> int:
    name = initdb.parts[-3]
    return int(name) if name.isdigit() else 0


@dataclass
class Cluster:
    """A running server. log: what it wrote of every statement and connection.

    seen: how much of the log was looked through.
    """

    folder: Path
    port: int
    programs: Path
    seen: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "log"

    def start(self) -> None:
        """Start the server, also one that was killed and whose processes are just going."""
        for wait in (0.1, 0.5, 1.0, 2.0, 4.0, 8.0):
            try:
                self.as_owner("pg_ctl", "-D", self._files, "-l", str(self.log), "-w", "start")
            except subprocess.CalledProcessError:
                time.sleep(wait)
            else:
                return
        raise AssertionError(self.log.read_text()[-2000:])

    def put(self, name: str, content: bytes, mode: int) -> Path:
        """Write a file into the server's folder, as the server's own."""
        path = Path(self._files) / name
        path.write_bytes(content)
        path.chmod(mode)
        if _as_owner():
            shutil.chown(path, "postgres", "postgres")
        return path

    def stop(self, mode: str = "fast") -> None:
        self.as_owner("pg_ctl", "-D", self._files, "-m", mode, "-w", "stop")

    def kill(self) -> None:
        """Kill every process of the server at once, as a power cut does."""
        postmaster = int((Path(self._files) / "postmaster.pid").read_text().split()[0])
        children = subprocess.run(
            ["/usr/bin/pgrep", "-P", str(postmaster)], capture_output=True, text=True, check=False
        ).stdout.split()
        for process in (postmaster, *map(int, children)):
            os.kill(process, signal.SIGKILL)

    def uri(self, database: str, user: str = "owner", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of another; return its name."""
        name = f"bank_{uuid.uuid4().hex[:12]}"
        copied = f" TEMPLATE {template}" if template else ""
        self.sql("postgres", f"CREATE DATABASE {name}{copied}")
        return name

    def sql(self, database: str, *statements: str, user: str = "owner") -> str:
        """Run statements, each by itself; return what they answered."""
        commands = [part for statement in statements for part in ("-c", statement)]
        done = self.psql(database, *commands, user=user)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def psql(
        self, database: str, *arguments: str, user: str = "owner", stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(str(self.programs / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"),
                *("-d", self.uri(database, user), *arguments),
            ],
            capture_output=True,
            text=True,
            check=False,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
        )

    @property
    def _files(self) -> str:
        return str(self.folder / "data")

    def as_owner(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*_as_owner(), str(self.programs / program), *arguments],
            check=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def new_cluster(programs: Path) -> Cluster:
    """Make and start a server on a free port, in a folder that its owner may enter."""
    folder = Path(tempfile.mkdtemp(prefix="clause16-postgres-"))
    folder.chmod(0o755)
    if _as_owner():
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    cluster = Cluster(folder, port, programs)
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    cluster.as_owner(
        *("initdb", "-D", str(folder / "data"), "-U", "owner", "--pwfile", str(secret)),
        *("-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
    )
    with (folder / "data" / "postgresql.conf").open("a") as settings:
        settings.write(f"{_SETTINGS}port = {port}\n")
    cluster.start()
    return cluster


def _as_owner() -> Sequence[str]:
    """Return what goes before a program so that the server does not run as root."""
    if os.geteuid() != 0:
        return ()
    user = pwd.getpwnam("postgres")
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
