"""Every error that a user can meet.

    PrivacyError
    ├── UsageError       2   the command line does not make sense
    ├── PolicyError     10   policy, hierarchy or plan: the privacy officer's files
    ├── SourceError     11   the operational bank: a table, a column, a type, a row, a password
    │   └── SourceAway  11   … it is away just now: the same run may succeed later
    ├── ObjectionError  12   the opt-out list or its registry
    │   └── NotLookedUp 12   … somebody on it was never looked for in the source
    ├── Refused         13   the limits cannot be met, or the written file failed a check
    │   ├── ObjectionMeanwhile  13   … somebody objected while the release was made
    │   ├── BudgetSpent         13   … a year's privacy budget does not last
    │   └── LedgerError         13   … nobody can say what was spent of it
    ├── ReleaseError    14   files: disk, permissions
    │   └── AnotherRun  14   … another run is at work in the home
    └── EngineError     15   a library failed where no clearer word is known

Messages say what, where, and the way out. They name tables, columns, clauses and banded
counts, never a value of a person: they are printed, logged and stored by the scheduler.
"""

from __future__ import annotations

import math
from typing import ClassVar


class PrivacyError(Exception):
    """A failure that is told to the user in one line; `exit_code` is the process's.

    kind: the same in a word, for whoever watches from afar (docs/operators.md says what to do).
    retry_helps: nothing has to be mended, the same run may succeed a little later.
    """

    exit_code: ClassVar[int] = 1
    kind: ClassVar[str] = "defect"
    retry_helps: ClassVar[bool] = False


class UsageError(PrivacyError):
    """The command line does not make sense."""

    exit_code = 2
    kind = "usage"


class PolicyError(PrivacyError):
    """The policy, a hierarchy or a stored plan is wrong, or does not fit the source."""

    exit_code = 10
    kind = "policy"


class SourceError(PrivacyError):
    """The operational bank cannot be read, or holds what it must not hold."""

    exit_code = 11
    kind = "source"


class SourceAway(SourceError):  # noqa: N818 - a state of the bank, not a defect of anything
    """The operational bank is away just now: unreachable, restarting, locked by a migration."""

    retry_helps = True


class ObjectionError(PrivacyError):
    """The opt-out list is missing, broken or was given something it cannot take."""

    exit_code = 12
    kind = "opt-out list"


class NotLookedUp(ObjectionError):  # noqa: N818 - a state of the list, nothing failed
    """Somebody is on the opt-out list whom nobody has looked for in the source yet."""


class Refused(PrivacyError):  # noqa: N818 - a verdict, not a malfunction: it is named as one
    """A release that would break the promise is not made."""

    exit_code = 13
    kind = "refused"


class ObjectionMeanwhile(Refused):
    """Somebody objected while a release was made; computed anew it is without them."""


class BudgetSpent(Refused):
    """What a year may reveal of a person does not last."""

    kind = "budget"


class LedgerError(Refused):
    """The ledger of what was spent is missing, broken, or not the newest."""

    kind = "budget"


class ReleaseError(PrivacyError):
    """Files of the home: disk full, no permission."""

    exit_code = 14
    kind = "files"


class AnotherRun(ReleaseError):  # noqa: N818 - a state of the home, nothing failed
    """Another run is at work in the home."""


class EngineError(PrivacyError):
    """A library failed; its message is withheld because engines quote records in theirs."""

    exit_code = 15
    kind = "engine"


SMALLEST_SAID = 11


def band(people: int) -> str:
    """Return a count as it may be said aloud: "fewer than 11", or rounded to tens and more.

    None and one look alike; of larger counts nobody learns more than the rounded one.
    """
    if people < SMALLEST_SAID:
        return f"fewer than {SMALLEST_SAID}"
    unit = max(10, 10 ** (len(str(people)) - 2))
    return f"about {round(people / unit) * unit:,}"


def shown(name: str) -> str:
    """Return the name of a table or column as it may be printed.

    Signs that nobody sees, or that turn their neighbours round, are written as escapes; what goes
    on without end is cut.
    """
    if len(name) > LONGEST_SHOWN:
        name = name[:LONGEST_SHOWN] + "…"
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii")
        for sign in name
    )


LONGEST_SHOWN = 128


def share_said(share: float) -> str:
    """Return a share of people as it may be said aloud, in steps of half a percent, rounded up."""
    return f"at most {max(math.ceil(share * 200), 1) / 2:g} %"
