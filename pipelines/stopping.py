"""What asks a run to stop, and what is said then: SIGTERM and SIGINT."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

STOPPING = (signal.SIGTERM, signal.SIGINT)
GRACE = 30.0
"""Seconds that a run may take to unwind."""


class Stop:
    """Signals that ask the run to stop. signal: the first one, None until there is one.

    What they raise unwinds the run, but may not arrive as it was: an engine swallows it, Prefect
    hands an interrupt on as a termination.
    """

    signal: int | None = None
    _only_noted = False

    @contextmanager
    def heard(self, outcome: Callable[[], str]) -> Iterator[None]:
        """Let both signals unwind the run; only in the main thread.

        outcome: what became of it, for a run that is still unwinding after GRACE seconds. A signal
        that comes in the middle of an import may leave its lock held, and others wait for it.
        """

        def overdue(_number: int, _frame: FrameType | None) -> None:
            leave(self.signal or signal.SIGTERM, outcome())

        before = {number: signal.signal(number, self._hear) for number in STOPPING}
        before[signal.SIGALRM] = signal.signal(signal.SIGALRM, overdue)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Let the first signal in the block unwind nothing: what is done there looks at `signal`.

        Who sends a second one has no patience for that.
        """
        self._only_noted = True
        try:
            yield
        finally:
            self._only_noted = False

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        first = self.signal is None
        if first:
            self.signal = number
            if not self._only_noted:
                signal.setitimer(signal.ITIMER_REAL, GRACE)
        if not (first and self._only_noted):
            raise KeyboardInterrupt


@contextmanager
def stoppable(target: Path, untouched: str) -> Iterator[Stop]:
    """Let a signal unwind what is done in the block, then say so in one line and exit.

    target: what the block puts in its place at its end, in one step; untouched: what is said where
    it did not come to that. The exit code is 143 (SIGTERM) or 130 (SIGINT).
    """
    stop, before = Stop(), _identity(target)

    def outcome() -> str:
        there = _identity(target) != before
        return f"{target} was written before" if there else untouched

    try:
        with stop.heard(outcome):
            yield stop
    except BaseException:
        if stop.signal is None:
            raise
        leave(stop.signal, outcome())


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        seen = path.lstat()
    except OSError:
        return None
    return seen.st_ino, seen.st_mtime_ns


def leave(number: int, outcome: str) -> NoReturn:
    """Say in one line what became of a stopped run, and exit."""
    print(f"clause16: stopped; {outcome}", file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not through the interpreter's end, where interrupted engines complain of what is left open.
    os._exit(128 + number)
