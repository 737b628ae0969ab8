"""How a text becomes a category: words, phrases, what rules a topic out, and texts that are odd."""

# ruff: noqa: RUF001 - letters that look alike are the matter.
from __future__ import annotations

from typing import Literal

import polars as pl
import pytest

from transforms.text.folding import LONGEST
from transforms.text.languages import languages
from transforms.text.lengths import length_bands
from transforms.text.topics import topics
from transforms.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.model_validate(
    {
        "version": "1",
        "title": "Topics",
        "passed-over": {"en": ["of", "the"], "sq": ["pagesa*", "pagese*"]},
        "topics": [
            {
                "name": "salary",
                "meaning": "Pay",
                "sq": ["pag*", "pagesatar"],
                "sr": ["plata", "zarada"],
                "en": ["wage"],
            },
            {"name": "rent", "meaning": "Rent", "sq": ["qira*"], "en": ["rent"]},
            {"name": "refund", "meaning": "Back", "sq": ["kthim*"], "without": {"en": ["joke"]}},
            {"name": "loan", "meaning": "Loans", "sq": ["kthim* borxh*"], "en": ["pay back"]},
            {"name": "travel", "meaning": "Travel", "en": ["rental", "out of the country"]},
        ],
    }
)


def told(text: str | None) -> str | None:
    (topic,) = topics(pl.Series([text], dtype=pl.String), VOCABULARY)
    return None if topic is None else str(topic)


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("rent", "rent"),
        ("parent", "other"),
        ("rents", "other"),
        ("qira", "rent"),
        ("Qiranë", "rent"),
        ("rental", "travel"),
        ("wage and rent", "salary"),
        ("rent, then wage", "salary"),
        ("kthim", "refund"),
        ("kthim borxhi", "loan"),
        ("kthimi i madh i borxhit", "loan"),
        ("borxhi kthim", "refund"),
        ("kthim rent borxhi", "rent"),
        ("kthim joke", "other"),
        ("kthim borxhi joke", "loan"),
        ("pagën", "salary"),
        ("pagesa", "other"),
        ("pagesatar", "salary"),
        ("pagesa qira", "rent"),
        ("pay me back", "loan"),
        ("payback", "other"),
        ("out of country", "travel"),
        ("out country", "travel"),
        ("rent2025", "rent"),
        ("2025rent", "rent"),
        ("re2nt", "other"),
        ("rent/wage", "salary"),
    ],
)
def test_a_text_is_what_its_words_tell(text: str, topic: str) -> None:
    assert told(text) == topic


@pytest.mark.parametrize(
    "text",
    [
        "RENT",
        "re\u0301nt\u0308",
        "r\u200be\u00adn\ufefft",
        "\u202ere\u202cnt",
        "r\x00ent",
        "ｒｅｎｔ",
        "ⓇⒺⓃⓉ",
        "𝐫𝐞𝐧𝐭",
        "rеnt",
        "\u00a0rent\u00a0",
        "ʀᴇɴᴛ",
        "ｒеｎｔ",
        "Ｒｅｎｔ２０２５",
    ],
)
def test_a_disguised_word_is_read(text: str) -> None:
    assert told(text) == "rent"


@pytest.mark.parametrize(
    "text", ["плата", "ПЛАТА", "plата", "Плаta", "зарaда", "ЗAРАДА", "рｌａｔａ"]
)
def test_serbian_is_read_in_both_scripts_and_in_a_mixture(text: str) -> None:
    assert told(text) == "salary"


@pytest.mark.parametrize("text", [None, "", "  \t\n", "\u200b\u00a0", "\x00", "\u0301"])
def test_what_shows_nothing_has_no_category(text: str | None) -> None:
    column = pl.Series([text], dtype=pl.String)
    assert told(text) is None
    assert languages(column)[0] is None
    assert length_bands(column)[0] is None


@pytest.mark.parametrize("text", ["...", "123", "XK051212012345678906", "租金", "ренту", "a"])
def test_what_tells_of_no_topic_is_other(text: str) -> None:
    assert told(text) == "other"


