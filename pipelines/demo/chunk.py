"""One chunk of a bank: customers who are made, and written, together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipelines.demo.draws import Ints, Stream, generator
from pipelines.demo.pools import Pools


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

    @property
    def payments(self) -> int:
        """How many payments the chunk has, where any account can have one."""
        return len(self.position) * self.payments_per_customer

    @property
    def first_payment(self) -> int:
        """The position of the chunk's first payment in the bank."""
        return int(self.position[0]) * self.payments_per_customer
