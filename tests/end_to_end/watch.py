"""Watches for personal values, after every test: whatever it did, none may have got out.

In the small bank the hidden texts are canaries. Of what a release reads, keys, money and the dates
of birth before 1970 can be told from any other number (`planted`): it publishes labels of bands,
so that an exact value is a leak. Seen are the homes (but for a demo bank in one, and the senders'
files in the drop folder), the files of Prefect's server, what each command said, and what
PostgreSQL logged of our own connections.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import duckdb
from end_to_end.postgres import Cluster
from end_to_end.program import HOMES, SAID, change

from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from transforms.policy.roles import Role

CANARY = "zq16"
KEYS = int.from_bytes(b"ZQ16\0\0\0\0")
"""Added to every key: 19 digits that begin alike, 8 bytes that end alike."""
CENTS = "0.007362167"
"""Added to every amount: less than a cent, so that no amount comes into another band."""
LEAKS = tuple(
    re.compile(pattern)
    for pattern in (
        CANARY.encode(),
        # A key as digits, and two of them as integers of 64 bits, as a file of columns has them.
        str(KEYS)[:9].encode(),
        rb"61QZ[\s\S]{4}61QZ",
        # An amount, above and below nought.
        rb"7362167(?<=[.,]\d\d7362167)",
        rb"2637833(?<=[.,]\d\d2637833)",
        # A person born before 1970; the epoch itself is everywhere.
        rb"19[3-6]\d-[01]\d-[0-3]\d",
    )
)
HIDDEN = {Role.FORBIDDEN, Role.IDENTIFIER, Role.TEXT}


def canary(table: str, column: str) -> str:
    return f"{CANARY}{table}x{column}".replace("_", "")


def hidden_text_columns(bank: Path) -> list[tuple[str, str]]:
    policy = load_policy(DEMO_POLICY).policy
    with duckdb.connect(str(bank), read_only=True) as connection:
        types = {
            (table, column): data_type
            for table, column, data_type in connection.execute(
                "SELECT table_name, column_name, data_type FROM duckdb_columns()"
            ).fetchall()
        }
    return [
        (table, name)
        for table, source in policy.sources.items()
        for name, column in source.columns.items()
        if column.role in HIDDEN and types[table, name] == "VARCHAR"
    ]


def plant(bank: Path) -> None:
    """Make every value of a bank one that can be told from any other."""
    change(bank, *planted(bank))


def planted(bank: Path) -> list[str]:
    """Return the statements that do so, for DuckDB and PostgreSQL alike."""
    texts = hidden_text_columns(bank)
    assert len(texts) > 15
    sources = load_policy(DEMO_POLICY).policy.sources
    keys = [
        (t, c) for t in sources for c in sources[t].columns if c in {"customer_id", "account_id"}
    ]
    assert len(keys) > 15
    return [
        *(f"UPDATE {t} SET {c} = '{canary(t, c)}'" for t, c in texts),
        *(f"UPDATE {t} SET {c} = {c} + {KEYS}" for t, c in keys),
        *(
            statement
            for t, c in (("customers", "income"), ("accounts", "balance"))
            for statement in (
                f"ALTER TABLE {t} ALTER {c} TYPE DECIMAL(18, 9)",
                f"UPDATE {t} SET {c} = {c} + {CENTS} WHERE {c} <> 0",
            )
        ),
    ]


def seen(server: Path, cluster: Cluster | None) -> set[str]:
    """Say where a personal value is: in which file, or in what was said."""
    places = {str(path) for home in HOMES for path in _files(home) if _holds(path)}
    places |= {str(path) for path in _files(server) if _holds(path)}
    places |= {"standard output or error" for text in SAID if leaks(text.encode())}
    if cluster is not None and logs(cluster):
        places.add("the log of PostgreSQL")
    return places


def logs(cluster: Cluster) -> bool:
    """Say whether the server's log of our connections holds one."""
    return leaks("".join(our_lines(cluster)).encode())


def leaks(content: bytes) -> bool:
    """Say whether some bytes hold a personal value of the small bank."""
    return any(pattern.search(content) for pattern in LEAKS)


def _files(folder: Path) -> Iterable[Path]:
    others = (folder / "demo", folder / "drop")
    return (
        path
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and not any(map(path.is_relative_to, others))
    )


def _holds(path: Path) -> bool:
    try:
        return leaks(path.read_bytes())
    except FileNotFoundError:
        # A server's journal comes and goes.
        return False


def our_lines(cluster: Cluster) -> Iterable[str]:
    """Return what the server logged of our program; a line that begins with a tab goes on."""
    ours = False
    with cluster.log.open(encoding="utf-8", errors="replace") as log:
        log.seek(cluster.seen)
        lines = log.readlines()
        cluster.seen = log.tell()
    for line in lines:
        if not line.startswith("\t"):
            ours = "app=clause16 " in line
        if ours:
            yield line
