"""Customers: who they are, where they live, what they do and earn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.chunk import Chunk
from pipelines.demo.draws import (
    Bools,
    Floats,
    Ints,
    Numbering,
    Stream,
    chance,
    generator,
    numbering,
    skewed,
    weighted,
    weighted_by,
)
from pipelines.demo.leaves import (
    CITIZENSHIPS,
    EDUCATION,
    MUNICIPALITIES,
    NOT_WORKING,
    OCCUPATIONS,
    SECTORS,
)
from pipelines.demo.pools import Community, Pools, digits, joined, pick

REFERENCE_DAY: Final = date(2026, 11, 1)
FOUNDED_ON: Final = date(2008, 3, 3)


def day_number(day: date) -> int:
    """Return the days since 1970-01-01, as dates are stored."""
    return (day - date(1970, 1, 1)).days


TODAY: Final = day_number(REFERENCE_DAY)
ADULT: Final = 18
CONSENT_AGE: Final = 14
_YOUNGEST: Final = 8
_OLDEST: Final = 95

_FOUNDED: Final = day_number(FOUNDED_ON)
_YEAR: Final = 365.25


class Kind(IntEnum):
    """What a customer is, as a position in ``KINDS``."""

    NATURAL_PERSON = 0
    SOLE_TRADER = 1
    COMPANY = 2


KINDS: Final = ("natural person", "sole trader", "company")
_KIND_SHARES: Final = (0.94, 0.04, 0.02)


class Work(IntEnum):
    """How somebody lives; the first four are ``NOT_WORKING`` in its order."""

    STUDENT = 0
    RETIRED = 1
    UNEMPLOYED = 2
    HOMEMAKER = 3
    WORKING = 4


@dataclass(frozen=True, slots=True)
class CustomerNumbers:
    """The numberings that keep identifiers unique over all chunks of a bank."""

    customer: Numbering
    personal: Numbering
    business: Numbering


def customer_numbers(seed: int) -> CustomerNumbers:
    """Return the bank's numberings of customers."""
    rng = generator(seed, 0, Stream.NUMBERING)
    return CustomerNumbers(
        customer=numbering(rng, 10_000_000, 90_000_000),
        personal=numbering(rng, 10_000_000, 90_000_000),
        business=numbering(rng, 800_000_000, 100_000_000),
    )


@dataclass(frozen=True, slots=True)
class People:
    """The customers of a chunk as positions and numbers, before they are rows.

    Days count from 1970-01-01, money is in cents; ``closed`` and ``income`` hold 0 where the
    ``open`` and ``no_income`` masks say that there is none. ``phone``, ``first`` and so on are
    positions in their pools, except those that are ready text.
    """

    customer_id: Ints
    kind: Ints
    age: Ints
    born: Ints
    opened: Ints
    closed: Ints
    open: Bools
    citizenship: Ints
    community: Ints
    municipality: Ints
    education: Ints
    work: Ints
    occupation: Ints
    employer: Ints
    income: Ints
    no_income: Bools
    first: Ints
    last: Ints
    display_name: pl.Series
    phone: pl.Series
    street: pl.Series
    house_number: pl.Series

    @property
    def is_person(self) -> Bools:
        """Everybody but companies."""
        return np.asarray(self.kind != Kind.COMPANY)

    @property
    def is_adult(self) -> Bools:
        """Persons of 18 and more."""
        return np.asarray(self.is_person & (self.age >= ADULT))

    def __len__(self) -> int:
        """Return the number of customers."""
        return len(self.customer_id)


def draw_people(chunk: Chunk, identifiers: CustomerNumbers) -> People:
    """Return the customers of a chunk."""
    rng, pool = chunk.rng(Stream.PEOPLE), chunk.pool
    size = len(chunk.position)
    kind = weighted(rng, _KIND_SHARES, size)
    age = _ages(rng, kind)
    opened, closed, is_open = _relationships(rng, age, kind)
    municipality = weighted(rng, [place.population for place in MUNICIPALITIES], size)
    citizenship, community = _origins(rng, municipality)
    education = weighted_by(rng, _EDUCATION_BY_AGE, np.digitize(age, _EDUCATION_AGES))
    work, occupation = _occupations(rng, age, kind, education)
    income, no_income = _incomes(rng, age, education, work, occupation)
    first = pool.people.draw_first(rng, community)
    last = pool.people.draw_last(rng, community)
    persons = joined(pick(pool.people.first, first), " ", pick(pool.people.last, last))
    return People(
        customer_id=identifiers.customer.number(chunk.position),
        kind=kind,
        age=age,
        born=_birthdays(rng, age),
        opened=opened,
        closed=closed,
        open=is_open,
        citizenship=citizenship,
        community=community,
        municipality=municipality,
        education=education,
        work=work,
        occupation=occupation,
        employer=_employers(rng, pool, occupation, municipality),
        income=income,
        no_income=no_income | (kind == Kind.COMPANY),
        first=first,
        last=last,
        display_name=_display_names(rng, persons, last, kind, pool),
        phone=phones(rng, size),
        street=pick(pool.streets, skewed(rng, len(pool.streets), size, 1.4)),
        house_number=house_numbers(rng, size),
    )


