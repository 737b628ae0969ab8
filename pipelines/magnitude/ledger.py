"""The ledger: what was drawn, what it cost, and what became of it.

A private SQLite file, to which entries are only ever added; each has a keyed digest (HMAC-SHA-256)
over the one before and itself, so a changed, missing or added entry breaks the chain. The rows of a
draw stand beside its entry and are committed with it: noise that is not in the ledger was never
drawn, noise that is in it is never drawn again.

    drawn ──▶ publishing ──▶ published
      └──────────┴──▶ voided    somebody objected before anybody could read it: its rows are gone,
                                and what it would have cost is not spent
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from pipelines import sqlite
from pipelines.boundary import disk_full, is_full
from pipelines.keys import Keys, Purpose, keyed_digest
from transforms.errors import BudgetSpent, LedgerError
from transforms.magnitude.accounting import Noise, Terms

VERSION = 1

_SCHEMA = f"""
CREATE TABLE entries (
    number INTEGER PRIMARY KEY, entry BLOB NOT NULL, digest BLOB NOT NULL
) STRICT;
CREATE TABLE cells (draw INTEGER PRIMARY KEY, rows BLOB NOT NULL) STRICT;
CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
CREATE TRIGGER entries_are_never_deleted BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
PRAGMA user_version = {VERSION};
"""
_BUSY = (
    "the ledger at {} cannot be used now: somebody else is writing it, or it may not be written; "
    "mend that and try again, nothing was spent"
)
_MISSING = (
    "there is no ledger at {}: put back the newest copy; in a home that has never published a "
    "magnitude table `clause16 init` makes one; nothing was spent"
)
_BROKEN = (
    "the ledger at {} is damaged, was tampered with, or belongs to another key: put back the "
    "newest copy and its key; nothing was spent"
)


class State(StrEnum):
    """What became of a draw."""

    DRAWN = "drawn"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Draw:
    """One period of a table, drawn once.

    number: of its entry; definition: digest of what the table is; sealed: of the opt-out list that
    it respects, as the list says it of `name`; clipped: what bounding took off, for the owner;
    rows: SHA-256 of its rows as they are kept; release: the one it was published in.
    """

    number: int
    table: str
    period: str
    year: int
    definition: str
    terms: Terms
    sealed: str
    clipped: Mapping[str, float]
    rows: str
    state: State = State.DRAWN
    release: str | None = None

    @property
    def name(self) -> str:
        """What the opt-out list calls it."""
        return f"{self.table} {self.period}"


@dataclass(frozen=True, slots=True)
class NewDraw:
    """A draw that is to be written, with its rows."""

    table: str
    period: str
    year: int
    definition: str
    terms: Terms
    sealed: str
    clipped: Mapping[str, float]
    rows: pl.DataFrame


def create_ledger(path: Path, key_file: Path) -> None:
    """Make an empty ledger; raises LedgerError where there is one."""
    if path.exists():
        raise LedgerError(f"{path} exists already: it is never overwritten")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    chain_key = Keys(key_file).derived(Purpose.LEDGER)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(_SCHEMA)
        opened = _text({"event": "opened"})
        digest = _digest(chain_key, b"", 0, opened)
        connection.execute("INSERT INTO entries VALUES (0, ?, ?)", (opened, digest))
        connection.commit()


class Ledger:
    """An opened ledger, checked whole as it is opened. Raises LedgerError."""

    def __init__(self, path: Path, key_file: Path) -> None:
        self._path = path
        keys = Keys(key_file)
        self._key = keys.derived(Purpose.LEDGER)
        self._seal_key = keys.derived(Purpose.LEDGER_SEAL)
        self._heads: list[bytes] = []
        self._draws: dict[int, Draw] = {}
        self._newest: datetime | None = None
        with self._opened() as connection:
            self._follow(connection)

    # ------------------------------------------------------------------------------- reading

    @property
    def draws(self) -> tuple[Draw, ...]:
        """What was drawn and stands, in the order in which it was."""
        return tuple(draw for draw in self._draws.values() if draw.state is not State.VOIDED)

    @property
    def newest(self) -> datetime | None:
        """When the last entry was written, None where there is none."""
        return self._newest

    @property
    def last_published(self) -> str | None:
        """The newest release in which something was published."""
        releases = [d.release for d in self.draws if d.state is State.PUBLISHED and d.release]
        return max(releases, default=None)

    def spent(self) -> dict[int, float]:
        """Return what was spent of each year's budget, in rho."""
        spent: dict[int, float] = {}
        for draw in self.draws:
            spent[draw.year] = spent.get(draw.year, 0.0) + draw.terms.rho
        return dict(sorted(spent.items()))

    def rows(self, draws: Iterable[Draw]) -> list[pl.DataFrame]:
        """Return the rows of draws; raises LedgerError where they are not what was drawn."""
        with self._opened() as connection:
            return [self._rows(connection, draw) for draw in draws]

    def _rows(self, connection: sqlite3.Connection, draw: Draw) -> pl.DataFrame:
        row = connection.execute("SELECT rows FROM cells WHERE draw = ?", (draw.number,)).fetchone()
        if row is None or draw.rows != _sha256(row[0]):
            raise self._broken()
        return pl.read_ipc(io.BytesIO(row[0]))

    def seal(self, release: str) -> str:
        """Return what the certificate of a release says of the ledger as it is: a keyed digest."""
        return self._sealed(release, self._heads[-1])

    def holds(self, release: str, seal: str) -> bool:
        """Say whether the ledger is, or ever was, in the state that a certificate names."""
        return any(
            hmac.compare_digest(self._sealed(release, head), seal) for head in reversed(self._heads)
        )

    def _sealed(self, release: str, head: bytes) -> str:
        return keyed_digest(self._seal_key, f"{release}\x1f{head.hex()}")

    def copy(self) -> bytes:
        """Return the ledger's file as it is at one moment."""
        with self._opened() as connection, closing(sqlite3.connect(":memory:")) as copied:
            self._follow(connection)
            connection.backup(copied)
            return copied.serialize()

    # ------------------------------------------------------------------------------- writing

    def add(self, new: Sequence[NewDraw], limit: float, now: datetime) -> None:
        """Write draws with their rows, all or none.

        limit: rho a calendar year. Raises BudgetSpent where a year's would be exceeded, LedgerError
        where a period of a table stands already: nothing was spent then.
        """
        with self._writing() as connection:
            standing = {(draw.table, draw.period) for draw in self.draws}
            drawn = {(each.table, each.period) for each in new}
            if standing & drawn or len(drawn) < len(new):
                raise LedgerError(
                    "a period was drawn meanwhile, and is never drawn twice: run again"
                )
            self.refuse_beyond(new, limit)
            for each in new:
                content = io.BytesIO()
                each.rows.write_ipc(content, compression="zstd")
                rows = content.getvalue()
                number = len(self._heads)
                connection.execute("INSERT INTO cells VALUES (?, ?)", (number, rows))
                self._append(connection, _drawn(each, _sha256(rows)), now)

    def refuse_beyond(self, new: Sequence[NewDraw], limit: float) -> None:
        """Raise BudgetSpent where a year has spent more than the limit, or would with new draws."""
        spent = self.spent()
        for year, rho in spent.items():
            if rho > limit * (1 + _TINY):
                raise BudgetSpent(
                    f"of the year {year} rho {rho:.4g} was spent already, more than the budget of "
                    f"{limit:g} that the policy gives now: what was published cannot be taken "
                    f"back; nothing was spent: give the budget that it was published under"
                )
        for each in new:
            spent[each.year] = spent.get(each.year, 0.0) + each.terms.rho
            if spent[each.year] > limit * (1 + _TINY):
                raise BudgetSpent(
                    f"the budget of {each.year} does not last: {each.table} of {each.period} would "
                    f"bring it to rho {spent[each.year]:.4g} of {limit:g}; nothing was spent: take "
                    f"the table out of the policy, or give the year a larger budget"
                )

    def void(self, draws: Collection[Draw], now: datetime) -> None:
        """Take back draws that nobody could read yet; their rows are overwritten."""
        with self._writing() as connection:
            numbers = sorted(draw.number for draw in draws)
            if any(self._draws[number].state is State.PUBLISHED for number in numbers):
                raise LedgerError("what was published is never drawn again")
            for number in numbers:
                connection.execute("DELETE FROM cells WHERE draw = ?", (number,))
            self._append(connection, {"event": str(State.VOIDED), "draws": numbers}, now)

    def publishing(self, draws: Collection[Draw], release: str, now: datetime) -> None:
        """Note that draws are about to be readable in a release."""
        self._note(State.PUBLISHING, draws, release, now)

    def published(self, draws: Collection[Draw], release: str, now: datetime) -> None:
        """Note that draws are readable in a release, and never drawn again."""
        self._note(State.PUBLISHED, draws, release, now)

    def _note(self, state: State, draws: Collection[Draw], release: str, now: datetime) -> None:
        if draws:
            numbers = sorted(draw.number for draw in draws)
            with self._writing() as connection:
                said = {"event": str(state), "release": release, "draws": numbers}
                self._append(connection, said, now)

    # ---------------------------------------------------------------------------------- file

    @contextmanager
    def _opened(self, *, writing: bool = False) -> Iterator[sqlite3.Connection]:
        if not self._path.exists():
            raise LedgerError(_MISSING.format(self._path))
        try:
            with sqlite.transaction(self._path, writing=writing) as connection:
                if connection.execute("PRAGMA user_version").fetchone() != (VERSION,):
                    raise self._broken()
                yield connection
        except sqlite3.Error as error:
            passes = sqlite.passes(error)
            if passes and is_full(self._path.parent):
                raise disk_full() from None
            raise LedgerError((_BUSY if passes else _BROKEN).format(self._path)) from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._opened(writing=True) as connection:
            self._follow(connection)
            known = len(self._heads), dict(self._draws), self._newest
            try:
                yield connection
                connection.commit()
            except BaseException:
                # What was not committed was not said.
                del self._heads[known[0] :]
                self._draws, self._newest = known[1], known[2]
                raise

    def _follow(self, connection: sqlite3.Connection) -> None:
        """Read and check what was added since; raises LedgerError where the chain is broken."""
        known = len(self._heads)
        entries = connection.execute(
            "SELECT number, entry, digest FROM entries WHERE number >= ? ORDER BY number",
            (max(known - 1, 0),),
        ).fetchall()
        if not entries or (known and bytes(entries.pop(0)[2]) != self._heads[-1]):
            raise self._broken()
        try:
            for number, entry, digest in entries:
                self._take(number, bytes(entry), bytes(digest))
            self._check_cells(connection)
        except (ValueError, KeyError, TypeError):
            raise self._broken() from None

    def _check_cells(self, connection: sqlite3.Connection) -> None:
        there = {number for (number,) in connection.execute("SELECT draw FROM cells")}
        if there != {draw.number for draw in self.draws}:
            raise self._broken()

    def _take(self, number: int, entry: bytes, digest: bytes) -> None:
        before = self._heads[-1] if self._heads else b""
        right = _digest(self._key, before, number, entry)
        if number != len(self._heads) or not hmac.compare_digest(digest, right):
            raise self._broken()
        self._heads.append(digest)
        self._apply(number, json.loads(entry))

    def _apply(self, number: int, said: Mapping[str, Any]) -> None:
        if "at" in said:
            self._newest = datetime.fromisoformat(said["at"])
        if said["event"] == "opened":
            return
        state = State(said["event"])
        if state is State.DRAWN:
            self._draws[number] = _draw(number, said)
            return
        for each in said["draws"]:
            self._draws[each] = replace(self._draws[each], state=state, release=said.get("release"))

    def _append(
        self, connection: sqlite3.Connection, said: Mapping[str, object], now: datetime
    ) -> None:
        entry = _text({**said, "at": now.astimezone(UTC).isoformat(timespec="seconds")})
        number = len(self._heads)
        digest = _digest(self._key, self._heads[-1], number, entry)
        connection.execute("INSERT INTO entries VALUES (?, ?, ?)", (number, entry, digest))
        self._take(number, entry, digest)

    def _broken(self) -> LedgerError:
        return LedgerError(_BROKEN.format(self._path))


_TINY = 1e-9
"""Shares of a budget add up to a little more than it in floating point."""


def _drawn(new: NewDraw, rows: str) -> dict[str, object]:
    return {
        "event": str(State.DRAWN),
        "table": new.table,
        "period": new.period,
        "year": new.year,
        "definition": new.definition,
        "noises": {
            measure: [noise.sensitivity, noise.rho] for measure, noise in new.terms.noises.items()
        },
        "sealed": new.sealed,
        "clipped": new.clipped,
        "rows": rows,
    }


def _draw(number: int, said: Mapping[str, Any]) -> Draw:
    noises = {measure: Noise(*noise) for measure, noise in said["noises"].items()}
    return Draw(
        number=number,
        table=said["table"],
        period=said["period"],
        year=said["year"],
        definition=said["definition"],
        terms=Terms(noises),
        sealed=said["sealed"],
        clipped=said["clipped"],
        rows=said["rows"],
    )


def _text(said: Mapping[str, object]) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest(key: bytes, before: bytes, number: int, entry: bytes) -> bytes:
    return hmac.digest(key, b"%d\x1f" % number + before + b"\x1f" + entry, "sha256")
