"""What texts are about: the topic of a closed vocabulary that the words of each tell of.

Of a text only the words count that the vocabulary lists; any other, a name, a number, an address,
is as if it was not written. So a topic cannot tell of anything but listed words.

1. A word is what it is most exactly: a listed word, else the longest stem. What is passed over is
   as if it was not written, too.
2. A phrase stands in a text where its words follow each other, whatever is not listed between them.
3. The topic is that of the phrase with the most words (a word is a phrase of one), among equally
   long ones the topic that stands first in the file. A topic is out where a word of its `without`
   is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import polars as pl

from transforms.text.dictionary import Dictionary
from transforms.text.folding import each_once, is_blank, words_of
from transforms.text.vocabulary import Entry, Piece, Vocabulary

_START = 0


def topics(texts: pl.Series, vocabulary: Vocabulary) -> pl.Series:
    """Return the topic of each text, an Enum of the vocabulary's labels.

    A missing or blank text has none (NULL); a text in which no topic's word stands is `other`.
    The first 16,384 characters of a text are looked at (`folding.LONGEST`). A topic depends on its
    text and the vocabulary alone.
    """
    return each_once(texts, partial(_topics, rules=_rules(vocabulary)))


def known(words: pl.Series, vocabulary: Vocabulary) -> pl.Series:
    """Say of each text whether a word in it counts for anything in the vocabulary.

    Texts of which none does, such as names, change no topic where they are added.
    """
    written = words_of(words.cast(pl.String))
    counting = _senses(written["word"], _rules(vocabulary))["word"].unique()
    positions = written.filter(pl.col("word").is_in(counting.implode()))["text"]
    return pl.Series(words.name, np.isin(np.arange(len(words)), positions.to_numpy()))


@dataclass(frozen=True, slots=True)
class _Rules:
    """A vocabulary as tables of numbers.

    A rank is a phrase's length and its topic in one number, the winning one the least.
    steps: a state of a phrase and the next piece → the state after it, the rank where it is all.
    """

    labels: pl.Series
    dictionary: Dictionary
    passed_over: pl.DataFrame
    singles: pl.DataFrame
    steps: pl.DataFrame
    longest: int
    vetoes: pl.DataFrame

    @property
    def topics(self) -> int:
        """How many topics there are, without `other`."""
        return len(self.labels) - 1


@lru_cache(maxsize=16)
def _rules(vocabulary: Vocabulary) -> _Rules:
    phrases = {entry: topic for topic, _, _, entry in vocabulary.entries()}
    vetoes = [*vocabulary.vetoes()]
    left_out = vocabulary.left_out
    pieces = dict.fromkeys(
        [
            *(piece for entry in phrases for piece in entry),
            *(piece for _, piece in vetoes),
            *left_out,
        ]
    )
    number = {piece: position for position, piece in enumerate(pieces)}
    longest = max(map(len, phrases))
    count = len(vocabulary.topics)
    rank = {entry: (longest - len(entry)) * count + topic for entry, topic in phrases.items()}
    return _Rules(
        labels=pl.Series(vocabulary.labels, dtype=pl.Enum(vocabulary.labels)),
        dictionary=Dictionary.of(pieces),
        passed_over=_table((number[piece],) for piece in left_out),
        singles=_table(
            ((number[entry[0]], rank[entry]) for entry in rank if len(entry) == 1), "rank"
        ),
        steps=_steps(rank, number),
        longest=longest,
        vetoes=_table(((number[piece], topic) for topic, piece in vetoes), "topic"),
    )


def _table(rows: Iterable[tuple[int, ...]], *columns: str) -> pl.DataFrame:
    schema = dict.fromkeys(["piece", *columns], pl.UInt32)
    return pl.DataFrame([*rows], schema=schema, orient="row")


def _steps(rank: dict[Entry, int], number: dict[Piece, int]) -> pl.DataFrame:
    """Return the phrases as a tree: each beginning of one is a state."""
    states: dict[Entry, int] = {(): _START}
    rows = []
    for entry in rank:
        if len(entry) > 1:
            for end in range(1, len(entry) + 1):
                begun = entry[:end]
                if begun not in states:
                    states[begun] = len(states)
                    whole = rank.get(begun) if end > 1 else None
                    rows.append((number[begun[-1]], states[begun[:-1]], states[begun], whole))
    schema = dict.fromkeys(["piece", "state", "next", "rank"], pl.UInt32)
    return pl.DataFrame(rows, schema=schema, orient="row")


def _topics(texts: pl.Series, rules: _Rules) -> pl.Series:
    """Return the topics of different texts."""
    written = words_of(texts)
    senses = _senses(written["word"], rules)
    # Only listed words have a place; between texts there is a gap, so that no phrase spans two.
    listed = (
        written.with_row_index("row")
        .join(senses.select("word").unique(), on="word")
        .sort("row")
        .select("text", "word", place=pl.int_range(pl.len(), dtype=pl.UInt32) + pl.col("text"))
    )
    ranked = pl.concat([_words(listed, senses, rules), _phrases(listed, senses, rules)])
    ruled_out = (
        listed.join(senses, on="word")
        .join(rules.vetoes, on="piece")
        .select("text", "topic")
        .unique()
    )
    best = (
        ranked.with_columns(topic=pl.col("rank") % rules.topics)
        .join(ruled_out, on=["text", "topic"], how="anti")
        .group_by("text")
        .agg(pl.col("rank").min() % rules.topics)
    )
    positions = np.full(len(texts), rules.topics, dtype=np.uint32)
    positions[best["text"].to_numpy()] = best["rank"].to_numpy()
    found = rules.labels.gather(pl.Series(positions))
    return pl.select(pl.when(~is_blank(texts)).then(found)).to_series()


def _senses(words: pl.Series, rules: _Rules) -> pl.DataFrame:
    """Return the pieces of each word, none of words that are, most exactly, passed over."""
    pieces = rules.dictionary.look_up(words)
    most = pl.col("size") == pl.col("size").max().over("word")
    out = pieces.filter(most).join(rules.passed_over, on="piece", how="semi")
    kept = pieces.join(out, on="word", how="anti")
    return kept.join(rules.passed_over, on="piece", how="anti")


def _words(listed: pl.DataFrame, senses: pl.DataFrame, rules: _Rules) -> pl.DataFrame:
    """Return the ranks of single words: the rank of what each is most exactly."""
    single = senses.join(rules.singles, on="piece")
    exact = single.filter(pl.col("size") == pl.col("size").max().over("word"))
    return listed.join(exact.select("word", "rank"), on="word").select("text", "rank")


def _phrases(listed: pl.DataFrame, senses: pl.DataFrame, rules: _Rules) -> pl.DataFrame:
    """Return the ranks of phrases, following all that have begun word by word."""
    steps = rules.steps
    within = senses.join(steps, on="piece", how="semi").select("word", "piece")
    written = listed.join(within, on="word").select("text", "place", "piece")
    begun = written.join(steps.filter(pl.col("state") == _START), on="piece")
    ranks = [pl.DataFrame(schema={"text": pl.UInt32, "rank": pl.UInt32})]
    for _ in range(rules.longest - 1):
        ahead = begun.select(state="next", place=pl.col("place") + 1)
        begun = ahead.join(written, on="place").join(steps, on=["state", "piece"])
        ranks.append(begun.select("text", "rank").drop_nulls())
    return pl.concat(ranks)
