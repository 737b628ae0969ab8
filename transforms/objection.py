"""The opt-out list's words: who may be left out, by which right, and what becomes of an objection.

Clause 16: at any time and in any form. An objection is a row of events; TRANSITIONS says which may
follow which, and the state after each. The first state excludes already (GDPR Art. 18(1)(d),
21(1)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum

from transforms.errors import ObjectionError


class Channel(StrEnum):
    """How an objection arrived; the form does not matter."""

    EMAIL = "email"
    LETTER = "letter"
    PHONE = "phone"
    COUNTER = "counter"
    APP = "app"
    CRM = "crm"
    OTHER = "other"


class Right(StrEnum):
    """By which right a person is left out of statistics."""

    OBJECTION = "objection"
    """Clause 16; GDPR Art. 21(1), 21(6)."""
    ERASURE = "erasure"
    """Clause 30.3; GDPR Art. 17. Refused for legal retention it counts as an objection."""
    RESTRICTION = "restriction"
    """Clause 30.4; GDPR Art. 18. The person is told before it is lifted."""


OTHER_RIGHTS = {
    "marketing": "an objection to direct marketing (clause 30.5) is not one to statistics",
    "automated decision": "contesting an automated decision (clause 12.6) is no objection to "
    "statistics",
}
"""What is kept apart: other lists' business, and why."""


class Ground(StrEnum):
    """Why the institution may go on (clause 16): nothing else overrides an objection."""

    COMPELLING = "compelling legitimate grounds"
    LEGAL_CLAIMS = "legal claims"


class Dismissal(StrEnum):
    """Why an objection ends without anybody being left out (GDPR Art. 11(2), 12(2))."""

    NOT_IDENTIFIABLE = "not identifiable"
    NOT_A_CUSTOMER = "not a customer"


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What an objector gave of themselves, as it was received."""

    customer_id: str | None = None
    personal_number: str | None = None
    email: str | None = None
    phone: str | None = None
    iban: str | None = None
    name: str | None = None
    born: date | None = None
    text: str | None = None

    @property
    def given(self) -> tuple[str, ...]:
        """The names of what was given."""
        return tuple(name for name in _IDENTIFIERS if getattr(self, name) is not None)

    @property
    def suffices(self) -> bool:
        """Whether there is anything to find a person by: a name alone needs its date of birth."""
        alone = {"born"} if self.name is None else {"name"} if self.born is None else set()
        return bool(set(self.given) - alone)


_IDENTIFIERS = tuple(field.name for field in fields(Identifiers))


@dataclass(frozen=True, slots=True)
class Received:
    """What arrived. reference: the sender's own for it, under which it is taken once."""

    identifiers: Identifiers
    channel: Channel
    received_at: datetime
    identity_verified: bool = False
    right: Right = Right.OBJECTION
    reference: str | None = None


class Event(StrEnum):
    """What can happen to an objection."""

    RECEIVED = "received"
    MATCHED = "matched"
    """The source knows several people whom it may be from."""
    IDENTIFIED = "identified"
    EXTENDED = "extended"
    """The source has another record of the person."""
    UPHELD = "upheld"
    KEPT_BY_LAW = "kept by law"
    """An erasure is refused because the law demands keeping: it counts as an objection."""
    OVERRIDDEN = "overridden"
    REVIEW_DUE = "review due"
    LIFTED = "lifted"
    """A restriction ended, after the person was told."""
    WITHDRAWN = "withdrawn"
    DISMISSED = "dismissed"
    ERASED = "erased"
    """The key of what identifies the person is destroyed."""


class State(StrEnum):
    """Where an objection stands."""

    WAITING = "waiting"
    """Nobody was found yet; a customer id that was given is left out all the same."""
    SEVERAL = "several candidates"
    IDENTIFIED = "identified"
    UPHELD = "upheld"
    OVERRIDDEN = "overridden"
    REVIEW_DUE = "review due"
    LIFTED = "lifted"
    WITHDRAWN = "withdrawn"
    DISMISSED = "dismissed"
    ERASED = "erased"


EXCLUDING = frozenset(
    {State.WAITING, State.SEVERAL, State.IDENTIFIED, State.UPHELD, State.REVIEW_DUE}
)
"""In these states everybody whom the objection may be from is left out."""
ENDED = frozenset({State.LIFTED, State.WITHDRAWN, State.DISMISSED, State.ERASED})
"""Nothing is decided any more; only erasing may follow."""

_UNDECIDED = (State.WAITING, State.SEVERAL, State.IDENTIFIED)
_DECIDED = (State.UPHELD, State.OVERRIDDEN, State.REVIEW_DUE)
_KNOWN = (State.IDENTIFIED, *_DECIDED)
_OVER = (State.LIFTED, State.WITHDRAWN, State.DISMISSED)

TRANSITIONS: dict[tuple[State | None, Event], State] = {
    (None, Event.RECEIVED): State.WAITING,
    **{(state, Event.MATCHED): State.SEVERAL for state in (State.WAITING, State.SEVERAL)},
    **{(state, Event.IDENTIFIED): State.IDENTIFIED for state in _UNDECIDED},
    **{(state, Event.EXTENDED): state for state in _DECIDED},
    **{(state, Event.UPHELD): State.UPHELD for state in _KNOWN},
    **{(state, Event.KEPT_BY_LAW): State.UPHELD for state in (State.IDENTIFIED, State.UPHELD)},
    **{(state, Event.OVERRIDDEN): State.OVERRIDDEN for state in _KNOWN},
    (State.OVERRIDDEN, Event.REVIEW_DUE): State.REVIEW_DUE,
    **{(state, Event.LIFTED): State.LIFTED for state in (*_UNDECIDED, State.UPHELD)},
    **{(state, Event.WITHDRAWN): State.WITHDRAWN for state in (*_UNDECIDED, *_DECIDED)},
    (State.WAITING, Event.DISMISSED): State.DISMISSED,
    **{(state, Event.ERASED): State.ERASED for state in (*_KNOWN, *_OVER)},
}
"""(State, event) → the state after it; what is not here cannot happen."""


