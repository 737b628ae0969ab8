"""One spelling, however something was written: on a text and on a column; and whom matches mean."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence
from datetime import date

import phonenumbers
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipelines import names
from transforms.identity import Asked, Clue, Match, Outcome, asked, decide, spelling_of
from transforms.objection import Identifiers
from transforms.spelling import Spelling

REGION = "XK"
SPELLINGS = {clue: spelling_of(clue, REGION) for clue in Clue}
FIRST_NAMES = (
    *(*names.ALBANIAN_WOMEN, *names.ALBANIAN_MEN, *names.SERBIAN_WOMEN, *names.SERBIAN_MEN),
    *(*names.BOSNIAK_TURKISH_WOMEN, *names.BOSNIAK_TURKISH_MEN, "Ona Žiūrėta", "Łukasz", "Jürgen"),
)
LAST_NAMES = (
    *(*names.ALBANIAN_SURNAMES, *names.SERBIAN_SURNAMES, *names.BOSNIAK_TURKISH_SURNAMES),
    *("Hoxha-Gashi", "Weiß", "Kazlauskaitė", "Ørsted", "D'Angelo"),
)
CYRILLIC = dict(
    zip(
        ("lj", "nj", "dž", *"abvgdđežzijklmnoprstćufhcčš"),
        "љњџабвгдђежзијклмнопрстћуфхцчш",
        strict=True,
    )
)
UNSEEN = "\u200b\u200d\ufeff\u00ad\u2060"
BLANKS = ("", " ", "  ", "\u00a0", "\u2009", "\t", "\u3000")

# Assigned letters and signs: of what Unicode has not assigned yet, versions say this and that.
texts = st.text(
    st.characters(min_codepoint=1, max_codepoint=0xFFFF, exclude_categories=["Cs", "Cn", "Co"]),
    max_size=20,
) | st.text(st.sampled_from("aB0 1+-(0)djDJĐßIı\u0307\u00a0\u200b９．@"), max_size=20)  # noqa: RUF001


def on_a_column(spelling: Spelling, written: Sequence[str]) -> list[str | None]:
    """Return the spellings of a column of texts."""
    return pl.DataFrame({"text": written}).select(spelling.on(pl.col("text"))).to_series().to_list()


# --------------------------------------------------------------------------------------- spelling


@pytest.mark.parametrize("clue", Clue)
@given(written=st.lists(texts, min_size=1, max_size=50))
def test_a_column_is_spelt_as_a_text_is(clue: Clue, written: list[str]) -> None:
    spelling = SPELLINGS[clue]
    assert on_a_column(spelling, written) == [spelling.of(text) for text in written]


@pytest.mark.parametrize("clue", Clue)
@given(text=texts)
def test_what_is_spelt_once_stays_so(clue: Clue, text: str) -> None:
    spelt = SPELLINGS[clue].of(text)
    assume(spelt is not None)
    assert SPELLINGS[clue].of(str(spelt)) == spelt


@st.composite
def disguised(draw: st.DrawFn, text: str) -> str:
    """Draw another way of writing a text: case, marks, width, blanks, what cannot be seen."""
    if draw(st.booleans()):
        text = draw(st.sampled_from([str.upper, str.lower, str.title]))(text)
    text = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD"])), text)
    if draw(st.booleans()):
        text = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    at = draw(st.integers(0, len(text)))
    text = text[:at] + draw(st.sampled_from(["", *UNSEEN])) + text[at:]
    return draw(st.sampled_from(BLANKS)) + text + draw(st.sampled_from(BLANKS))


def in_cyrillic(name: str) -> str:
    """Return a Serbian name as Serbs write it."""
    name = name.lower()
    for latin, letter in CYRILLIC.items():
        name = name.replace(latin, letter)
    return name.title()


@given(st.data(), st.sampled_from(FIRST_NAMES), st.sampled_from(LAST_NAMES))
def test_a_disguised_name_is_found_by_equality(data: st.DataObject, first: str, last: str) -> None:
    parts = data.draw(st.permutations([first, last]))
    written = data.draw(st.sampled_from([" ", ", ", " - ", "\u00a0"])).join(parts)
    found = namings(data.draw(disguised(written)))
    assert on_a_column(SPELLINGS[Clue.NAME_AND_BIRTH], [first + last])[0] in found


@given(
    st.sampled_from((*names.SERBIAN_MEN, "Ljiljana", "Njegoš")),
    st.sampled_from((*names.SERBIAN_SURNAMES, "Džafić", "Hadžić")),
)
def test_a_serbian_name_is_the_same_in_both_scripts(first: str, last: str) -> None:
    found = namings(f"{in_cyrillic(last)} {in_cyrillic(first)}")
    assert SPELLINGS[Clue.NAME_AND_BIRTH].of(first + last) in found


def namings(name: str) -> set[str]:
    """Return the names that are asked for, without the date of birth."""
    found = asked(Identifiers(name=name, born=date(1961, 2, 3)), REGION)
    return {one.form.removesuffix("|1961-02-03") for one in found}


mails = st.from_regex(r"[a-z][a-z0-9._]{0,12}[a-z0-9]@[a-z]{2,9}\.(com|net|org)", fullmatch=True)
ibans = st.from_regex(r"XK[0-9]{18}", fullmatch=True)
numbers = st.from_regex(r"[1-9][0-9]{9}|[A-Z][0-9]{8}[A-Z]", fullmatch=True).filter(
    lambda number: len(set(number)) > 1
)


@given(st.data(), mails)
def test_a_disguised_address_is_found_by_equality(data: st.DataObject, mail: str) -> None:
    written = data.draw(disguised(mail))
    found = asked(Identifiers(email=written), REGION)
    assert on_a_column(SPELLINGS[Clue.EMAIL], [mail]) == [one.form for one in found]


@given(st.data(), ibans, numbers)
def test_disguised_numbers_are_found_by_equality(
    data: st.DataObject, iban: str, number: str
) -> None:
    separator = data.draw(st.sampled_from(["", " ", "-", "\u00a0", ". "]))
    fours = separator.join(iban[at : at + 4] for at in range(0, len(iban), 4))
    threes = separator.join(number[at : at + 3] for at in range(0, len(number), 3))
    given_ = Identifiers(
        iban=data.draw(disguised(fours)), personal_number=data.draw(disguised(threes))
    )
    found = asked(given_, REGION)
    for clue, text in ((Clue.IBAN, iban), (Clue.PERSONAL_NUMBER, number)):
        (there,) = on_a_column(SPELLINGS[clue], [text])
        assert Asked(clue, str(there), stated=True) in found


# ------------------------------------------------------------------------------------------ phone


FORMATS = (
    "+383 {n} {m}", "+383{n}{m}", "00383 {n} {m}", "0{n} {m}", "0{n}/{m}", "(0{n}) {m}", "{n}{m}",
    "+383 (0){n} {m}", "+383 0{n} {m}", "383{n}{m}", "0{n}-{m}",
)  # fmt: skip


@given(
    st.data(),
    st.sampled_from(["43", "44", "45", "46", "48", "49"]),
    st.from_regex(r"[1-9][0-9]{5}", fullmatch=True),
    st.sampled_from(FORMATS),
    st.sampled_from(FORMATS),
)
def test_a_phone_number_is_found_in_whatever_way_both_wrote_it(
    data: st.DataObject, network: str, number: str, ours: str, theirs: str
) -> None:
    stored, given_ = (form.format(n=network, m=number) for form in (ours, theirs))
    found = asked(Identifiers(phone=data.draw(disguised(given_))), REGION)
    assert on_a_column(SPELLINGS[Clue.PHONE], [stored]) == [f"+383{network}{number}"]
    assert f"+383{network}{number}" in {one.form for one in found}


@given(
    st.sampled_from(["AL", "MK", "RS", "DE", "CH", "IT", "TR", "SI", "LT"]),
    st.sampled_from(
        [phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.INTERNATIONAL]
    ),
    st.sampled_from(["+", "00", "+ ", "00 "]),
)
def test_a_number_from_abroad_is_the_librarys(region: str, form: int, prefix: str) -> None:
    number = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert number is not None
    written = phonenumbers.format_number(number, form).replace("+", prefix)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert on_a_column(SPELLINGS[Clue.PHONE], [written]) == [e164]


# ---------------------------------------------------------------------------------------- verdict


matches = st.lists(
    st.builds(
        lambda clue, stated, person: Match(clue, stated, f"{person}a", person),
        st.sampled_from(Clue),
        st.booleans(),
        st.integers(0, 3),
    ),
    max_size=8,
)


@given(matches)
def test_a_verdict_names_only_whom_something_met(met: list[Match]) -> None:
    verdict = decide(met)
    assert set(verdict.keys) <= {match.key for match in met}
    assert (verdict.outcome is Outcome.NOBODY) is (not met)


@given(matches, st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(met: list[Match], rng: random.Random) -> None:
    mixed = [*met]
    rng.shuffle(mixed)
    assert decide(mixed) == decide(met)


@given(matches, st.integers(0, 3))
def test_a_text_takes_nobody_out(met: list[Match], person: int) -> None:
    told = Match(Clue.EMAIL, stated=False, key=f"{person}a", person=person)
    before, after = decide(met), decide([*met, told])
    assert set(before.keys) <= set(after.keys)
    assert before.outcome is not Outcome.ONE or after == before


@given(matches)
def test_one_person_bears_everything_stated_that_anybody_bears(met: list[Match]) -> None:
    verdict = decide(met)
    stated = {clue: {m.key for m in met if m.clue is clue and m.stated} for clue in Clue}
    meant = [
        key
        for key in {match.key for match in met}
        if any(stated.values()) and all(key in keys for keys in stated.values() if keys)
    ]
    assert (verdict.outcome is Outcome.ONE) is (len(meant) == 1)
    assert verdict.outcome is not Outcome.ONE or verdict.keys == tuple(meant)
