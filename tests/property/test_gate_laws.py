"""The gate: what identifies is found however it hides, and what is not there is not found."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from leaks import (
    CHECKED,
    CLEAN,
    NATIONAL,
    SENTENCES,
    Disguise,
    address,
    disguises,
    leak,
    name,
)

from pipelines.gate.analysis import RANKS, analysed, meant
from pipelines.gate.folding import fold
from pipelines.gate.kinds import Kind
from pipelines.gate.scan import FOUND, VALUE, findings, scan

WORN = [(kind, disguise) for kind in CHECKED for disguise in disguises(kind)]
SEEDS = st.integers(0, 2**32)


def missed(texts: list[str], kind: Kind) -> list[str]:
    found = findings(pl.Series(texts)).filter(pl.col(FOUND).list.contains(kind.value))
    return sorted(set(texts) - set(found.get_column(VALUE)))


@pytest.mark.parametrize(("kind", "disguise"), WORN, ids=lambda each: getattr(each, "name", each))
@given(seed=SEEDS)
@settings(max_examples=25)
def test_an_identifier_is_found_in_every_disguise(
    kind: Kind, disguise: Disguise, seed: int
) -> None:
    rng = random.Random(seed)
    worn = [disguise.wear(CHECKED[kind](rng), rng) for _ in range(20)]
    said = [leak(rng, rng.choice(list(SENTENCES)), value) for value in worn]
    assert not missed([*worn, *said], kind)


@pytest.mark.parametrize("country", NATIONAL)
@given(seed=SEEDS)
@settings(max_examples=10)
def test_every_country_s_number_is_found(country: str, seed: int) -> None:
    rng = random.Random(seed)
    assert not missed([NATIONAL[country](rng) for _ in range(50)], Kind.NATIONAL_NUMBER)


@given(st.lists(st.text(max_size=40), max_size=20))
def test_folding_what_is_folded_changes_nothing(texts: list[str]) -> None:
    once = fold(pl.Series(texts, dtype=pl.String))
    assert fold(once).to_list() == once.to_list()


def test_folding_any_character_twice_changes_nothing() -> None:
    every = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    once = fold("a" + pl.Series(every) + "1")
    assert fold(once).equals(once)


@given(st.lists(st.text(st.characters(exclude_characters="@:", exclude_categories=["N", "Cs"]))))
def test_a_value_without_digits_and_at_signs_is_no_finding(texts: list[str]) -> None:
    plain = [text for text in texts if not any("0" <= sign <= "9" for sign in folded(text))]
    plain = [text for text in plain if "@" not in folded(text) and "WWW." not in folded(text)]
    assert set(scan(pl.Series(plain, dtype=pl.String))) <= {Kind.NAME}


def folded(text: str) -> str:
    return str(fold(pl.Series([text])).item())


WORDS = st.sampled_from(
    [
        "ana",
        "Milica",
        "Petrović",
        "tamm",
        "M.",
        "Gedimino",
        "pr.",
        "ul",
        "rr.",
        "12",
        "5a",
        ",",
        "-",
        "Hauptstr.",
        "street",
    ]
)


@given(SEEDS, st.lists(st.lists(WORDS, max_size=7).map(" ".join), max_size=20))
@settings(max_examples=150)
def test_the_quick_way_finds_the_names_and_addresses_that_the_engine_finds(
    seed: int, texts: list[str]
) -> None:
    rng = random.Random(seed)
    texts = sorted({*texts, name(rng), address(rng), leak(rng, "lv", name(rng) + address(rng))})
    found = dict(findings(pl.Series(texts)).rows())
    for text in texts:
        assert found.get(text, []) == [kind.value for kind in meant(analysed(folded(text)))]


@given(SEEDS, st.lists(st.text(alphabet="0123456789OIl+-./ @:,()ABXK°", max_size=40), max_size=20))
@settings(max_examples=150)
def test_the_quick_way_finds_what_presidio_s_engine_finds(seed: int, texts: list[str]) -> None:
    rng = random.Random(seed)
    kinds = rng.choices(list(CHECKED), k=5)
    worn = [rng.choice(disguises(kind)).wear(CHECKED[kind](rng), rng) for kind in kinds]
    texts = sorted({*texts, *worn, *CLEAN})
    found = dict(findings(pl.Series(texts)).rows())
    for text in texts:
        assert found.get(text, []) == [kind.value for kind in meant(analysed(folded(text)))]


FOUND_ANYWHERE = st.tuples(st.sampled_from(Kind), st.integers(0, 25), st.integers(1, 9))


@given(st.lists(FOUND_ANYWHERE, max_size=9))
@settings(max_examples=300)
def test_a_kind_is_meant_where_nothing_of_an_earlier_rank_touches_it(
    found: list[tuple[Kind, int, int]],
) -> None:
    findings = [(kind, start, start + signs, 1.0) for kind, start, signs in found]
    free = {
        kind
        for kind, start, end, _ in findings
        if not any(
            RANKS[other] < RANKS[kind] and start < last and first < end
            for other, first, last, _ in findings
        )
    }
    assert meant(findings) == [kind for kind in Kind if kind in free]


@given(SEEDS)
@settings(max_examples=20)
def test_the_order_and_the_number_of_equal_values_do_not_matter(seed: int) -> None:
    rng = random.Random(seed)
    texts = [CHECKED[kind](rng) for kind in CHECKED] + list(CLEAN)
    again = rng.choices(texts, k=50) + texts
    rng.shuffle(again)
    assert scan(pl.Series(again)) == scan(pl.Series(texts))
