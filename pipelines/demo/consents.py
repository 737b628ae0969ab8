"""What customers want to hear of the bank: information about services, and marketing."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.chunk import Chunk
from pipelines.demo.customers import days
from pipelines.demo.draws import Floats, Ints, Stream, chance
from pipelines.demo.people import TODAY, People
from pipelines.demo.pools import by_hand, hide, pick
from pipelines.demo.times import DAYTIME, moments, relationships, timestamps

CHANNELS: Final = ("e-mail", "SMS", "phone")
_EMAIL: Final = 0
# How many customers have said something of each channel.
_ASKED: Final = np.array([0.55, 0.4, 0.15])
_CONSENTED: Final = np.array([0.3, 0.22, 0.06])


def preference_rows(chunk: Chunk, customers: pl.DataFrame, people: People) -> pl.DataFrame:
    """Return the table ``contact_preferences``: where a customer is told about services."""
    rng = chunk.rng(Stream.PREFERENCES)
    owner, channel = _chosen(rng, people, _ASKED)
    size = len(owner)
    person = customers.select("customer_id", "email", "phone")[owner]
    by_mail = channel == _EMAIL
    day = relationships(people).of(owner).days(rng.random(size) ** 2)
    return pl.DataFrame(
        {
            "customer_id": person["customer_id"],
            "channel": pick(pl.Series(CHANNELS), channel),
            "email": hide(person["email"], ~by_mail),
            "phone": hide(person["phone"], by_mail),
            "wanted": hide(pl.Series(chance(rng, 0.83, size)), chance(rng, 0.02, size)),
            "changed_at": timestamps(moments(rng, day, DAYTIME)),
        }
    )


def consent_rows(chunk: Chunk, customers: pl.DataFrame, people: People) -> pl.DataFrame:
    """Return the table ``marketing_consents``: given, and some withdrawn later."""
    rng = chunk.rng(Stream.CONSENTS)
    owner, channel = _chosen(rng, people, _CONSENTED * people.is_adult[:, None])
    size = len(owner)
    person = customers.select("customer_id", "first_name", "last_name", "email", "phone")[owner]
    by_mail = channel == _EMAIL
    span = relationships(people).of(owner)
    given = span.days(rng.random(size))
    withdrawn = given + 1 + ((span.end - given) * rng.random(size)).astype(np.int64)
    kept = ~chance(rng, 0.18, size) | (withdrawn >= TODAY) | (withdrawn >= span.end)
    return pl.DataFrame(
        {
            "consent_id": chunk.keys(Stream.CONSENTS, owner, channel, len(CHANNELS)),
            "customer_id": person["customer_id"],
            "channel": pick(pl.Series(CHANNELS), channel),
            "first_name": by_hand(rng, person["first_name"]),
            "last_name": by_hand(rng, person["last_name"]),
            "email": hide(person["email"], ~by_mail),
            "phone": hide(person["phone"], by_mail),
            "given_on": days(given),
            "withdrawn_on": days(withdrawn, kept),
        }
    )


def _chosen(rng: np.random.Generator, people: People,
            share: Floats) -> tuple[Ints, Ints]:  # fmt: skip
    """Return the customers and channels, each with the chance that is its share."""
    chosen = rng.random((len(people), len(CHANNELS))) < share
    owner, channel = np.nonzero(chosen)
    return owner, channel
