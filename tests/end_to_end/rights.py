"""The roles of a release and of the officer, made as the owner of the bank's tables makes them."""

from __future__ import annotations

from end_to_end.postgres import PASSWORD, Cluster
from end_to_end.program import Here, Home

RELEASE, OFFICER, DRAFT = "clause16_release", "clause16_officer", "clause16_draft"


def grant(cluster: Cluster, database: str, home: Home, here: Here, role_for: str) -> None:
    printed = here(home, "grants", "--for", role_for)
    assert printed.code == 0
    done = cluster.psql(database, "-f", "-", stdin=printed.out)
    assert done.returncode == 0, done.stderr
    role = {"release": RELEASE, "officer": OFFICER, "draft": DRAFT}[role_for]
    cluster.sql(database, f"ALTER ROLE {role} PASSWORD '{PASSWORD}'")
