"""Which of six languages texts are written in: by words that any text needs, and by letters."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Final

import numpy as np
import polars as pl

from transforms.text.dictionary import Dictionary
from transforms.text.folding import each_once, is_blank, words_of
from transforms.text.function_words import FUNCTION_WORDS, LETTERS
from transforms.text.vocabulary import OTHER, Language, Piece, Vocabulary, entries

LANGUAGES: Final = (*(language.value for language in Language), OTHER)
_WORD, _LETTER = 24, 6
"""What a word says for a language, and a letter; of several languages each has its part of it."""


def languages(texts: pl.Series, vocabulary: Vocabulary | None = None) -> pl.Series:
    """Return the language of each text, an Enum of `LANGUAGES`; NULL where it is missing or blank.

    A text speaks for a language with its words and its letters; with a vocabulary also with the
    words that this lists for one language. What speaks for none, or for two alike, is `other`. The
    first 16,384 characters are looked at. Letters without their marks say less.
    """
    return each_once(texts, partial(_languages, evidence=_evidence(vocabulary)))


Evidence = tuple[Dictionary, pl.DataFrame]


@lru_cache(maxsize=16)
def _evidence(vocabulary: Vocabulary | None) -> Evidence:
    """Return the pieces that speak for languages, and the points of each: `piece`, `language`."""
    speaks: dict[Piece, set[int]] = {}
    of = {language: position for position, language in enumerate(Language)}
    for language, text in FUNCTION_WORDS.items():
        for word in text.split():
            speaks.setdefault(_piece(word), set()).add(of[language])
    for topic in () if vocabulary is None else vocabulary.topics:
        for its, _, entry in topic.entries():
            if its is not None:
                for piece in entry:
                    speaks.setdefault(piece, set()).add(of[its])
    rows = [
        (number, language, _WORD // len(said))
        for number, said in enumerate(speaks.values())
        for language in said
    ]
    schema = {"piece": pl.UInt32, "language": pl.UInt32, "points": pl.Int64}
    return Dictionary.of(speaks), pl.DataFrame(rows, schema=schema, orient="row")


def _piece(word: str) -> Piece:
    if len(word) == 1:
        return Piece(word, is_stem=False)
    return entries(word)[0][0]


def _languages(texts: pl.Series, evidence: Evidence) -> pl.Series:
    """Return the languages of different texts."""
    written = words_of(texts)
    different = written["word"].unique()
    dictionary, points = evidence
    looked_up = dictionary.look_up(different)
    exact = looked_up.filter(pl.col("size") == pl.col("size").max().over("word"))
    speaks = pl.concat(
        [
            exact.join(points, on="piece").select("word", "language", "points"),
            *(_lettered(different, letters, spoken) for letters, spoken in LETTERS.items()),
        ]
    )
    total = written.join(speaks, on="word").group_by("text", "language").agg(pl.col("points").sum())
    score = np.zeros((len(texts), len(Language)), dtype=np.int64)
    score[total["text"].to_numpy(), total["language"].to_numpy()] = total["points"].to_numpy()
    most = score.max(axis=1, initial=0)
    alone = (score == most[:, None]).sum(axis=1) == 1
    position = np.where(alone, score.argmax(axis=1), len(Language)).astype(np.uint32)
    labels = pl.Series(LANGUAGES, dtype=pl.Enum(LANGUAGES))
    found = labels.gather(pl.Series(position))
    return pl.select(pl.when(~is_blank(texts)).then(found)).to_series()


def _lettered(words: pl.Series, letters: str, spoken: tuple[Language, ...]) -> pl.DataFrame:
    """Return what words with some letters say for the languages that are written with these."""
    composed = words.str.normalize("NFC")
    has = words.filter(composed.str.contains(f"[{letters}]"))
    number = [position for position, language in enumerate(Language) if language in spoken]
    return pl.DataFrame({"word": has}).join(
        pl.DataFrame(
            {"language": number, "points": [_LETTER // len(spoken)] * len(number)},
            schema={"language": pl.UInt32, "points": pl.Int64},
        ),
        how="cross",
    )
