"""The vocabulary: the officer's file of topics, each with the words that tell of it.

It is strict as the policy is: an unknown key, a word under two topics, a topic without words is an
error, and all that is wrong is said at once.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from transforms.spelling import fold

OTHER: Final = "other"
"""The topic of texts in which no topic's word stands; it always exists and is never listed."""
FEWEST_LETTERS: Final = 2
SHORTEST_STEM: Final = 3
LONGEST_PHRASE: Final = 6


class Language(StrEnum):
    """The languages in which words are listed (ISO 639-1)."""

    ALBANIAN = "sq"
    SERBIAN = "sr"
    ENGLISH = "en"
    LITHUANIAN = "lt"
    LATVIAN = "lv"
    ESTONIAN = "et"


@dataclass(frozen=True, slots=True, order=True)
class Piece:
    """A word as it is compared, or the beginning of words."""

    letters: str
    is_stem: bool

    def __str__(self) -> str:
        """Return it as the officer writes it."""
        return self.letters + "*" * self.is_stem


Entry = tuple[Piece, ...]
"""A word, or the words of a phrase in their order."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


Listed = tuple[Annotated[str, Field(min_length=1, max_length=120)], ...]


class Words(_Strict):
    """Words (`rent`), stems (`qira*`) and phrases (`ex* oblig*`) by language; or of any."""

    sq: Listed = ()
    sr: Listed = ()
    en: Listed = ()
    lt: Listed = ()
    lv: Listed = ()
    et: Listed = ()
    international: Listed = ()

    def listed(self) -> Iterator[tuple[Language | None, str]]:
        """Yield what is listed, each with its language, None where it is of any."""
        for language in Language:
            yield from ((language, text) for text in getattr(self, language.value))
        yield from ((None, text) for text in self.international)

    def entries(self) -> Iterator[tuple[Language | None, str, Entry]]:
        """Yield what is listed with all that it is compared as."""
        for language, text in self.listed():
            yield from ((language, text, entry) for entry in entries(text))


class Topic(Words):
    """What texts are about; `without` are words that rule it out."""

    name: str = Field(pattern=r"^[a-z][a-z0-9 -]{0,39}$")
    meaning: str = Field(min_length=1, max_length=200)
    without: Words = Words()


class Vocabulary(_Strict):
    """Topics in their order, the more telling first.

    passed_over: words that are as if they were not written: those that join others ("for", "of"),
    and those that a stem would take though they say nothing.
    """

    version: str = Field(min_length=1, max_length=40)
    title: str = Field(min_length=1, max_length=200)
    passed_over: Words = Field(default=Words(), alias="passed-over")
    topics: tuple[Topic, ...] = Field(min_length=1, max_length=200)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        problems = [*_unreadable(self)] or [*_contradictions(self)]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The closed list of what a text can be about, `other` at last."""
        return (*(topic.name for topic in self.topics), OTHER)

    @property
    def left_out(self) -> frozenset[Piece]:
        """The words and stems that are passed over."""
        return frozenset(piece for _, _, entry in self.passed_over.entries() for piece in entry)

    def entries(self) -> Iterator[tuple[int, Language | None, str, Entry]]:
        """Yield every topic's entries, as the topic's position, language, text and pieces.

        What is passed over is no part of a phrase.
        """
        left_out = self.left_out
        for position, topic in enumerate(self.topics):
            for language, text, entry in topic.entries():
                kept = tuple(piece for piece in entry if piece not in left_out)
                yield position, language, text, kept

    def vetoes(self) -> Iterator[tuple[int, Piece]]:
        """Yield the words that rule a topic out, with the topic's position."""
        for position, topic in enumerate(self.topics):
            for _, _, (piece,) in topic.without.entries():
                yield position, piece


def entries(text: str) -> tuple[Entry, ...]:
    """Return what a listed word, stem or phrase is compared as; đ is written dj as well.

    Raises ValueError that says what is wrong with it.
    """
    forms = (text, *(text.replace(letter, "dj") for letter in "đĐђЂ" if letter in text))
    return tuple(dict.fromkeys(_entry(form, text) for form in forms))


