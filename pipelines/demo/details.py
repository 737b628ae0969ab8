"""The details of payments: free text as in real life, with personal data inside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Final

import numpy as np
import polars as pl

from pipelines.demo.chunk import Chunk
from pipelines.demo.directory import Directory, Named
from pipelines.demo.draws import Ints, Stream, weighted_by
from pipelines.demo.leaves import MUNICIPALITIES
from pipelines.demo.people import REFERENCE_DAY, TODAY, day_number
from pipelines.demo.pools import digits, joined, pick
from pipelines.demo.templates import (
    MONTHS,
    TEMPLATES,
    TOPICS,
    Language,
    Slot,
    Template,
    lines,
)

FIRST_DAY: Final = day_number(date(REFERENCE_DAY.year - 2, REFERENCE_DAY.month, 1))


@dataclass(frozen=True, slots=True)
class Subjects:
    """Whom and when the details of payments may name: rows of the directory, days of the bank."""

    counterparty: Ints
    owner: Ints
    day: Ints


@dataclass(frozen=True, slots=True)
class Phrases:
    """All templates laid end to end, a stretch for each topic and language."""

    start: Ints
    count: Ints
    before: pl.Series
    between: pl.Series
    after: pl.Series
    first: Ints
    second: Ints


def laid_out(stretches: list[list[Template]]) -> Phrases:
    """Return the stretches of templates, laid end to end."""
    count = np.array([len(stretch) for stretch in stretches], dtype=np.int64)
    every = [phrase for stretch in stretches for phrase in stretch]
    return Phrases(
        start=np.cumsum(count) - count,
        count=count,
        before=pl.Series([phrase.before for phrase in every]),
        between=pl.Series([phrase.between for phrase in every]),
        after=pl.Series([phrase.after for phrase in every]),
        first=np.array([int(phrase.first) for phrase in every], dtype=np.int64),
        second=np.array([int(phrase.second) for phrase in every], dtype=np.int64),
    )


@cache
def _phrases() -> Phrases:
    """Return the templates of payments, parsed once in a process."""
    return laid_out(
        [lines(TEMPLATES[topic][language]) for topic in TOPICS for language in Language]
    )


# How often each community writes in each language.
LANGUAGES: Final = ((0.8, 0.02, 0.18), (0.05, 0.87, 0.08), (0.6, 0.2, 0.2), (0.25, 0.05, 0.7))


def details(chunk: Chunk, known: Directory, subjects: Subjects, topic: Ints,
            community: Ints) -> pl.Series:  # fmt: skip
    """Return the text of each payment: a phrase of the topic with its slots filled."""
    rng = chunk.rng(Stream.DETAILS)
    dictionary = words(rng, known, FIRST_DAY)
    language = weighted_by(rng, LANGUAGES, community)
    return written(rng, _phrases(), dictionary, subjects, topic * len(Language) + language)


def written(rng: np.random.Generator, phrases: Phrases, dictionary: Words, subjects: Subjects,
            stretch: Ints) -> pl.Series:  # fmt: skip
    """Return a text for each subject: a phrase of the stretch with its slots filled.

    A stretch is a topic and a language: its number is that of the language modulo three.
    """
    lot = rng.random(len(stretch))
    phrase = phrases.start[stretch] + (phrases.count[stretch] * lot).astype(np.int64)
    language = stretch % len(Language)
    month = language * dictionary.months + dictionary.month_of_day[subjects.day]
    texts = [
        pick(dictionary.text, _fillings(rng, dictionary, slot[phrase], subjects, month))
        for slot in (phrases.first, phrases.second)
    ]
    return joined(
        pick(phrases.before, phrase),
        texts[0],
        pick(phrases.between, phrase),
        texts[1],
        pick(phrases.after, phrase),
    )


@dataclass(frozen=True, slots=True)
class Words:
    """What can fill slots, laid end to end; a stretch for each ``Slot``.

    ``month_of_day`` counts the months from the first one of the calendar on.
    """

    text: pl.Series
    start: Ints
    count: Ints
    month_of_day: Ints

    @property
    def months(self) -> int:
        """How many months the calendar has."""
        return int(self.month_of_day[-1]) + 1


_REFERENCES: Final = 20_000


def words(rng: np.random.Generator, known: Named, first_day: int) -> Words:
    """Return the texts of a chunk's slots, with a calendar from the first day to today."""
    day = np.arange(first_day, TODAY)
    month = day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    year = pick(pl.Series(["2024/", "2025-", "26/", ""]), rng.integers(0, 4, _REFERENCES))
    texts = [
        pl.Series([""]),
        known.name,
        known.plain_name,
        known.phone,
        known.iban,
        known.address,
        joined(year, digits(rng.integers(0, 10**6, _REFERENCES), 6)),
        _month_names(month),
        pl.Series(day.astype(np.int32)).cast(pl.Date).dt.strftime("%d.%m.%Y"),
        pl.Series([place.name for place in MUNICIPALITIES]),
    ]
    count = np.array([len(text) for text in texts], dtype=np.int64)
    start = np.cumsum(count) - count
    # The owner's slots take from the same stretches as the counterparty's.
    of_slot = np.array([0, 1, 2, 3, 4, 5, 1, 3, 4, 5, 6, 7, 8, 9])
    return Words(pl.concat(texts), start[of_slot], count[of_slot], month - month[0])


def _month_names(calendar: Ints) -> pl.Series:
    """Return the names of the calendar's months, those of a language together."""
    months = [int(month) for month in np.unique(calendar)]
    return pl.Series(
        [
            f"{MONTHS[language][month % 12]} {1970 + month // 12}"
            for language in Language
            for month in months
        ]
    )


def _fillings(rng: np.random.Generator, dictionary: Words, slot: Ints, subjects: Subjects,
              month: Ints) -> Ints:  # fmt: skip
    """Return positions in the words: by counterparty, owner or time; others by chance."""
    theirs = (slot >= Slot.THEIR_NAME) & (slot <= Slot.THEIR_ADDRESS)
    mine = (slot >= Slot.MY_NAME) & (slot <= Slot.MY_ADDRESS)
    return dictionary.start[slot] + np.select(
        [theirs, mine, slot == Slot.MONTH, slot == Slot.DAY],
        [subjects.counterparty, subjects.owner, month, subjects.day],
        (dictionary.count[slot] * rng.random(len(slot))).astype(np.int64),
    )
