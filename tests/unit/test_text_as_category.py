"""Free text in a release: as a topic, a language or a length, and as nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl
import pytest
from builders import AS_OF, HIERARCHIES, Fields, policy_fields

from transforms.anonymise import Population, count_population
from transforms.hierarchy import lookup_hierarchy
from transforms.magnitude.count import Due
from transforms.magnitude.events import Counting
from transforms.magnitude.grid import grid_of
from transforms.magnitude.periods import period_named
from transforms.policy.whole import Policy
from transforms.steps.exclude import Exclusions
from transforms.steps.gather import Circumstances
from transforms.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.model_validate(
    {
        "version": "1",
        "title": "Notes",
        "topics": [
            {"name": "rent", "meaning": "Rent", "en": ["rent"], "sq": ["qira*"]},
            {"name": "salary", "meaning": "Wages", "en": ["wage*"], "sr": ["plata"]},
        ],
    }
)
NOTES = lookup_hierarchy("notes", [("rent", "*"), ("salary", "*"), ("other", "*")])


WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in "rent")


def fields() -> Fields:
    """Return the small policy with a free text of the person's own, published by its topic."""
    policy = policy_fields()
    policy["vocabularies"] = {"notes": {"file": "notes.toml"}}
    policy["hierarchies"]["notes"] = {"file": "notes.csv"}
    policy["sources"]["people"]["columns"]["note"] = {
        "role": "sensitive", "clause": 9, "type": "text", "derive": "topic", "attribute": "topic",
        "vocabulary": "notes", "hierarchy": "notes", "meaning": "What their note is about",
    }  # fmt: skip
    del policy["microdata"]["wealth"]
    policy["microdata"]["notes"] = {
        "meaning": "What they write about", "quasi-identifiers": ["age", "town"],
        "sensitive": "topic",
    }  # fmt: skip
    return policy


def people(notes: Sequence[str | None]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": range(1, len(notes) + 1),
            "kind": "person",
            "consent": pl.Series([None] * len(notes), dtype=pl.Boolean),
            "ended": pl.Series([None] * len(notes), dtype=pl.Date),
            "born": date(1980, 5, 5),
            "town": "Peja",
            "job": "nurse",
            "health": "flu",
            "note": pl.Series(notes, dtype=pl.String),
        }
    )


def counted(notes: Sequence[str | None], due: Due | None = None) -> Population:
    policy = Policy.model_validate(fields())
    under = Circumstances(
        policy, {**HIERARCHIES, "topic": NOTES}, Exclusions.of(), AS_OF, AS_OF,
        {"notes": VOCABULARY},
    )  # fmt: skip
    return count_population({"people": [people(notes)]}, under, due)


def topics(notes: Sequence[str | None]) -> dict[str | None, int]:
    """Return how many people the histogram has for each topic."""
    leaves = counted(notes).candidates[1].own
    named = [*NOTES.leaves, None]
    found: dict[str | None, int] = {}
    for code, number in zip(leaves.codes[:, -1], leaves.people, strict=True):
        found[named[code]] = found.get(named[code], 0) + int(number)
    return found


def test_a_text_is_published_by_its_topic_in_whatever_language_and_disguise() -> None:
    notes = ["Rent for May, Ana", "QIRAJA maj", WIDE, "wages", "плата", "Wage 2026"]
    assert topics(notes) == {"rent": 3, "salary": 3}


def test_a_topic_of_fewer_than_k_people_is_other() -> None:
    assert topics(["rent"] * 3 + ["wages"] * 2 + ["nothing of it"]) == {"rent": 3, "other": 3}
    assert topics(["rent"] * 3 + ["wages"] * 3) == {"rent": 3, "salary": 3}


