"""What the environment and the command line say, read once into one frozen value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from transforms.errors import UsageError

CHECKOUT = Path(__file__).resolve().parent.parent
DEMO_HOME = CHECKOUT / "data"
DEMO_POLICY = CHECKOUT / "data" / "policy" / "bank.toml"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is. `policy` and `source` are None where nobody named one.

    officer: the source as the officer may ask it, where that is another URI than a release's;
    memory: bytes that a run may hold, None for as many as there are.
    """

    home: Path
    key_file: Path
    policy: Path | None
    source: str | None
    as_of: date
    today: date
    analysts_group: str | None
    memory: int | None = None
    officer: str | None = None

    @property
    def registry(self) -> Path:
        """The opt-out list, for the officer alone."""
        return self.home / "registry" / "objections.sqlite"

    @property
    def ledger(self) -> Path:
        """What magnitude tables have spent of the budget, and the rows that were drawn."""
        return self.home / "ledger" / "ledger.sqlite"

    @property
    def drop(self) -> Path:
        """Where files of objections are dropped."""
        return self.home / "drop"

    @property
    def plan(self) -> Path:
        """The stored plan."""
        return self.home / "plan.json"

    @property
    def approval(self) -> Path:
        """Who approved the stored plan."""
        return self.home / "approval.json"

    @property
    def last_failure(self) -> Path:
        """The one line of the last release that failed."""
        return self.home / "last-failure.json"

    @property
    def releases(self) -> Path:
        """One folder a release, and `current`."""
        return self.home / "releases"

    @property
    def work(self) -> Path:
        """Private, emptied at the end of a run and at the start of the next."""
        return self.home / "work"

    @property
    def lock(self) -> Path:
        """Held by the one run at work."""
        return self.home / "lock"

    @property
    def scheduler(self) -> Path:
        """Prefect's own files where no server is configured."""
        return self.home / "prefect"

    @property
    def demo_source(self) -> str:
        """Where the demo bank of this home lies."""
        return f"duckdb://{self.home / 'demo' / 'bank.duckdb'}"


def settings_from(
    environment: Mapping[str, str],
    *,
    today: date,
    home: str | None = None,
    policy: str | None = None,
    source: str | None = None,
    as_of: date | None = None,
) -> Settings:
    """Options of the command line come before the environment, and that before the defaults."""
    place = Path(home or environment.get("CLAUSE16_HOME") or DEMO_HOME).absolute()
    if not place.name:
        raise UsageError("the root of a file system is no home: name a folder with --home")
    named_policy = policy or environment.get("CLAUSE16_POLICY")
    key_file = environment.get("CLAUSE16_KEY_FILE")
    return Settings(
        home=place,
        # Beside the home, never in it: a copy of the home alone cannot be read.
        key_file=Path(key_file).absolute() if key_file else place.with_name(place.name + ".key"),
        policy=Path(named_policy).absolute() if named_policy else None,
        source=source or environment.get("CLAUSE16_SOURCE"),
        as_of=as_of or today,
        today=today,
        analysts_group=environment.get("CLAUSE16_ANALYSTS_GROUP"),
        memory=_bytes(environment.get("CLAUSE16_MEMORY")),
        officer=environment.get("CLAUSE16_OFFICER_SOURCE") or None,
    )


def _bytes(text: str | None) -> int | None:
    """Read a size as systemd writes one: 512M, 2G."""
    if not text:
        return None
    read = re.fullmatch(r"(\d+)([KMGT]?)", text.strip().upper())
    if read is None:
        raise UsageError("$CLAUSE16_MEMORY must be a size like 512M or 2G")
    power: int = " KMGT".index(read[2] or " ")
    return int(read[1]) << 10 * power
