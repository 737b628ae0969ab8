"""The opt-out list: append-only events in a private SQLite file.

Whoever objected is left out from the moment of the first event on. Identifiers are encrypted
(Fernet, `cryptography`) under the master key, which lies outside the home; every event carries a
keyed digest (HMAC) over itself and the one before, checked at each opening.
"""

from __future__ import annotations

import hmac
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from pipelines.keys import Keys, Purpose, keyed_digest
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
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
}
_BUSY = (
    "the opt-out list at {} cannot be used now: somebody else is writing it, the disk is full, or "
    "it may not be written; mend that and try again, nothing is lost"
)
_MISSING = (
    "there is no opt-out list at {}: `clause16 init` makes one; without it nothing is released"
)
_BROKEN = (
    "the opt-out list at {} is damaged, was tampered with, or belongs to another key: put back the "
    "newest copy and its key; until then nothing is released"
)

_OLDER = (
    "the opt-out list at {} is older than the release {}: put back the newest copy, or objections "
    "would be lost; until then nothing is released"
)


@dataclass(frozen=True, slots=True)
class Excluded:
    """Who has to be left out now, and the state of the list that says so."""

    customer_ids: frozenset[str]
    head: str


@dataclass(frozen=True, slots=True)
class Seal:
    """The state of the list that a release respects, as its certificate says it.

    A keyed digest of release and head: to a reader no two are alike, so nobody learns whether
    anybody objected between two releases; with the key it shows whether a list was in that state.
    """

    release: str
    digest: str


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
        try:
            there = path.exists()
        except OSError:
            raise ObjectionError(_BUSY.format(path)) from None
        if not there:
            raise ObjectionError(_MISSING.format(path))
        self._path = path
        keys = Keys(key_file)
        self._cipher = keys.cipher
        self._chain_key = keys.derived(Purpose.CHAIN)
        self._seal_key = keys.derived(Purpose.SEAL)

    def excluded(self, *, must_hold: Iterable[Seal] = ()) -> Excluded:
        """Return everybody who has to be left out as of now.

        must_hold: states that the list once had; raises ObjectionError where it never had one of
        them (an older copy was put in its place, or its newest entries were cut off).
        """
        checked = self._read()
        for state in must_hold:
            self._known(state, checked)
        return Excluded(frozenset(o.customer_id for o, _ in checked), self._heads(checked)[-1])

    def objections(self, *, since: Seal | None = None) -> list[Objection]:
        """Return the objections in the order in which they were recorded.

        since: only those that were recorded after that state; raises ObjectionError where the
        list never was in it.
        """
        checked = self._read()
        known = 0 if since is None else self._known(since, checked)
        return [objection for objection, _ in checked[known:]]

    def seal(self, release: str, head: str) -> Seal:
        """Return what the certificate of a release that respects this head says of it."""
        return Seal(release, keyed_digest(self._seal_key, f"{release}\x1f{head}"))

    def copy(self) -> tuple[bytes, int]:
        """Return the list's file as it is at one moment, and how many objections it has.

        Who records waits no longer than that moment. Raises ObjectionError where the copy does
        not hold together.
        """
        with self._opened() as connection, closing(sqlite3.connect(":memory:")) as copied:
            connection.backup(copied)
            return copied.serialize(), len(list(self._checked(copied)))

    def holds(self, state: Seal) -> bool:
        """Say whether the list is, or ever was, in that state."""
        return self._position(state, self._read()) is not None

    def _read(self) -> list[tuple[Objection, str]]:
        with self._opened() as connection:
            return list(self._checked(connection))

    def _heads(self, checked: Sequence[tuple[Objection, str]]) -> list[str]:
        return [self._origin, *(digest for _, digest in checked)]

    def _known(self, state: Seal, checked: Sequence[tuple[Objection, str]]) -> int:
        position = self._position(state, checked)
        if position is None:
            raise ObjectionError(_OLDER.format(self._path, state.release))
        return position

    def _position(self, state: Seal, checked: Sequence[tuple[Objection, str]]) -> int | None:
        """Return how many objections the list had in that state, None where it never was in it."""
        for position, head in enumerate(self._heads(checked)):
            if hmac.compare_digest(self.seal(state.release, head).digest, state.digest):
                return position
        return None

    @contextmanager
    def standing_still(self) -> Iterator[str]:
        """Yield the list's head; nobody can add to it until the block is left."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            digests = [digest for _, digest in self._checked(connection)]
            yield digests[-1] if digests else self._origin

    def record(self, objection: Objection) -> int:
        """Append an objection; return its number. It is on disk when this returns."""
        with self._opened() as connection:
            connection.execute("BEGIN IMMEDIATE")
            digests = [digest for _, digest in self._checked(connection)]
            sealed = self._cipher.encrypt(
                json.dumps({"customer_id": objection.customer_id}).encode()
            )
            row = (
                len(digests) + 1,
                "received",
                objection.received_at.isoformat(),
                datetime.now(UTC).isoformat(timespec="seconds"),
                objection.channel.value,
                int(objection.identity_verified),
                sealed,
            )
            digest = self._digest(digests[-1] if digests else self._origin, row)
            connection.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", (*row, digest))
            connection.commit()
        return len(digests) + 1

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._path, timeout=30, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous = FULL")
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            raise ObjectionError(
                (_BUSY if code in _PASSING else _BROKEN).format(self._path)
            ) from None

    def _checked(self, connection: sqlite3.Connection) -> Iterator[tuple[Objection, str]]:
        """Yield each objection and its digest, the chain checked on the way."""
        before = self._origin
        for number, row in enumerate(connection.execute("SELECT * FROM events ORDER BY number"), 1):
            *fields, digest = row
            if fields[0] != number or not hmac.compare_digest(digest, self._digest(before, fields)):
                raise ObjectionError(_BROKEN.format(self._path))
            before = digest
            yield self._objection(fields), digest

    def _objection(self, fields: list[object]) -> Objection:
        number, _, received_at, _, channel, verified, sealed = fields
        try:
            person = json.loads(self._cipher.decrypt(bytes(sealed)))  # type: ignore[call-overload]  # SQLite's BLOB
        except InvalidToken:
            raise ObjectionError(_BROKEN.format(self._path)) from None
        return Objection(
            customer_id=person["customer_id"],
            channel=Channel(str(channel)),
            received_at=datetime.fromisoformat(str(received_at)),
            identity_verified=bool(verified),
            number=int(str(number)),
        )

    @property
    def _origin(self) -> str:
        """The head of an empty list; it looks like any other."""
        return self._digest("", ())

    def _digest(self, before: str, fields: Sequence[object]) -> str:
        said = (field.hex() if isinstance(field, bytes) else str(field) for field in fields)
        return keyed_digest(self._chain_key, "\x1f".join([before, *said]))
