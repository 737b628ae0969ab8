"""Payments: who pays whom, when, how much, and what they write about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.accounts import Accounts
from pipelines.demo.chunk import Chunk
from pipelines.demo.details import FIRST_DAY, Subjects, details
from pipelines.demo.directory import Directory
from pipelines.demo.draws import Bools, Floats, Ints, Stream, chance, weighted, weighted_by
from pipelines.demo.people import TODAY, Kind, People
from pipelines.demo.pools import Business, Pools, hide, internet_addresses, pick
from pipelines.demo.templates import PURPOSES, TOPICS
from pipelines.demo.times import DAYTIME, MICROSECONDS_A_DAY, OFFICE_HOURS

_DAYS: Final = TODAY - FIRST_DAY
_FIRST_PAYMENT: Final = 1_000_000_000

CHANNELS: Final = ("card", "mobile", "web", "branch", "terminal", "standing order")
_CURRENCIES: Final = ("EUR", "CHF", "USD", "GBP", "ALL")
_LEK: Final = 4


class Payer(IntEnum):
    """How the owner of an account lives, as far as it shows in payments."""

    WORKING = 0
    STUDENT = 1
    RETIRED = 2
    WITHOUT_WORK = 3
    TRADER = 4
    COMPANY = 5


@dataclass(frozen=True, slots=True)
class Habits:
    """What is usual for payments of one purpose.

    ``shares`` and ``incoming`` go by ``Payer``; ``channels`` by ``CHANNELS``; amounts are
    log-normal around the median in EUR; ``business`` is paid where it is not a person.
    """

    shares: tuple[float, float, float, float, float, float]
    incoming: tuple[float, float, float, float, float, float]
    channels: tuple[float, float, float, float, float, float]
    median: float
    spread: float


_HABITS: Final = {
    "salary": Habits((9, 1, 7, 0.5, 2, 10), (1, 1, 1, 1, 0.3, 0), (0, 2, 6, 1, 0, 3), 450, 0.08),
    "rent": Habits((3, 2, 1, 2, 3, 3), (0.1, 0, 0.3, 0.1, 0.05, 0.1), (0, 4, 3, 1, 0, 4), 230, 0.4),
    "groceries": Habits((34, 40, 36, 34, 12, 4), (0.01,) * 6, (9, 0.5, 0.5, 0, 0, 0), 14, 0.9),
    "utilities": Habits((9, 4, 14, 11, 8, 6), (0.01,) * 6, (1, 5, 4, 2, 3, 3), 34, 0.6),
    "family support": Habits((7, 12, 12, 18, 3, 0), (0.35, 0.95, 0.8, 0.85, 0.3, 0.5),
                             (0, 6, 2, 2, 1, 0.5), 120, 0.8),
    "loan repayment": Habits((4, 0.5, 1.5, 2, 5, 4), (0.03,) * 6, (0, 3, 2, 2, 1, 5), 135, 0.6),
    "invoice": Habits((2, 0.5, 0.5, 1, 38, 54), (0.1, 0.1, 0.1, 0.1, 0.55, 0.5),
                      (1, 2, 8, 2, 0, 0.5), 260, 1.35),
    "cash": Habits((14, 13, 16, 15, 12, 5), (0.2, 0.15, 0.1, 0.3, 0.6, 0.6),
                   (0, 0, 0, 3, 9, 0), 80, 0.8),
    "taxes": Habits((1.5, 0.2, 1, 0.8, 6, 8), (0.03,) * 6, (0, 2, 4, 3, 1, 0), 70, 1.1),
    "tuition": Habits((1.5, 5, 0.1, 0.7, 0.3, 0), (0.01,) * 6, (1, 4, 3, 2, 0, 0.5), 160, 0.7),
    "healthcare": Habits((4, 2, 6, 4, 1, 0.5), (0.02,) * 6, (8, 1, 1, 1, 0, 0), 24, 0.9),
    "other": Habits((11, 20, 5, 11, 10, 6), (0.25, 0.4, 0.3, 0.4, 0.4, 0.4),
                    (6, 5, 3, 1, 0.5, 0), 28, 1.25),
}  # fmt: skip

# Who is paid: an employer, a person, or a line of business.
_EMPLOYER: Final = -1
_PERSON: Final = -2
_COMPANY: Final = -3
_NOBODY: Final = -4
_PAID: Final = {
    "salary": _EMPLOYER, "rent": _PERSON, "groceries": Business.GROCERY,
    "utilities": Business.UTILITY, "family support": _PERSON, "loan repayment": Business.LENDER,
    "invoice": _COMPANY, "cash": _NOBODY, "taxes": Business.TAX, "tuition": Business.TUITION,
    "healthcare": Business.HEALTH, "other": Business.OTHER,
}  # fmt: skip

_SALARY: Final = PURPOSES.index("salary")
CASH: Final = PURPOSES.index("cash")
_GROCERIES: Final = PURPOSES.index("groceries")
_INVOICE: Final = PURPOSES.index("invoice")
_OTHER: Final = PURPOSES.index("other")


@dataclass(frozen=True, slots=True)
class Payments:
    """The payments of a chunk in the order of time: rows, positions and numbers.

    ``account`` is a row of the chunk's accounts, ``owner`` of its customers; ``booked`` counts
    microseconds since 1970-01-01.
    """

    account: Ints
    owner: Ints
    payer: Ints
    purpose: Ints
    channel: Ints
    incoming: Bools
    booked: Ints

    def __len__(self) -> int:
        """Return the number of payments."""
        return len(self.account)


def draw_payments(chunk: Chunk, people: People, accounts: Accounts) -> Payments:
    """Return the payments of a chunk's accounts, none where no account was open."""
    rng = chunk.rng(Stream.PAYMENTS)
    life = _lives(accounts)
    account, crowd = _active_accounts(rng, people, accounts, life, chunk.payments)
    owner = accounts.owner[account]
    payer = _payers(people)[owner]
    purpose = weighted_by(rng, np.transpose([habit.shares for habit in _HABITS.values()]), payer)
    purpose = _plausible(rng, purpose, payer, crowd)
    channel = weighted_by(rng, [habit.channels for habit in _HABITS.values()], purpose)
    incoming = np.array([habit.incoming for habit in _HABITS.values()])[purpose, payer]
    booked = _booking_times(rng, life.of(account), purpose, channel)
    # As in an operational bank, the accounts' payments come in the order of time.
    order = np.argsort(booked, kind="stable")
    return Payments(
        account=account[order],
        owner=owner[order],
        payer=payer[order],
        purpose=purpose[order],
        channel=channel[order],
        incoming=chance(rng, incoming[order], len(order)),
        booked=booked[order],
    )


