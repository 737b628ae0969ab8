"""Everybody whom a chunk's payments can name: its customers, outsiders, and institutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.accounts import Accounts, basic_numbers, kosovo_ibans
from pipelines.demo.chunk import Chunk
from pipelines.demo.draws import Ints, Stream, chance, skewed, weighted
from pipelines.demo.people import Kind, People, house_numbers, phones
from pipelines.demo.pools import digits, joined, pick

_OUTSIDERS_PER_CUSTOMER: Final = 0.6


@dataclass(frozen=True, slots=True)
class Named:
    """Names, phones, addresses and IBANs, one row for each whom a text can name."""

    name: pl.Series
    plain_name: pl.Series
    phone: pl.Series
    address: pl.Series
    iban: pl.Series


@dataclass(frozen=True, slots=True)
class Directory(Named):
    """Everybody whom a payment can name.

    First the chunk's customers in their order, then outsiders, then employers and institutions
    in the order of their pools. ``adults`` are the rows of grown natural persons.
    """

    adults: Ints
    first_employer: int
    first_institution: int


def directory(chunk: Chunk, people: People, accounts: Accounts) -> Directory:
    """Return the directory of a chunk."""
    rng, pool = chunk.rng(Stream.OUTSIDERS), chunk.pool
    outsiders = int(len(people) * _OUTSIDERS_PER_CUSTOMER) + 10
    organisations = len(pool.employers) + len(pool.institutions)
    size = outsiders + organisations
    community = weighted(rng, (0.9, 0.04, 0.03, 0.03), outsiders)
    first = pool.people.draw_first(rng, community)
    last = pool.people.draw_last(rng, community)
    outside = joined(pick(pool.people.first, first), " ", pick(pool.people.last, last))
    outside_plain = joined(
        pick(pool.people.first_plain, first), " ", pick(pool.people.last_plain, last)
    )
    inside_plain = joined(
        pick(pool.people.first_plain, people.first), " ", pick(pool.people.last_plain, people.last)
    )
    known = pl.concat([pool.employers, pool.institutions])
    street = pick(pool.streets, skewed(rng, len(pool.streets), size, 1.4))
    return Directory(
        name=pl.concat([people.display_name, outside, known]),
        plain_name=pl.concat([inside_plain, outside_plain, known]),
        phone=pl.concat([people.phone, phones(rng, size)]),
        address=pl.concat(
            [
                joined(people.street, " ", people.house_number),
                joined(street, " ", house_numbers(rng, size)),
            ]
        ),
        iban=_ibans(rng, people, accounts, size),
        adults=np.concatenate(
            [
                np.flatnonzero(people.is_adult & (people.kind == Kind.NATURAL_PERSON)),
                len(people) + np.arange(outsiders),
            ]
        ),
        first_employer=len(people) + outsiders,
        first_institution=len(people) + outsiders + len(pool.employers),
    )


def _ibans(rng: np.random.Generator, people: People, accounts: Accounts,
           others: int) -> pl.Series:  # fmt: skip
    """Return each row's IBAN: a customer's is that of the first account here."""
    size = len(people) + others
    elsewhere = ibans_elsewhere(rng, size)
    row = np.arange(size)
    main = accounts.slot == 0
    row[accounts.owner[main]] = size + np.flatnonzero(main)
    return pick(pl.concat([elsewhere, accounts.iban]), row)


def ibans_elsewhere(rng: np.random.Generator, size: int) -> pl.Series:
    """Return IBANs at other banks: of Kosovo mostly, some of Germany."""
    banks = np.array([1101, 1201, 1301, 1402, 1501, 1701, 1902])
    bank = banks[rng.integers(0, len(banks), size)]
    number = basic_numbers(bank, rng.integers(0, 10**10, size))
    abroad = chance(rng, 0.1, size)
    return pl.select(
        pl.when(pl.Series(abroad)).then(_german_ibans(rng, size)).otherwise(kosovo_ibans(number))
    ).to_series()


def _german_ibans(rng: np.random.Generator, size: int) -> pl.Series:
    """Return IBANs of Germany."""
    basic = rng.integers(10**17, 9 * 10**17, size)
    # D and E count as 13 and 14, the check digits as 00.
    check = 98 - (basic % 97 * (10**6 % 97) + 131_400) % 97
    return joined("DE", digits(check, 2), pl.Series(basic).cast(pl.String))
