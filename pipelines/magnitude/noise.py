"""Noise and keyed choice, both by libraries: OpenDP's discrete Gaussian, AES as a function.

OpenDP samples exactly (Canonne et al. 2020) from the operating system's randomness; there is no
seed. It is also asked what its noise costs, so that our arithmetic is not alone.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import polars as pl
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from transforms.errors import EngineError
from transforms.magnitude.bound import Choose, Ints

_TINY = 1e-9
"""What rounding to the next float may make of a cost."""


def discrete_gaussian(cells: Ints, sensitivity: float, rho: float) -> Ints:
    """Return the numbers with noise that makes them rho-zCDP at that L2 sensitivity."""
    # Imported where it is needed: a release without new periods has no use for it.
    import opendp.prelude as dp

    dp.enable_features("contrib")
    measurement = dp.m.make_gaussian(
        dp.vector_domain(dp.atom_domain(T="i64")),
        dp.l2_distance(T="f64"),
        scale=sensitivity / math.sqrt(2 * rho),
    )
    if measurement.map(sensitivity) > rho * (1 + _TINY):  # type: ignore[no-untyped-call]  # OpenDP's
        raise EngineError("the noise would cost more than was asked for, so none was drawn")
    return np.asarray(measurement(cells.tolist()), dtype=np.int64)


def keyed_choice(key: bytes) -> Choose:
    """Return a pseudorandom function of a person's key and a slot.

    AES of one block, which is what the block cipher is: person and slot in, 64 bits out. key: 32
    bytes; another for each table.
    """
    cipher = Cipher(algorithms.AES256(key), modes.ECB())  # noqa: S305 - each block is a question of its own, nothing is encrypted

    def choose(persons: pl.Series, slots: pl.Series) -> pl.Series:
        blocks = np.empty((len(slots), 2), dtype="<i8")
        blocks[:, 0] = _numbers(persons, key)
        blocks[:, 1] = slots.to_numpy()
        encryptor = cipher.encryptor()
        drawn = np.frombuffer(encryptor.update(blocks.tobytes()), dtype="<u8")
        return pl.Series(drawn[::2].copy(), dtype=pl.UInt64)

    return choose


def _numbers(persons: pl.Series, key: bytes) -> Ints:
    """Return a number for each person's key: whole numbers are their own, texts are digested."""
    if persons.dtype != pl.String:
        return persons.cast(pl.Int64).to_numpy()
    distinct = persons.unique()
    digests = [hashlib.blake2b(text.encode(), digest_size=8, key=key).digest() for text in distinct]
    numbers = np.frombuffer(b"".join(digests), dtype="<i8")
    return persons.replace_strict(distinct, numbers, return_dtype=pl.Int64).to_numpy()
