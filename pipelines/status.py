"""How a home is: the current release, who waits, what failed, what needs somebody's attention.

It only looks: it takes no lock, starts no server, writes nothing, and works while a run does. What
cannot be looked at is itself a trouble, never a failure of the look.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from pipelines.approvals import approval_for, stored_approval, stored_plan
from pipelines.boundary import sealed
from pipelines.certified import Certified, read_certified
from pipelines.files import file_digest, write_private
from pipelines.magnitude.drawing import older, pending
from pipelines.magnitude.ledger import Ledger
from pipelines.objections.drop import REJECTED, WHY
from pipelines.objections.registry import Pending, Registry
from pipelines.releases import CERTIFICATE, DATABASE, current_release, is_at_work, unretired
from pipelines.schedule import Schedule, State, next_run
from pipelines.settings import Settings
from transforms.errors import AnotherRun, LedgerError, PrivacyError, ReleaseError
from transforms.magnitude.accounting import epsilon
from transforms.plan import Approval

T = TypeVar("T")

SPARE = 256 << 20
"""Bytes that the disk should have besides three times the current database."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A release that failed: when, its exit code and kind (transforms/errors.py), our line."""

    at: datetime
    exit_code: int
    kind: str
    message: str


def note_failure(settings: Settings, failure: PrivacyError) -> None:
    """Keep why a release failed; where that cannot be written (a full disk), nothing happens."""
    # Whoever found another run at work has made no release that failed.
    if isinstance(failure, AnotherRun):
        return
    noted = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "exit_code": failure.exit_code,
        "kind": failure.kind,
        "message": str(failure),
    }
    with suppress(OSError):
        write_private(settings.last_failure, json.dumps(noted, indent=2, ensure_ascii=False) + "\n")


def forget_failure(settings: Settings) -> None:
    """Forget why a release failed: one was published since."""
    with suppress(OSError):
        settings.last_failure.unlink(missing_ok=True)


def last_failure(settings: Settings) -> Failure | None:
    """Return what was kept, None where nothing was; raises ReleaseError where it is damaged."""
    if not settings.last_failure.exists():
        return None
    try:
        noted = json.loads(settings.last_failure.read_text(encoding="utf-8"))
        return Failure(
            at=datetime.fromisoformat(noted["at"]).astimezone(UTC),
            exit_code=int(noted["exit_code"]),
            kind=str(noted["kind"]),
            message=str(noted["message"]),
        )
    except (OSError, ValueError, OverflowError, KeyError, TypeError):
        raise ReleaseError(f"{settings.last_failure} cannot be read") from None


@dataclass(frozen=True, slots=True)
class Limits:
    """How old the current release may be, and how long an objection may wait for the next.

    undecided: how long one of whom nobody is found may wait for a decision.
    """

    age: timedelta
    waiting: timedelta
    undecided: timedelta


@dataclass(frozen=True, slots=True)
class Trouble:
    """What needs somebody's attention, and what to do."""

    what: str
    todo: str


@dataclass(frozen=True, slots=True)
class Current:
    """The current release. unchanged: the file is the one that was certified."""

    certified: Certified
    unchanged: bool
    size: int

    @property
    def passed(self) -> bool:
        """Say whether its checks passed, and are still about this file."""
        return self.certified.passed and self.unchanged


@dataclass(frozen=True, slots=True)
class Waiting:
    """Objections that the current release does not respect yet. since: when the oldest came."""

    number: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Spending:
    """The privacy budget of tables of counts and sums, in rho (zCDP) and in epsilon at a delta.

    yearly: a year's; this_year, ever: what was spent; unpublished: periods that were drawn and that
    no release shows yet.
    """

    year: int
    yearly: float
    delta: float
    this_year: float
    ever: float
    unpublished: int

    @property
    def left(self) -> float:
        """What is left of this year's."""
        return max(self.yearly - self.this_year, 0.0)

    def epsilon(self, rho: float) -> float:
        """Return what a rho is as an epsilon."""
        return epsilon(rho, self.delta)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a home, None where there is nothing, or it could not be looked at.

    rejected: files in the drop folder that wait for repair; failure: of a release that was tried
    since the last one was published; free: bytes.
    """

    at: datetime
    at_work: bool
    nothing_released: bool
    current: Current | None
    waiting: Waiting | None
    pending: Pending | None
    rejected: int
    failure: Failure | None
    approval: Approval | None
    spending: Spending | None
    schedule: Schedule | None
    free: int | None


@dataclass(frozen=True, slots=True)
class Status:
    """A home, what was seen of it, and what needs somebody's attention."""

    home: Path
    seen: Seen
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True)
class _Looks:
    """Looks that never fail: what cannot be seen is a trouble."""

    troubles: list[Trouble]

    def at(self, look: Callable[[], T], todo: str) -> T | None:
        try:
            return sealed(look)()
        except PrivacyError as error:
            self.troubles.append(Trouble(str(error), todo))
            return None


