"""Run a release from the command line: as a Prefect flow, with or without a server."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.releases import CERTIFICATE, DATABASE, only_run
from pipelines.scheduler import scheduler
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
    if settings.source is not None:
        os.environ["CLAUSE16_SOURCE"] = settings.source
    with only_run(settings):
        # Told at once, before a second scheduler starts on the same files; the flow locks again.
        pass
    with scheduler(settings.scheduler) as server:
        # Prefect reads the environment when it is imported; its server gets ready meanwhile.
        from pipelines.flows import release

        server.wait()
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
    columns = f"{table['sensitive']}, count(*) AS people"
    return f"SELECT {columns} FROM {name} GROUP BY ALL ORDER BY people DESC"
