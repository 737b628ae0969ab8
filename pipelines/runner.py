"""Run a release from the command line: as a Prefect flow, with or without a server."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.releases import CERTIFICATE, DATABASE
from pipelines.settings import Settings


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
    """Run the flow in this process; raises what the flow raises."""
    _prepare_environment(settings)
    from pipelines.flows import release

    directory = Path(
        release(
            home=str(settings.home),
            policy=None if settings.policy is None else str(settings.policy),
            as_of=settings.as_of.isoformat(),
        )
    )
    certificate = json.loads((directory / CERTIFICATE).read_text(encoding="utf-8"))
    tables = certificate["tables"]
    return Released(
        release=certificate["release"],
        directory=directory,
        database=directory / DATABASE,
        certificate=directory / CERTIFICATE,
        tables={name: int(table["rows"]) for name, table in tables.items()},
        example=_example(tables),
    )


def _example(tables: dict[str, dict[str, object]]) -> str:
    name, table = next(iter(tables.items()))
    return f"SELECT {table['sensitive']}, count(*) AS people FROM {name} GROUP BY ALL ORDER BY ALL"


def _prepare_environment(settings: Settings) -> None:
    """Say to Prefect, before it is imported, where its files are and that it stays at home."""
    if settings.source is not None:
        os.environ["CLAUSE16_SOURCE"] = settings.source
    defaults = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        # Failures are told in one line of ours; Prefect would print a traceback as well.
        "PREFECT_LOGGING_LEVEL": "CRITICAL",
    }
    if "PREFECT_API_URL" not in os.environ:
        defaults["PREFECT_HOME"] = str(settings.scheduler)
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
