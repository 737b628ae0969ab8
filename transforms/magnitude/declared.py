"""What a policy says of magnitude tables: what is counted, how it is bounded, what it may cost."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from transforms.errors import PolicyError
from transforms.fields import AttributeName, Name, Strict
from transforms.magnitude.periods import Period, Unit, period_named

PEOPLE, EVENTS = "people", "events"
TAKEN = frozenset({"period", PEOPLE, EVENTS})
"""Columns that every magnitude table has."""
NO_TEXT = "no text"
"""The label of a text that is missing or blank, where the policy gives none."""
LARGEST_CAP = 1e9
"""Beyond it a sum of many people's caps is no whole number of 64 bits any more."""

Rate = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]


class Budget(Strict):
    """What all magnitude tables may reveal of a person in a calendar year.

    rho: of zero-concentrated differential privacy (Bun and Steinke 2016), spent by the year in
    which a period ends; delta: at which it is said as an epsilon.
    """

    rho: float = Field(gt=0, le=10, allow_inf_nan=False)
    delta: float = Field(default=1e-8, gt=0, lt=1e-4)


class Calendar(Strict):
    """Into which periods the events of a table fall.

    column: when an event happened; first: the first period that is published; closes_after: days
    from its end until a period is computed, once; recorded: when the event came into the source,
    so that a late one is counted in the next period and not lost.
    """

    column: Name
    unit: Unit
    first: str
    closes_after: int = Field(default=7, ge=0, le=366)
    recorded: Name | None = None

    @model_validator(mode="after")
    def _first_is_one(self) -> Self:
        try:
            period_named(self.first, self.unit)
        except PolicyError as error:
            raise ValueError(str(error)) from None
        return self

    @property
    def first_period(self) -> Period:
        """The first period that is published."""
        return period_named(self.first, self.unit)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source that it reads."""
        return (self.column,) if self.recorded is None else (self.column, self.recorded)


class Category(Strict):
    """A public category: a column of the events, what is made of a text, or what the person is.

    values: every value of `column` that there is to be; text: what is made of it where it is free
    text, a topic by a vocabulary; level: of the hierarchy of `attribute`; others: the label of a
    value that is not listed, missing: of none at all; where neither is given, such a value stops
    the run.
    """

    meaning: str
    column: Name | None = None
    attribute: AttributeName | None = None
    values: tuple[str, ...] = ()
    text: Literal["topic", "language", "length"] | None = None
    vocabulary: Name | None = None
    level: int | None = Field(default=None, ge=0)
    others: str | None = Field(default=None, min_length=1)
    missing: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.column is None) == (self.attribute is None):
            message = "give either a column of the events, or an attribute of the person"
            raise ValueError(message)
        listed = bool(self.values) is not (self.text is not None)
        if self.column is not None and (not listed or self.level is not None):
            message = (
                "a column has values (they are public, so they are listed) or, where it is free "
                "text, says by text what is made of it"
            )
            raise ValueError(message)
        if (self.text == "topic") is not (self.vocabulary is not None) and (
            self.text != "language"
        ):
            message = "a topic is one of a vocabulary, and nothing else needs one"
            raise ValueError(message)
        if self.text is not None and self.others is not None:
            message = "what is made of a text is one of a closed list: there are no others"
            raise ValueError(message)
        if self.attribute is not None and (self.values or self.text or self.level is None):
            message = "an attribute has a level of its hierarchy, and no values"
            raise ValueError(message)
        if len(set(self.values)) < len(self.values) or "" in self.values:
            message = "a value is empty, or named twice"
            raise ValueError(message)
        return self

    def domain(self, values: tuple[str, ...]) -> tuple[str, ...]:
        """Return the values, and the labels of what is not listed, or missing."""
        besides = (label for label in (self.others, self.without) if label is not None)
        return tuple(dict.fromkeys([*values, *besides]))

    @property
    def without(self) -> str | None:
        """The label of none at all."""
        return NO_TEXT if self.missing is None and self.text is not None else self.missing


class Sum(Strict):
    """A sum of amounts.

    cap: what one person's amounts of either sign may come to in a cell, at most; caps: another one
    for some values of one category; currency: the column that says an amount's; unit: what the sum
    is in; rates: what one unit of each other currency is worth, for all periods or by period;
    missing: whether an amount that is not there counts nothing, or stops the run.
    """

    meaning: str
    column: Name
    unit: str = Field(min_length=1)
    cap: float = Field(gt=0, le=LARGEST_CAP, allow_inf_nan=False)
    caps: dict[
        AttributeName,
        dict[str, Annotated[float, Field(gt=0, le=LARGEST_CAP, allow_inf_nan=False)]],
    ] = Field(default={}, max_length=1)
    currency: Name | None = None
    rates: dict[str, Rate | dict[str, Rate]] = {}
    missing: Literal["refused", "nothing"] = "refused"

    @model_validator(mode="after")
    def _rates_of_a_currency(self) -> Self:
        if self.rates and self.currency is None:
            message = "rates need the column that says the currency of an amount"
            raise ValueError(message)
        if self.unit in self.rates:
            message = f"{self.unit} is what the sum is in: it has no rate"
            raise ValueError(message)
        return self

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source that it reads."""
        return (self.column,) if self.currency is None else (self.column, self.currency)

    @property
    def largest_cap(self) -> float:
        """The largest cap that any cell has."""
        return max([self.cap, *(cap for caps in self.caps.values() for cap in caps.values())])


