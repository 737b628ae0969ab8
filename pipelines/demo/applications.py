"""Applications for credit: what customers stated, and how they were answered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.accounts import Accounts
from pipelines.demo.chunk import Chunk
from pipelines.demo.customers import days
from pipelines.demo.draws import Bools, Floats, Ints, Stream, chance, repeated, weighted
from pipelines.demo.letters import Writer
from pipelines.demo.people import ADULT, TODAY, People, Work
from pipelines.demo.pools import by_hand, hide, internet_addresses, joined, pick
from pipelines.demo.times import (
    DAYTIME,
    OFFICE_HOURS,
    Spans,
    moments,
    relationships,
    timestamps,
)

# The bank lends since then: six years.
LENDING_SINCE: Final = TODAY - 6 * 365
MOST_APPLICATIONS: Final = 3
_COUNTS: Final = (0.7, 0.22, 0.065, 0.015)
# Nobody applies on the first days.
_SETTLED: Final = 20


class Decision(IntEnum):
    """What became of an application, as a position in ``DECISIONS``."""

    APPROVED = 0
    REFUSED = 1
    WITHDRAWN = 2
    PENDING = 3


DECISIONS: Final = ("approved", "refused", "withdrawn", "pending")
PRODUCTS: Final = ("consumer loan", "home improvement loan", "micro loan", "agricultural loan",
                   "car loan", "education loan")  # fmt: skip
_TERMS: Final = np.array([12, 18, 24])


@dataclass(frozen=True, slots=True)
class Applications:
    """The applications of a chunk: rows of its customers and accounts, days, euros.

    ``automated`` are those that a program decided, ``program_approved`` says how. A ``contested``
    one was contested on ``contested_on``; where it was ``changed``, a person approved it.
    """

    owner: Ints
    slot: Ints
    account: Ints
    day: Ints
    product: Ints
    euros: Ints
    term: Ints
    score: Ints
    automated: Bools
    program_approved: Bools
    decision: Ints
    decided_on: Ints
    contested: Bools
    contested_on: Ints
    answered: Bools
    changed: Bools

    def __len__(self) -> int:
        """Return the number of applications."""
        return len(self.owner)


def draw_applications(chunk: Chunk, people: People, accounts: Accounts) -> Applications:
    """Return the applications of a chunk's customers: of adults with an account."""
    rng = chunk.rng(Stream.APPLICATIONS)
    account, lending = _borrowing(people, accounts)
    count = np.where(lending.some, weighted(rng, _COUNTS, len(people)), 0)
    owner, slot = repeated(count)
    size = len(owner)
    day = lending.of(owner).days(rng.random(size) ** 0.8)
    score = _scores(rng, people, owner)
    automated = chance(rng, 0.8, size)
    approved = score > 480 + rng.normal(0, 40, size)
    decided = day + np.where(automated, 0, rng.integers(1, 12, size))
    contested = automated & ~approved & chance(rng, 0.08, size)
    contested_on = decided + rng.integers(1, 30, size)
    last = lending.end[owner]
    contested &= contested_on < last
    answered = contested & (contested_on + _ANSWER_TIME < last)
    changed = answered & chance(rng, 0.3, size)
    decision = _decisions(rng, people.open[owner], approved | changed, decided >= last)
    return Applications(
        owner=owner,
        slot=slot,
        account=account[owner],
        day=day,
        product=weighted(rng, (50, 20, 12, 8, 7, 3), size),
        euros=_sums(rng, people, owner),
        term=_TERMS[weighted(rng, (5, 2, 3), size)],
        score=score,
        automated=automated,
        program_approved=approved,
        decision=np.where(changed, Decision.APPROVED, decision),
        decided_on=np.where(changed, contested_on + _ANSWER_TIME, decided),
        contested=contested,
        contested_on=contested_on,
        answered=answered,
        changed=changed,
    )


_ANSWER_TIME: Final = 14


def _borrowing(people: People, accounts: Accounts) -> tuple[Ints, Spans]:
    """Return each customer's first account and the days on which the customer may apply."""
    account = np.zeros(len(people), dtype=np.int64)
    has_account = np.zeros(len(people), dtype=np.bool_)
    main = np.flatnonzero(accounts.slot == 0)
    account[accounts.owner[main]] = main
    has_account[accounts.owner[main]] = True
    grown_up = people.born + (ADULT * 366)
    customer = relationships(people, LENDING_SINCE)
    begin = np.maximum(customer.begin + _SETTLED, grown_up)
    end = customer.end
    if len(accounts):
        end = np.where(accounts.open[account], end, np.minimum(end, accounts.closed[account]))
    return account, Spans(begin, np.where(people.is_adult & has_account, end, begin))


def _scores(rng: np.random.Generator, people: People, owner: Ints) -> Ints:
    """Return scores from 300 to 850: higher with income, work and age."""
    income: Floats = np.log1p(people.income[owner] / 100)
    steady = np.where(people.work[owner] == Work.WORKING, 60, 0)
    raw = 210 + 45 * income + steady + 0.8 * people.age[owner] + rng.normal(0, 70, len(owner))
    return np.clip(raw, 300, 850).astype(np.int64)


def _sums(rng: np.random.Generator, people: People, owner: Ints) -> Ints:
    """Return euros asked for, in fifties: some months' income."""
    income = np.maximum(people.income[owner] / 100, 150)
    euros = income * np.exp(rng.normal(0.9, 0.7, len(owner)))
    return np.asarray(np.round(np.clip(euros, 200, 30_000) / 50).astype(np.int64) * 50)


