"""What a policy file is made of: strict models, and the forms of names, clauses and dates."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class Strict(BaseModel):
    """Frozen, and an unknown key is an error; keys are written with hyphens."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=_kebab, populate_by_name=False
    )


Name = Annotated[str, Field(min_length=1, max_length=128)]
AttributeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Clause = Annotated[int, Field(ge=9, le=15)]

_DATE = ("%Y", "%m", "%d")
_CLOCK = {"%H", "%M", "%S", "%.f"}


def _time_format(text: str) -> str:
    """Check a format of dates: year, month and day once each, as digits, nothing guessed."""
    parts = re.findall(r"%(?:\.f|.)", text)
    date_parts, clock = [part for part in parts if part in _DATE], [*parts]
    for part in date_parts:
        clock.remove(part)
    if sorted(date_parts) != sorted(_DATE) or not set(clock) <= _CLOCK:
        message = "a format has %Y, %m and %d once each, and %H, %M, %S, %.f for a time"
        raise ValueError(message)
    return text


TimeFormat = Annotated[str, AfterValidator(_time_format)]
