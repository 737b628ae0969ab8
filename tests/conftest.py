"""Hypothesis draws the same examples every time: a law that fails, fails for everybody."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer  # type: ignore[import-untyped]  # it has no types
from xdist.scheduler import (  # type: ignore[import-untyped]
    LoadScopeScheduling,
    Scheduling,
)

settings.register_profile(
    "same-every-time",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=40,
    # Drawing a whole population takes its time, and a few drawn ones are too small to publish.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("same-every-time")

TOGETHER = (
    "test_demo.py",
    "test_demo_files.py",
    "test_magnitude.py",
    "test_release.py",
    "test_schedule.py",
)
"""Files whose tests share what is dear to make, or look at what the ones before them left."""


class _TestByTest(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each worker the next test, or the next file of those that stay together."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.endswith(TOGETHER) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    return _TestByTest(config, log) if config.getoption("dist") == "loadscope" else None
