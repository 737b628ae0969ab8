"""One chunk of a bank: customers who are made, and written, together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from pipelines.demo.draws import Ints, Stream, generator, numbering
from pipelines.demo.pools import Pools

# Customers have eight digits.
MOST_CUSTOMERS: Final = 80_000_000
_FIRST_KEY: Final = 1_000_000_000
# The numberings of customers, accounts and documents come before.
_FIRST_KEY_STREAM: Final = 3


@dataclass(frozen=True, slots=True)
class Chunk:
    """The customers at some positions of the bank, and what they are made from."""

    seed: int
    number: int
    position: Ints
    payments_per_customer: int
    pool: Pools

    def rng(self, stream: Stream) -> np.random.Generator:
        """Return this chunk's generator of a stream, at its beginning."""
        return generator(self.seed, self.number, stream)

    def keys(self, stream: Stream, owner: Ints, slot: Ints, most: int) -> Ints:
        """Return keys that no other row of the bank has in its table.

        owner: the rows' customers in this chunk; slot: which of the customer's rows, below
        ``most``; stream: what the table is drawn from.
        """
        rng = generator(self.seed, _FIRST_KEY_STREAM + stream, Stream.NUMBERING)
        # A side is rounded down, so one more customer has room for what that takes away.
        keys = numbering(rng, _FIRST_KEY, (MOST_CUSTOMERS + 20_000) * most)
        return keys.number(self.position[owner] * most + slot)

    @property
    def payments(self) -> int:
        """How many payments the chunk has, where any account can have one."""
        return len(self.position) * self.payments_per_customer

    @property
    def first_payment(self) -> int:
        """The position of the chunk's first payment in the bank."""
        return int(self.position[0]) * self.payments_per_customer