def _entry(form: str, text: str) -> Entry:
    pieces = tuple(
        _piece(word, text)
        for word in form.replace("-", " ").split()
        if len(word.rstrip("*")) >= FEWEST_LETTERS
    )
    if not pieces:
        raise ValueError(f'"{text}" has no word of {FEWEST_LETTERS} letters or more')
    if len(pieces) > LONGEST_PHRASE:
        raise ValueError(f'"{text}" has more than {LONGEST_PHRASE} words')
    return pieces


def _piece(word: str, text: str) -> Piece:
    is_stem = word.endswith("*")
    apart = fold(word.removesuffix("*")).lower()
    letters = "".join(sign for sign in apart if not unicodedata.combining(sign))
    if not (letters.isascii() and letters.isalpha()):
        raise ValueError(
            f'"{text}": a word is letters, Latin or Serbian Cyrillic, and * at its end'
        )
    if is_stem and len(letters) < SHORTEST_STEM:
        raise ValueError(
            f'"{text}": a stem has {SHORTEST_STEM} letters or more, or it takes what it should not'
        )
    return Piece(letters, is_stem)


def _unreadable(vocabulary: Vocabulary) -> Iterator[str]:
    """Say what cannot be read, word by word."""
    places = [("passed-over", vocabulary.passed_over)]
    for topic in vocabulary.topics:
        places += [(f"topic {topic.name}", topic), (f"topic {topic.name}, without", topic.without)]
    for place, words in places:
        for _, text in words.listed():
            try:
                found = entries(text)
            except ValueError as error:
                yield f"{place}: {error}"
                continue
            if len(found[0]) > 1 and not isinstance(words, Topic):
                yield f'{place}: "{text}" is a phrase; give single words here'


def _contradictions(vocabulary: Vocabulary) -> Iterator[str]:
    """Say what the topics get wrong together."""
    yield from _names(vocabulary)
    yield from _twice(vocabulary)
    left_out = vocabulary.left_out
    for topic in vocabulary.topics:
        if not any(topic.listed()):
            yield f"topic {topic.name} has no words"
        counts = Counter(topic.listed())
        yield from (
            f'topic {topic.name}: "{text}" stands twice'
            for (_, text), count in counts.items()
            if count > 1
        )
        own = {entry[0] for _, _, entry in topic.entries() if len(entry) == 1}
        against = [entry[0] for _, _, entry in topic.without.entries()]
        for piece in chain(own & {*against}, own & left_out):
            where = "passed over" if piece in left_out else "listed under its without"
            yield f'topic {topic.name}: "{piece}" is {where} as well, so it would never count'


def _names(vocabulary: Vocabulary) -> Iterator[str]:
    names = [topic.name for topic in vocabulary.topics]
    if OTHER in names:
        yield f'"{OTHER}" is what no topic is told of: it is always there and not listed'
    yield from (f"topic {name} stands twice" for name in sorted({*names}) if names.count(name) > 1)


def _twice(vocabulary: Vocabulary) -> Iterator[str]:
    """Say which words are under two topics, also those that folding makes one."""
    topics = vocabulary.topics
    first: dict[Entry, tuple[int, str]] = {}
    for position, _, text, entry in vocabulary.entries():
        if len(entry) < len(entries(text)[0]) and len(entry) <= 1:
            yield (
                f'topic {topics[position].name}: of "{text}" too little is left, for the rest is '
                f"passed over: list a single word alone, or do not pass over the others"
            )
            continue
        earlier, its_text = first.setdefault(entry, (position, text))
        if earlier != position:
            spelling = "" if text == its_text else f', read like "{its_text}",'
            yield (
                f'"{text}"{spelling} stands under topic {topics[earlier].name} and under topic '
                f"{topics[position].name}"
            )