def look(settings: Settings, limits: Limits, server: str | None, now: datetime) -> Status:
    """Look at a home. server: Prefect's address, None where no server is named."""
    looks = _Looks([])
    if looks.at(lambda: _home(settings), "name another, or `clause16 init`") is None:
        nothing = Seen(now, False, False, None, None, None, 0, None, None, None, None, None)  # noqa: FBT003 - a field
        return Status(settings.home, nothing, tuple(looks.troubles))
    current = looks.at(lambda: _current(settings), "put it back, or make a new release")
    nothing_released = current is None and not looks.troubles
    at_work = is_at_work(settings)
    if current is not None and not at_work:
        # A run at work may be between its switch and its retiring.
        looks.at(lambda: _check_retired(settings, current), "mend that, then `clause16 release`")
    waiting = looks.at(lambda: _waiting(settings, current), "put list or key back")
    seen = Seen(
        at=now,
        at_work=at_work,
        nothing_released=nothing_released,
        current=current,
        waiting=waiting,
        # What is wrong with the list was said just before.
        pending=_Looks([]).at(lambda: _pending(settings), ""),
        rejected=_rejected(settings.drop / REJECTED),
        failure=looks.at(lambda: last_failure(settings), "remove it"),
        approval=looks.at(lambda: _approval(settings), "choose a plan, approve it where required"),
        # Without the list's key nothing can be said of the ledger, and that was said.
        spending=None
        if waiting is None
        else looks.at(lambda: _spending(settings, current, now), "put it back"),
        schedule=looks.at(lambda: next_run(server), "look after Prefect's server"),
        free=looks.at(lambda: shutil.disk_usage(settings.home).free, "look after the disk"),
    )
    return Status(settings.home, seen, (*looks.troubles, *_judged(seen, limits)))


def _home(settings: Settings) -> Path:
    if not settings.home.is_dir():
        raise ReleaseError(f"there is no home at {settings.home}")
    return settings.home


def _check_retired(settings: Settings, current: Current) -> None:
    """Raise ReleaseError where an earlier release could not be retired."""
    release = settings.releases / current.certified.release
    left = [] if current.certified.keeps_earlier else unretired(settings, release)
    if left:
        raise ReleaseError(
            f"the release {left[-1].name} could not be retired, its microdata are still readable: "
            f"check owner and mode of {left[-1]}"
            + (f" (and {len(left) - 1} more)" if len(left) > 1 else "")
        )


def _current(settings: Settings) -> Current | None:
    # Twice, for a release may be published, and this one retired, while it is looked at.
    for _ in range(2):
        folder = current_release(settings)
        if folder is None:
            return None
        certified = read_certified(folder / CERTIFICATE)
        with suppress(FileNotFoundError):
            database = folder / DATABASE
            size = database.stat().st_size
            return Current(certified, file_digest(database) == certified.database, size)
    raise ReleaseError(f"the current release has no database in {settings.releases}")


def _waiting(settings: Settings, current: Current | None) -> Waiting:
    registry = Registry(settings.registry, settings.key_file)
    if current is None:
        # Nobody is in a release, but the list has to be whole all the same.
        registry.pending(_today())
        return Waiting(0, None)
    waiting = registry.not_respected(current.certified.state, _today())
    return Waiting(len(waiting), min(waiting, default=None))


def _pending(settings: Settings) -> Pending:
    return Registry(settings.registry, settings.key_file).pending(_today())


def _spending(settings: Settings, current: Current | None, now: datetime) -> Spending | None:
    """Return what was spent; raises LedgerError where nobody can say."""
    budget = None if current is None else current.certified.budget
    if budget is None and not settings.ledger.exists():
        return None
    ledger = Ledger(settings.ledger, settings.key_file)
    if current is not None and current.certified.ledger is not None:
        certified = current.certified
        if not ledger.holds(certified.release, str(certified.ledger)):
            raise LedgerError(older(settings.ledger, certified.release))
    if budget is None:
        return None
    spent = ledger.spent()
    return Spending(
        year=now.year,
        yearly=budget.rho,
        delta=budget.delta,
        this_year=spent.get(now.year, 0.0),
        ever=sum(spent.values()),
        unpublished=len(pending(ledger)),
    )


def _rejected(folder: Path) -> int:
    """Return how many files wait there for somebody to mend them."""
    with suppress(OSError):
        return sum(not path.name.endswith(WHY) for path in folder.iterdir())
    return 0


def _today() -> date:
    return datetime.now(UTC).date()


