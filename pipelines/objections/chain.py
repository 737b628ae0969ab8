"""The registry's file: private SQLite, to which segments of events are only ever added.

A segment is what was recorded at once: events (`transforms/standing.py` names their fields), and a
keyed digest (HMAC-SHA-256) over the digest before and their bytes. So a changed, missing, added or
reordered event breaks the chain, and the whole of a long list is checked at the speed of its disk.
Few events are lines of JSON, many a Parquet file: a quarter of the bytes, and read ten times as
quickly. The first segment holds no event: an empty list belongs to its key too.
"""

from __future__ import annotations

import hmac
import io
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from pipelines import sqlite
from pipelines.objections import vault
from transforms.errors import ObjectionError
from transforms.standing import EVENTS, SEALED

VERSION = 3
"""SQLite's user_version of the file."""
PARQUET_FROM = 1 << 16
"""Bytes: longer lines of JSON are written as a Parquet file."""
PARSED_AT_ONCE = 16 << 20
"""Bytes of lines: small segments together."""
_PARQUET = b"PAR1"
"""What such a file begins with."""

_SCHEMA = f"""
CREATE TABLE segments (
    number INTEGER PRIMARY KEY,
    events BLOB NOT NULL,
    digest BLOB NOT NULL
) STRICT;
{vault.SCHEMA}
CREATE TRIGGER segments_are_never_changed BEFORE UPDATE ON segments
BEGIN SELECT RAISE(ABORT, 'the opt-out list is append-only'); END;
CREATE TRIGGER segments_are_never_deleted BEFORE DELETE ON segments
BEGIN SELECT RAISE(ABORT, 'the opt-out list is append-only'); END;
PRAGMA user_version = {VERSION};
"""
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
_EARLIER = (
    "the opt-out list at {} was written by an earlier version of clause16: move it away, `clause16 "
    "init` a new home, and record its objections there; until then nothing is released"
)

_JSON = json.JSONEncoder(separators=(",", ":")).encode
Line = Mapping[str, str | int | bool | list[int]]
"""An event as it is written; what is missing is not in it, and what is sealed is in base64."""


@dataclass(frozen=True, slots=True)
class Head:
    """The chain's digest after a segment, and how many events there are by then."""

    digest: bytes
    events: int


def create(path: Path, chain_key: bytes) -> None:
    """Make an empty list; the file must not be there yet."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCHEMA)
        digest = _digest(chain_key, b"", 0, b"")
        connection.execute("INSERT INTO segments VALUES (0, x'', ?)", (digest,))
        connection.commit()


class Chain:
    """The segments of a file, checked as they are read. Raises ObjectionError.

    What was read and checked once is not read again: an opened chain only follows what is added.
    """

    def __init__(self, path: Path, key: bytes) -> None:
        self._path = path
        self._key = key
        self._parts: list[pl.DataFrame] = []
        self.heads: list[Head] = []
        """From the empty list to the newest state."""

    @contextmanager
    def opened(self, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
        """Yield a connection; with `writing` nobody else writes until the block is left."""
        try:
            there = self._path.exists()
        except OSError:
            raise ObjectionError(_BUSY.format(self._path)) from None
        if not there:
            raise ObjectionError(_MISSING.format(self._path))
        try:
            with sqlite.transaction(self._path, writing=writing) as connection:
                self._check_version(connection)
                yield connection
        except sqlite3.Error as error:
            said = _BUSY if sqlite.passes(error) else _BROKEN
            raise ObjectionError(said.format(self._path)) from None

    def _check_version(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            (tables,) = connection.execute(
                "SELECT count(*) FROM sqlite_schema WHERE name IN ('events', 'segments')"
            ).fetchone()
            earlier = tables and version < VERSION
            raise ObjectionError((_EARLIER if earlier else _BROKEN).format(self._path))

    def broken(self) -> ObjectionError:
        """Return what is said where the file is not what was written."""
        return ObjectionError(_BROKEN.format(self._path))

    def follow(self, connection: sqlite3.Connection) -> None:
        """Read and check what was added since; raises ObjectionError where the chain is broken."""
        known = len(self.heads)
        if known:
            # What this process read before has to be there still.
            row = connection.execute(
                "SELECT digest FROM segments WHERE number = ?", (known - 1,)
            ).fetchone()
            if row is None or not hmac.compare_digest(bytes(row[0]), self.heads[-1].digest):
                raise self.broken()
        lines = bytearray()
        for number, content, digest in connection.execute(
            "SELECT number, events, digest FROM segments WHERE number >= ? ORDER BY number",
            (known,),
        ):
            before = self.heads[-1] if self.heads else Head(b"", 0)
            if number != len(self.heads) or not hmac.compare_digest(
                bytes(digest), _digest(self._key, before.digest, number, bytes(content))
            ):
                raise self.broken()
            if content.startswith(_PARQUET):
                self._take(lines)
                self._parts.append(self._read(content))
                added = self._parts[-1].height
            else:
                lines += content
                added = content.count(b"\n")
            if len(lines) > PARSED_AT_ONCE:
                self._take(lines)
            self.heads.append(Head(bytes(digest), before.events + added))
        if not self.heads:
            raise self.broken()
        self._take(lines)

    def _take(self, lines: bytearray) -> None:
        if lines:
            self._parts.append(self._parsed(bytes(lines)))
            lines.clear()

    def _parsed(self, lines: bytes) -> pl.DataFrame:
        try:
            events = pl.read_ndjson(lines, schema=EVENTS | dict.fromkeys(SEALED, pl.String()))
            return events.with_columns(pl.col(SEALED).str.decode("base64"))
        except pl.exceptions.PolarsError:
            raise self.broken() from None

    def _read(self, content: bytes) -> pl.DataFrame:
        try:
            return pl.read_parquet(content, schema=EVENTS, missing_columns="insert")
        except pl.exceptions.PolarsError:
            raise self.broken() from None

    def append(self, connection: sqlite3.Connection, lines: Iterable[Line]) -> None:
        """Add a segment; it is on disk once the transaction is committed."""
        content = "".join(_JSON(line) + "\n" for line in lines).encode()
        # What could not be read again would break the list for good.
        events = self._parsed(content)
        if len(content) > PARQUET_FROM:
            content = _parquet(events)
            self._read(content)
        number = len(self.heads)
        digest = _digest(self._key, self.heads[-1].digest, number, content)
        connection.execute("INSERT INTO segments VALUES (?, ?, ?)", (number, content, digest))

    @property
    def events(self) -> pl.DataFrame:
        """All events, in the order in which they were recorded."""
        if len(self._parts) != 1:
            self._parts = [pl.concat(self._parts) if self._parts else pl.DataFrame(schema=EVENTS)]
        return self._parts[0]


def _parquet(events: pl.DataFrame) -> bytes:
    """Return events as a file, with the columns in which anything stands."""
    content = io.BytesIO()
    filled = events.select(each for each in events if each.null_count() < events.height)
    filled.write_parquet(content, compression="uncompressed", statistics=False)
    return content.getvalue()


def _digest(key: bytes, before: bytes, number: int, text: bytes) -> bytes:
    return hmac.digest(key, b"%d\x1f" % number + before + b"\x1f" + text, "sha256")
