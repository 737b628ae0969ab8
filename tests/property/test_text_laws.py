"""What holds for the category of any text: disguises, what is added, order, company, batches."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text.languages import LANGUAGES, languages
from transforms.text.lengths import BANDS, length_bands
from transforms.text.topics import known, topics
from transforms.text.vocabulary import OTHER, Topic, Vocabulary

FOLDER = Path(__file__).parents[2] / "data" / "vocabularies"
VOCABULARY = Vocabulary.model_validate(
    tomllib.loads((FOLDER / "payment_purposes.toml").read_text(encoding="utf-8"))
)
LISTED = sorted(
    {text.replace("*", "") for topic in VOCABULARY.topics for _, text in topic.listed()}
)
NEUTRAL = (
    *("Agim", "Krasniqi", "Petrović", "Kazlauskienė", "Bērziņš", "Tamm", "O'Neill", "ΩΨ"),
    *("044 123 456", "12.03.2025", "XK051212012345678906", "LT12 1000 0111 0100 1000", "№ 7", "!"),
)
written = st.lists(st.sampled_from([*LISTED, *NEUTRAL, "për", "za", "for"]), max_size=6).map(
    " ".join
)
anything = st.text(max_size=40)
texts = written | anything | st.none()

# ---------------------------------------------------------------------------------- disguises

UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202e\u2066\u2069\x00\x07"
LATIN_TO_CYRILLIC = {"lj": "љ", "nj": "њ", "dž": "џ"} | dict(
    zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True)
)
LOOK_ALIKES = dict(zip("aceijopxy", "асеіјорху", strict=True))  # noqa: RUF001


def full_width(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def marked(text: str) -> str:
    return "".join(sign + "\u0301" * sign.isalpha() for sign in text)


def hidden(text: str) -> str:
    return "".join(sign + UNSEEN[number % len(UNSEEN)] for number, sign in enumerate(text))


def unmarked(text: str) -> str:
    apart = unicodedata.normalize("NFD", text)
    return "".join(sign for sign in apart if not unicodedata.combining(sign))


DISGUISES: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "small letters": str.lower,
    "more marks": marked,
    "no marks": unmarked,
    "taken apart": lambda text: unicodedata.normalize("NFD", text),
    "put together": lambda text: unicodedata.normalize("NFC", text),
    "unseen signs": hidden,
    "control characters": "\x00".join,
    "full width": full_width,
    "other blanks": lambda text: text.replace(" ", "\u00a0\u3000\u2028"),
    "all of them": lambda text: hidden(full_width(marked(text).upper())),
}


def topic_of(text: str | None) -> str | None:
    (found,) = topics(pl.Series([text], dtype=pl.String), VOCABULARY)
    return None if found is None else str(found)


@pytest.mark.parametrize("disguise", DISGUISES)
@given(written)
def test_a_disguise_changes_no_topic(disguise: str, text: str) -> None:
    assert topic_of(DISGUISES[disguise](text)) == topic_of(text)


@given(st.sampled_from(LISTED), st.sets(st.sampled_from(sorted(LOOK_ALIKES)), min_size=1))
def test_letters_that_look_alike_change_no_topic(text: str, letters: set[str]) -> None:
    # A word's first letter stays Latin: as a whole it would be a word of the other script.
    words = [
        word[0] + "".join(LOOK_ALIKES[sign] if sign in letters else sign for sign in word[1:])
        for word in unmarked(text.lower()).split()
    ]
    assert topic_of(" ".join(words)) == topic_of(text)


def in_cyrillic(text: str) -> str:
    for latin, cyrillic in LATIN_TO_CYRILLIC.items():
        text = text.replace(latin, cyrillic)
    return text


SERBIAN = sorted(
    {
        text.replace("*", "").lower()
        for topic in VOCABULARY.topics
        for text in topic.sr
        if not set("qwxy") & set(text.lower())
    }
)


@given(st.lists(st.sampled_from(SERBIAN), min_size=1, max_size=4).map(" ".join))
def test_serbian_is_read_alike_in_both_scripts(text: str) -> None:
    assert topic_of(in_cyrillic(text)) == topic_of(text)
    assert topic_of(in_cyrillic(text).upper()) == topic_of(text)


@pytest.mark.parametrize("disguise", ["capitals", "taken apart", "unseen signs", "other blanks"])
@given(written)
def test_a_disguise_that_keeps_the_marks_changes_no_language(disguise: str, text: str) -> None:
    disguised = pl.Series([DISGUISES[disguise](text)])
    assert languages(disguised).to_list() == languages(pl.Series([text])).to_list()


# -------------------------------------------------------------------------------- what is added


def test_what_the_laws_add_is_in_no_vocabulary() -> None:
    assert not known(pl.Series(NEUTRAL), VOCABULARY).any()


@given(
    st.lists(st.sampled_from(LISTED), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 12), st.sampled_from(NEUTRAL)), max_size=6),
)
def test_names_numbers_and_accounts_change_no_topic(
    words: list[str], added: list[tuple[int, str]]
) -> None:
    parts = " ".join(words).split()
    more = list(parts)
    for position, neutral in added:
        more.insert(min(position, len(more)), neutral)
    assert topic_of(" ".join(more)) == topic_of(" ".join(parts))


# ---------------------------------------------------------------------- the column, not the text


@given(st.lists(texts, max_size=12))
def test_only_what_is_listed_comes_out(column: list[str | None]) -> None:
    series = pl.Series(column, dtype=pl.String)
    for found, allowed in (
        (topics(series, VOCABULARY), VOCABULARY.labels),
        (languages(series, VOCABULARY), LANGUAGES),
        (length_bands(series), BANDS),
    ):
        assert found.dtype == pl.Enum(allowed)
        assert len(found) == len(series)
        assert set(found.drop_nulls()) <= set(allowed)
        assert found.is_null().to_list() == topics(series, VOCABULARY).is_null().to_list()


@given(st.lists(texts, max_size=12), st.randoms(use_true_random=False))
def test_order_and_company_change_nothing(column: list[str | None], chance: object) -> None:
    series = pl.Series(column, dtype=pl.String)
    order = list(range(len(column)))
    chance.shuffle(order)  # type: ignore[attr-defined]  # hypothesis draws a random.Random
    for category in (lambda some: topics(some, VOCABULARY), languages, length_bands):
        together = category(series).to_list()
        assert category(series.gather(order)).to_list() == [together[spot] for spot in order]
        alone = [category(pl.Series([text], dtype=pl.String))[0] for text in column]
        assert alone == together


@given(st.lists(texts, max_size=12), st.integers(0, 12))
def test_batches_cut_anyhow_give_the_same(column: list[str | None], cut: int) -> None:
    series = pl.Series(column, dtype=pl.String)
    parts = (series[:cut], series[cut:])
    for category in (lambda some: topics(some, VOCABULARY), languages, length_bands):
        assert [*category(series)] == [label for part in parts for label in category(part)]


# ------------------------------------------------------------------------------- a second opinion


def plainly(text: str, vocabulary: Vocabulary) -> str:
    """Return the topic of a text of plain small letters, by loops and no table."""
    left_out = {str(piece) for piece in vocabulary.left_out}
    listed = [(topic, tuple(map(str, entry))) for topic, _, _, entry in vocabulary.entries()]
    vetoes = [(topic, str(piece)) for topic, piece in vocabulary.vetoes()]

    def fits(word: str, piece: str) -> bool:
        return word.startswith(piece[:-1]) if piece.endswith("*") else word == piece

    def exactness(word: str, pieces: set[str]) -> int:
        return max((len(piece) - 1 if piece.endswith("*") else 99 for piece in pieces
                    if fits(word, piece)), default=0)  # fmt: skip

    counting = {piece for _, entry in listed for piece in entry} | {piece for _, piece in vetoes}
    words = [word for word in text.split() if len(word) > 1
             and exactness(word, counting) > exactness(word, left_out)]  # fmt: skip
    out = {topic for topic, piece in vetoes if any(fits(word, piece) for word in words)}
    singles = {entry[0] for _, entry in listed if len(entry) == 1}
    best = []
    for topic, entry in listed:
        for start in range(len(words) - len(entry) + 1):
            run = words[start : start + len(entry)]
            whole = all(map(fits, run, entry))
            if len(entry) == 1 and whole:
                size = exactness(run[0], {entry[0]})
                whole = size == exactness(run[0], singles)
            if whole and topic not in out:
                best.append((-len(entry), topic))
    return vocabulary.labels[min(best)[1]] if best else OTHER


SYLLABLES = (
    "rent",
    "renta",
    "rental",
    "loan",
    "loans",
    "pay",
    "paid",
    "back",
    "fee",
    "fees",
    "zzz",
)
entries = st.sampled_from(
    [
        *SYLLABLES[:-1],
        "ren*",
        "rent*",
        "loan*",
        "pay*",
        "paid back",
        "loan* back",
        "pay* loan* fee*",
    ]
)


@st.composite
def vocabularies(draw: st.DrawFn) -> Vocabulary:
    drawn = draw(st.lists(entries, min_size=3, max_size=9, unique=True))
    out = draw(
        st.lists(st.sampled_from(["zzz", "back", "rental", "feel*"]), max_size=2, unique=True)
    )
    taken = [text for text in drawn if not set(text.split()) & set(out)]
    shares = [taken[start::3] for start in range(3) if taken[start::3]]
    vetoed = draw(st.sampled_from([(), ("zzz",), ("yyy*",)]))
    return Vocabulary.model_validate(
        {
            "version": "1",
            "title": "drawn",
            "passed-over": {"en": out},
            "topics": [
                Topic.model_validate(
                    {"name": f"topic {number}", "meaning": "drawn", "en": share}
                    | (
                        {"without": {"en": vetoed}}
                        if not number and vetoed[:1] != (*out[:1],)
                        else {}
                    )
                )
                for number, share in enumerate(shares or [["other word"]])
            ],
        }
    )


@given(
    vocabularies(),
    st.lists(st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=6), min_size=1, max_size=10),
)
def test_tables_and_loops_agree(vocabulary: Vocabulary, drawn: list[list[str]]) -> None:
    column = [" ".join(words) for words in drawn]
    expected = [plainly(text, vocabulary) for text in column]
    assert topics(pl.Series(column), vocabulary).to_list() == expected
