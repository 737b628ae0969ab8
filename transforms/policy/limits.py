"""How much protection a release gives, and how much it may lose for it."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from transforms.fields import Strict


class Distance(StrEnum):
    """How far one value is from another: all alike, by position, by the common ancestor."""

    EQUAL = "equal"
    ORDERED = "ordered"
    HIERARCHICAL = "hierarchical"


class Limits(Strict):
    """How much protection, and how much may be lost for it.

    k: people behind every published row (El Emam 2013: 11 inside an institution).
    l: different sensitive values in every class that shows any (Machanavajjhala 2007).
    suppression: largest share of eligible people left out of a table.
    blanking: largest share of published people whose known sensitive value is hidden.
    calibration_k: the k under which a recoding is chosen, above k so that it holds next week too.
    entropy_l: values as evenly spread as so many equally frequent ones (Machanavajjhala 2007).
    t: how far a class's values may be from the table's (earth mover's distance, Li 2007).
    largest_share, lift_factor, lift_plus: an adverse value that a share p of all people have may
    be at most min(largest_share, lift_factor p + lift_plus) of a class's known values.
    """

    k: int = Field(default=11, ge=2)
    l: int = Field(default=2, ge=2)  # noqa: E741 - the literature's name
    suppression: float = Field(default=0.05, ge=0, lt=1)
    blanking: float = Field(default=0.10, ge=0, lt=1)
    calibration_k: int | None = None
    entropy_l: float | None = Field(default=None, ge=1)
    t: float | None = Field(default=None, gt=0, le=1)
    t_distance: Distance = Distance.EQUAL
    largest_share: float = Field(default=0.8, gt=0, le=1)
    lift_factor: float = Field(default=4.0, ge=1)
    lift_plus: float = Field(default=0.05, ge=0, le=1)

    @model_validator(mode="after")
    def _margin(self) -> Self:
        if self.calibration_k is not None and self.calibration_k < self.k:
            message = "calibration-k is below k"
            raise ValueError(message)
        return self

    @property
    def k_when_choosing(self) -> int:
        """The k under which a recoding is chosen: twice k unless the policy says otherwise."""
        return 2 * self.k if self.calibration_k is None else self.calibration_k
