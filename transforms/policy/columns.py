"""One source column: what it is, and what may be said of it in that role."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from transforms.fields import AttributeName, Clause, Name, Strict, TimeFormat
from transforms.policy.roles import (
    FROM_TEXT,
    READ_FOR_MICRODATA,
    Derivation,
    Forbidden,
    Identifies,
    Kind,
    Role,
)

_BIRTHS = frozenset({Role.QUASI_IDENTIFIER, Role.SENSITIVE, Role.ELIGIBILITY, Role.UNUSED})
"""What a date of birth may be besides an identifier."""


class Column(Strict):
    """One source column.

    adverse: leaves of a sensitive column's hierarchy that nobody likes to be known for: their
    share in a class is capped. format: how a CSV file writes its dates, where not as `csv` says.
    whose: whom an identifier names; others are people who are not the row's customer: payees,
    relatives (clauses 7, 12). identifies: what of a person it holds; the officer finds objectors
    by it, a release never reads it for that.
    """

    role: Role
    clause: Clause
    category: str | None = None
    type: Kind | None = None
    format: TimeFormat | None = None
    whose: Literal["subject", "others"] = "subject"
    identifies: Identifies | None = None
    attribute: AttributeName | None = None
    derive: Derivation | None = None
    vocabulary: Name | None = None
    hierarchy: str | None = None
    meaning: str | None = None
    adverse: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        published = self.role in {Role.QUASI_IDENTIFIER, Role.SENSITIVE}
        if self.role is Role.FORBIDDEN and self.category not in set(Forbidden):
            named = ", ".join(f'"{category}"' for category in Forbidden)
            message = f"a forbidden column names its category of clause 16: one of {named}"
            raise ValueError(message)
        if published and self.hierarchy is None:
            message = f"a {self.role} needs a hierarchy to be generalised by"
            raise ValueError(message)
        if published and self.meaning is None:
            message = f"a {self.role} needs a meaning, in words for analysts"
            raise ValueError(message)
        if not published and (self.hierarchy or self.derive or self.attribute or self.meaning):
            message = (
                f"hierarchy, derive, attribute and meaning say nothing on a {self.role} column"
            )
            raise ValueError(message)
        if self.role in READ_FOR_MICRODATA and self.type is None:
            message = f"a {self.role} column is read, so its type must be declared"
            raise ValueError(message)
        if self.role in {Role.SUBJECT, Role.LINK} and self.type not in {Kind.INTEGER, Kind.TEXT}:
            message = f"a {self.role} is compared as it is written: its type is integer or text"
            raise ValueError(message)
        wants = {
            Derivation.YEARS: {Kind.DATE},
            Derivation.TOTAL: {Kind.NUMBER, Kind.INTEGER},
            **{derived: {Kind.TEXT} for derived in FROM_TEXT},
        }
        if (self.derive is Derivation.TOPIC) is not (self.vocabulary is not None):
            message = "a topic is one of a vocabulary, and nothing else needs one"
            raise ValueError(message)
        if self.derive is not None and self.type not in wants[self.derive]:
            message = f'derive = "{self.derive}" does not go with type "{self.type}"'
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _says_only_what_it_can(self) -> Self:
        if self.adverse and self.role is not Role.SENSITIVE:
            message = "adverse names values of a sensitive column"
            raise ValueError(message)
        if self.whose == "others" and self.role not in {Role.IDENTIFIER, Role.FORBIDDEN}:
            message = "whose says whom an identifier names, or a forbidden column"
            raise ValueError(message)
        if self.format is not None and self.type not in {Kind.DATE, Kind.TIMESTAMP}:
            message = "format says how a date or a timestamp is written"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _identifies_what_it_can(self) -> Self:
        birth = self.identifies is Identifies.DATE_OF_BIRTH
        number = self.role is Role.FORBIDDEN and self.category == Forbidden.NATIONAL_NUMBER
        named = self.role is Role.IDENTIFIER or number
        if birth and self.type is not Kind.DATE:
            message = 'a date of birth is compared as a date: its type is "date"'
            raise ValueError(message)
        if self.identifies is not None and not named and not (birth and self.role in _BIRTHS):
            message = (
                "identifies goes with an identifier or a national identification number, and with "
                "a date of birth"
            )
            raise ValueError(message)
        return self
