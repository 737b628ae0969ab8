"""Letters, messages and calls between customers and the bank, and recordings of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.chunk import Chunk
from pipelines.demo.draws import Bools, Ints, Stream, chance, repeated, weighted
from pipelines.demo.leaves import MUNICIPALITIES
from pipelines.demo.letters import Writer, topic_number
from pipelines.demo.people import TODAY, People
from pipelines.demo.pools import by_hand, digits, hide, internet_addresses, joined, pick
from pipelines.demo.times import DAYTIME, OFFICE_HOURS, moments, relationships, timestamps

_SINCE: Final = TODAY - 4 * 365
_MOST_LETTERS: Final = 6
_MOST_CALLS: Final = 5
CHANNELS: Final = ("e-mail", "web form", "letter", "SMS", "chat")
_EMAIL, _FORM, _LETTER, _SMS, _CHAT = range(5)
_TOPICS: Final = ("complaint", "statement", "lost card", "new address", "transfer", "instalment")
_FROM_BANK: Final = "reminder"


@dataclass(frozen=True, slots=True)
class _Letters:
    """What was written: rows of the chunk's customers, days, positions in lists."""

    owner: Ints
    slot: Ints
    day: Ints
    channel: Ints
    outgoing: Bools
    topic: Ints

    def __len__(self) -> int:
        return len(self.owner)


def _draw_letters(rng: np.random.Generator, people: People) -> _Letters:
    lately = relationships(people, since=_SINCE)
    count = np.minimum(rng.poisson(0.58, len(people)), _MOST_LETTERS)
    owner, slot = repeated(count * lately.some)
    size = len(owner)
    channel = weighted(rng, (44, 18, 10, 18, 10), size)
    outgoing = chance(rng, np.array([0.3, 0.0, 0.6, 0.9, 0.3])[channel], size)
    return _Letters(
        owner=owner,
        slot=slot,
        day=lately.of(owner).days(rng.random(size)),
        channel=channel,
        outgoing=outgoing,
        topic=weighted(rng, (25, 20, 10, 12, 18, 15), size),
    )


def correspondence_rows(chunk: Chunk, customers: pl.DataFrame, people: People,
                        writer: Writer) -> pl.DataFrame:  # fmt: skip
    """Return the table ``correspondence``: with names and addresses as they stand on it."""
    rng = chunk.rng(Stream.CORRESPONDENCE)
    letters = _draw_letters(rng, people)
    size = len(letters)
    key = chunk.keys(Stream.CORRESPONDENCE, letters.owner, letters.slot, _MOST_LETTERS)
    sender = customers.select("customer_id", *_ON_A_LETTER)[letters.owner]
    electronic = letters.channel <= _FORM
    paper = letters.channel == _LETTER
    mobile = (letters.channel == _SMS) | (letters.channel == _CHAT)
    statement = (letters.topic == _TOPICS.index("statement")) & letters.outgoing
    return pl.DataFrame(
        {
            "correspondence_id": key,
            "customer_id": sender["customer_id"],
            "sent_at": timestamps(moments(rng, letters.day, DAYTIME)),
            "channel": pick(pl.Series(CHANNELS), letters.channel),
            "direction": pick(pl.Series(["in", "out"]), letters.outgoing.astype(np.int64)),
            "first_name": hide(by_hand(rng, sender["first_name"]), mobile),
            "last_name": hide(by_hand(rng, sender["last_name"]), mobile),
            "email": hide(sender["email"], ~electronic),
            "phone": hide(sender["phone"], ~mobile),
            "street": hide(sender["street"], ~paper),
            "house_number": hide(sender["house_number"], ~paper),
            "postcode": hide(sender["postcode"], ~paper),
            "ip_address": hide(internet_addresses(rng, size),
                               letters.outgoing | ~(electronic | (letters.channel == _CHAT))),
            "subject": hide(_subjects(rng, letters, writer), mobile | chance(rng, 0.03, size)),
            "body": hide(_bodies(rng, letters, writer), chance(rng, 0.005, size)),
            "statement_reference": hide(
                joined("statements/", pl.Series(key).cast(pl.String), ".pdf"), ~statement),
        }
    )  # fmt: skip


_ON_A_LETTER: Final = ("first_name", "last_name", "email", "phone", "street", "house_number",
                       "postcode")  # fmt: skip