def _approval(settings: Settings) -> Approval | None:
    """Return who approved the stored plan; raises PolicyError where it must not be applied."""
    plan = stored_plan(settings)
    if settings.policy is None:
        return None if plan is None else stored_approval(settings, plan)
    # Heavy, and needed only where a policy is named.
    from pipelines.policies import load_policy
    from transforms.anonymise import check_plan

    loaded = load_policy(settings.policy)
    if plan is not None:
        check_plan(plan, loaded.policy, loaded.recoding_digest, loaded.hierarchies)
    return approval_for(settings, loaded.policy, plan)


def _judged(seen: Seen, limits: Limits) -> Iterator[Trouble]:
    """Yield what was seen well, and is not as it should be."""
    if seen.nothing_released:
        yield Trouble("there is no release yet", "`clause16 release`")
    if seen.current is not None:
        yield from _judged_release(seen.current, seen.at, limits)
    if seen.waiting is not None and seen.waiting.since is not None:
        waits = seen.at - seen.waiting.since
        if waits > limits.waiting:
            yield Trouble(
                f"objections wait for a release without these people, the oldest for "
                f"{said(waits)}, more than {said(limits.waiting)}",
                "`clause16 release`",
            )
    yield from _judged_list(seen, limits)
    if seen.failure is not None:
        yield Trouble(
            f"the last release failed (exit code {seen.failure.exit_code}): {seen.failure.message}",
            "mend that, then `clause16 release`",
        )
    if seen.schedule is not None:
        yield from _judged_schedule(seen.schedule, seen.at)
    if seen.free is not None:
        needed = 3 * (seen.current.size if seen.current else 0) + SPARE
        if seen.free < needed:
            yield Trouble(
                f"the disk of the home has {seen.free >> 20:,} MiB left, of {needed >> 20:,} that "
                f"a release may need",
                "free some space",
            )


def _judged_list(seen: Seen, limits: Limits) -> Iterator[Trouble]:
    if seen.rejected:
        yield Trouble(
            f"{seen.rejected:,} files of objections, or of lines of them, were rejected",
            f"mend each in drop/{REJECTED} and put it back into drop; remove what is done with",
        )
    if seen.pending is not None:
        yield from _judged_pending(seen.pending, seen.at, limits)


def _judged_pending(pending: Pending, now: datetime, limits: Limits) -> Iterator[Trouble]:
    if pending.not_looked_up:
        yield Trouble(
            f"{pending.not_looked_up:,} objections were never looked up in the source",
            "`clause16 objections resolve`",
        )
    if pending.waits_since is not None and now - pending.waits_since > limits.undecided:
        yield Trouble(
            f"of {pending.waiting:,} objections nobody was found, and the oldest waits for "
            f"{said(now - pending.waits_since)}, more than {said(limits.undecided)}",
            "`clause16 objections list --state waiting`; find each (`resolve`) or dismiss it "
            "(`decide --dismiss`)",
        )
    if pending.several:
        yield Trouble(
            f"{pending.several:,} objections may be from several people, who are all left out",
            "`clause16 objections list --state 'several candidates'`; `resolve` each",
        )
    if pending.reviews_due:
        yield Trouble(
            f"the review of {pending.reviews_due:,} overrides is due, so these people are left out "
            f"again",
            "`clause16 objections list --state 'review due'`; decide each",
        )


def _judged_release(current: Current, now: datetime, limits: Limits) -> Iterator[Trouble]:
    age = now - current.certified.created_at
    if not current.unchanged:
        yield Trouble(
            "the current release's database is not the one that was certified",
            "tell its readers; find out who changed it; `clause16 release`",
        )
    if not current.certified.passed:
        yield Trouble(
            "the current release's certificate has a check that did not pass, or none",
            "tell its readers; find out who changed it; `clause16 release`",
        )
    if age > limits.age:
        yield Trouble(
            f"the current release is {said(age)} old, more than {said(limits.age)}",
            "`clause16 release`; find out why none was made",
        )


def _judged_schedule(schedule: Schedule, now: datetime) -> Iterator[Trouble]:
    todo = _SCHEDULE_TODO.get(schedule.state)
    if todo is not None:
        yield Trouble(f"scheduled releases: {schedule.state}", todo)
    if schedule.next is not None and now - schedule.next > LATE:
        yield Trouble(
            f"the release that was scheduled for {schedule.next.isoformat(timespec='minutes')} has "
            f"not begun",
            "start a worker (`prefect worker start --pool local`)",
        )


LATE = timedelta(minutes=15)

_SCHEDULE_TODO = {
    State.AWAY: "start the server, or correct $PREFECT_API_URL",
    State.NOT_DEPLOYED: "`prefect --no-prompt deploy --all`",
    State.PAUSED: "`prefect deployment schedule resume`, once it may run again",
    State.NOTHING: "`prefect deployment inspect release/weekly` says what is scheduled",
}


def said(time: timedelta) -> str:
    """Return a time in days from two days on, in hours below."""
    hours = int(time.total_seconds() // 3600)
    return f"{hours // 24} days" if hours >= 48 else f"{hours} hours"  # noqa: PLR2004 - two days
