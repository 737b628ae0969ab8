"""The opt-out list, opened: who is left out now, what stands on it, and what is added to it.

Whoever objected is left out from the moment of the first event on. What identifies a person is
sealed under a key of their own (`vault.py`), every event hangs in a chain that is checked at each
opening (`chain.py`), and which event may follow which is a table (`transforms/objection.py`).
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from cryptography.fernet import Fernet

from pipelines.keys import Keys, Purpose, keyed_digest
from pipelines.objections.chain import Chain, Head, Line, create
from pipelines.objections.vault import Vault, marks_of
from transforms.certificate import ObjectionFigures, Override
from transforms.errors import ObjectionError
from transforms.objection import (
    ENDED,
    EXCLUDING,
    Channel,
    Event,
    Identifiers,
    Received,
    Right,
    State,
    Step,
    check_step,
    withdrawn,
)
from transforms.standing import LOOKED_UP, standings
from transforms.steps.exclude import Exclusions

_OLDER = (
    "the opt-out list at {} is older than the release {}: put back the newest copy, or objections "
    "would be lost; until then nothing is released"
)


@dataclass(frozen=True, slots=True)
class Seal:
    """The state of the list that a release respects, as its certificate says it.

    A keyed digest of release and head: to a reader no two are alike, so nobody learns whether
    anybody objected between two releases; with the key it shows whether a list was in that state.
    """

    release: str
    digest: str


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A sender's word that the objection under its reference is taken back.

    identifiers, at: who it names and when it was received, where it says so; another's objection,
    or one that came later, is not taken back by it.
    """

    reference: str
    by: str
    identity_verified: bool
    identifiers: Identifiers | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Excluded:
    """Who has to be left out now, and the state of the list that says so.

    not_looked_up: objections whose person was never looked for in the source; looked_at: when
    everybody was looked for last, further records of those found before too.
    """

    people: Exclusions
    head: str
    not_looked_up: int
    looked_at: datetime | None
    figures: ObjectionFigures

    @property
    def objections(self) -> int:
        """How many there are that leave somebody out."""
        return self.figures.in_force


@dataclass(frozen=True, slots=True)
class Case:
    """An objection and where it stands.

    keys: the customer ids that it stands for; since: the number of the event from which all of
    them are left out without a break, None where nobody is; changed: the number of the last event;
    identifiers: None where they were erased.
    """

    number: int
    state: State
    right: Right
    channel: Channel
    identity_verified: bool
    received_at: datetime
    recorded_at: datetime
    since: int | None
    changed: int
    looked_up: bool
    review_on: date | None
    keys: tuple[str, ...] = ()
    identifiers: Identifiers | None = None

    @property
    def excludes(self) -> bool:
        """Whether whoever it is from is left out."""
        return self.state in EXCLUDING


