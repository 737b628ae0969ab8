"""The generated bank: chunk after chunk, made while the one before is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.demo.accounts import (
    AccountNumbers,
    account_numbers,
    account_rows,
    draw_accounts,
    holder_rows,
)
from pipelines.demo.chunk import Chunk
from pipelines.demo.customers import customer_rows, document_rows
from pipelines.demo.directory import directory
from pipelines.demo.draws import Numbering, Stream, generator, numbering
from pipelines.demo.payments import draw_payments, payment_rows
from pipelines.demo.people import CustomerNumbers, customer_numbers, draw_people
from pipelines.demo.pools import pools
from pipelines.demo.schema import TABLES, Part, part
from pipelines.demo.targets import BankTarget
from transforms.errors import SourceError

# Customers have eight digits.
_MOST_CUSTOMERS: Final = 80_000_000
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
            for piece in parts:
                yield piece
                rows[piece.table] += piece.rows.num_rows
            progress(
                f"customers {rows['customers']:,} of {customers:,}, payments {rows['payments']:,}"
            )

    target.write(counted())
    return dict(rows)


def _checked(bank: Bank) -> Bank:
    """Return the bank if it can be made."""
    if not 1 <= bank.customers <= _MOST_CUSTOMERS:
        message = f"a demo bank has 1 to {_MOST_CUSTOMERS:,} customers"
        raise SourceError(message)
    if bank.payments_per_customer < 0 or bank.seed < 0:
        message = "payments a customer and seed of a demo bank are not negative"
        raise SourceError(message)
    return bank


def _one_ahead(bank: Bank) -> Iterator[list[Part]]:
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


def _chunk(bank: Bank, numberings: Numberings, number: int) -> list[Part]:
    """Return the rows of one chunk: customers with all that is theirs."""
    first = number * bank.customers_in_chunk
    last = min(first + bank.customers_in_chunk, bank.customers)
    chunk = Chunk(bank.seed, number, np.arange(first, last), bank.payments_per_customer, pools())
    people = draw_people(chunk, numberings.customers)
    accounts = draw_accounts(chunk, people, numberings.accounts)
    known = directory(chunk, people, accounts)
    payments = draw_payments(chunk, people, accounts)
    return [
        part("customers", customer_rows(chunk, people, numberings.customers)),
        part("identity_documents", document_rows(chunk, people, numberings.documents)),
        part("accounts", account_rows(chunk, people, accounts)),
        part("account_holders", holder_rows(people, accounts)),
        part("payments", payment_rows(chunk, people, accounts, known, payments)),
    ]
