"""Hypothesis draws the same examples every time: a law that fails, fails for everybody."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

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