@dataclass(frozen=True, slots=True)
class Pending:
    """What the officer has to decide: how many objections of each kind.

    waiting: of whom nobody was found; waits_since: when the oldest of those was received;
    looked_at: as in `Excluded`.
    """

    waiting: int
    waits_since: datetime | None
    not_looked_up: int
    in_force: int
    looked_at: datetime | None
    several: int
    reviews_due: int


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of an objection. number: its position in the whole list."""

    number: int
    event: Event
    at: datetime
    by: str | None
    keys: tuple[str, ...] | None
    details: Mapping[str, str]


def create_registry(path: Path, key_file: Path) -> None:
    """Make an empty list and its key; raises ObjectionError where either exists."""
    for there in (path, key_file):
        if there.exists():
            raise ObjectionError(f"{there} exists already: it is never overwritten")
    key_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(Fernet.generate_key())
    create(path, Keys(key_file).derived(Purpose.CHAIN))


class Registry:
    """An opened list. Raises ObjectionError where it is missing, broken, or its key is."""

    def __init__(self, path: Path, key_file: Path) -> None:
        self._path = path
        keys = Keys(key_file)
        self._seal_key = keys.derived(Purpose.SEAL)
        self._vault_key = keys.derived(Purpose.VAULT)
        self._reference_key = keys.derived(Purpose.REFERENCE)
        self._chain = Chain(path, keys.derived(Purpose.CHAIN))
        self._vault: Vault | None = None
        self._stood: tuple[int, date, pl.DataFrame] | None = None
        self._fitting: tuple[Vault, pl.DataFrame] | None = None
        with self._reading():
            pass

    def __len__(self) -> int:
        """Return how many objections there were when it was read last."""
        return int((self._chain.events.get_column("event") == Event.RECEIVED).sum())

    @property
    def events(self) -> int:
        """How many events the list had when it was read last."""
        return self._chain.heads[-1].events

    # ------------------------------------------------------------------------------- reading

    @contextmanager
    def _reading(self) -> Iterator[Vault]:
        with self._chain.opened() as connection:
            yield self._followed(connection)

    def _followed(self, connection: sqlite3.Connection) -> Vault:
        """Read what was added, check that the keys fit it, and return them."""
        known = len(self._chain.heads)
        self._chain.follow(connection)
        # Keys and ids change only with an event.
        if self._vault is None or len(self._chain.heads) > known:
            try:
                self._vault = Vault(connection, self._vault_key)
            except ValueError:
                raise self._chain.broken() from None
            if len(self._vault) != len(self):
                raise self._chain.broken()
        return self._vault

    def _standing(self, vault: Vault, today: date) -> pl.DataFrame:
        """Return where each objection stands; what the pages hold is of this very state."""
        if self._stood is None or self._stood[:2] != (self.events, today):
            self._stood = self.events, today, standings(self._chain.events, today)
        standing = self._stood[2]
        if (
            self._fitting is None
            or self._fitting[0] is not vault
            or self._fitting[1] is not standing
        ):
            self._check(vault, standing)
            self._fitting = vault, standing
        return standing

    def _check(self, vault: Vault, standing: pl.DataFrame) -> None:
        """Raise where a page is not of this state of the list, as one put back from a copy is.

        The keys of those erased are gone, and no others; the ids are those of the newest `who`.
        """
        numbers = standing.get_column("objection").to_numpy()
        if not np.array_equal(numbers, np.arange(1, len(vault) + 1)):
            raise self._chain.broken()
        erased = pl.col("state") == State.ERASED
        expected = standing.select(
            erased=erased, mark=pl.when(erased).then(0).otherwise(marks_of(pl.col("who")))
        )
        if (expected.get_column("erased").to_numpy() != vault.destroyed()).any():
            raise self._chain.broken()
        if (expected.get_column("mark").to_numpy() != vault.marks()).any():
            raise self._chain.broken()

    def excluded(
        self, today: date, *, must_hold: Iterable[Seal] = (), before: Seal | None = None
    ) -> Excluded:
        """Return everybody who has to be left out as of now.

        must_hold: states that the list once had; raises ObjectionError where it never had one of
        them (an older copy was put in its place, or its newest entries were cut off). before: the
        state that the release before respects.
        """
        with self._reading() as vault:
            standing = self._standing(vault, today)
            for state in must_hold:
                self._known(state)
            respected = 0 if before is None else self._known(before).events
            excluding = standing.filter(_EXCLUDES)
            waiting = excluding.filter(pl.col("state") == State.WAITING)
            new = _not_respected(excluding, respected)
            unseen = waiting.filter(pl.col("received") > self._looked_up_to())
            return Excluded(
                people=self._people(vault, standing),
                head=self._chain.heads[-1].digest.hex(),
                not_looked_up=unseen.height,
                looked_at=self._looked_at(),
                figures=ObjectionFigures(
                    received=standing.height,
                    in_force=excluding.height,
                    waiting=waiting.height,
                    several=excluding.filter(pl.col("state") == State.SEVERAL).height,
                    overrides=tuple(self._overrides(vault, standing)),
                    days_to_effect=_days(new, today),
                ),
            )

    def _people(self, vault: Vault, standing: pl.DataFrame) -> Exclusions:
        rights = standing.select(pl.when(_EXCLUDES).then(pl.col("right").cast(pl.Enum(Right))))
        ids = self._ids(vault)
        whose = rights.to_series().gather(ids.get_column("objection") - 1)
        of = {right: ids.get_column("key").filter(whose == right) for right in Right}
        return Exclusions(
            objected=of[Right.OBJECTION],
            erased=of[Right.ERASURE],
            restricted=of[Right.RESTRICTION],
        )

    def _ids(self, vault: Vault) -> pl.DataFrame:
        try:
            return vault.ids()
        except ValueError:
            raise self._chain.broken() from None

    def _opened(self, vault: Vault, rows: pl.DataFrame, column: str) -> list[str]:
        try:
            opened = vault.open_all(rows.get_column("objection"), rows.get_column(column))
        except ValueError:
            raise self._chain.broken() from None
        return [content.decode() for content in opened]

    def _opened_of(self, vault: Vault, rows: pl.DataFrame, column: str) -> dict[int, str]:
        opened = self._opened(vault, rows, column)
        return dict(zip(rows.get_column("objection").to_list(), opened, strict=True))

    def _overrides(self, vault: Vault, standing: pl.DataFrame) -> Iterator[Override]:
        overridden = standing.filter(pl.col("state") == State.OVERRIDDEN)
        for row in overridden.iter_rows(named=True):
            history = self._history(vault, row["objection"])
            proof = [each for each in history if each.event is Event.OVERRIDDEN][-1]
            yield Override(
                objection=row["objection"],
                ground=proof.details["ground"],
                reference=proof.details["reference"],
                by=str(proof.by),
                review_on=row["review_on"],
            )

    def _looked_up_to(self) -> int:
        """Return up to which event everybody who waited was looked for in the source."""
        through = self._chain.events.get_column("through").max()
        return 0 if through is None else int(str(through))

    def _looked_at(self) -> datetime | None:
        looked = self._chain.events.filter(pl.col("whole")).get_column("recorded_at")
        return datetime.fromisoformat(looked[-1]) if len(looked) else None

    def cases(
        self, today: date, *, states: Collection[State] = tuple(State), named: bool = False
    ) -> list[Case]:
        """Return the objections in some states, in the order in which they were recorded.

        named: with what identifies each person, where it is not erased.
        """
        with self._reading() as vault:
            standing = self._standing(vault, today)
            wanted = standing.filter(pl.col("state").is_in([str(state) for state in states]))
            return self._cases(vault, wanted, named=named)

    def case(self, number: int, today: date) -> tuple[Case, list[Happened]]:
        """Return one objection, with what identifies the person, and all that happened to it."""
        with self._reading() as vault:
            standing = self._standing(vault, today)
            row = standing.filter(pl.col("objection") == number)
            if row.is_empty():
                raise unknown(number)
            (case,) = self._cases(vault, row, named=True)
            return case, self._history(vault, number)

    def named(self, today: date, states: Collection[State]) -> pl.DataFrame:
        """Return `objection`, `state`, `key` of everybody whom objections in some states name."""
        with self._reading() as vault:
            standing = self._standing(vault, today)
            wanted = pl.col("state").is_in([str(state) for state in states])
            ids = self._ids(vault)
            whose = standing.get_column("state").gather(ids.get_column("objection") - 1)
            return ids.select("objection", whose, "key").filter(wanted)

    def ended_before(self, day: date) -> list[int]:
        """Return the objections that ended before a day, and are not erased yet."""
        with self._reading() as vault:
            standing = self._standing(vault, day)
        ended = pl.col("state").is_in([str(state) for state in ENDED - {State.ERASED}])
        before = pl.col("changed_at") < day.isoformat()
        return standing.filter(ended & before).get_column("objection").to_list()

    def _cases(self, vault: Vault, standing: pl.DataFrame, *, named: bool) -> list[Case]:
        looked_up_to = self._looked_up_to()
        readable = standing.filter(pl.col("state") != State.ERASED) if named else standing.clear()
        having = readable.filter(pl.col("who").is_not_null())
        keys = self._opened_of(vault, having, "who")
        first = self._first(readable)
        said = self._opened_of(vault, first.drop_nulls("said"), "said")
        # Where nothing but a customer id was given, that is all there is to say.
        keyed = self._opened_of(vault, first.filter("keyed"), "who")
        return [
            Case(
                number=(number := row["objection"]),
                state=State(row["state"]),
                right=Right(row["right"]),
                channel=Channel(row["channel"]),
                identity_verified=row["verified"],
                received_at=datetime.fromisoformat(row["received_at"]),
                recorded_at=datetime.fromisoformat(row["recorded_at"]),
                since=row["since"],
                changed=row["changed"],
                looked_up=row["received"] <= looked_up_to,
                review_on=None
                if row["review_on"] is None
                else date.fromisoformat(row["review_on"]),
                keys=tuple(keys[number].split("\n")) if number in keys else (),
                identifiers=Identifiers(customer_id=keyed[number])
                if number in keyed
                else _identifiers(said.get(number)),
            )
            for row in standing.iter_rows(named=True)
        ]

    def _first(self, standing: pl.DataFrame) -> pl.DataFrame:
        """Return the first event of each objection, which has what was given."""
        return self._chain.events[(standing.get_column("received") - 1).to_list()]

    def _history(self, vault: Vault, number: int) -> list[Happened]:
        mine = (pl.col("objection") == number) | pl.col("objections").list.contains(number)
        events = self._chain.events.with_row_index("number", offset=1).filter(mine)
        gone = vault.destroyed()[number - 1]
        happened = []
        for row in events.iter_rows(named=True):
            who, said = (
                None if gone or row[name] is None else self._open(vault, number, row[name])
                for name in ("who", "said")
            )
            first = row["event"] == Event.RECEIVED
            sealed = {} if first or said is None else json.loads(said)
            clear = {name: row[name] for name in _CLEAR if row[name] is not None}
            happened.append(
                Happened(
                    number=row["number"],
                    event=Event(row["event"]),
                    at=datetime.fromisoformat(row["recorded_at"]),
                    by=row["by"],
                    keys=None if who is None else tuple(who.split("\n")),
                    details={**clear, **sealed},
                )
            )
        return happened

    def _open(self, vault: Vault, number: int, sealed: bytes) -> str:
        try:
            return vault.open(number, sealed).decode()
        except ValueError:
            raise self._chain.broken() from None

    # --------------------------------------------------------------------- states and releases

    def seal(self, release: str, head: str) -> Seal:
        """Return what the certificate of a release that respects this head says of it."""
        return Seal(release, keyed_digest(self._seal_key, f"{release}\x1f{head}"))

    def holds(self, state: Seal) -> bool:
        """Say whether the list is, or ever was, in that state."""
        return self.position(state) is not None

    def position(self, state: Seal) -> int | None:
        """Return how many events the list had in that state, None where it never was in it."""
        head = self._head_of(state)
        return None if head is None else head.events

    def _known(self, state: Seal) -> Head:
        head = self._head_of(state)
        if head is None:
            raise ObjectionError(_OLDER.format(self._path, state.release))
        return head

    def _head_of(self, state: Seal) -> Head | None:
        # The newest first: that is what is asked for.
        for head in reversed(self._chain.heads):
            if hmac.compare_digest(
                self.seal(state.release, head.digest.hex()).digest, state.digest
            ):
                return head
        return None

    def not_respected(self, state: Seal | None, today: date) -> list[datetime]:
        """Return when each objection was received that a release in that state does not respect.

        state: None where there is no release. Raises ObjectionError where the list never was in it.
        """
        with self._reading() as vault:
            standing = self._standing(vault, today)
            respected = 0 if state is None else self._known(state).events
            new = _not_respected(standing, respected)
            return [datetime.fromisoformat(at) for at in new.get_column("received_at")]

    def pending(self, today: date) -> Pending:
        """Return what the officer has to decide."""
        with self._reading() as vault:
            standing = self._standing(vault, today)
        waiting = standing.filter(pl.col("state") == State.WAITING)
        oldest = waiting.get_column("received_at").min()
        reviews = standing.filter(pl.col("state") == State.REVIEW_DUE)
        return Pending(
            waiting=waiting.height,
            waits_since=None if oldest is None else datetime.fromisoformat(str(oldest)),
            not_looked_up=waiting.filter(pl.col("received") > self._looked_up_to()).height,
            in_force=standing.filter(_EXCLUDES).height,
            looked_at=self._looked_at(),
            several=standing.filter(pl.col("state") == State.SEVERAL).height,
            reviews_due=reviews.height,
        )

    @contextmanager
    def standing_still(self, state: Seal, clock: Callable[[], date]) -> Iterator[bool]:
        """Yield whether the list still leaves out nobody whom that state did not.

        Nobody can add to it until the block is left.
        """
        with self._chain.opened(writing=True) as connection:
            vault = self._followed(connection)
            standing = self._standing(vault, clock())
            yield _not_respected(standing, self._known(state).events).is_empty()

    def copy(self) -> tuple[bytes, int]:
        """Return the list's file as it is at one moment, and how many objections it has.

        Who records waits no longer than that moment. Raises ObjectionError where the copy does
        not hold together.
        """
        # Of what is copied nothing is taken as read before.
        self._vault = None
        with self._chain.opened() as connection, closing(sqlite3.connect(":memory:")) as copied:
            vault = self._followed(connection)
            connection.backup(copied)
            return copied.serialize(), len(vault)

    # ------------------------------------------------------------------------------- writing

    def receive(self, arrived: Sequence[Received], now: datetime) -> list[int | None]:
        """Append objections; return each one's number, None where it is known.

        Known is what has a reference under which the same was given before, unless that ended
        before this was received: under one that two senders use, both are taken. They are on disk
        when this returns: all, or none where it raises.
        """
        with self._writing() as (connection, vault):
            given = [None if e.reference is None else self._token_of(e) for e in arrived]
            known = _known_tokens(connection, given)
            ended = self._ended(vault, now.date()) if known else {}
            numbers: list[int | None] = []
            taken: list[tuple[int, Received]] = []
            tokens: dict[bytes, int] = {}
            for each, token in zip(arrived, given, strict=True):
                before = tokens.get(token or b"") or known.get(token or b"")
                if before is not None and _at(each.received_at) <= ended.get(before, _NEVER):
                    numbers.append(None)
                    continue
                number = len(vault) + len(taken) + 1
                if token is not None:
                    tokens[token] = number
                taken.append((number, each))
                numbers.append(number)
            vault.add(len(taken))
            if taken:
                lines = (
                    _received(vault, number, each, now) | self._referred(each)
                    for number, each in taken
                )
                self._append(connection, vault, lines)
                connection.executemany(
                    "INSERT OR REPLACE INTO tokens VALUES (?, ?)", tokens.items()
                )
        return numbers

    def _ended(self, vault: Vault, today: date) -> dict[int, str]:
        """Return when objections ended; what its sender received later is a new one."""
        standing = self._standing(vault, today)
        ended = standing.filter(pl.col("state").is_in([str(state) for state in ENDED]))
        return dict(ended.select("objection", "changed_at").iter_rows())

    def _referred(self, each: Received) -> _Fields:
        return {} if each.reference is None else {"reference": self._digest_of(each.reference)}

    def withdraw_referred(
        self, withdrawals: Sequence[Withdrawal], now: datetime
    ) -> list[int | None]:
        """Take back what senders recorded; return the numbers, None where that cannot be.

        What was taken back before is taken back. Nobody is let in where no objection has that
        reference, or several have.
        """
        with self._writing() as (connection, vault):
            standing = self._standing(vault, now.date())
            references = self._chain.events.filter(pl.col("reference").is_not_null())
            numbers: dict[str, list[int]] = {}
            for reference, number in references.select("reference", "objection").iter_rows():
                numbers.setdefault(reference, []).append(number)
            states = dict(standing.select("objection", "state").iter_rows())
            found: list[int | None] = []
            lines: list[Line] = []
            for each in withdrawals:
                named = numbers.get(self._digest_of(each.reference), [])
                live = [number for number in named if State(states[number]) not in ENDED]
                over = [number for number in named if states[number] == State.WITHDRAWN]
                # Taken back already, where nothing else came under that reference.
                number = (live or over[-1:] or [0])[0] if len(live) <= 1 else 0
                if not number or not self._fits(connection, each, number, standing):
                    found.append(None)
                    continue
                found.append(number)
                if live:
                    step = withdrawn(each.by, identity_verified=each.identity_verified)
                    lines.append(_stepped(vault, number, step, now))
                    states[number] = str(State.WITHDRAWN)
            if lines:
                self._append(connection, vault, lines)
        return found

    def _fits(
        self, connection: sqlite3.Connection, each: Withdrawal, number: int, standing: pl.DataFrame
    ) -> bool:
        """Say whether what is taken back is that objection, as far as the sender names it."""
        row = standing.row(number - 1, named=True)
        # A day without a time counts from its beginning.
        at = None if each.at is None else each.at + timedelta(days=1)
        if at is not None and _at(at) < row["received_at"]:
            return False
        if each.identifiers is None or not each.identifiers.given:
            return True
        same = Received(
            each.identifiers, Channel.OTHER, datetime.now(UTC),
            right=Right(row["right"]), reference=each.reference,
        )  # fmt: skip
        named = connection.execute(
            "SELECT objection FROM tokens WHERE token = ?", (self._token_of(same),)
        ).fetchone()
        return bool(named == (number,))

    def decide(
        self, steps: Sequence[tuple[int, Step]], now: datetime, *, seen: int | None = None
    ) -> None:
        """Append steps of objections, all or none; raises ObjectionError where one cannot follow.

        seen: how many events the list had when this was decided; where an objection changed since,
        somebody else was quicker.
        """
        with self._writing() as (connection, vault):
            standing = self._standing(vault, now.date())
            at = dict(zip(standing.get_column("objection"), range(standing.height), strict=True))
            states = standing.get_column("state").to_list()
            rights = standing.get_column("right").to_list()
            changed = standing.get_column("changed").to_list()
            lines: list[Line] = []
            for number, step in steps:
                if number not in at:
                    raise unknown(number)
                place = at[number]
                if seen is not None and changed[place] > seen:
                    raise ObjectionError(
                        f"objection {number} changed meanwhile: see `clause16 objections show "
                        f"{number}` and decide again"
                    )
                check_step(number, State(states[place]), Right(rights[place]), step)
                lines.append(_stepped(vault, number, step, now))
                if step.event is Event.ERASED:
                    vault.destroy(number)
            if lines:
                self._append(connection, vault, lines)

    def found(
        self, steps: Mapping[int, Step], now: datetime, *, seen: int, whole: bool = False
    ) -> None:
        """Append what a look into the source brought; what changed meanwhile is left as it is.

        seen: how many events the list had when it was asked whom to look for; whole: further
        records of those found before were looked for too.
        """
        with self._writing() as (connection, vault):
            standing = self._standing(vault, now.date())
            same = standing.filter(pl.col("objection").is_in([*steps]), pl.col("changed") <= seen)
            found: list[int] = []
            lines: list[Line] = []
            for number, state, right in same.select("objection", "state", "right").iter_rows():
                step = steps[number]
                check_step(number, State(state), Right(right), step)
                if step == _PLAINLY_FOUND:
                    found.append(number)
                else:
                    lines.append(_stepped(vault, number, step, now))
            if found:
                line = {"event": str(Event.IDENTIFIED), "recorded_at": _at(now)}
                lines.append(line | {"objections": found})
            looked: dict[str, str | int | bool] = {"event": LOOKED_UP, "recorded_at": _at(now)}
            lines.append(looked | {"through": seen, "whole": whole})
            self._append(connection, vault, lines)

    def note_reviews(self, now: datetime) -> int:
        """Record of each override whose review is due that it is; return how many there are."""
        with self._writing() as (connection, vault):
            standing = self._standing(vault, now.date())
            overdue = standing.filter("overdue").get_column("objection").to_list()
            if overdue:
                due = Step(Event.REVIEW_DUE)
                self._append(connection, vault, [_stepped(vault, n, due, now) for n in overdue])
        return len(overdue)

    @contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, Vault]]:
        with self._chain.opened(writing=True) as connection:
            vault = self._followed(connection)
            try:
                yield connection, vault
                connection.commit()
            finally:
                # What was changed in it is on disk or undone: it is read anew.
                self._vault = None if vault.touched else vault

    def _append(self, connection: sqlite3.Connection, vault: Vault, lines: Iterable[Line]) -> None:
        self._chain.append(connection, lines)
        vault.store(connection)

    def _token_of(self, each: Received) -> bytes:
        given = [f"{name}={getattr(each.identifiers, name)}" for name in each.identifiers.given]
        said = _JSON([each.reference, each.right, given])
        return hmac.digest(self._reference_key, said.encode(), "sha256")[:DIGEST_BYTES]

    def _digest_of(self, reference: str) -> str:
        digest = hmac.digest(self._reference_key, reference.encode(), "sha256")[:DIGEST_BYTES]
        return base64.b64encode(digest).decode("ascii")


DIGEST_BYTES = 15
"""Of a reference: two of a million are never the same."""
_Fields = dict[str, str | int | bool]
"""Of a line, while it is put together."""
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NEVER = "9999"
_PLAINLY_FOUND = Step(Event.IDENTIFIED)
"""By the customer id that was given: of many at once, one event."""
_EXCLUDES = pl.col("state").is_in([str(state) for state in EXCLUDING])
_CLEAR = ("right", "channel", "received_at", "ground", "review_on", "informed_on")


def unknown(number: int) -> ObjectionError:
    """Return what is said where no objection has that number."""
    return ObjectionError(
        f"there is no objection {number}: `clause16 objections list` shows their numbers"
    )


def _known_tokens(
    connection: sqlite3.Connection, given: Sequence[bytes | None]
) -> dict[bytes, int]:
    """Return the objections of those tokens that came before."""
    query = "SELECT objection FROM tokens WHERE token = ?"
    found = ((token, connection.execute(query, (token,)).fetchone()) for token in given if token)
    return {token: row[0] for token, row in found if row is not None}


def _not_respected(standing: pl.DataFrame, events: int) -> pl.DataFrame:
    """Return the objections that leave out somebody who is not, or not wholly, at that many."""
    since = pl.col("since").fill_null(pl.col("received"))
    return standing.filter(_EXCLUDES, since > events)


def _days(new: pl.DataFrame, today: date) -> dict[int, int]:
    """Return in how many days, from having been received, how many objections take effect now.

    Those of whom nobody was found have no effect yet.
    """
    received = pl.col("received_at").str.slice(0, 10).str.to_date("%Y-%m-%d")
    days = (pl.lit(today) - received).dt.total_days().clip(lower_bound=0)
    found = new.drop_nulls("since").select(days=days)
    return dict(sorted(found.group_by("days").len().iter_rows()))


def _received(vault: Vault, number: int, each: Received, now: datetime) -> _Fields:
    given = each.identifiers.given
    said = {name: getattr(each.identifiers, name) for name in given}
    if each.identifiers.born is not None:
        said["born"] = each.identifiers.born.isoformat()
    line: _Fields = {
        "event": str(Event.RECEIVED),
        "objection": number,
        "recorded_at": _at(now),
        "received_at": _at(each.received_at),
        "channel": str(each.channel),
        "verified": each.identity_verified,
        "right": str(each.right),
    }
    if each.identifiers.customer_id is not None:
        line["who"] = _base64(vault.name(number, each.identifiers.customer_id))
    if given == ("customer_id",):
        return line | {"keyed": True}
    return line | {"said": _sealed(vault, number, _JSON(said))}


def _stepped(vault: Vault, number: int, step: Step, now: datetime) -> Line:
    sealed = {
        name: value
        for name, value in (("reference", step.reference), ("note", step.note))
        if value is not None
    }
    said = {
        "right": step.right,
        "by": step.by,
        "ground": step.ground,
        "review_on": step.review_on,
        "informed_on": step.informed_on,
        "who": None if step.keys is None else _base64(vault.name(number, "\n".join(step.keys))),
        "said": _sealed(vault, number, _JSON(sealed)) if sealed else None,
    }
    return {
        "event": str(step.event),
        "objection": number,
        "recorded_at": _at(now),
        **({"fewer": True} if step.fewer else {}),
        **{name: str(value) for name, value in said.items() if value is not None},
    }


def _sealed(vault: Vault, number: int, text: str) -> str:
    return _base64(vault.seal(number, text.encode()))


def _base64(sealed: bytes) -> str:
    return base64.b64encode(sealed).decode("ascii")


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def _identifiers(said: str | None) -> Identifiers | None:
    if said is None:
        return None
    fields = json.loads(said)
    born = fields.pop("born", None)
    return Identifiers(born=None if born is None else date.fromisoformat(born), **fields)
