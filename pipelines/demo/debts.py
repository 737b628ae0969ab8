"""Debts: loans that nobody paid any more, and what was done about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.accounts import Accounts
from pipelines.demo.applications import MOST_APPLICATIONS
from pipelines.demo.chunk import Chunk
from pipelines.demo.customers import days
from pipelines.demo.draws import Bools, Ints, Stream, chance, weighted_by
from pipelines.demo.letters import Writer
from pipelines.demo.loans import Instalments, Loans, loan_keys
from pipelines.demo.people import TODAY
from pipelines.demo.pools import by_hand, digits, hide, internet_addresses, joined, pick

# Days that an instalment is overdue before the loan is called in.
_CALLED_IN: Final = 90
STATES: Final = ("reminder sent", "repayment agreed", "in collection", "before the court",
                 "with a bailiff", "paid", "written off")  # fmt: skip
_PAID: Final = STATES.index("paid")
# Rows: half a year, two years, longer ago.
_STATES_BY_AGE: Final = (
    (50, 25, 20, 2, 0, 3, 0),
    (8, 22, 30, 14, 6, 19, 1),
    (0, 5, 12, 18, 17, 30, 18),
)
_AGES: Final = (182, 730)


@dataclass(frozen=True, slots=True)
class Debts:
    """The debts of a chunk: rows of its loans, days, cents."""

    loan: Ints
    arose: Ints
    cents: Ints
    collected: Ints
    state: Ints
    court: Bools
    paid_on: Ints

    def __len__(self) -> int:
        """Return the number of debts."""
        return len(self.loan)


def draw_debts(chunk: Chunk, loans: Loans, instalments: Instalments) -> Debts:
    """Return the debts of a chunk: a loan is called in when an instalment is 90 days overdue."""
    rng = chunk.rng(Stream.DEBTS)
    first_unpaid = np.cumsum(loans.term) - loans.term + loans.unpaid_from - 1
    called_in = loans.stopped.copy()
    called_in[called_in] = instalments.due[first_unpaid[called_in]] + _CALLED_IN < TODAY
    loan = np.flatnonzero(called_in)
    arose = instalments.due[first_unpaid[loan]] + _CALLED_IN
    left = np.bincount(instalments.loan, instalments.outstanding, len(loans)).astype(np.int64)
    cents = left[loan] + 3 * instalments.interest[first_unpaid[loan]]
    age = TODAY - arose
    state = weighted_by(rng, _STATES_BY_AGE, np.digitize(age, _AGES))
    some = chance(rng, 0.4, len(loan)) * rng.random(len(loan)) * 0.8
    return Debts(
        loan=loan,
        arose=arose,
        cents=cents,
        collected=np.where(state == _PAID, cents, (cents * some).astype(np.int64)),
        state=state,
        court=np.isin(state, [STATES.index("before the court"), STATES.index("with a bailiff")])
        | ((state >= _PAID) & chance(rng, 0.3, len(loan))),
        paid_on=arose + ((age - 1) * rng.random(len(loan))).astype(np.int64),
    )


def debt_rows(chunk: Chunk, customers: pl.DataFrame, documents: pl.DataFrame, accounts: Accounts,
              loans: Loans, debts: Debts, writer: Writer) -> pl.DataFrame:  # fmt: skip
    """Return the table ``debts``: the file that goes to who collects, with the debtor's data."""
    rng = chunk.rng(Stream.DEBT_FILES)
    size, owner = len(debts), loans.owner[debts.loan]
    key = chunk.keys(Stream.DEBTS, owner, loans.slot[debts.loan], MOST_APPLICATIONS)
    debtor = customers.select("customer_id", "date_of_birth", *_COPIED)[owner]
    papers = documents.unique("customer_id", keep="first").select("customer_id", "document_number")
    number = debtor.join(papers, on="customer_id", how="left", maintain_order="left")
    case = joined("P.nr. ", digits(rng.integers(1, 10_000, size), 4), "/",
                  days(debts.arose).dt.strftime("%y"))  # fmt: skip
    return pl.DataFrame(
        {
            "debt_id": key,
            "customer_id": debtor["customer_id"],
            "loan_id": loan_keys(chunk, loans)[debts.loan],
            "arose_on": days(debts.arose),
            "amount": pl.Series(debts.cents),
            "outstanding": pl.Series(debts.cents - debts.collected),
            "collection_state": pick(pl.Series(STATES), debts.state),
            "legal_proceedings": pl.Series(debts.court),
            "court_case": hide(case, ~debts.court),
            "paid_on": days(debts.paid_on, debts.state != _PAID),
            **{name: by_hand(rng, debtor[name]) for name in _COPIED},
            "date_of_birth": debtor["date_of_birth"],
            "document_number": number["document_number"],
            "iban": pick(accounts.iban, loans.account[debts.loan]),
            "ip_address": hide(internet_addresses(rng, size), chance(rng, 0.4, size)),
            "statement_reference": joined("statements/", pl.Series(key).cast(pl.String), ".pdf"),
            "circumstances": hide(
                writer.write(rng, "circumstances", owner, debts.arose), chance(rng, 0.06, size)
            ),
        }
    )


_COPIED: Final = ("first_name", "last_name", "personal_number", "street", "house_number",
                  "postcode", "email", "phone")  # fmt: skip
