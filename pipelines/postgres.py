"""A connection to PostgreSQL through ADBC, and what the server says of its troubles in our words.

Nothing of a message is passed on: the server quotes queries, users and values.
"""

from __future__ import annotations

import re

import adbc_driver_manager as adbc
from adbc_driver_postgresql import dbapi

from transforms.errors import SourceAway, SourceError

CONNECTS_WITHIN = 15
"""Seconds, where the URI names no connect_timeout."""


def connect(uri: str, *, autocommit: bool) -> dbapi.Connection:
    """Connect; raises SourceError where nobody is let in, SourceAway where nobody answers."""
    try:
        return dbapi.connect(_with_defaults(uri), autocommit=autocommit)
    except (adbc.Error, OSError) as error:
        raise _refusal(str(error)) from None


def _with_defaults(uri: str) -> str:
    """Return the URI with a name for the server's own log and an end to waiting.

    What is there stays as it is: libpq reads URIs otherwise than the web does.
    """
    defaults = (
        ("connect_timeout", str(CONNECTS_WITHIN)),
        ("application_name", "clause16"),
        ("client_encoding", "UTF8"),
    )
    missing = [f"{name}={value}" for name, value in defaults if not _says(uri, name)]
    return uri + "".join(
        f"{'&' if '?' in uri or n else '?'}{said}" for n, said in enumerate(missing)
    )


def _says(uri: str, name: str) -> bool:
    return re.search(rf"[?&]{name}=", uri) is not None


def _refusal(said: str) -> SourceError:
    """Return why there is no connection, in our words: the driver's name hosts and users."""
    # What stands in quotes is a name, and a role may be called anything.
    said = re.sub(r'"[^"]*"', "", said)
    for signs, kind, reason in _REFUSALS:
        if any(sign in said for sign in signs):
            return kind(reason)
    return SourceError(_NOT_IN)


_NOT_IN = (
    "the PostgreSQL server lets nobody in under this URI: check user, password, database and "
    "sslmode (of a source, in $CLAUSE16_SOURCE)"
)
_REFUSALS = (
    (
        (
            *("the database system is", "too many connections", "too many clients"),
            "remaining connection slots",
        ),
        SourceAway,
        "the PostgreSQL server is starting, stopping or full: try again in a while",
    ),
    (
        ("authentication failed", "no password supplied"),
        SourceError,
        (
            "the PostgreSQL server refuses user or password: correct them in the URI (of a "
            "source, in $CLAUSE16_SOURCE)"
        ),
    ),
    (
        ("no pg_hba.conf entry", "not permitted to log in", "permission denied for database"),
        SourceError,
        (
            "the PostgreSQL server does not let this role in from here (pg_hba.conf, LOGIN, "
            "CONNECT): ask whoever runs it"
        ),
    ),
    (
        ("SSL", "certificate", "TLS"),
        SourceError,
        (
            "the PostgreSQL server and this URI's sslmode do not agree on TLS: check sslmode, "
            "sslrootcert and the server's certificate"
        ),
    ),
    (
        ("role  does not exist",),
        SourceError,
        "the PostgreSQL server has no such user: correct it in the URI",
    ),
    (
        ("database  does not exist",),
        SourceError,
        "the PostgreSQL server has no such database: correct its name in the URI",
    ),
    (
        (
            *("could not translate host name", "onnection refused", "onnection reset", "imeout"),
            *("No route", "unreachable", "server closed", "could not connect", "could not receive"),
            "No such file or directory",
        ),
        SourceAway,
        (
            "the PostgreSQL server cannot be reached: check host and port of its URI, the "
            "network, and whether the server runs"
        ),
    ),
)


def told(error: BaseException, what: str) -> SourceError:
    """Return in our words why a table is not read; the server quotes queries and values."""
    state = state_of(error)
    for prefix, (away, reason) in _STATES.items():
        if (state or "").startswith(prefix):
            kind = SourceAway if away else SourceError
            return kind(f"{what} cannot be read: {reason}")
    return SourceError(
        f"{what} cannot be read: the PostgreSQL server refuses (SQLSTATE {state or 'unknown'}); "
        f"its own log says why"
    )


def state_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of what the server or the driver says, None where there is none."""
    said = str(error)
    state = getattr(error, "sqlstate", None) or _state_in(said)
    return "08006" if state is None and _LOST.search(said) else state


def _state_in(said: str) -> str | None:
    found = re.search(r"SQLSTATE:? ([0-9A-Z]{5})\b", said)
    if found:
        return found.group(1)
    for sign, state in (
        ("statement timeout", "57014"),
        ("user request", "57P01"),
        ("lock timeout", "55P03"),
        ("idle-in-transaction", "25P03"),
        ("terminating connection", "57P01"),
        ("permission denied", "42501"),
        ("row-level security", "42501"),
    ):
        if sign in said:
            return state
    return None


_LOST = re.compile(r"server closed|onnection (?:refused|reset)|SSL (?:error|SYSCALL)|EOF")
_STATES = {
    "08": (True, "the connection to the server broke; try again when it is back"),
    "57014": (False, "it takes longer than the statement_timeout; raise it for this role"),
    "25P03": (True, "the server ended a transaction that was idle for it; try again"),
    "57P": (True, "the server, or who runs it, ended the reading; try again in a while"),
    "55P03": (True, "somebody holds a lock on it (a migration?); try again when it is done"),
    "40": (True, "a change on the server cut in; try again"),
    "53": (True, "the server is out of connections, memory or disk; try again in a while"),
    "42501": (
        False,
        (
            "the role may not read it, or not all its rows (row-level security); `clause16 grants "
            "--for release` has the rights"
        ),
    ),
    "42P01": (False, "it is not there any more; has the bank changed?"),
    "42703": (False, "a column is not there any more; has the bank changed?"),
    "22": (False, "it holds a value that cannot be converted to its declared type"),
}
