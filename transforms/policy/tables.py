"""The tables of people that leave: their columns, how they are recoded, earlier releases."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from transforms.fields import AttributeName, Strict


class Method(StrEnum):
    """How quasi-identifiers are generalised."""

    FULL_DOMAIN = "full-domain"
    """One level a column: the same categories in the whole table."""
    MULTIDIMENSIONAL = "multidimensional"
    """A region a combination: far finer where there are many people, a column a level."""


class Recoding(Strict):
    """How quasi-identifiers are generalised, and how long the best way is looked for.

    suppressed: who is too few to be published is left out, or put into one class called "other";
    weights: what a loss in an attribute counts, 1 where it is not named; seconds: after which the
    search takes the best it has, and says how far that may be from the best there is.
    """

    method: Method = Method.FULL_DOMAIN
    suppressed: Literal["out", "other"] = "out"
    weights: dict[AttributeName, Annotated[float, Field(gt=0, le=1000)]] = {}
    seconds: float = Field(default=60, gt=0, le=86_400)


class Microdata(Strict):
    """A table with one row a person."""

    meaning: str
    quasi_identifiers: tuple[AttributeName, ...] = Field(min_length=1)
    sensitive: AttributeName


class Series(Strict):
    """What becomes of earlier releases."""

    keep_earlier_because: str | None = Field(default=None, min_length=1)
