"""Watches for personal values, after every test: whatever it did, none may have got out.

The hidden texts of every bank that a test releases are canaries (`plant`). Seen are the homes (a
demo bank in one excepted), the files of Prefect's server, what each command said, and what
PostgreSQL logged of our own connections.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb
from end_to_end.postgres import Cluster
from end_to_end.program import HOMES, SAID, change

from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from transforms.policy import Role

CANARY = "zq16"
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
    """Make every hidden text of a bank a canary."""
    columns = hidden_text_columns(bank)
    assert len(columns) > 15
    change(bank, *(f"UPDATE {t} SET {c} = '{canary(t, c)}'" for t, c in columns))


def seen(server: Path, cluster: Cluster | None) -> set[str]:
    """Say where a canary is: in which file, or in what was said."""
    places = {str(path) for home in HOMES for path in _files(home) if _holds(path)}
    places |= {str(path) for path in _files(server) if _holds(path)}
    places |= {"standard output or error" for text in SAID if CANARY in text}
    if cluster is not None and any(CANARY in line for line in our_lines(cluster)):
        places.add("the log of PostgreSQL")
    return places


def _files(folder: Path) -> Iterable[Path]:
    return (
        path
        for path in folder.rglob("*")
        if path.is_file() and path.parent != folder / "demo" and not path.is_symlink()
    )


def _holds(path: Path) -> bool:
    try:
        return CANARY.encode() in path.read_bytes()
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