def test_no_text_is_missing_and_is_no_topic() -> None:
    assert topics(["rent"] * 3 + [None, "", "   "]) == {"rent": 3, None: 3}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"vocabulary": None}, "a topic is one of a vocabulary"),
        ({"vocabulary": "others"}, 'there is no vocabulary "others"'),
        ({"type": "date"}, 'derive = "topic" does not go with type "date"'),
        ({"derive": "language"}, "nothing else needs one"),
    ],
)
def test_a_policy_that_cannot_make_a_topic_is_refused(change: Fields, said: str) -> None:
    policy = fields()
    column = policy["sources"]["people"]["columns"]["note"] | change
    policy["sources"]["people"]["columns"]["note"] = {
        key: value for key, value in column.items() if value is not None
    }
    with pytest.raises(ValueError, match=said):
        Policy.model_validate(policy)


# ------------------------------------------------------------------- in tables of counts and sums


def letters(by: Fields) -> Policy:
    policy = fields()
    policy["sources"]["letters"] = {
        "columns": {
            "id": {"role": "subject", "clause": 11, "type": "integer"},
            "sent": {"role": "event time", "clause": 11, "type": "date"},
            "body": {"role": "text", "clause": 11, "type": "text"},
        }
    }
    policy["budget"] = {"rho": 0.26}
    policy["magnitude"] = {
        "letters": {
            "meaning": "Letters", "source": "letters", "share": 1.0, "cells": 9, "by": by,
            "period": {"column": "sent", "unit": "month", "first": "2026-01"},
        }
    }  # fmt: skip
    return Policy.model_validate(policy)


def counts(by: Fields, bodies: Sequence[str | None]) -> dict[tuple[str, ...], int]:
    """Return the events in each cell that has any."""
    policy = letters(by)
    hierarchies = {**HIERARCHIES, "topic": NOTES}
    table = policy.magnitude["letters"]
    grid = grid_of("letters", table, hierarchies, {"notes": VOCABULARY})
    month = period_named("2026-01", table.period.unit)
    counting = Counting("letters", table, grid, (month,), policy, hierarchies)
    records = pl.DataFrame(
        {
            "id": [1] * len(bodies),
            "sent": date(2026, 1, 7),
            "body": pl.Series(bodies, dtype=pl.String),
        }
    )

    def read(_table: str, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        yield records.select(columns)

    def choose(_persons: pl.Series, slots: pl.Series) -> pl.Series:
        return slots.cast(pl.UInt64)

    under = Circumstances(policy, hierarchies, Exclusions.of(), AS_OF, AS_OF, {"notes": VOCABULARY})
    due = Due((counting,), read, {"letters": choose})
    (exact,) = count_population({"people": [people(["rent"] * 3)]}, under, due).magnitudes
    cells = zip(grid.labels().rows(), exact.measures["events"].tolist(), strict=True)
    return {cell: events for cell, events in cells if events}


TOPIC = {"column": "body", "text": "topic", "vocabulary": "notes", "meaning": "About what"}


def test_events_are_counted_by_the_topic_of_their_text() -> None:
    bodies = ["Rent of May", "rent!", "plata", "Ana Berisha 1234567890", None, " "]
    assert counts({"topic": TOPIC}, bodies) == {
        ("rent",): 2, ("salary",): 1, ("other",): 1, ("no text",): 2,
    }  # fmt: skip


def test_events_are_counted_by_language_and_length_of_their_text() -> None:
    by = {
        "language": {"column": "body", "text": "language", "meaning": "Its language"},
        "length": {"column": "body", "text": "length", "missing": "none", "meaning": "How long"},
    }
    found = counts(by, ["This is the rent for the month of May and for June", None])
    assert found == {("en", "40-159"): 1, ("no text", "none"): 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"values": ["rent"]}, "free text, says by text what is made of it"),
        ({"text": None, "vocabulary": None}, "a column has values"),
        ({"vocabulary": None}, "a topic is one of a vocabulary"),
        ({"others": "rest"}, "there are no others"),
        ({"vocabulary": "another"}, "names no vocabulary"),
        ({"column": "sent"}, 'needs "sent" to have the role text'),
    ],
)
def test_a_category_that_cannot_be_made_of_a_text_is_refused(change: Fields, said: str) -> None:
    topic = {key: value for key, value in {**TOPIC, **change}.items() if value is not None}
    with pytest.raises(ValueError, match=said):
        letters({"topic": topic})