def _age_weights() -> Floats:
    """Return the weight of each age from the youngest on: a young country, few child customers."""
    ages = np.arange(_YOUNGEST, _OLDEST + 1)
    adults = np.where(ages >= ADULT, 1 / (1 + np.exp((ages - 52) / 11)), 0.0)
    adults *= 0.957 / adults.sum()
    children = np.where(ages < CONSENT_AGE, 0.015 / (CONSENT_AGE - _YOUNGEST), 0.0)
    youths = np.where((ages >= CONSENT_AGE) & (ages < ADULT), 0.028 / 4, 0.0)
    return np.asarray(adults + children + youths)


def _ages(rng: np.random.Generator, kind: Ints) -> Ints:
    """Return ages in whole years on the reference day; traders are adults."""
    age = _YOUNGEST + weighted(rng, _age_weights(), len(kind))
    grown = ADULT + rng.integers(2, 30, len(kind))
    return np.where((kind == Kind.SOLE_TRADER) & (age < ADULT + 2), grown, age)


def _birthdays(rng: np.random.Generator, age: Ints) -> Ints:
    """Return days of birth that give the ages on the reference day."""
    years = (REFERENCE_DAY.year - age - 1970).astype("datetime64[Y]")
    anniversary = years.astype("datetime64[M]") + np.timedelta64(REFERENCE_DAY.month - 1, "M")
    days = anniversary.astype("datetime64[D]").astype(np.int64) + REFERENCE_DAY.day - 1
    return days - rng.integers(0, 365, len(age))


def _earliest_openings(age: Ints, kind: Ints) -> Ints:
    """Return the founding of the bank, or somebody's seventh year of life if that is later."""
    seventh = TODAY - ((age - 6.9) * _YEAR).astype(np.int64)
    return np.where(kind == Kind.COMPANY, _FOUNDED, np.maximum(_FOUNDED, seventh))


_CLOSED: Final = 0.126
_LONG_CLOSED: Final = 0.04
_RETENTION: Final = 5
# Customers from the seventh year of life on cannot have left long ago before they are this old.
_YOUNGEST_LONG_GONE: Final = 20


def _relationships(rng: np.random.Generator, age: Ints, kind: Ints) -> tuple[Ints, Ints, Bools]:
    """Return opening days, closing days, and who is a customer still.

    Those whose relationship ended more than five years ago must have begun it before that.
    """
    size = len(age)
    earliest = _earliest_openings(age, kind)
    lot = rng.random(size)
    lapsed_by = TODAY - int(_RETENTION * _YEAR) - 1
    long_ago = (lot < _LONG_CLOSED * 1.06) & (age >= _YOUNGEST_LONG_GONE)
    latest = np.where(long_ago, lapsed_by - 200, TODAY - 1)
    opened = latest - ((latest - earliest) * rng.random(size) ** 1.2).astype(np.int64)
    is_open = ~long_ago & ((lot < _LONG_CLOSED) | (lot >= _CLOSED) | (opened > TODAY - 90))
    first = np.where(long_ago, opened + 60, np.maximum(opened + 30, lapsed_by + 10))
    last = np.where(long_ago, lapsed_by, TODAY - 1)
    closed = first + ((last - first) * rng.random(size)).astype(np.int64)
    return opened, np.where(is_open, 0, closed), is_open


_FOREIGN_COMMUNITIES: Final = {
    "AL": Community.ALBANIAN, "MK": Community.ALBANIAN, "RS": Community.SERBIAN,
    "ME": Community.BOSNIAK_TURKISH, "BA": Community.BOSNIAK_TURKISH,
    "TR": Community.BOSNIAK_TURKISH,
}  # fmt: skip

