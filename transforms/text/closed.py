"""The categories of a text, each with the closed list of what it can be."""

from __future__ import annotations

import polars as pl

from transforms.errors import PolicyError
from transforms.text.category import TextCategory
from transforms.text.languages import LANGUAGES, languages
from transforms.text.lengths import BANDS, length_bands
from transforms.text.topics import topics
from transforms.text.vocabulary import Vocabulary


def labels_of(category: TextCategory, vocabulary: Vocabulary | None) -> tuple[str, ...]:
    """Return the closed list; raises PolicyError where a topic has no vocabulary."""
    if category is TextCategory.LANGUAGE:
        return tuple(LANGUAGES)
    if category is TextCategory.LENGTH:
        return tuple(BANDS)
    return _needed(vocabulary).labels


def categorised(
    texts: pl.Series, category: TextCategory, vocabulary: Vocabulary | None
) -> pl.Series:
    """Return each text's category, an Enum of its closed list; NULL where there is no text."""
    if category is TextCategory.LANGUAGE:
        return languages(texts, vocabulary)
    if category is TextCategory.LENGTH:
        return length_bands(texts)
    return topics(texts, _needed(vocabulary))


def _needed(vocabulary: Vocabulary | None) -> Vocabulary:
    if vocabulary is None:
        raise PolicyError("a topic is one of a vocabulary: name one")
    return vocabulary
