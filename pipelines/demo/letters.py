"""Longer texts of and about customers: what they write, say on the phone, and owe."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.chunk import Chunk
from pipelines.demo.details import LANGUAGES, Phrases, Subjects, Words, laid_out, words, written
from pipelines.demo.directory import Directory, Named
from pipelines.demo.draws import Ints, Stream, weighted_by
from pipelines.demo.letter_templates import LETTERS
from pipelines.demo.people import TODAY, People
from pipelines.demo.templates import Language, lines

# Texts tell of days since then.
_FIRST_DAY: Final = TODAY - 12 * 365
_TOPICS: Final = tuple(LETTERS)


@cache
def _phrases() -> Phrases:
    """Return the templates, parsed once in a process."""
    return laid_out([lines(LETTERS[topic][language]) for topic in _TOPICS for language in Language])


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes texts of a chunk's customers, each in the customer's language.

    ``companion`` is whom a customer's texts name: somebody of the customer's own where the bank
    knows one, by a row of the dictionary's people.
    """

    dictionary: Words
    language: Ints
    companion: Ints

    def write(self, rng: np.random.Generator, topic: str, owner: Ints, day: Ints) -> pl.Series:
        """Return a text of each customer on the topic."""
        return self.write_each(rng, np.full(len(owner), topic_number(topic)), owner, day)

    def write_each(self, rng: np.random.Generator, topic: Ints, owner: Ints,
                   day: Ints) -> pl.Series:  # fmt: skip
        """Return a text of each customer on the topic of that number."""
        subjects = Subjects(
            counterparty=self.companion[owner],
            owner=owner,
            day=np.clip(day, _FIRST_DAY, TODAY - 1) - _FIRST_DAY,
        )
        stretch = topic * len(Language) + self.language[owner]
        return written(rng, _phrases(), self.dictionary, subjects, stretch)


def topic_number(topic: str) -> int:
    """Return the number of a topic of letters."""
    return _TOPICS.index(topic)


def writer(chunk: Chunk, people: People, known: Directory, others: Named,
           owner_of_other: Ints) -> Writer:  # fmt: skip
    """Return the writer of a chunk's texts, which name customers and the others whom they know."""
    rng, size = chunk.rng(Stream.WORDS), len(people)
    companion = size + rng.integers(0, max(len(others.name), 1), size)
    companion[owner_of_other] = size + np.arange(len(owner_of_other))
    everybody = Named(
        name=pl.concat([known.name[:size], others.name]),
        plain_name=pl.concat([known.plain_name[:size], others.plain_name]),
        phone=pl.concat([known.phone[:size], others.phone]),
        address=pl.concat([known.address[:size], others.address]),
        iban=pl.concat([known.iban[:size], others.iban]),
    )
    return Writer(
        dictionary=words(rng, everybody, _FIRST_DAY),
        language=weighted_by(rng, LANGUAGES, people.community),
        # Where nobody else is known, customers tell of themselves.
        companion=companion if len(others.name) else np.arange(size),
    )
