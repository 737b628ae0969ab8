"""The plan: what each combination of quasi-identifiers is published as. Decided once, applied.

Applied to other data of the same policy it is a fixed function of the quasi-identifiers, so a
release says nothing through its choice (Wong et al. 2007; Cohen 2022).
"""

from __future__ import annotations

import hashlib
import json
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from transforms.errors import PolicyError
from transforms.policy.tables import Method


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TableFigures(_Frozen):
    """What the plan cost one table on the data that it was chosen on.

    loss, and columns (of each): normalised certainty penalty; left_out, blanked: shares of people;
    smallest_class: people; the risk of being picked out (prosecutor) is one in so many at most.
    """

    loss: float
    columns: dict[str, float]
    left_out: float
    blanked: float
    classes: int
    smallest_class: int


class Approval(_Frozen):
    """Who approved which plan (its digest), and when (ISO 8601)."""

    plan: str
    by: str
    at: str


class Snapshot(_Frozen):
    """The data that a plan was chosen on; content: SHA-256 of the counts by combination."""

    as_of: str
    people: int
    combinations: int
    content: str


class Alternative(_Frozen):
    """Another full-domain recoding that keeps the limits, and what it costs the leading table."""

    levels: dict[str, int]
    figures: TableFigures


class Outcome(_Frozen):
    """What one method came to on the leading table.

    loss: None where it keeps the limits in no way; bound: no recoding of the method loses less,
    None where no bound is known; finished: False where the time was up first.
    """

    loss: float | None
    bound: float | None
    recodings: int
    evaluated: int
    finished: bool

    @property
    def gap(self) -> float | None:
        """How much less another recoding of the method might lose, None where nobody knows."""
        if self.loss is None or self.bound is None:
            return None
        return max(self.loss - self.bound, 0.0)


class RegionList(_Frozen):
    """Regions in the order in which they are tried; a node is "level:label", NULL "level"."""

    columns: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]

    def fits(self, columns: tuple[str, ...]) -> bool:
        """Say whether the regions name a node for each of these columns, and for no other."""
        return self.columns == columns and {len(label) for label in self.labels} <= {len(columns)}


class Plan(_Frozen):
    """A recoding, the policy that it was chosen under, and what it cost.

    levels: of each attribute; where there are regions, of the sensitive ones alone. outcomes: of
    each method, whichever was taken.
    """

    policy_digest: str
    method: Method
    snapshot: Snapshot
    calibration_k: int
    levels: dict[str, int]
    regions: RegionList | None
    tables: dict[str, TableFigures]
    outcomes: dict[Method, Outcome]
    alternatives: tuple[Alternative, ...]

    @property
    def outcome(self) -> Outcome:
        """What the method taken came to."""
        return self.outcomes[self.method]

    @property
    def common_levels(self) -> dict[str, int] | None:
        """The one level of each attribute; None where each region has its own."""
        return self.levels if self.regions is None else None

    @property
    def digest(self) -> str:
        """What the plan does, in 64 hexadecimal digits: the same recoding, the same digest."""
        deeds = {
            "policy": self.policy_digest,
            "levels": dict(sorted(self.levels.items())),
            "regions": None if self.regions is None else self.regions.model_dump(),
        }
        return hashlib.sha256(json.dumps(deeds, sort_keys=True).encode()).hexdigest()

    def stored(self) -> str:
        """Return the plan as it is kept in a file: a line a region."""
        said = {"digest": self.digest, "checksum": self.checksum}
        if self.regions is None:
            said |= self.model_dump(mode="json")
            return json.dumps(said, indent=2, ensure_ascii=False) + "\n"
        said |= self.model_dump(mode="json", exclude={"regions"})
        text = json.dumps(said, indent=2, ensure_ascii=False)
        rows = (self.regions.columns, *self.regions.labels)
        columns, *labels = (json.dumps(row, ensure_ascii=False) for row in rows)
        opened = text.removesuffix("\n}")
        listed = ",\n      ".join(labels)
        regions = f'"columns": {columns},\n    "labels": [\n      {listed}\n    ]'
        return f'{opened},\n  "regions": {{\n    {regions}\n  }}\n}}\n'

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
                "the stored plan is damaged, was edited by hand, or is of an earlier version: "
                "choose a new one with `clause16 plan`"
            )
        return plan