@dataclass(frozen=True, slots=True)
class Step:
    """An event after the first, and what is kept of it.

    keys: the customer ids that the objection stands for from now on, None where they stay as they
    are; fewer: none of them is new; by: who decided; reference: of the evidence; note: the
    officer's reason.
    """

    event: Event
    by: str | None = None
    keys: tuple[str, ...] | None = None
    fewer: bool = False
    right: Right | None = None
    ground: str | None = None
    reference: str | None = None
    note: str | None = None
    review_on: date | None = None
    informed_on: date | None = None


def override(
    ground: Ground | None,
    evidence: str | None,
    by: str | None,
    review_on: date | None,
    latest: date,
    today: date,
) -> Step:
    """Return the institution's proof that it may go on (clause 16; GDPR Art. 21(1)).

    latest: the last day on which it must be reviewed. Raises ObjectionError where anything is
    missing: the objection stands then.
    """
    missing = [
        said
        for said, given in (
            ("the ground (compelling legitimate grounds, or legal claims)", ground),
            ("the reference of the evidence", _said(evidence)),
            ("who decided", _said(by)),
            ("the date of the review", review_on),
        )
        if given is None
    ]
    if missing or ground is None or review_on is None:
        raise ObjectionError(
            f"an override is a proof, and this one lacks {', '.join(missing)}: the objection stands"
        )
    if not today < review_on <= latest:
        raise ObjectionError(
            f"the review must lie after today and at the latest on {latest}: the objection stands"
        )
    return Step(
        Event.OVERRIDDEN,
        by=_said(by),
        ground=ground.value,
        reference=_said(evidence),
        review_on=review_on,
    )


def kept_by_law(evidence: str | None, by: str) -> Step:
    """Return that an erasure is refused because the law demands keeping (clause 30.3)."""
    if _said(evidence) is None:
        raise ObjectionError(
            "an erasure is refused with the law that demands keeping: give it as --evidence"
        )
    return Step(Event.KEPT_BY_LAW, by=by, right=Right.OBJECTION, reference=_said(evidence))


def lifted(informed_on: date | None, by: str, today: date) -> Step:
    """Return that a restriction ends; the person has to be told before (GDPR Art. 18(3))."""
    if informed_on is None or informed_on > today:
        raise ObjectionError(
            "the person must be told before a restriction is lifted: tell them, then give the day "
            "as --informed-on"
        )
    return Step(Event.LIFTED, by=by, informed_on=informed_on)


def withdrawn(by: str, *, identity_verified: bool) -> Step:
    """Return that the person takes the objection back; nobody else may do so for them."""
    if not identity_verified:
        raise ObjectionError(
            "a withdrawal lets a person's data into statistics again, so it is taken only from "
            "somebody whose identity was verified (--identity-verified)"
        )
    return Step(Event.WITHDRAWN, by=by)


def dismissed(why: Dismissal | None, reason: str | None, by: str) -> Step:
    """Return that nobody is left out, and why (GDPR Art. 11(2), 12(2)); never without a reason."""
    if why is None or _said(reason) is None:
        raise ObjectionError(
            "a dismissal says why: --dismiss with `not identifiable` or `not a customer`, and the "
            "--reason"
        )
    return Step(Event.DISMISSED, by=by, ground=why.value, note=_said(reason))


def _said(text: str | None) -> str | None:
    """Return a text without blanks around it, None where nothing was said."""
    return (text or "").strip() or None


def check_step(number: int, state: State, right: Right, step: Step) -> None:
    """Raise ObjectionError where a step cannot follow on a state, or not for this right."""
    only = {
        Event.OVERRIDDEN: Right.OBJECTION,
        Event.KEPT_BY_LAW: Right.ERASURE,
        Event.LIFTED: Right.RESTRICTION,
    }.get(step.event, right)
    if right is not only:
        raise ObjectionError(
            f"{number} is recorded as {right}, and `{step.event}` is for one recorded as {only}"
        )
    if (state, step.event) not in TRANSITIONS:
        froms = sorted(str(before) for before, event in TRANSITIONS if event is step.event)
        raise ObjectionError(
            f"objection {number} is in the state `{state}`, and `{step.event}` follows only on "
            f"{', '.join(froms)}: see `clause16 objections show {number}`"
        )


def diagram() -> str:
    """Return the table as a Mermaid state diagram, for the docs."""
    return "\n".join(("stateDiagram-v2", *_arrows()))


def _arrows() -> Iterator[str]:
    for (before, event), after in TRANSITIONS.items():
        start = "[*]" if before is None else _node(before)
        yield f"    {start} --> {_node(after)}: {event}"
    for state in State:
        yield f"    {_node(state)}: {state}{'' if state in EXCLUDING else ' (not left out)'}"


def _node(state: State) -> str:
    return state.name.lower()
