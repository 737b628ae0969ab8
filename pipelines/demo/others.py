"""People who are not customers, and whom customers tell of: relatives, payees, guarantors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.applications import MOST_APPLICATIONS, Applications
from pipelines.demo.chunk import Chunk
from pipelines.demo.customers import days, personal_numbers
from pipelines.demo.directory import Named, ibans_elsewhere
from pipelines.demo.draws import Bools, Ints, Stream, chance, repeated, skewed, weighted
from pipelines.demo.leaves import CITIZENSHIPS
from pipelines.demo.loans import Loans, loan_keys
from pipelines.demo.people import ADULT, TODAY, Kind, People, house_numbers, phones
from pipelines.demo.pools import by_hand, digits, hide, joined, pick
from pipelines.demo.times import relationships

_YEAR: Final = 365
_MOST_RELATIVES: Final = 4
_MOST_PAYEES: Final = 5
_MOST_MANAGERS: Final = 2
_MOST_PARTIES: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """Whom people belong to: rows of the chunk's customers, and which of theirs they are."""

    owner: Ints
    slot: Ints

    def __len__(self) -> int:
        """Return the number of ties."""
        return len(self.owner)


@dataclass(frozen=True, slots=True)
class Others:
    """The people of a chunk who are not customers: relatives, payees, managers, loan parties.

    They lie one after the other in this order; names are positions in the pool, ``named`` has
    what texts say of them. ``loan`` are the rows of the loans that the last ones stand for.
    """

    relatives: Ties
    relation: Ints
    payees: Ties
    managers: Ties
    parties: Ties
    loan: Ints
    owner: Ints
    first: Ints
    last: Ints
    born: Ints
    street: pl.Series
    house_number: pl.Series
    named: Named

    def rows(self, ties: Ties) -> Ints:
        """Return where the people of these ties lie."""
        groups = (self.relatives, self.payees, self.managers, self.parties)
        before = sum(len(group) for group in groups[: groups.index(ties)])
        return np.arange(before, before + len(ties))

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.owner)


RELATIONS: Final = ("spouse", "child", "parent", "sibling")
_SPOUSE, _CHILD, _PARENT, _SIBLING = range(4)
# The age from which customers have spouses and children here.
_SETTLED: Final = 26


def draw_others(chunk: Chunk, people: People, applications: Applications, loans: Loans) -> Others:
    """Return the people whom a chunk's customers name."""
    rng, pool = chunk.rng(Stream.OTHER_PEOPLE), chunk.pool
    relatives = _relatives(rng, people, applications)
    relation = _relations(rng, people.age[relatives.owner], relatives.slot)
    payees = _payees(rng, people)
    company = people.kind == Kind.COMPANY
    managers = Ties(*repeated(np.where(company, 1 + chance(rng, 0.3, len(people)), 0)))
    parties, loan = _parties(rng, loans)
    owner = np.concatenate([relatives.owner, payees.owner, managers.owner, parties.owner])
    size = len(owner)
    first = pool.people.draw_first(rng, people.community[owner])
    last = pool.people.draw_last(rng, people.community[owner])
    related = np.arange(size) < len(relatives)
    last = np.where(related & chance(rng, 0.85, size), people.last[owner], last)
    street = pick(pool.streets, skewed(rng, len(pool.streets), size, 1.4))
    number = house_numbers(rng, size)
    return Others(
        relatives=relatives,
        relation=relation,
        payees=payees,
        managers=managers,
        parties=parties,
        loan=loan,
        owner=owner,
        first=first,
        last=last,
        born=_birthdays(rng, people, owner, relation),
        street=street,
        house_number=number,
        named=Named(
            name=joined(pick(pool.people.first, first), " ", pick(pool.people.last, last)),
            plain_name=joined(
                pick(pool.people.first_plain, first), " ", pick(pool.people.last_plain, last)
            ),
            phone=phones(rng, size),
            address=joined(street, " ", number),
            iban=ibans_elsewhere(rng, size),
        ),
    )


def _relatives(rng: np.random.Generator, people: People, applications: Applications) -> Ties:
    """Return the relatives of who applied for credit: who is asked, tells of them."""
    applied = np.zeros(len(people), dtype=np.bool_)
    applied[applications.owner] = True
    count = weighted(rng, (0.2, 0.3, 0.27, 0.16, 0.07), len(people))
    return Ties(*repeated(np.where(applied, count, 0)))


