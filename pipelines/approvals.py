"""The home's plan, and who approved it.

An approval holds for one plan: what it does (its digest) and what it was said to cost (its
checksum). It carries a keyed digest (HMAC) under a key derived from the home's master key, so
whoever cannot read the key cannot write one.
"""

from __future__ import annotations

import hmac
import json
from datetime import datetime

from pydantic import ValidationError

from pipelines.files import write_private
from pipelines.keys import Keys, Purpose
from pipelines.settings import Settings
from transforms.errors import PolicyError
from transforms.plan import Approval, Plan
from transforms.policy.whole import Policy

_HOW = "see what it costs (`clause16 plan`) and approve it with `clause16 plan --approve --by NAME`"


class _Stored(Approval):
    """An approval as the home keeps it.

    checksum: of the plan, figures included. It stays in the home: in a public certificate anybody
    could try exact figures against it.
    """

    checksum: str

    def keyed(self, keys: Keys) -> str:
        """Return the digest that the stored approval has to carry."""
        return keys.digest(Purpose.APPROVAL, self.model_dump_json())

    def public(self) -> Approval:
        """Return what certificates say."""
        return Approval(plan=self.plan, by=self.by, at=self.at)


def stored_plan(settings: Settings) -> Plan | None:
    """Return the home's plan, None where none was chosen yet; raises PolicyError."""
    if not settings.plan.exists():
        return None
    try:
        text = settings.plan.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        text = ""
    return Plan.from_stored(text)


def approve(settings: Settings, by: str, now: datetime) -> tuple[Plan, Approval]:
    """Approve the stored plan as it is; raises PolicyError where there is none."""
    plan = stored_plan(settings)
    if plan is None:
        raise PolicyError(
            f"there is no plan to approve in {settings.home}: choose one with `clause16 plan`, see "
            f"what it costs, then approve it"
        )
    at = now.isoformat(timespec="seconds")
    approval = _Stored(plan=plan.digest, by=by, at=at, checksum=plan.checksum)
    stored = approval.model_dump() | {"digest": approval.keyed(Keys(settings.key_file))}
    write_private(settings.approval, json.dumps(stored, indent=2) + "\n")
    return plan, approval.public()


def approval_for(settings: Settings, policy: Policy, plan: Plan | None) -> Approval | None:
    """Return who approved the stored plan; None where nobody did, nor has to.

    Raises PolicyError where the policy requires an approval and there is none of this plan.
    """
    approval = None if plan is None else stored_approval(settings, plan)
    if policy.approval == "required" and approval is None:
        raise PolicyError(_missing(settings, plan))
    return approval


def _missing(settings: Settings, plan: Plan | None) -> str:
    required = "the policy requires an approved plan"
    if plan is None:
        return (
            f"{required}, and none is stored: choose one with `clause16 plan`, see what it "
            f"costs, and approve it with `clause16 plan --approve --by NAME`"
        )
    if settings.approval.exists():
        return (
            f"{required}, and the stored one is not the one that was approved, in its levels or "
            f"its figures: {_HOW}"
        )
    return f"{required}, and nobody approved the stored one: {_HOW}"


def stored_approval(settings: Settings, plan: Plan) -> Approval | None:
    """Return the approval of this plan, None where there is none or it is of another plan.

    Raises PolicyError where it was edited or belongs to another key.
    """
    if not settings.approval.exists():
        return None
    keys = Keys(settings.key_file)
    try:
        fields = dict(json.loads(settings.approval.read_text(encoding="utf-8")))
        said = str(fields.pop("digest"))
        approval = _Stored.model_validate(fields)
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        approval, said = None, ""
    if approval is None or not hmac.compare_digest(approval.keyed(keys).encode(), said.encode()):
        raise PolicyError(
            f"{settings.approval} is damaged, was edited, or belongs to another key: it approves "
            f"nothing; {_HOW}"
        )
    approved = (approval.plan, approval.checksum) == (plan.digest, plan.checksum)
    return approval.public() if approved else None
