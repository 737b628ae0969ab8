"""The privacy boundary: what an engine says of its troubles stays inside.

Engines quote records in their errors, and the scheduler stores every message, context and pickled
exception in clear. So whatever crosses is one of our errors, raised anew, with no cause and no
context.
"""

from __future__ import annotations

import errno
import functools
import shutil
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from transforms.errors import EngineError, PrivacyError, ReleaseError

P = ParamSpec("P")
R = TypeVar("R")

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def sealed(step: Callable[P, R]) -> Callable[P, R]:
    """Let only our own errors out of a step, without what they were raised from."""

    @functools.wraps(step)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return step(*args, **kwargs)
        except PrivacyError as error:
            failure: PrivacyError = type(error)(*error.args)
        except Exception as error:  # noqa: BLE001 - the boundary is for everything
            if _is_interrupt(error):
                raise KeyboardInterrupt from None
            failure = _translated(error)
        except BaseException as error:
            # A panic of Polars; others (an interrupt, an exit) are not failures.
            if type(error).__name__ != "PanicException":
                raise
            failure = _translated(error)
        # Raised outside the handlers: no __context__ holds the engine's own words.
        raise failure

    return inside


def _is_interrupt(error: Exception) -> bool:
    """Say whether a signal ended a query: DuckDB swallows what the signal's handler raised."""
    return isinstance(error, RuntimeError) and error.args == ("Query interrupted",)


def _translated(error: BaseException) -> PrivacyError:
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return disk_full()
    if isinstance(error, PermissionError):
        return ReleaseError(
            "a file of the home may not be written or read: check its owner and mode"
        )
    name, where = type(error).__name__, _where(error)
    if isinstance(error, OSError):
        return ReleaseError(f"a file or folder cannot be used ({name} at {where}): check its path")
    if type(error).__module__.partition(".")[0] in _ENGINES:
        return EngineError(
            f"{name} at {where}; the engine's message is withheld, for it may quote a record"
        )
    return PrivacyError(f"a defect of ours, please report it: {name} at {where}")


def disk_full() -> ReleaseError:
    """Return what is said where a disk is full."""
    return ReleaseError("the disk is full: free some space, nothing was published")


def is_full(folder: Path) -> bool:
    """Say whether the disk of a folder has next to nothing left: engines do not always say so."""
    try:
        return shutil.disk_usage(folder).free < NEXT_TO_NOTHING
    except OSError:
        return False


NEXT_TO_NOTHING = 1 << 20
"""Bytes."""


def _where(error: BaseException) -> str:
    """Return file and line of the last step in our own rooms."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if _ROOMS & set(Path(frame.filename).parts)
    ]
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "an unknown place"


_ROOMS = {"pipelines", "transforms"}
_ENGINES = {
    "_duckdb",
    "duckdb",
    "httpx",
    "polars",
    "prefect",
    "pyarrow",
    "pyo3_runtime",
    "sqlalchemy",
    "sqlite3",
}
