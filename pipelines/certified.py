"""What a home reads back of the certificates that it published, older ones included."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipelines.objections.registry import Seal
from pipelines.releases import CERTIFICATE, current_release, release_folders
from pipelines.settings import Settings
from transforms.errors import ReleaseError
from transforms.magnitude.declared import Budget


@dataclass(frozen=True, slots=True)
class Certified:
    """A published certificate. database: SHA-256 of the file; passed: every check of it did.

    keeps_earlier: the policy lets earlier releases keep their databases; ledger: the seal of the
    ledger of noise, None where there was none; budget: what a year may reveal, and its delta.
    """

    release: str
    created_at: datetime
    policy_version: str
    policy_digest: str
    plan: str
    database: str
    passed: bool
    keeps_earlier: bool
    state: Seal
    ledger: str | None
    budget: Budget | None


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
            keeps_earlier=said.get("keeps_earlier_because") is not None,
            state=Seal(str(said["release"]), str(said["registry_seal"])),
            ledger=_text_or_none(said.get("ledger_seal")),
            budget=_budget(said.get("budget")),
        )
    except (
        OSError,
        ValueError,
        OverflowError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        raise ReleaseError(
            f"{path} cannot be read or lacks the seal of the opt-out list, so nobody knows whether "
            f"the list is the newest: put the certificate back"
        ) from None


def _text_or_none(said: object) -> str | None:
    if said is not None and not isinstance(said, str):
        raise TypeError
    return said


def _budget(said: Mapping[str, float] | None) -> Budget | None:
    return None if said is None else Budget(rho=said["rho"], delta=said["delta"])


def guards(settings: Settings) -> Sequence[Certified]:
    """Return the certificates whose states the opt-out list must have had; none before the first.

    They are the current release's and the newest one's, so the list is guarded though `current` be
    lost. Raises ReleaseError where either cannot be read.
    """
    current = current_release(settings)
    # The first releases knew no seal; such a certificate guards nothing, unless it is current.
    sealed = (
        folder
        for folder in reversed(release_folders(settings))
        if not _knows_no_seal(folder / CERTIFICATE)
    )
    folders = {folder for folder in (current, next(sealed, None)) if folder is not None}
    return [read_certified(folder / CERTIFICATE) for folder in sorted(folders)]


def shown_periods(path: Path) -> dict[tuple[str, str], str]:
    """Return the periods of tables of counts and sums that a release shows: digests of their rows.

    By table and period. Raises ReleaseError where the certificate is missing or damaged.
    """
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        return {
            (str(name), str(period["period"])): str(period["content"])
            for name, table in said.get("magnitude", {}).items()
            for period in table["periods"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ReleaseError(
            f"{path} cannot be read, so nobody knows which periods were published already: put the "
            f"certificate back"
        ) from None


def _knows_no_seal(path: Path) -> bool:
    """Say whether a certificate is whole, and older than the seals."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(said, dict) and "checks" in said and "registry_seal" not in said
