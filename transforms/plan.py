"""The plan: which level each attribute is published on. Decided once, stored, applied unchanged.

Applied to other data of the same policy it is a fixed function of the quasi-identifiers, so a
release says nothing through its choice (Wong et al. 2007; Cohen 2022).
"""

from __future__ import annotations

import hashlib
import json
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from transforms.errors import PolicyError


class TableFigures(BaseModel):
    """What the plan cost one table on the data that it was chosen on; shares of people."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: float
    left_out: float
    blanked: float
    classes: int


class Approval(BaseModel):
    """Who approved which plan (its digest), and when (ISO 8601)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    plan: str
    by: str
    at: str


class Plan(BaseModel):
    """Levels by attribute, the policy that they were chosen under, and what they cost."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy_digest: str
    as_of: str
    calibration_k: int
    levels: dict[str, int]
    loss: float
    recodings: int
    evaluated: int
    tables: dict[str, TableFigures]

    @property
    def digest(self) -> str:
        """What the plan does, in 64 hexadecimal digits: the same levels, the same digest."""
        deeds = {"policy": self.policy_digest, "levels": dict(sorted(self.levels.items()))}
        return hashlib.sha256(json.dumps(deeds, sort_keys=True).encode()).hexdigest()

    def stored(self) -> str:
        """Return the plan as it is kept in a file."""
        stored = {"digest": self.digest, "checksum": self.checksum, **self.model_dump()}
        return json.dumps(stored, indent=2) + "\n"

    @property
    def checksum(self) -> str:
        """What the file says, figures included, for the certificate repeats them."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    @classmethod
    def from_stored(cls, text: str) -> Self:
        """Read a stored plan; raise PolicyError where it was changed by hand or is cut off."""
        try:
            fields = dict(json.loads(text))
            said = fields.pop("digest"), fields.pop("checksum")
            plan = cls.model_validate(fields)
        except (ValueError, KeyError, TypeError, ValidationError):
            said, plan = (None, None), None
        if plan is None or (plan.digest, plan.checksum) != said:
            raise PolicyError(
                "the stored plan is damaged or was edited by hand: choose a new one with "
                "`clause16 plan`"
            )
        return plan
