"""Accounts and who holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.chunk import Chunk
from pipelines.demo.customers import days
from pipelines.demo.draws import (
    Bools,
    Floats,
    Ints,
    Numbering,
    Stream,
    chance,
    generator,
    numbering,
    repeated,
    weighted_by,
)
from pipelines.demo.people import ADULT, TODAY, Kind, People
from pipelines.demo.pools import digits, joined, pick

_WITHOUT_ACCOUNT: Final = 0.05
_SECOND: Final = 0.16
_THIRD: Final = 0.025
_MOST: Final = 3
_BANK: Final = 1799
# Days that an account lives at least before it is given up.
_SHORTEST_LIFE: Final = 60


@dataclass(frozen=True, slots=True)
class AccountNumbers:
    """The numberings of accounts; ``within_bank`` is the part of the IBAN."""

    account: Numbering
    within_bank: Numbering


def account_numbers(seed: int) -> AccountNumbers:
    """Return the bank's numberings of accounts."""
    rng = generator(seed, 1, Stream.NUMBERING)
    return AccountNumbers(
        account=numbering(rng, 100_000_000, 900_000_000),
        within_bank=numbering(rng, 0, 10**10),
    )


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a chunk.

    ``owner`` is a row of its customers; ``holder`` and ``held`` pair rows of customers with rows
    of accounts. Days are as in ``People``.
    """

    account_id: Ints
    iban: pl.Series
    owner: Ints
    slot: Ints
    opened: Ints
    closed: Ints
    open: Bools
    holder: Ints
    held: Ints

    def __len__(self) -> int:
        """Return the number of accounts."""
        return len(self.account_id)


def draw_accounts(chunk: Chunk, people: People, identifiers: AccountNumbers) -> Accounts:
    """Return the accounts of a chunk's customers."""
    rng = chunk.rng(Stream.ACCOUNTS)
    lot = rng.random(len(people))
    count = np.where(lot < _WITHOUT_ACCOUNT, 0, 1).astype(np.int64)
    count += (lot > 1 - _SECOND - _THIRD).astype(np.int64) + (lot > 1 - _THIRD)
    owner, slot = repeated(count)
    number = chunk.position[owner] * _MOST + slot
    opened, closed, is_open = _lifetimes(rng, people, owner, slot)
    joint, partner = _joint_holders(rng, people, owner, count > 0)
    return Accounts(
        account_id=identifiers.account.number(number),
        iban=kosovo_ibans(basic_numbers(_BANK, identifiers.within_bank.number(number))),
        owner=owner,
        slot=slot,
        opened=opened,
        closed=closed,
        open=is_open,
        holder=np.concatenate([owner, partner]),
        held=np.concatenate([np.arange(len(owner)), joint]),
    )


def basic_numbers(bank: int | Ints, within_bank: Ints) -> Ints:
    """Return basic account numbers: the bank, ten digits, two check digits modulo 97."""
    first = bank * 10**10 + within_bank
    return first * 100 + 98 - first * 100 % 97


def kosovo_ibans(basic: Ints) -> pl.Series:
    """Return the IBANs of Kosovo for basic account numbers of 16 digits (ISO 13616, modulo 97)."""
    # The letters X and K count as 33 and 20, the check digits as 00.
    check = 98 - (basic % 97 * (10**6 % 97) + 332_000) % 97
    return joined("XK", digits(check * 10**16 + basic, 18))


def _lifetimes(rng: np.random.Generator, people: People, owner: Ints,
               slot: Ints) -> tuple[Ints, Ints, Bools]:  # fmt: skip
    """Return opening days, closing days and which are open: within the owner's relationship."""
    size = len(owner)
    start = people.opened[owner]
    end = np.where(people.open[owner], TODAY - 1, people.closed[owner])
    later = ((end - start) * rng.random(size) * 0.8).astype(np.int64)
    opened = np.where(slot == 0, start, start + later)
    given_up = chance(rng, np.where(slot == 0, 0.01, 0.12), size) & (end - opened > _SHORTEST_LIFE)
    early = opened + 30 + ((end - opened - 30) * rng.random(size)).astype(np.int64)
    is_open = people.open[owner] & ~given_up
    closed = np.where(given_up, early, end)
    return opened, np.where(is_open, 0, closed), is_open


# Of the accounts whose owner may share one, so that one in ten of all is joint.
_SHARED: Final = 0.125
_SHARED_BY_THREE: Final = 0.008