def _subjects(rng: np.random.Generator, letters: _Letters, writer: Writer) -> pl.Series:
    numbers = np.array([topic_number(f"subject {topic}") for topic in _TOPICS])
    notice = topic_number(f"subject {_FROM_BANK}")
    topic = np.where(letters.outgoing, notice, numbers[letters.topic])
    return writer.write_each(rng, topic, letters.owner, letters.day)


def _bodies(rng: np.random.Generator, letters: _Letters, writer: Writer) -> pl.Series:
    """Return greeting, matter and regards; of short messages the matter alone."""
    numbers = np.array([topic_number(topic) for topic in _TOPICS])
    out = letters.outgoing
    matter = np.where(out, topic_number(_FROM_BANK), numbers[letters.topic])
    greeting = np.where(out, topic_number("to me"), topic_number("from me"))
    regards = np.where(out, topic_number("bank's regards"), topic_number("regards"))
    pieces = [
        writer.write_each(rng, topic, letters.owner, letters.day)
        for topic in (greeting, matter, regards)
    ]
    short = (letters.channel == _SMS) | (letters.channel == _CHAT)
    return pl.select(
        pl.when(pl.Series(short)).then(pieces[1]).otherwise(pl.concat_str(pieces, separator="\n\n"))
    ).to_series()


def call_rows(chunk: Chunk, customers: pl.DataFrame, people: People,
              writer: Writer) -> pl.DataFrame:  # fmt: skip
    """Return the table ``call_recordings``."""
    rng = chunk.rng(Stream.CALLS)
    lately = relationships(people, since=_SINCE)
    count = np.minimum(rng.poisson(0.23, len(people)), _MOST_CALLS)
    owner, slot = repeated(count * lately.some)
    size = len(owner)
    day = lately.of(owner).days(rng.random(size))
    key = chunk.keys(Stream.CALLS, owner, slot, _MOST_CALLS)
    caller = customers.select("customer_id", "phone", "date_of_birth")[owner]
    verified = chance(rng, 0.7, size)
    return pl.DataFrame(
        {
            "recording_id": key,
            "customer_id": caller["customer_id"],
            "begun_at": timestamps(moments(rng, day, OFFICE_HOURS)),
            "seconds": 15 + (140 * rng.exponential(1.2, size)).astype(np.int64),
            "direction": pick(pl.Series(["in", "out"]), chance(rng, 0.25, size).astype(np.int64)),
            "phone": caller["phone"],
            "date_of_birth": hide(caller["date_of_birth"], ~verified),
            "recording_reference": _references("calls/", key, ".opus"),
            "summary": hide(writer.write(rng, "call", owner, day), chance(rng, 0.15, size)),
        }
    )


# Clause 13: kept for a month; a share was forgotten.
_KEPT: Final = 30
_FORGOTTEN: Final = 0.1
_FORGOTTEN_SINCE: Final = 150
_CAMERAS: Final = ("entrance", "counter 1", "counter 2", "cash machine", "safe")


def video_rows(chunk: Chunk, people: People) -> pl.DataFrame:
    """Return the table ``video_recordings``: of visits, some of nobody who was recognised."""
    rng = chunk.rng(Stream.VIDEOS)
    lately = relationships(people, since=TODAY - _FORGOTTEN_SINCE)
    here = people.open & (lately.end - lately.begin >= _FORGOTTEN_SINCE)
    owner = np.flatnonzero(here & chance(rng, 0.06, len(people)))
    size = len(owner)
    forgotten = chance(rng, _FORGOTTEN, size)
    age = np.where(forgotten, rng.integers(_KEPT + 1, _FORGOTTEN_SINCE, size),
                   rng.integers(1, _KEPT, size))  # fmt: skip
    key = chunk.keys(Stream.VIDEOS, owner, np.zeros(size, dtype=np.int64), 1)
    premises = pl.Series([f"branch {place.name}" for place in MUNICIPALITIES])
    return pl.DataFrame(
        {
            "recording_id": key,
            "customer_id": hide(pl.Series(people.customer_id[owner]), chance(rng, 0.3, size)),
            "premises": pick(premises, people.municipality[owner]),
            "camera": pick(pl.Series(_CAMERAS), weighted(rng, (30, 25, 15, 25, 5), size)),
            "begun_at": timestamps(moments(rng, TODAY - age, OFFICE_HOURS)),
            "seconds": 30 + (300 * rng.exponential(1.0, size)).astype(np.int64),
            "recording_reference": _references("videos/", key, ".mp4"),
        }
    )


def _references(folder: str, key: Ints, suffix: str) -> pl.Series:
    text = digits(key, 10)
    return joined(folder, text.str.slice(0, 3), "/", text, suffix)