@dataclass(frozen=True, slots=True)
class Lives:
    """Days of the two years between which accounts were open, the second one not included."""

    begin: Ints
    end: Ints

    def of(self, account: Ints) -> Lives:
        """Return the lives of the accounts."""
        return Lives(self.begin[account], self.end[account])


def _lives(accounts: Accounts) -> Lives:
    """Return each account's life; it is empty where the end does not come after the beginning."""
    begin = np.maximum(accounts.opened - FIRST_DAY, 0)
    end = np.where(accounts.open, _DAYS, np.minimum(accounts.closed - FIRST_DAY, _DAYS))
    return Lives(begin, end)


def _payers(people: People) -> Ints:
    """Return how each customer lives."""
    life = np.array(
        [Payer.STUDENT, Payer.RETIRED, Payer.WITHOUT_WORK, Payer.WITHOUT_WORK, Payer.WORKING]
    )[people.work]
    return np.select(
        [people.kind == Kind.COMPANY, people.kind == Kind.SOLE_TRADER],
        [Payer.COMPANY, Payer.TRADER],
        life,
    )


def _active_accounts(rng: np.random.Generator, people: People, accounts: Accounts, life: Lives,
                     size: int) -> tuple[Ints, Ints]:  # fmt: skip
    """Return an account for each payment, and how many payments that account has.

    Activity is heavy-tailed: one account in seven sleeps, a few have hundreds or thousands.
    """
    count = len(accounts)
    kind = people.kind[accounts.owner]
    activity: Floats = np.exp(rng.normal(0, 1.35, count)) * np.array([1.0, 2.5, 6.0])[kind]
    activity *= np.where(people.is_adult[accounts.owner] | (kind == Kind.COMPANY), 1, 0.25)
    activity *= np.where(accounts.slot == 0, 1, 0.3)
    activity *= np.maximum(life.end - life.begin, 0) * ~chance(rng, 0.14, count)
    total = float(activity.sum())
    if total == 0:
        nothing = np.zeros(0, dtype=np.int64)
        return nothing, nothing
    share = rng.multinomial(size, activity / total)
    return np.repeat(np.arange(count), share), np.repeat(share, share)


_MONTHLY: Final = ("salary", "rent", "utilities", "loan repayment", "tuition")