def _decisions(rng: np.random.Generator, is_open: Bools, approved: Bools,
               too_late: Bools) -> Ints:  # fmt: skip
    """Return decisions; what was not decided in time is pending, or withdrawn by who left."""
    usual = np.where(approved, Decision.APPROVED, Decision.REFUSED)
    withdrawn = chance(rng, 0.04, len(approved)) | (too_late & ~is_open)
    return np.select([withdrawn, too_late], [Decision.WITHDRAWN, Decision.PENDING], usual)


def application_keys(chunk: Chunk, owner: Ints, slot: Ints) -> Ints:
    """Return the keys of the customers' applications."""
    return chunk.keys(Stream.APPLICATIONS, owner, slot, MOST_APPLICATIONS)


def application_rows(chunk: Chunk, customers: pl.DataFrame, accounts: Accounts,
                     applications: Applications, writer: Writer) -> pl.DataFrame:  # fmt: skip
    """Return the table ``credit_applications``: the form as it was filled in, and the answer."""
    rng = chunk.rng(Stream.APPLICATION_FORMS)
    size, owner = len(applications), applications.owner
    decided = np.isin(applications.decision, [Decision.APPROVED, Decision.REFUSED])
    automated = applications.automated & decided
    stated = customers.select(_STATED)[owner]
    online = chance(rng, 0.65, size)
    key = application_keys(chunk, owner, applications.slot)
    return pl.DataFrame(
        {
            "application_id": key,
            "customer_id": customers["customer_id"].gather(owner),
            "applied_at": timestamps(moments(rng, applications.day, DAYTIME)),
            "product": pick(pl.Series(PRODUCTS), applications.product),
            "amount_requested": pl.Series(applications.euros * 100),
            "term_months": applications.term,
            **{name: by_hand(rng, stated[name]) for name in _WRITTEN_BY_HAND},
            "date_of_birth": stated["date_of_birth"],
            "iban": hide(pick(accounts.iban, applications.account), chance(rng, 0.05, size)),
            "ip_address": hide(internet_addresses(rng, size), ~online),
            "statement_reference": hide(joined("statements/", pl.Series(key).cast(pl.String),
                                               ".pdf"), chance(rng, 0.3, size)),
            "income_stated": _stated_sums(rng, stated["income"], 1.0),
            "obligations": _obligations(rng, stated["income"]),
            "assets": _stated_sums(rng, stated["assets"], 0.9),
            "education": stated["education"],
            "employer": stated["employer"],
            "position": stated["position"],
            "years_of_experience": stated["years_of_experience"],
            "dependants": weighted(rng, (30, 22, 22, 16, 7, 3), size),
            "remarks": hide(writer.write(rng, "remarks", owner, applications.day),
                            ~chance(rng, 0.4, size)),
            "score": hide(pl.Series(applications.score), ~applications.automated),
            "automated_decision": hide(
                pick(pl.Series(["refused", "approved"]),
                     applications.program_approved.astype(np.int64)), ~automated),
            "decision": pick(pl.Series(DECISIONS), applications.decision),
            "decided_at": timestamps(_decided_at(rng, applications), ~decided),
            "contested_on": days(applications.contested_on, ~(applications.contested & decided)),
            "contest": hide(writer.write(rng, "contest", owner, applications.contested_on),
                            ~(applications.contested & decided)),
            "contest_result": hide(
                pick(pl.Series(["confirmed", "changed"]), applications.changed.astype(np.int64)),
                ~(applications.answered & decided)),
        }
    )  # fmt: skip


_WRITTEN_BY_HAND: Final = ("first_name", "last_name", "street", "house_number", "postcode",
                           "email", "phone")  # fmt: skip
_STATED: Final = (*_WRITTEN_BY_HAND, "date_of_birth", "income", "assets", "education", "employer",
                  "position", "years_of_experience")  # fmt: skip


def _stated_sums(rng: np.random.Generator, known: pl.Series, part: float) -> pl.Series:
    """Return cents as people state them: about what is known, in tens of euros; some nothing."""
    size = len(known)
    told = part * known.fill_null(30_000).to_numpy() * np.exp(rng.normal(0.03, 0.08, size))
    return hide(pl.Series(np.round(told / 1000).astype(np.int64) * 1000), chance(rng, 0.02, size))


def _obligations(rng: np.random.Generator, income: pl.Series) -> pl.Series:
    """Return cents a month owed to others: none mostly."""
    size = len(income)
    owed = income.fill_null(30_000).to_numpy() * rng.beta(1.5, 6, size)
    owed = np.where(chance(rng, 0.6, size), 0, np.round(owed / 500) * 500)
    return hide(pl.Series(owed.astype(np.int64)), chance(rng, 0.03, size))


def _decided_at(rng: np.random.Generator, applications: Applications) -> Ints:
    """Return when the decisions were made: by a program late in the day, by people in hours."""
    hour = moments(rng, applications.decided_on, OFFICE_HOURS)
    night = moments(rng, applications.decided_on, _LATE)
    return np.where(applications.automated & ~applications.changed, night, hour)


_LATE: Final = (*[0] * 23, 1)
"""The program's run comes after the last application of the day."""
