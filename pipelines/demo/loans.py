"""Loans that came of approved applications, and how their instalments were paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.accounts import Accounts
from pipelines.demo.applications import (
    MOST_APPLICATIONS,
    PRODUCTS,
    Applications,
    Decision,
    application_keys,
)
from pipelines.demo.chunk import Chunk
from pipelines.demo.customers import days
from pipelines.demo.draws import Bools, Floats, Ints, Stream, chance, repeated, weighted
from pipelines.demo.people import TODAY, People
from pipelines.demo.pools import hide, pick

_TAKEN_UP: Final = 0.95
# Whoever left had repaid everything: the last instalment lies this long before.
_LAST_WEEKS: Final = 75
_DAYS_A_MONTH: Final = 31
# Shares of those who pay when it is due, those who are late at times, those who stop paying.
_MANNERS: Final = (0.62, 0.16, 0.22)
_LATE_AT_TIMES: Final = 1
_STOPS: Final = 2


@dataclass(frozen=True, slots=True)
class Loans:
    """The loans of a chunk: rows of its applications, days, cents.

    ``stopped`` are those whose instalments from the number ``unpaid_from`` on were never paid.
    """

    application: Ints
    owner: Ints
    slot: Ints
    account: Ints
    granted: Ints
    cents: Ints
    term: Ints
    yearly_rate: Floats
    late_at_times: Bools
    stopped: Bools
    unpaid_from: Ints

    def __len__(self) -> int:
        """Return the number of loans."""
        return len(self.application)


@dataclass(frozen=True, slots=True)
class Instalments:
    """The instalments of a chunk's loans, in their order: rows of the loans, days, cents."""

    loan: Ints
    number: Ints
    due: Ints
    principal: Ints
    interest: Ints
    paid: Bools
    paid_on: Ints
    days_late: Ints

    def __len__(self) -> int:
        """Return the number of instalments."""
        return len(self.loan)

    @property
    def outstanding(self) -> Ints:
        """What has not been paid of each instalment's principal."""
        return np.where(self.paid, 0, self.principal)


def draw_loans(chunk: Chunk, people: People, applications: Applications) -> Loans:
    """Return the loans of a chunk: who left before the end of a loan never had it."""
    rng = chunk.rng(Stream.LOANS)
    granted = applications.decided_on + rng.integers(0, 8, len(applications))
    is_open = people.open[applications.owner]
    repaid = granted + applications.term * _DAYS_A_MONTH + _LAST_WEEKS
    in_time = np.where(is_open, granted < TODAY, repaid < people.closed[applications.owner])
    taken = (applications.decision == Decision.APPROVED) & chance(rng, _TAKEN_UP, len(granted))
    application = np.flatnonzero(taken & in_time)
    size = len(application)
    owner, term = applications.owner[application], applications.term[application]
    manner = weighted(rng, _MANNERS, size)
    return Loans(
        application=application,
        owner=owner,
        slot=applications.slot[application],
        account=applications.account[application],
        granted=granted[application],
        cents=applications.euros[application] * 100,
        term=term,
        yearly_rate=np.round(rng.uniform(7.5, 21.9, size), 1),
        late_at_times=manner >= _LATE_AT_TIMES,
        stopped=(manner == _STOPS) & is_open[application],
        unpaid_from=2 + ((term - 2) * rng.random(size) ** 1.5).astype(np.int64),
    )


def draw_instalments(chunk: Chunk, loans: Loans) -> Instalments:
    """Return the instalments of the loans: equal sums on the same day of each month."""
    rng = chunk.rng(Stream.INSTALMENTS)
    loan, before = repeated(loans.term)
    number = before + 1
    principal, interest = _parts(loans, loan, number)
    due = _due(loans.granted[loan], number)
    stopped = loans.stopped[loan] & (number >= loans.unpaid_from[loan])
    delay = _delays(rng, loans.late_at_times[loan])
    paid_on = np.maximum(due + delay, loans.granted[loan] + 1)
    paid = ~stopped & (paid_on < TODAY)
    late = np.where(paid, paid_on - due, TODAY - due)
    return Instalments(
        loan=loan,
        number=number,
        due=due,
        principal=principal,
        interest=interest,
        paid=paid,
        paid_on=paid_on,
        days_late=np.maximum(late, 0),
    )


