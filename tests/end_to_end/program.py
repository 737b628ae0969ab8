"""The installed program, run in a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

PROGRAM = Path(sys.executable).parent / "clause16"
SMALL = 3_000
"""Customers of a small bank."""


SAID: list[str] = []
HOMES: set[Path] = set()
"""What the commands of this test said, and the homes that they ran in."""


@dataclass(frozen=True)
class Run:
    """What a command answered."""

    code: int
    out: str
    err: str

    def __post_init__(self) -> None:
        SAID.extend((self.out, self.err))

    @property
    def answer(self) -> dict[str, object]:
        return dict(json.loads(self.out))

    @property
    def complaint(self) -> str:
        """The one line that tells the user what is wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("clause16: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err + self.out
        return lines[0]


@dataclass(frozen=True)
class Home:
    """A home of its own, with a source and a policy, and the program run in it."""

    path: Path
    source: str
    policy: str | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        HOMES.add(self.path)

    def run(self, *arguments: str) -> Run:
        return self._run(str(PROGRAM), *arguments)

    def run_powerless(self, *arguments: str) -> Run:
        """Run as somebody who may not read and write everything."""
        return self._run(*powerless(str(PROGRAM), *arguments))

    def _run(self, *command: str) -> Run:
        done = subprocess.run(
            command,
            env=self.settings(),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        return Run(done.returncode, done.stdout, done.stderr)

    def settings(self) -> dict[str, str]:
        named = {"CLAUSE16_HOME": str(self.path), "CLAUSE16_SOURCE": self.source}
        if self.policy is not None:
            named["CLAUSE16_POLICY"] = self.policy
        return os.environ | named | self.environment

    def release(self) -> Path:
        """Make a release; return its folder."""
        done = self.run("release", "--json")
        assert done.code == 0, done.err
        return Path(str(done.answer["directory"]))

    @property
    def current(self) -> Path | None:
        link = self.path / "releases" / "current"
        return link.resolve() if link.is_symlink() else None

    @property
    def leftovers(self) -> list[Path]:
        return list((self.path / "work").glob("*"))


Here = Callable[..., Run]
"""Runs the program in this process, which saves the seconds of its imports."""


def release(home: Home, here: Here) -> Path:
    """Make a release in this process; return its folder."""
    done = here(home, "release", "--json")
    assert done.code == 0, done.err
    return Path(str(done.answer["directory"]))


def powerless(*command: str) -> list[str]:
    """Return a command without the superuser's right to read and write everything."""
    if os.geteuid() != 0:
        return list(command)
    taken = "-dac_override,-dac_read_search"
    return ["/usr/bin/setpriv", f"--bounding-set={taken}", "--inh-caps=-all", *command]


def generate(uri: str, customers: int, payments: int = 1) -> None:
    size = ["--customers", str(customers), "--payments-per-customer", str(payments)]
    subprocess.run(
        [PROGRAM, "demo", *size, "--seed", "7", "--to", uri], check=True, capture_output=True
    )


def new_home(folder: Path, source: str, policy: str | None = None) -> Home:
    home = Home(folder / "home", source, policy)
    made = home.run("init")
    assert made.code == 0, made.err
    return home


def change(bank: Path, *statements: str) -> None:
    with duckdb.connect(str(bank)) as connection:
        for statement in statements:
            connection.execute(statement)