def _relations(rng: np.random.Generator, age: Ints, slot: Ints) -> Ints:
    """Return positions in ``RELATIONS``: at most one spouse, and children of the grown."""
    settled = age >= _SETTLED
    near = np.where(chance(rng, 0.5, len(age)), _PARENT, _SIBLING)
    child = settled & chance(rng, 0.8, len(age))
    spouse = settled & (slot == 0) & chance(rng, 0.75, len(age))
    return np.select([spouse, child], [_SPOUSE, _CHILD], near)


def _payees(rng: np.random.Generator, people: People) -> Ties:
    """Return the people whom customers have saved as payees."""
    count = np.minimum(rng.poisson(0.5, len(people)), _MOST_PAYEES)
    return Ties(*repeated(np.where(people.is_adult, count, 0)))


def _parties(rng: np.random.Generator, loans: Loans) -> tuple[Ties, Ints]:
    """Return co-debtors and guarantors, and the loans that they stand for."""
    loan, which = repeated(weighted(rng, (0.7, 0.25, 0.05), len(loans)))
    return Ties(loans.owner[loan], loans.slot[loan] * _MOST_PARTIES + which), loan


def _birthdays(rng: np.random.Generator, people: People, owner: Ints,
               relation: Ints) -> Ints:  # fmt: skip
    """Return days of birth: of relatives by their relation, of others as adults."""
    size = len(owner)
    adult = TODAY - (20 * _YEAR) - (50 * _YEAR * rng.random(size) ** 1.3).astype(np.int64)
    born, count = people.born[owner], len(relation)
    near = born + rng.integers(-6 * _YEAR, 6 * _YEAR, size)
    parent = born - rng.integers(20 * _YEAR, 40 * _YEAR, size)
    child = np.maximum(born + ADULT * _YEAR, TODAY - 35 * _YEAR) + 1
    child += ((TODAY - 1 - child) * rng.random(size)).astype(np.int64)
    spouse = np.minimum(near, TODAY - (ADULT * _YEAR + 5))
    kin = np.pad(relation, (0, size - count), constant_values=-1)
    return np.select(
        [kin == _SPOUSE, kin == _CHILD, kin == _PARENT, kin == _SIBLING],
        [spouse, child, parent, np.minimum(near, TODAY - 1)],
        adult,
    )


@dataclass(frozen=True, slots=True)
class _Forms:
    """What is written of some people on a form, with the dirt of handwriting."""

    rng: np.random.Generator
    chunk: Chunk
    others: Others
    row: Ints

    @property
    def size(self) -> int:
        return len(self.row)

    def missing(self, share: float) -> Bools:
        return chance(self.rng, share, self.size)

    def first(self) -> pl.Series:
        return by_hand(self.rng, pick(self.chunk.pool.people.first, self.others.first[self.row]))

    def last(self) -> pl.Series:
        return by_hand(self.rng, pick(self.chunk.pool.people.last, self.others.last[self.row]))

    def phone(self, missing: float) -> pl.Series:
        return hide(pick(self.others.named.phone, self.row), self.missing(missing))

    def personal_number(self, missing: float) -> pl.Series:
        """Return numbers that no customer has: theirs begin with a nought."""
        number = personal_numbers(self.rng, self.rng.integers(0, 10_000_000, self.size))
        return hide(number, self.missing(missing))

    def born(self, missing: float) -> pl.Series:
        return days(self.others.born[self.row], self.missing(missing))

    def email(self, missing: float) -> pl.Series:
        pool = self.chunk.pool.people
        address = joined(
            pick(pool.first_plain, self.others.first[self.row]).str.to_lowercase(), ".",
            pick(pool.last_plain, self.others.last[self.row]).str.to_lowercase()
            .str.replace_all(" ", ""), "@example.com",
        )  # fmt: skip
        return hide(address, self.missing(missing))

    def employer(self, missing: float) -> pl.Series:
        pool = self.chunk.pool.employers
        return hide(pick(pool, skewed(self.rng, len(pool), self.size)), self.missing(missing))

    def income(self, missing: Bools) -> pl.Series:
        """Return whole euros a month, in cents."""
        euros = np.round(np.exp(self.rng.normal(6.1, 0.5, self.size)))
        return hide(pl.Series((euros * 100).astype(np.int64)), missing)

    def keys(self, stream: Stream, ties: Ties, most: int) -> Ints:
        return self.chunk.keys(stream, ties.owner, ties.slot, most)


def _forms(chunk: Chunk, stream: Stream, others: Others, ties: Ties) -> _Forms:
    return _Forms(chunk.rng(stream), chunk, others, others.rows(ties))


