"""Run a release from the command line: as a Prefect flow, with or without a server.

A release is made or it is not, whatever else happens to the run: one that was stopped, or lost
Prefect's server, after the switch to it is told as published.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path

from pipelines import memory
from pipelines.releases import CERTIFICATE, CURRENT, DATABASE, current_release, only_run
from pipelines.scheduler import scheduler
from pipelines.settings import Settings
from pipelines.stopping import Stop, leave
from transforms.errors import EngineError, PrivacyError

log = logging.getLogger("clause16")


@dataclass(frozen=True)
class Released:
    """What a release left behind. example: a query worth trying."""

    release: str
    directory: Path
    database: Path
    certificate: Path
    tables: dict[str, int]
    example: str


def run_release(settings: Settings) -> Released:
    """Run the flow in this process; raises what the flow raises.

    Asked to stop (SIGTERM, SIGINT) it tidies, says so in one line and exits with 143 or 130.
    """
    memory.refuse_too_little(memory.limits(settings.memory))
    with only_run(settings):
        # Told at once, before a second scheduler starts on the same files; the flow locks again.
        before = current_release(settings)
    stop = Stop()
    try:
        with stop.heard(lambda: _outcome(settings, before)):
            _run_flow(settings)
    except BaseException as error:
        published = current_release(settings) != before and not isinstance(error, PrivacyError)
        if stop.signal is not None and not published:
            leave(stop.signal, "nothing was published")
        if not published:
            raise
        log.warning("the release is published; Prefect was not told how its run ended")
    return _released(settings.releases / CURRENT)


def _outcome(settings: Settings, before: Path | None) -> str:
    same = current_release(settings) == before
    return "nothing was published" if same else "the release is published"


def _run_flow(settings: Settings) -> None:
    if settings.source is not None:
        os.environ["CLAUSE16_SOURCE"] = settings.source
    with scheduler(settings.scheduler) as server:
        # Prefect reads the environment when it is imported; its server gets ready meanwhile.
        from pipelines.flows import release

        server.wait()
        try:
            # No second attempts: somebody is waiting at the terminal.
            release(
                home=str(settings.home),
                policy=None if settings.policy is None else str(settings.policy),
                as_of=settings.as_of.isoformat(),
            )
        except RuntimeError as error:
            if not str(error).startswith("Failed to reach API"):
                raise
            raise EngineError(
                "Prefect's server does not answer: start the one that $PREFECT_API_URL names, or "
                "unset it for a temporary one"
            ) from None


def _released(current: Path) -> Released:
    directory = current.parent / current.readlink()
    certificate = json.loads((directory / CERTIFICATE).read_text(encoding="utf-8"))
    tables = certificate["tables"]
    counts = certificate["magnitude"]
    return Released(
        release=certificate["release"],
        directory=directory,
        database=directory / DATABASE,
        certificate=directory / CERTIFICATE,
        tables={name: int(table["rows"]) for name, table in (*tables.items(), *counts.items())},
        example=_example(tables),
    )


def _example(tables: dict[str, dict[str, object]]) -> str:
    name, table = next(iter(tables.items()))
    columns = f"{table['sensitive']}, count(*) AS people"
    return f"SELECT {columns} FROM {name} GROUP BY ALL ORDER BY people DESC"