# Countries of emigration: many of their citizens here bear Albanian names.
_DIASPORA: Final = frozenset({"DE", "CH", "AT", "SE", "IT", "US", "SI", "NO", "BE", "GB"})


def _origins(rng: np.random.Generator, municipality: Ints) -> tuple[Ints, Ints]:
    """Return citizenships and the communities whose names people bear."""
    countries = list(CITIZENSHIPS)
    citizenship = weighted(rng, list(CITIZENSHIPS.values()), len(municipality))
    local = weighted_by(rng, [place.communities for place in MUNICIPALITIES], municipality)
    foreign = np.array(
        [_FOREIGN_COMMUNITIES.get(country, Community.FOREIGN) for country in countries]
    )
    diaspora = np.array([country in _DIASPORA for country in countries])
    emigrant = diaspora[citizenship] & chance(rng, 0.6, len(municipality))
    native = (citizenship == countries.index("XK")) | emigrant
    return citizenship, np.where(native, local, foreign[citizenship])


# Ages at which the row of the next table changes.
_EDUCATION_AGES: Final = (11, 15, 18, 21, 25, 45, 65)
_EDUCATION_BY_AGE: Final = (
    # none, primary, lower and upper secondary, vocational, bachelor, master, doctorate
    (0.55, 0.45, 0, 0, 0, 0, 0, 0),
    (0.03, 0.85, 0.12, 0, 0, 0, 0, 0),
    (0.01, 0.05, 0.84, 0.08, 0.02, 0, 0, 0),
    (0.01, 0.02, 0.13, 0.64, 0.20, 0, 0, 0),
    (0.01, 0.02, 0.12, 0.47, 0.16, 0.215, 0.005, 0),
    (0.01, 0.03, 0.15, 0.34, 0.15, 0.225, 0.09, 0.005),
    (0.02, 0.09, 0.26, 0.33, 0.14, 0.115, 0.037, 0.008),
    (0.14, 0.33, 0.26, 0.14, 0.06, 0.055, 0.012, 0.003),
)

_WORK_AGES: Final = (18, 22, 25, 45, 60, 65)
_WORK_BY_AGE: Final = (
    # student, retired, unemployed, homemaker, working
    (1, 0, 0, 0, 0),
    (0.52, 0, 0.12, 0.02, 0.34),
    (0.24, 0, 0.15, 0.04, 0.57),
    (0.02, 0.003, 0.11, 0.08, 0.787),
    (0, 0.02, 0.10, 0.12, 0.76),
    (0, 0.17, 0.08, 0.13, 0.62),
    (0, 0.89, 0, 0.06, 0.05),
)


def _occupation_weights() -> Floats:
    """Return for each level of education how many hold each occupation."""
    share = np.array([job.share for job in OCCUPATIONS])
    schooling = np.array([job.schooling for job in OCCUPATIONS])
    level = np.arange(len(EDUCATION))[:, None]
    return np.asarray(share * (np.exp(-(((level - schooling) / 1.05) ** 2) / 2) + 0.0005))


_OCCUPATION_WEIGHTS: Final = _occupation_weights()


def _occupations(rng: np.random.Generator, age: Ints, kind: Ints,
                 education: Ints) -> tuple[Ints, Ints]:  # fmt: skip
    """Return how people live, and their positions in ``OCCUPATION_TITLES``."""
    work = weighted_by(rng, _WORK_BY_AGE, np.digitize(age, _WORK_AGES))
    work = np.where(kind == Kind.SOLE_TRADER, Work.WORKING, work)
    job = weighted_by(rng, _OCCUPATION_WEIGHTS, education)
    return work, np.where(work == Work.WORKING, job, len(OCCUPATIONS) + work)


_PAY_BY_EDUCATION: Final = np.array([0.72, 0.8, 0.88, 1.0, 1.06, 1.22, 1.5, 1.9])
# Median monthly income in EUR, and who has one at all, of those who do not work: odd jobs,
# pensions from here and abroad, assistance, rents, money that relatives send.
_OTHER_PAY: Final = np.array([180.0, 210.0, 150.0, 150.0])
_OTHER_PAID: Final = np.array([0.36, 0.97, 0.5, 0.4])