def relative_rows(chunk: Chunk, people: People, others: Others) -> pl.DataFrame:
    """Return the table ``relatives``: whom applicants for credit live with and pay for."""
    ties = others.relatives
    form = _forms(chunk, Stream.RELATIVES, others, ties)
    child = others.relation == _CHILD
    grown = TODAY - others.born[form.row] > ADULT * 366
    return pl.DataFrame(
        {
            "relative_id": form.keys(Stream.RELATIVES, ties, _MOST_RELATIVES),
            "customer_id": people.customer_id[ties.owner],
            "relation": pick(pl.Series(RELATIONS), others.relation),
            "first_name": form.first(),
            "last_name": form.last(),
            "personal_number": hide(form.personal_number(0.5), child),
            "date_of_birth": form.born(0.08),
            "phone": hide(form.phone(0.3), ~grown),
            "employer": hide(form.employer(0.4), ~grown | child),
            "income": form.income(~grown | child | form.missing(0.4)),
            "is_dependant": hide(pl.Series(child | form.missing(0.2)), form.missing(0.05)),
        }
    )


_NICKNAMES: Final = ("mami", "babi", "qiraja", "motra", "vëllai", "majstori", "stan", "brat",
                     "landlord", "mum", "dentisti", "shoku")  # fmt: skip


def payee_rows(chunk: Chunk, people: People, others: Others) -> pl.DataFrame:
    """Return the table ``payees``: templates that customers have saved."""
    ties = others.payees
    form = _forms(chunk, Stream.PAYEES, others, ties)
    saved = relationships(people).of(ties.owner).days(form.rng.random(form.size))
    nickname = pick(pl.Series(_NICKNAMES), form.rng.integers(0, len(_NICKNAMES), form.size))
    return pl.DataFrame(
        {
            "payee_id": form.keys(Stream.PAYEES, ties, _MOST_PAYEES),
            "customer_id": people.customer_id[ties.owner],
            "name": by_hand(form.rng, pick(others.named.name, form.row), 0.15),
            "nickname": hide(nickname, form.missing(0.6)),
            "iban": pick(others.named.iban, form.row),
            "phone": form.phone(0.7),
            "saved_on": days(saved),
        }
    )


_FUNCTIONS: Final = ("director", "owner", "authorised signatory", "beneficial owner")


def manager_rows(chunk: Chunk, people: People, others: Others) -> pl.DataFrame:
    """Return the table ``company_managers``: who acts for companies that are customers."""
    ties = others.managers
    form = _forms(chunk, Stream.MANAGERS, others, ties)
    country = weighted(form.rng, list(CITIZENSHIPS.values()), form.size)
    number = joined("P", digits(form.rng.integers(0, 10**8, form.size), 8))
    return pl.DataFrame(
        {
            "manager_id": form.keys(Stream.MANAGERS, ties, _MOST_MANAGERS),
            "customer_id": people.customer_id[ties.owner],
            "function": pick(pl.Series(_FUNCTIONS), weighted(form.rng, (5, 3, 1, 1), form.size)),
            "first_name": form.first(),
            "last_name": form.last(),
            "personal_number": form.personal_number(0.03),
            "date_of_birth": form.born(0.02),
            "citizenship": hide(pick(pl.Series(list(CITIZENSHIPS)), country), form.missing(0.02)),
            "document_number": hide(number, form.missing(0.05)),
            "street": hide(pick(others.street, form.row), form.missing(0.05)),
            "house_number": hide(pick(others.house_number, form.row), form.missing(0.05)),
            "phone": form.phone(0.05),
            "email": form.email(0.2),
            "since": days(people.opened[ties.owner]),
        }
    )


def party_rows(chunk: Chunk, others: Others, loans: Loans) -> pl.DataFrame:
    """Return the table ``loan_parties``: who pays a loan with, or instead of, a customer."""
    ties = others.parties
    form = _forms(chunk, Stream.PARTIES, others, ties)
    guarantor = chance(form.rng, 0.6, form.size).astype(np.int64)
    return pl.DataFrame(
        {
            "party_id": form.keys(Stream.PARTIES, ties, MOST_APPLICATIONS * _MOST_PARTIES),
            "loan_id": loan_keys(chunk, loans)[others.loan],
            "party_role": pick(pl.Series(["co-debtor", "guarantor"]), guarantor),
            "first_name": form.first(),
            "last_name": form.last(),
            "personal_number": form.personal_number(0.03),
            "date_of_birth": form.born(0.03),
            "street": hide(pick(others.street, form.row), form.missing(0.04)),
            "house_number": hide(pick(others.house_number, form.row), form.missing(0.04)),
            "phone": form.phone(0.06),
            "email": form.email(0.4),
            "employer": form.employer(0.15),
            "income": form.income(form.missing(0.1)),
        }
    )