def _parts(loans: Loans, loan: Ints, number: Ints) -> tuple[Ints, Ints]:
    """Return what an annuity pays back with each instalment, and the interest it pays."""
    left = _left(loans, loan, number)
    left_before = _left(loans, loan, number - 1)
    rate = loans.yearly_rate[loan] / 1200
    return left_before - left, np.round(left_before * rate).astype(np.int64)


def _left(loans: Loans, loan: Ints, number: Ints) -> Ints:
    """Return the principal that is left after the instalments up to the number were paid."""
    growth = 1 + loans.yearly_rate[loan] / 1200
    whole = growth ** loans.term[loan]
    left = loans.cents[loan] * (whole - growth**number) / (whole - 1)
    return np.round(left).astype(np.int64)


def _due(granted: Ints, number: Ints) -> Ints:
    """Return the day of the month on which the loan was granted, so many months later."""
    month = granted.astype("datetime64[D]").astype("datetime64[M]")
    day = granted - month.astype("datetime64[D]").astype(np.int64)
    later = (month + number).astype("datetime64[D]").astype(np.int64)
    return np.asarray(later + np.minimum(day, 27))


def _delays(rng: np.random.Generator, late_at_times: Bools) -> Ints:
    """Return days between the due day and the payment: before it where they are negative."""
    size = len(late_at_times)
    late = late_at_times & chance(rng, 0.35, size)
    return np.where(late, 1 + (60 * rng.random(size) ** 2).astype(np.int64),
                    -rng.integers(0, 4, size))  # fmt: skip


def loan_keys(chunk: Chunk, loans: Loans) -> Ints:
    """Return the keys of the loans."""
    return chunk.keys(Stream.LOANS, loans.owner, loans.slot, MOST_APPLICATIONS)


def loan_rows(chunk: Chunk, people: People, accounts: Accounts, applications: Applications,
              loans: Loans, instalments: Instalments) -> pl.DataFrame:  # fmt: skip
    """Return the table ``loans``."""
    size = len(loans)
    outstanding = np.bincount(instalments.loan, instalments.outstanding, size).astype(np.int64)
    overdue = np.bincount(instalments.loan, ~instalments.paid & (instalments.days_late > 0), size)
    last = np.cumsum(loans.term) - 1
    repaid = outstanding == 0
    state = np.select([repaid, overdue > _DEFAULTED, overdue > 0], [1, 3, 2], 0)
    return pl.DataFrame(
        {
            "loan_id": loan_keys(chunk, loans),
            "application_id": application_keys(chunk, loans.owner, loans.slot),
            "customer_id": people.customer_id[loans.owner],
            "account_id": accounts.account_id[loans.account],
            "product": pick(pl.Series(PRODUCTS), applications.product[loans.application]),
            "principal": pl.Series(loans.cents),
            "interest_rate": pl.Series(np.round(loans.yearly_rate * 100).astype(np.int64)),
            "term_months": loans.term,
            "granted_on": days(loans.granted),
            "ends_on": days(instalments.due[last]),
            "repaid_on": days(_repaid_on(loans, instalments), ~repaid),
            "outstanding": pl.Series(outstanding),
            "state": pick(pl.Series(["running", "repaid", "in arrears", "defaulted"]), state),
        }
    )


# Instalments overdue after which a loan is in default: those of three months.
_DEFAULTED: Final = 3


def _repaid_on(loans: Loans, instalments: Instalments) -> Ints:
    """Return the day of each loan's last payment."""
    day = np.zeros(len(loans), dtype=np.int64)
    np.maximum.at(day, instalments.loan, instalments.paid_on)
    return day


def instalment_rows(chunk: Chunk, loans: Loans, instalments: Instalments) -> pl.DataFrame:
    """Return the table ``loan_instalments``."""
    amount = instalments.principal + instalments.interest
    not_due = ~instalments.paid & (instalments.due >= TODAY)
    return pl.DataFrame(
        {
            "loan_id": loan_keys(chunk, loans)[instalments.loan],
            "number": instalments.number,
            "due_on": days(instalments.due),
            "principal_due": pl.Series(instalments.principal),
            "interest_due": pl.Series(instalments.interest),
            "amount_due": pl.Series(amount),
            "amount_paid": pl.Series(np.where(instalments.paid, amount, 0)),
            "paid_on": days(instalments.paid_on, ~instalments.paid),
            "days_late": hide(pl.Series(instalments.days_late), not_due),
        }
    )
