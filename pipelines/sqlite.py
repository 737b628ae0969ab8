"""A private SQLite file that one writes at a time: opening it, and which of its troubles pass."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

WAITS = 60.0
"""Seconds for another writer to be done."""
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}


@contextmanager
def transaction(path: Path, *, writing: bool) -> Iterator[sqlite3.Connection]:
    """Yield a connection in a transaction; with `writing` nobody else writes until it is left.

    It is undone unless the block commits. The file has to be there already.
    """
    with closing(
        sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=WAITS, isolation_level=None)
    ) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        # What is overwritten is gone from the file; its journal is deleted.
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("BEGIN IMMEDIATE" if writing else "BEGIN")
        yield connection


def passes(error: sqlite3.Error) -> bool:
    """Say whether the file may be whole all the same: a lock, a full disk, a mode."""
    return getattr(error, "sqlite_errorcode", None) in _PASSING