def _plausible(rng: np.random.Generator, purpose: Ints, payer: Ints, crowd: Ints) -> Ints:
    """Return purposes where nobody of a thousand payments has a hundred salaries."""
    regular = np.isin(purpose, [PURPOSES.index(name) for name in _MONTHLY])
    usual = np.minimum(1.0, 200 / np.maximum(crowd, 1))
    dropped = regular & (payer != Payer.COMPANY) & ~chance(rng, usual, len(purpose))
    trade = np.where(payer == Payer.TRADER, _INVOICE, _GROCERIES)
    instead = np.where(chance(rng, 0.4, len(purpose)), _OTHER, trade)
    return np.where(dropped, instead, purpose)


def _day_weights() -> Floats:
    """Return the weight of each day: December and the diaspora's August full, Sundays quiet."""
    day = np.arange(FIRST_DAY, TODAY).astype("datetime64[D]")
    month = day.astype("datetime64[M]").astype(np.int64) % 12
    by_month = np.array([0.86, 0.87, 0.96, 1.0, 0.99, 1.0, 1.14, 1.22, 0.98, 0.97, 0.98, 1.3])
    weekday = (np.arange(FIRST_DAY, TODAY) + 3) % 7
    by_weekday = np.array([1.08, 1.04, 1.03, 1.05, 1.18, 0.95, 0.6])
    growth = 1 + 0.15 * np.arange(_DAYS) / _DAYS
    return np.asarray(by_month[month] * by_weekday[weekday] * growth)


_DAY_WEIGHTS: Final = _day_weights()
_SALARY_DAY_WEIGHTS: Final = _DAY_WEIGHTS * np.where(
    (np.arange(FIRST_DAY, TODAY) + 5).astype("datetime64[D]").astype("datetime64[M]")
    != np.arange(FIRST_DAY, TODAY).astype("datetime64[D]").astype("datetime64[M]"),
    40.0,
    1.0,
)

_NIGHT_RUN: Final = (0, 0, 1, 4, 2, *[0] * 19)
# By channel.
_HOURS: Final = (DAYTIME, DAYTIME, DAYTIME, OFFICE_HOURS, DAYTIME, _NIGHT_RUN)


