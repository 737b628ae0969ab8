"""The generated bank: chunk after chunk, made while the one before is written."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.access import identification_rows, login_rows
from pipelines.demo.accounts import (
    AccountNumbers,
    Accounts,
    account_numbers,
    account_rows,
    draw_accounts,
    holder_rows,
)
from pipelines.demo.applications import Applications, application_rows, draw_applications
from pipelines.demo.chunk import MOST_CUSTOMERS, Chunk
from pipelines.demo.consents import consent_rows, preference_rows
from pipelines.demo.correspondence import call_rows, correspondence_rows, video_rows
from pipelines.demo.customers import customer_rows, document_rows
from pipelines.demo.debts import debt_rows, draw_debts
from pipelines.demo.directory import Directory, directory
from pipelines.demo.draws import Numbering, Stream, generator, numbering
from pipelines.demo.letters import Writer, writer
from pipelines.demo.loans import Loans, draw_instalments, draw_loans, instalment_rows, loan_rows
from pipelines.demo.others import (
    draw_others,
    manager_rows,
    party_rows,
    payee_rows,
    relative_rows,
)
from pipelines.demo.payments import draw_payments, payment_rows
from pipelines.demo.people import CustomerNumbers, People, customer_numbers, draw_people
from pipelines.demo.pools import pools
from pipelines.demo.schema import TABLES, Part, part
from pipelines.demo.targets import BankTarget
from transforms.errors import SourceError

_CUSTOMERS_IN_CHUNK: Final = 100_000
_PAYMENTS_IN_CHUNK: Final = 1_000_000
_FEWEST_IN_CHUNK: Final = 100


@dataclass(frozen=True, slots=True)
class Bank:
    """What a bank is made from: the same three numbers give the same bank."""

    customers: int
    payments_per_customer: int
    seed: int

    @property
    def customers_in_chunk(self) -> int:
        """As many customers as have about a million payments together."""
        fitting = _PAYMENTS_IN_CHUNK // max(self.payments_per_customer, 1)
        return min(max(fitting, _FEWEST_IN_CHUNK), _CUSTOMERS_IN_CHUNK)

    @property
    def chunks(self) -> int:
        """How many chunks the bank is made in."""
        return -(-self.customers // self.customers_in_chunk)


@dataclass(frozen=True, slots=True)
class Numberings:
    """Everything that keeps identifiers unique over the chunks of a bank."""

    customers: CustomerNumbers
    accounts: AccountNumbers
    documents: Numbering


def write_bank(
    target: BankTarget,
    *,
    customers: int,
    payments_per_customer: int,
    seed: int,
    progress: Callable[[str], None],
) -> dict[str, int]:
    """Write a generated bank and return the number of rows of each table.

    The same numbers give the same bank, to the value, whatever the target.
    """
    bank = _checked(Bank(customers, payments_per_customer, seed))
    rows = Counter(dict.fromkeys(TABLES, 0))

    def counted() -> Iterator[Part]:
        for parts in _one_ahead(bank):
            # What is written is let go of before the next part is.
            while parts:
                rows[parts[0].table] += parts[0].rows.num_rows
                yield parts.popleft()
            progress(
                f"customers {rows['customers']:,} of {customers:,}, payments {rows['payments']:,}"
            )

    target.write(counted())
    return dict(rows)


def _checked(bank: Bank) -> Bank:
    """Return the bank if it can be made."""
    if not 1 <= bank.customers <= MOST_CUSTOMERS:
        message = f"a demo bank has 1 to {MOST_CUSTOMERS:,} customers"
        raise SourceError(message)
    if bank.payments_per_customer < 0 or bank.seed < 0:
        message = "payments a customer and seed of a demo bank are not negative"
        raise SourceError(message)
    return bank


def _one_ahead(bank: Bank) -> Iterator[deque[Part]]:
    """Yield the chunks, each made in the background while the one before is in use."""
    numberings = _numberings(bank.seed)
    with ThreadPoolExecutor(max_workers=1) as maker:
        coming = maker.submit(_chunk, bank, numberings, 0)
        for number in range(bank.chunks):
            ready = coming.result()
            if number + 1 < bank.chunks:
                coming = maker.submit(_chunk, bank, numberings, number + 1)
            yield ready


def _numberings(seed: int) -> Numberings:
    """Return the numberings of the bank."""
    rng = generator(seed, 2, Stream.NUMBERING)
    return Numberings(
        customers=customer_numbers(seed),
        accounts=account_numbers(seed),
        documents=numbering(rng, 100_000_000, 900_000_000),
    )


def _chunk(bank: Bank, numberings: Numberings, number: int) -> deque[Part]:
    """Return the rows of one chunk: customers with all that is theirs."""
    first = number * bank.customers_in_chunk
    last = min(first + bank.customers_in_chunk, bank.customers)
    chunk = Chunk(bank.seed, number, np.arange(first, last), bank.payments_per_customer, pools())
    people = draw_people(chunk, numberings.customers)
    accounts = draw_accounts(chunk, people, numberings.accounts)
    known = directory(chunk, people, accounts)
    customers = customer_rows(chunk, people, numberings.customers)
    documents = document_rows(chunk, people, numberings.documents)
    files = _Files(chunk, people, accounts, known, customers, documents)
    return deque([*_basic(files), *_further(files)])


@dataclass(frozen=True, slots=True)
class _Files:
    """What the further tables of a chunk are made from."""

    chunk: Chunk
    people: People
    accounts: Accounts
    known: Directory
    customers: pl.DataFrame
    documents: pl.DataFrame


def _basic(files: _Files) -> Iterator[Part]:
    """Yield the customers with their papers, accounts and payments."""
    chunk, people, accounts = files.chunk, files.people, files.accounts
    yield part("customers", files.customers)
    yield part("identity_documents", files.documents)
    yield part("accounts", account_rows(chunk, people, accounts))
    yield part("account_holders", holder_rows(people, accounts))
    payments = draw_payments(chunk, people, accounts)
    yield part("payments", payment_rows(chunk, people, accounts, files.known, payments))


def _further(files: _Files) -> Iterator[Part]:
    """Yield what the bank knows beside accounts and payments."""
    chunk, people, customers = files.chunk, files.people, files.customers
    applications = draw_applications(chunk, people, files.accounts)
    loans = draw_loans(chunk, people, applications)
    others = draw_others(chunk, people, applications, loans)
    author = writer(chunk, people, files.known, others.named, others.owner)
    yield part("logins", login_rows(chunk, people))
    yield part("identifications", identification_rows(chunk, people))
    yield part("payees", payee_rows(chunk, people, others))
    yield part("company_managers", manager_rows(chunk, people, others))
    yield part(
        "credit_applications",
        application_rows(chunk, customers, files.accounts, applications, author),
    )
    yield part("relatives", relative_rows(chunk, people, others))
    yield from _credit(files, applications, loans, author)
    yield part("loan_parties", party_rows(chunk, others, loans))
    yield part("correspondence", correspondence_rows(chunk, customers, people, author))
    yield part("call_recordings", call_rows(chunk, customers, people, author))
    yield part("video_recordings", video_rows(chunk, people))
    yield part("contact_preferences", preference_rows(chunk, customers, people))
    yield part("marketing_consents", consent_rows(chunk, customers, people))


def _credit(files: _Files, applications: Applications, loans: Loans,
            author: Writer) -> Iterator[Part]:  # fmt: skip
    """Yield the loans, their instalments, and the debts that came of them."""
    chunk, accounts = files.chunk, files.accounts
    instalments = draw_instalments(chunk, loans)
    debts = draw_debts(chunk, loans, instalments)
    yield part("loans", loan_rows(chunk, files.people, accounts, applications, loans, instalments))
    yield part("loan_instalments", instalment_rows(chunk, loans, instalments))
    yield part(
        "debts",
        debt_rows(chunk, files.customers, files.documents, accounts, loans, debts, author),
    )
