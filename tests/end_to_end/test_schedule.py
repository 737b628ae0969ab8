"""The deployment of prefect.yaml, on a real server."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PREFECT = Path(sys.executable).parent / "prefect"


def prefect(*arguments: str) -> None:
    subprocess.run(
        [PREFECT, "--no-prompt", *arguments],
        cwd=CHECKOUT,
        env=os.environ | {"CLAUSE16_CHECKOUT": str(CHECKOUT)},
        check=True,
        capture_output=True,
    )


def test_the_release_is_deployed_weekly_and_one_at_a_time() -> None:
    # Prefect reads the environment when it is imported, so not before there is a server in it.
    from prefect.client.orchestration import get_client

    prefect("work-pool", "create", "local", "--type", "process", "--overwrite")
    prefect("deploy", "--all")
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("release/weekly")
    (schedule,) = deployment.schedules
    assert schedule.active
    assert getattr(schedule.schedule, "cron", None) == "30 4 * * 1"
    assert deployment.global_concurrency_limit is not None
    assert deployment.global_concurrency_limit.limit == 1
    assert deployment.parameters == {}