def _booking_times(rng: np.random.Generator, life: Lives, purpose: Ints,
                   channel: Ints) -> Ints:  # fmt: skip
    """Return microseconds since 1970 within the two years and the account's life."""
    weights = (_DAY_WEIGHTS, _SALARY_DAY_WEIGHTS)
    day = weighted_by(rng, weights, (purpose == _SALARY).astype(np.int64))
    # Accounts of a shorter life have their payments moved into it.
    moved = life.begin + day * (life.end - life.begin) // _DAYS
    day = np.where((day >= life.begin) & (day < life.end), day, moved)
    hour = weighted_by(rng, _HOURS, channel)
    within = rng.integers(0, MICROSECONDS_A_DAY // 24, len(purpose))
    return ((FIRST_DAY + day) * 24 + hour) * (MICROSECONDS_A_DAY // 24) + within


_CONTACTS: Final = 6


def counterparties(chunk: Chunk, people: People, known: Directory, payments: Payments) -> Ints:
    """Return a row of the directory for each payment.

    An account has a few regular counterparties of each sort; cash has its owner.
    """
    rng, pool = chunk.rng(Stream.COUNTERPARTIES), chunk.pool
    paid = _paid(rng, people, payments, pool)
    # The same account, contact and purpose meet the same counterparty again.
    contact = (_CONTACTS * rng.random(len(payments)) ** 2).astype(np.int64)
    regular = payments.account * 131 + contact * 7_919 + payments.purpose * 31 + 17
    business = np.maximum(paid, 0)
    casual = rng.integers(0, 2**31, len(payments))
    visit = np.where(chance(rng, 0.7, len(payments)), regular, casual) * 6_151
    institution = visit % pool.institution_count[business] + pool.institution_start[business]
    return np.select(
        [paid == _EMPLOYER, paid == _PERSON, paid == _COMPANY, paid == _NOBODY],
        [
            known.first_employer + people.employer[payments.owner],
            known.adults[regular * 104_729 % len(known.adults)],
            known.first_employer + regular * 15_485_863 % pool.employer_count[0],
            payments.owner,
        ],
        known.first_institution + institution,
    )


def _paid(rng: np.random.Generator, people: People, payments: Payments, pool: Pools) -> Ints:
    """Return the sort of each payment's counterparty."""
    usual = np.array([int(_PAID[name]) for name in PURPOSES])[payments.purpose]
    wages = payments.purpose == _SALARY
    between = (payments.purpose == _OTHER) & chance(rng, 0.45, len(payments))
    # The self-employed are the last in the pool, and are paid by their clients.
    own = people.employer[payments.owner] == len(pool.employers) - 1
    return np.select(
        [between | (wages & ~payments.incoming), wages & (payments.payer == Payer.RETIRED),
         wages & own],
        [_PERSON, Business.PENSION, _COMPANY],
        usual,
    )  # fmt: skip


def payment_rows(chunk: Chunk, people: People, accounts: Accounts, known: Directory,
                 payments: Payments) -> pl.DataFrame:  # fmt: skip
    """Return the table ``payments``."""
    counterparty = counterparties(chunk, people, known, payments)
    rng = chunk.rng(Stream.AMOUNTS)
    size = len(payments)
    cash = payments.purpose == CASH
    card = payments.channel == 0
    currency = weighted(rng, (0.96, 0.016, 0.01, 0.005, 0.009), size)
    subjects = Subjects(
        counterparty=counterparty,
        owner=payments.owner,
        day=payments.booked // MICROSECONDS_A_DAY - FIRST_DAY,
    )
    text = details(chunk, known, subjects, _topics(payments), people.community[payments.owner])
    return pl.DataFrame(
        {
            "payment_id": _FIRST_PAYMENT + chunk.first_payment + np.arange(size),
            "account_id": accounts.account_id[payments.account],
            "booked_at": pl.Series(payments.booked).cast(pl.Datetime("us")),
            "amount": pl.Series(_amounts(rng, people, payments, currency)),
            "currency": pick(pl.Series(_CURRENCIES), currency),
            "direction": pick(pl.Series(["out", "in"]), payments.incoming.astype(np.int64)),
            "channel": pick(pl.Series(CHANNELS), payments.channel),
            "purpose": pick(pl.Series(PURPOSES), payments.purpose),
            "details": hide(text, chance(rng, 0.04, size)),
            "counterparty_name": hide(pick(known.name, counterparty), cash),
            "counterparty_iban": hide(pick(known.iban, counterparty), cash | card),
            "ip_address": _addresses(rng, len(accounts), payments),
        }
    )


def _topics(payments: Payments) -> Ints:
    """Return what the details are about: the purpose, but deposits and wages paid apart."""
    return np.select(
        [(payments.purpose == CASH) & payments.incoming,
         (payments.purpose == _SALARY) & ~payments.incoming],
        [TOPICS.index("cash deposit"), TOPICS.index("wages paid")],
        payments.purpose,
    )  # fmt: skip


def _amounts(rng: np.random.Generator, people: People, payments: Payments,
             currency: Ints) -> Ints:  # fmt: skip
    """Return amounts in cents: salaries follow the income, the rest is log-normal by purpose."""
    size = len(payments)
    habits = [_HABITS[name] for name in PURPOSES]
    median = np.array([habit.median for habit in habits])[payments.purpose]
    spread = np.array([habit.spread for habit in habits])[payments.purpose]
    income = people.income[payments.owner] / 100
    earned = (payments.purpose == _SALARY) & (income > 0)
    ability = np.clip(income / 450, 0.5, 8) ** 0.4
    business = np.array([1, 1, 1, 1, 2.2, 6.0])[payments.payer]
    scale = np.where(earned, income, median * ability * business)
    euros: Floats = scale * np.exp(spread * rng.standard_normal(size))
    # Few payments of other kinds are many times the usual: a car, a flat, a wedding.
    rare = chance(rng, 0.004, size) & ~np.isin(payments.purpose, [_SALARY, CASH])
    euros = np.where(rare, euros * (1 + rng.pareto(1.1, size) * 5), euros)
    euros = np.where(payments.purpose == CASH, np.maximum(np.round(euros, -1), 10), euros)
    euros = np.clip(euros, 0.2, 3_000_000)
    return np.round(np.where(currency == _LEK, euros * 100, euros) * 100).astype(np.int64)


def _addresses(rng: np.random.Generator, accounts: int, payments: Payments) -> pl.Series:
    """Return IP addresses of what was ordered on line: an account's usual one, or another."""
    size = accounts + accounts // 4 + 1
    address = internet_addresses(rng, size)
    elsewhere = chance(rng, 0.2, len(payments))
    row = np.where(elsewhere, rng.integers(0, size, len(payments)), payments.account)
    online = (payments.channel == CHANNELS.index("mobile")) | (
        payments.channel == CHANNELS.index("web")
    )
    return hide(pick(address, row), ~online)