def test_an_account_number_says_no_word() -> None:
    listed = Vocabulary.model_validate(
        {
            "version": "1",
            "title": "T",
            "topics": [{"name": "it", "meaning": "M", "en": ["me", "mtl"]}],
        }
    )
    texts = pl.Series(["ME25505000012345678951", "MT84MALT011000012345MTL1AST001S", "me"])
    assert topics(texts, listed).to_list() == ["other", "other", "it"]


def test_no_phrase_spans_two_texts() -> None:
    assert topics(pl.Series(["kthim", "borxhi"]), VOCABULARY).to_list() == ["refund", "other"]


def test_texts_without_end_are_looked_at_so_far() -> None:
    texts = pl.Series(
        [
            "x" * 1_000_000,
            "a " * 1_000_000 + "rent",
            "rent " + "a " * 1_000_000,
            "rent " * 1_000_000,
            "1" * 1_000_000 + "rent",
            "\u200b" * 1_000_000,
            "kthim " * 1_000_000 + "borxh",
            "a" * (LONGEST - 5) + " rent",
            "a" * (LONGEST - 4) + " rent",
        ]
    )
    assert topics(texts, VOCABULARY).to_list() == [
        *("other", "other", "rent", "rent", "other", None, "refund", "rent", "other"),
    ]
    assert length_bands(texts).to_list()[:3] == ["640 and over"] * 3


def test_a_column_of_nothing_has_its_type() -> None:
    for empty in (pl.Series([], dtype=pl.String), pl.Series([None, None])):
        found = topics(empty, VOCABULARY)
        assert found.dtype == pl.Enum(VOCABULARY.labels)
        assert found.null_count() == len(empty)


def test_a_column_keeps_its_name() -> None:
    texts = pl.Series("details", ["rent"])
    assert {topics(texts, VOCABULARY).name, languages(texts).name, length_bands(texts).name} == {
        "details"
    }


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Pagesa e qirasë për muajin prill", "sq"),
        ("pershendetje, a mund te me dergoni pasqyren", "sq"),
        ("Molim vas da mi pošaljete izvod", "sr"),
        ("Хвала вам унапред", "sr"),
        ("Payment of the rent for April", "en"),
        ("Prašau atsiųsti sąskaitos išrašą", "lt"),
        ("Lūdzu atsūtiet konta izrakstu", "lv"),
        ("Palun saatke konto väljavõte", "et"),
        ("Agim Berisha 044 123 456", "other"),
        ("12345", "other"),
    ],
)
def test_the_language_is_told_by_what_any_text_needs(text: str, language: str) -> None:
    assert languages(pl.Series([text])).to_list() == [language]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_tell_a_language_where_no_word_does(form: Literal["NFC", "NFD"]) -> None:
    texts = pl.Series(["Čiurlionytė", "Ķēniņš", "Gërvalla", "Õunapuu", "Ђоковић"])
    assert languages(texts.str.normalize(form)).to_list() == ["lt", "lv", "sq", "et", "sr"]


def test_a_vocabulary_helps_to_tell_the_language() -> None:
    texts = pl.Series(["wage"])
    assert languages(texts).to_list() == ["other"]
    assert languages(texts, VOCABULARY).to_list() == ["en"]


@pytest.mark.parametrize(
    ("text", "band"),
    [
        ("a" * 9, "under 10"),
        ("a" * 10, "10-39"),
        ("a" * 39, "10-39"),
        ("a" * 40, "40-159"),
        ("a" * 160, "160-639"),
        ("a" * 640, "640 and over"),
        ("  a  b  ", "under 10"),
        ("ë" * 9, "under 10"),
        ("e\u0308" * 9, "under 10"),
        ("a\u200b" * 9, "under 10"),
    ],
)
def test_the_length_is_what_can_be_seen(text: str, band: str) -> None:
    assert length_bands(pl.Series([text])).to_list() == [band]