class Behind(Strict):
    """The table that says which persons stand behind a company: a line a company and person."""

    through: Name
    company: Name
    person: Name


class Magnitude(Strict):
    """A table of counts and sums.

    source: the table of the events; share: of the year's budget; cells: in how many a person counts
    in a period, at most; events: of how many events in each, at most; weights: how a period's
    budget is split between people, events and sums; companies: whom a company's events count for,
    where they do for anybody.
    """

    meaning: str
    source: Name
    share: float = Field(gt=0, le=1)
    cells: int = Field(default=8, ge=1, le=1000)
    events: int = Field(default=10, ge=1, le=100_000)
    period: Calendar
    by: dict[AttributeName, Category] = Field(min_length=1)
    sums: dict[AttributeName, Sum] = {}
    weights: dict[AttributeName, Annotated[float, Field(gt=0, le=1000)]] = {}
    companies: Behind | None = None

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        columns = [*TAKEN, *self.by, *self.sums]
        columns += [f"{measure}_sd" for measure in self.measures]
        if len(set(columns)) < len(columns):
            message = "two columns of the table would have the same name"
            raise ValueError(message)
        for name in self.weights:
            if name not in self.measures:
                message = f'weights names "{name}", which the table does not measure'
                raise ValueError(message)
        for name, measure in self.sums.items():
            self._check_sum(name, measure)
        return self

    def _check_sum(self, name: str, measure: Sum) -> None:
        for category in measure.caps:
            if category not in self.by:
                message = f'caps of {name} names "{category}", which the table has no category of'
                raise ValueError(message)
        by = {category.column for category in self.by.values()}
        if measure.currency is not None and not measure.rates and measure.currency not in by:
            message = (
                f"sum {name}: amounts of several currencies are no sum: give the rates of the "
                f"others, or let the currency be a category of the table"
            )
            raise ValueError(message)
        for currency, rates in measure.rates.items():
            for label in rates if isinstance(rates, dict) else ():
                try:
                    period_named(label, self.period.unit)
                except PolicyError as error:
                    message = f"rates of {currency}: {error}"
                    raise ValueError(message) from None

    @property
    def measures(self) -> tuple[str, ...]:
        """The names of what is measured: people and events first."""
        return (PEOPLE, EVENTS, *self.sums)

    def weight(self, measure: str) -> float:
        """Return the part of a period's budget that a measure gets."""
        weights = {name: self.weights.get(name, 1.0) for name in self.measures}
        return weights[measure] / math.fsum(weights.values())

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the source that it reads, besides those that say whose a row is."""
        named = [
            *self.period.columns,
            *(category.column for category in self.by.values() if category.column is not None),
            *(column for measure in self.sums.values() for column in measure.columns),
        ]
        return tuple(dict.fromkeys(named))