def _joint_holders(rng: np.random.Generator, people: People, owner: Ints,
                   has_account: Bools) -> tuple[Ints, Ints]:  # fmt: skip
    """Return rows of accounts and of customers who hold them beside the owner.

    Owner and partners live in one municipality, as households do.
    """
    eligible = people.is_adult & people.open & has_account & (people.kind == Kind.NATURAL_PERSON)
    members = np.flatnonzero(eligible)
    ring = members[np.lexsort((members, people.municipality[members]))]
    if len(ring) < _MOST:
        nobody = np.zeros(0, dtype=np.int64)
        return nobody, nobody
    place = np.zeros(len(people), dtype=np.int64)
    place[ring] = np.arange(len(ring))
    lot = np.where(eligible[owner], rng.random(len(owner)), 1.0)
    shared = np.flatnonzero(lot < _SHARED)
    third = np.flatnonzero(lot < _SHARED_BY_THREE)
    accounts = np.concatenate([shared, third])
    step = np.concatenate([np.full(len(shared), 1), np.full(len(third), 2)])
    return accounts, ring[(place[owner[accounts]] + step) % len(ring)]


_STUDENT_ACCOUNTS_END: Final = 25
_PRODUCTS: Final = ("current account", "savings account", "salary account", "student account",
                    "children's account", "business account")  # fmt: skip
# Rows: company or trader, minor, student, others; then the same for a further account.
_PRODUCTS_BY_OWNER: Final = (
    (0, 0, 0, 0, 0, 1),
    (0.1, 0.15, 0, 0.05, 0.7, 0),
    (0.35, 0.05, 0, 0.6, 0, 0),
    (0.55, 0.05, 0.4, 0, 0, 0),
    (0.1, 0.2, 0, 0, 0, 0.7),
    (0, 1, 0, 0, 0, 0),
    (0.3, 0.7, 0, 0, 0, 0),
    (0.35, 0.6, 0.05, 0, 0, 0),
)


def account_rows(chunk: Chunk, people: People, accounts: Accounts) -> pl.DataFrame:
    """Return the table ``accounts``."""
    rng = chunk.rng(Stream.BALANCES)
    owner = accounts.owner
    group = np.select(
        [people.kind[owner] != Kind.NATURAL_PERSON, people.age[owner] < ADULT,
         people.age[owner] < _STUDENT_ACCOUNTS_END], [0, 1, 2], 3,
    )  # fmt: skip
    product = weighted_by(rng, _PRODUCTS_BY_OWNER, group + 4 * (accounts.slot > 0))
    return pl.DataFrame(
        {
            "account_id": accounts.account_id,
            "iban": accounts.iban,
            "product": pick(pl.Series(_PRODUCTS), product),
            "currency": pick(pl.Series(["EUR"]), np.zeros(len(accounts), dtype=np.int64)),
            "balance": pl.Series(_balances(rng, people, accounts, product)),
            "opened_on": days(accounts.opened),
            "closed_on": days(accounts.closed, accounts.open),
        }
    )


def _balances(rng: np.random.Generator, people: People, accounts: Accounts,
              product: Ints) -> Ints:  # fmt: skip
    """Return balances in cents: heavy-tailed, growing with income, some overdrawn."""
    size = len(accounts)
    business = people.kind[accounts.owner] != Kind.NATURAL_PERSON
    income = np.maximum(people.income[accounts.owner] / 100, 40)
    saving = product == _PRODUCTS.index("savings account")
    scale = np.where(business, 2_500, income * np.where(saving, 2.5, 0.7))
    euros: Floats = scale * np.exp(rng.normal(0, 1.4, size)) + 60 * rng.pareto(1.2, size)
    overdrawn = chance(rng, 0.045, size) & ~saving & (people.age[accounts.owner] >= ADULT)
    debt = np.minimum(income * rng.random(size) * np.where(business, 20, 1.2), 90_000)
    amount = np.where(overdrawn, -debt, np.minimum(euros, 9e7))
    return np.where(accounts.open, np.round(amount * 100), 0).astype(np.int64)


def holder_rows(people: People, accounts: Accounts) -> pl.DataFrame:
    """Return the table ``account_holders``: each account's owner first."""
    order = np.argsort(accounts.held, kind="stable")
    role = (np.arange(len(order)) >= len(accounts)).astype(np.int64)
    return pl.DataFrame(
        {
            "account_id": accounts.account_id[accounts.held[order]],
            "customer_id": people.customer_id[accounts.holder[order]],
            "holder_role": pick(pl.Series(["owner", "joint holder"]), role[order]),
        }
    )
