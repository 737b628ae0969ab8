"""The opt-out list: append-only events in a private SQLite file.

Whoever objected is left out from the moment of the first event on. Identifiers are encrypted
(Fernet, `cryptography`) under the master key, which lies outside the home; every event carries a
digest over itself and the one before, checked at each opening.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from transforms.errors import ObjectionError
from transforms.objection import Channel, Objection

_SCHEMA = """
CREATE TABLE events (
    number      INTEGER PRIMARY KEY,
    event       TEXT NOT NULL,
    received_at TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    channel     TEXT NOT NULL,
    verified    INTEGER NOT NULL,
    sealed      BLOB NOT NULL,
    digest      TEXT NOT NULL
) STRICT;
CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'the opt-out list is append-only'); END;
CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'the opt-out list is append-only'); END;
"""
_ORIGIN = "0" * 64
_MISSING = (
    "there is no opt-out list at {}: `clause16 init` makes one; without it nothing is released"
)
_BROKEN = (
    "the opt-out list at {} is damaged or was tampered with: restore the last backup; until then "
    "nothing is released"
)


@dataclass(frozen=True, slots=True)
class Excluded:
    """Who has to be left out now, and the state of the list that says so."""

    customer_ids: frozenset[str]
    head: str


def create_registry(path: Path, key_file: Path) -> None:
    """Make an empty list and its key; raises ObjectionError where either exists."""
    for there in (path, key_file):
        if there.exists():
            raise ObjectionError(f"{there} exists already: it is never overwritten")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write_private(key_file, Fernet.generate_key())
    _write_private(path, b"")
    with sqlite3.connect(path) as connection:
        connection.executescript(_SCHEMA)
    connection.close()


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


class Registry:
    """An opened list. Raises ObjectionError where it is missing, broken, or its key is."""

    def __init__(self, path: Path, key_file: Path) -> None:
        if not path.exists():
            raise ObjectionError(_MISSING.format(path))
        self._path = path
        self._cipher = _cipher(key_file)

    def excluded(self) -> Excluded:
        """Return everybody who has to be left out as of now."""
        with self._opened() as connection:
            objections = list(self._checked(connection))
            head = _head(connection)
        return Excluded(frozenset(o.customer_id for o in objections), head)

    def objections(self) -> list[Objection]:
        """Return all objections in the order in which they were recorded."""
        with self._opened() as connection:
            return list(self._checked(connection))

    def record(self, objection: Objection) -> int:
        """Append an objection; return its number. It is on disk when this returns."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            number = len(list(self._checked(connection))) + 1
            sealed = self._cipher.encrypt(
                json.dumps({"customer_id": objection.customer_id}).encode()
            )
            row = (
                number,
                "received",
                objection.received_at.isoformat(),
                datetime.now(UTC).isoformat(timespec="seconds"),
                objection.channel.value,
                int(objection.identity_verified),
                sealed,
            )
            connection.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, _digest(_head(connection), row)),
            )
            connection.commit()
        return number

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
            finally:
                connection.close()
        except sqlite3.Error:
            raise ObjectionError(_BROKEN.format(self._path)) from None

    def _checked(self, connection: sqlite3.Connection) -> Iterator[Objection]:
        """Yield the objections, the chain of digests checked on the way."""
        before = _ORIGIN
        for number, row in enumerate(connection.execute("SELECT * FROM events ORDER BY number"), 1):
            *fields, digest = row
            if fields[0] != number or digest != _digest(before, fields):
                raise ObjectionError(_BROKEN.format(self._path))
            before = digest
            yield self._objection(fields)

    def _objection(self, fields: list[object]) -> Objection:
        number, _, received_at, _, channel, verified, sealed = fields
        try:
            person = json.loads(self._cipher.decrypt(bytes(sealed)))  # type: ignore[call-overload]  # SQLite's BLOB
        except InvalidToken:
            raise ObjectionError(
                "the opt-out list cannot be read with this key file: name the right one in "
                "$CLAUSE16_KEY_FILE"
            ) from None
        return Objection(
            customer_id=person["customer_id"],
            channel=Channel(str(channel)),
            received_at=datetime.fromisoformat(str(received_at)),
            identity_verified=bool(verified),
            number=int(str(number)),
        )


def _head(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT digest FROM events ORDER BY number DESC LIMIT 1").fetchone()
    return str(row[0]) if row else _ORIGIN


def _digest(before: str, fields: Sequence[object]) -> str:
    said = (field.hex() if isinstance(field, bytes) else str(field) for field in fields)
    return hashlib.sha256("\x1f".join([before, *said]).encode()).hexdigest()


def _cipher(key_file: Path) -> Fernet:
    try:
        return Fernet(key_file.read_bytes())
    except OSError:
        raise ObjectionError(
            f"the key file {key_file} cannot be read: put it back, or name it in $CLAUSE16_KEY_FILE"
        ) from None
    except ValueError:
        raise ObjectionError(f"{key_file} is no key file of an opt-out list") from None