def _incomes(rng: np.random.Generator, age: Ints, education: Ints, work: Ints,
             occupation: Ints) -> tuple[Ints, Bools]:  # fmt: skip
    """Return monthly incomes in cents, and where none is known."""
    size = len(age)
    median = np.concatenate([[job.pay for job in OCCUPATIONS], _OTHER_PAY])[occupation]
    paid = np.concatenate([np.ones(len(OCCUPATIONS)), _OTHER_PAID])[occupation]
    working = work == Work.WORKING
    seniority = 1 + 0.011 * np.clip(age - 23, 0, 32)
    factor = np.where(working, _PAY_BY_EDUCATION[education] * seniority * 0.9, 1.0)
    spread = np.where(working, 0.38, 0.55) * rng.standard_normal(size)
    # A few earn many times what their peers do.
    windfall = np.where(working & chance(rng, 0.02, size), 1 + 1.5 * rng.pareto(1.9, size), 1.0)
    euros = np.minimum(median * factor * np.exp(spread) * windfall, 400_000.0)
    earns = chance(rng, paid, size) & (age >= ADULT)
    known = ~chance(rng, np.where(earns, 0.034, 0.06), size)
    return np.where(earns & known, np.round(euros * 100), 0).astype(np.int64), ~known


def _employers(rng: np.random.Generator, pool: Pools, occupation: Ints,
               municipality: Ints) -> Ints:  # fmt: skip
    """Return positions in the pool of employers: local ones for school, health and state."""
    size = len(occupation)
    of_job = [SECTORS.index(job.sector) for job in OCCUPATIONS]
    sector = np.array(of_job + [0] * len(NOT_WORKING))[occupation]
    start = pool.employer_start[sector]
    count = pool.employer_count[sector]
    local = np.isin(sector, [SECTORS.index(name) for name in ("school", "health", "state")])
    # Nought where a sector has a single entry: the self-employed.
    each = count // len(MUNICIPALITIES)
    near = municipality * each + (each * rng.random(size)).astype(np.int64)
    return np.asarray(start + np.where(local, near, skewed(rng, count, size, 2.2)))


def _display_names(rng: np.random.Generator, persons: pl.Series, last: Ints, kind: Ints,
                   pool: Pools) -> pl.Series:  # fmt: skip
    """Return what a customer is called: companies by their name, traders by their shop's."""
    size = len(kind)
    company = pick(pool.employers, skewed(rng, pool.employer_count[0], size, 1.0))
    branch = digits(rng.integers(1, 100, size), 2)
    trades = pl.Series(["Market", "Trade", "Transport", "Ndërtimi", "Kafe", "Servis", "Agro"])
    trade = pick(trades, rng.integers(0, len(trades), size))
    shop = joined("N.T.P. ", pick(pool.people.last, last), " ", trade)
    return pl.select(
        pl.when(pl.Series(kind == Kind.COMPANY))
        .then(pl.concat_str(company, pl.lit(" "), branch))
        .when(pl.Series(kind == Kind.SOLE_TRADER))
        .then(shop)
        .otherwise(persons)
    ).to_series()


def phones(rng: np.random.Generator, size: int) -> pl.Series:
    """Return mobile phone numbers in the three ways that people write them."""
    network = pick(pl.Series(["43", "44", "45", "46", "48", "49"]), rng.integers(0, 6, size))
    number = digits(rng.integers(100_000, 1_000_000, size), 6)
    style = pl.Series(weighted(rng, (0.7, 0.2, 0.1), size))
    head, tail = number.str.slice(0, 3), number.str.slice(3)
    return pl.select(
        pl.when(style == 0)
        .then(pl.concat_str(pl.lit("+383"), network, number))
        .when(style == 1)
        .then(pl.concat_str(pl.lit("0"), network, pl.lit(" "), head, pl.lit(" "), tail))
        .otherwise(pl.concat_str(pl.lit("+383 "), network, pl.lit(" "), head, pl.lit("-"), tail))
    ).to_series()


def house_numbers(rng: np.random.Generator, size: int) -> pl.Series:
    """Return house numbers, some with a letter."""
    numbers = pl.Series([f"{number}{letter}" for letter in ("", "A", "B", "/2", " nr.1")
                         for number in range(1, 181)])  # fmt: skip
    letter = weighted(rng, (0.85, 0.07, 0.04, 0.03, 0.01), size)
    return pick(numbers, letter * 180 + skewed(rng, 180, size))
