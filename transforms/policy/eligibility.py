"""Who is left out by rule, and how long what each clause collected may be kept."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from transforms.fields import Clause, Name, Strict
from transforms.policy.roles import DAYS, TRUTH, Kind


class Erased(Strict):
    """Clause 30.3: whose erasure was granted. Any day, or true, leaves the person out."""

    column: Name


class Restricted(Strict):
    """Clause 30.4: left out from the day on which processing was restricted until it is lifted.

    column: any day, or true; until: the day of the lifting.
    """

    column: Name
    until: Name | None = None


class Persons(Strict):
    """Which records stand for a natural person; companies are not data subjects."""

    column: Name
    keep: tuple[str, ...] = Field(min_length=1)


class Minors(Strict):
    """Clause 26: under the age only with a guardian's written consent."""

    birth: Name
    consent: Name | None = None
    under: int = Field(default=14, ge=14, le=21)


MOST_MONTHS = {9: 60, 11: 60, 12: 60, 14: 24, 15: 0}
"""How long after the end of the relationship the privacy policy lets data be kept, by clause."""


BY_ROW = {10: (60, 24), 13: (1, 0)}
"""Clauses that count from a day of a row's own: the most months, and those after a settlement."""


class Retention(Strict):
    """How long after the end of the relationship data may be kept.

    years: the person, with all that is known of them (clause 9). months: what a clause collected,
    where that is less; one that is not named has as much as the privacy policy gives it.
    """

    ended: Name
    years: int = Field(ge=0, le=5)
    months: dict[Clause, Annotated[int, Field(ge=0)]] = {}

    @model_validator(mode="after")
    def _within_the_privacy_policy(self) -> Self:
        for clause, months in self.months.items():
            if clause in BY_ROW:
                message = (
                    f"clause {clause} does not count from the end of the relationship: say under "
                    f"kept of the table how long its rows are"
                )
                raise ValueError(message)
            if months > MOST_MONTHS[clause]:
                message = (
                    f"clause {clause} lets data be kept for at most {MOST_MONTHS[clause]} months "
                    f"after the end of the relationship"
                )
                raise ValueError(message)
        return self

    def months_of(self, clause: int) -> int:
        """Return how many months after the end what a clause collected may be used."""
        person = 12 * self.years
        return min(person, self.months.get(clause, MOST_MONTHS.get(clause, person)))


RULES = ("erased", "restricted", "persons", "minors", "retention")


class Eligibility(Strict):
    """Who is left out by rule, whatever the opt-out list says.

    undecided: rules of which nobody has said yet whether they apply.
    """

    erased: Erased | None = None
    restricted: Restricted | None = None
    persons: Persons | None = None
    minors: Minors | None = None
    retention: Retention | None = None
    not_applicable: dict[
        Literal["erased", "restricted", "persons", "minors", "retention"], str
    ] = {}
    undecided: tuple[Literal["erased", "restricted", "persons", "minors", "retention"], ...] = ()

    @model_validator(mode="after")
    def _each_rule_or_a_reason(self) -> Self:
        for rule in RULES:
            said = (
                getattr(self, rule) is not None,
                rule in self.not_applicable,
                rule in self.undecided,
            )
            if sum(said) != 1:
                message = f"give the rule {rule}, or say under not-applicable why there is none"
                raise ValueError(message)
        return self

    @property
    def needs(self) -> tuple[tuple[str, frozenset[Kind]], ...]:
        """The columns of the subject's table that the rules read, and the types each may have."""
        since = DAYS if self.restricted and self.restricted.until else DAYS | TRUTH
        rules = (
            (self.erased and self.erased.column, DAYS | TRUTH),
            (self.restricted and self.restricted.column, since),
            (self.restricted and self.restricted.until, DAYS),
            (self.persons and self.persons.column, frozenset({Kind.TEXT})),
            (self.minors and self.minors.birth, frozenset({Kind.DATE})),
            (self.minors and self.minors.consent, TRUTH),
            (self.retention and self.retention.ended, frozenset({Kind.DATE})),
        )
        return tuple((name, kinds) for name, kinds in rules if name)

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the subject's table that the rules read."""
        return frozenset(name for name, _ in self.needs)
