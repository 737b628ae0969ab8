"""What a home reads back of the certificates that it published, older ones included."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.registry import Seal
from transforms.errors import ReleaseError


@dataclass(frozen=True, slots=True)
class Certified:
    """A published certificate. database: SHA-256 of the file; passed: every check of it did."""

    release: str
    created_at: datetime
    policy_version: str
    policy_digest: str
    plan: str
    database: str
    passed: bool
    state: Seal


def read_certified(path: Path) -> Certified:
    """Read a certificate; raises ReleaseError where it is missing, damaged or has no seal."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return Certified(
            release=str(said["release"]),
            created_at=datetime.fromisoformat(said["created_at"]).astimezone(UTC),
            policy_version=str(said["policy_version"]),
            policy_digest=str(said["policy_digest"]),
            plan=str(said["plan"]["digest"]),
            database=str(said["database"]),
            passed=bool(said["checks"])
            and all(check["passed"] is True for check in said["checks"]),
            state=Seal(str(said["release"]), str(said["registry_seal"])),
        )
    except (OSError, ValueError, OverflowError, KeyError, TypeError, RecursionError):
        raise ReleaseError(
            f"{path} cannot be read or lacks the seal of the opt-out list, so nobody knows whether "
            f"the list is the newest: put the certificate back"
        ) from None
