"""What a source column may be: its role, its type, what is made of it, whom it identifies."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a source column is to a release."""

    SUBJECT = "subject"
    """The person's key: counted by, never published."""
    LINK = "link"
    """Joins tables of the source, never published."""
    FORBIDDEN = "forbidden"
    """Clause 16 excludes it: never read."""
    IDENTIFIER = "identifier"
    """Names a person directly; a release never reads it, the officer may look one up."""
    QUASI_IDENTIFIER = "quasi-identifier"
    """Somebody could know it: generalised."""
    SENSITIVE = "sensitive"
    """What nobody shall learn about one person: generalised and diverse."""
    ELIGIBILITY = "eligibility"
    """Decides whether a person, or a row of theirs, is in at all; never published."""
    MEASURE = "measure"
    """An amount of an event: leaves only in magnitude tables."""
    EVENT_TIME = "event time"
    """When an event happened: leaves only as a period."""
    CATEGORY = "category"
    """A class of events: leaves only in magnitude tables."""
    TEXT = "text"
    """Free text: never leaves, nor is it read for microdata."""
    UNUSED = "unused"
    """Declared and not needed: never read."""
    UNDECIDED = "undecided"
    """Nobody has said yet what it is: never read, and nothing is released until somebody does."""


READ_FOR_MICRODATA = frozenset(
    {Role.SUBJECT, Role.LINK, Role.QUASI_IDENTIFIER, Role.SENSITIVE, Role.ELIGIBILITY}
)


class Forbidden(StrEnum):
    """What clause 16 takes out of statistics, in its own words."""

    NATIONAL_NUMBER = "national identification number"
    IDENTITY_DOCUMENT = "identity documents and their details"
    EXACT_RESIDENCE = "exact residence"


class Kind(StrEnum):
    """The type a column has in the source."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"


DAYS = frozenset({Kind.DATE, Kind.TIMESTAMP})


TRUTH = frozenset({Kind.BOOLEAN})


class Derivation(StrEnum):
    """How an attribute of a person is made from a source column."""

    YEARS = "completed years"
    """Whole years from the date to the release's reference date."""
    TOTAL = "total"
    """Sum over the person's rows of another table."""
    TOPIC = "topic"
    """What a free text is about, by a vocabulary."""
    LANGUAGE = "language"
    """The language of a free text."""
    LENGTH = "length"
    """How long a free text is, in bands."""


FROM_TEXT = frozenset({Derivation.TOPIC, Derivation.LANGUAGE, Derivation.LENGTH})
"""What is made of free text: of the text itself nothing is kept."""


class Identifies(StrEnum):
    """What of a person a column holds, so that an objector is found by it, by equality."""

    PERSONAL_NUMBER = "personal number"
    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"
    FULL_NAME = "full name"
    FIRST_NAME = "first name"
    LAST_NAME = "last name"
    DATE_OF_BIRTH = "date of birth"
