"""What a vocabulary may say, and how clearly it is told what it gets wrong."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from transforms.text.vocabulary import Vocabulary, entries

RENT = {"name": "rent", "meaning": "Rent", "en": ["rent"]}


def vocabulary(*topics: dict[str, Any], **more: Any) -> Vocabulary:  # noqa: ANN401 - as a file has it
    return Vocabulary.model_validate(
        {"version": "1", "title": "Topics", "topics": [RENT, *topics], **more}
    )


def loan(**words: Any) -> dict[str, Any]:  # noqa: ANN401 - as a file has it
    return {"name": "loan", "meaning": "Loans"} | words


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        (loan(en=["rent"]), '"rent" stands under topic rent and under topic loan'),
        (loan(et=["rent"]), '"rent" stands under topic rent and under topic loan'),
        (loan(sr=["рент"]), '"рент", read like "rent", stands under topic rent'),
        (loan(sq=["rënt"]), '"rënt", read like "rent", stands under topic rent'),
        (loan(en=["RENT"]), '"RENT", read like "rent", stands under topic rent'),
        (loan(), "topic loan has no words"),
        (loan(en=["lo*"]), '"lo*": a stem has 3 letters or more'),
        (loan(en=["a*"]), '"a*" has no word of 2 letters or more'),
        (loan(en=["*"]), '"*" has no word of 2 letters or more'),
        (loan(en=["l*an"]), '"l*an": a word is letters'),
        (loan(en=["loan24"]), '"loan24": a word is letters'),
        (loan(en=["δάνειο"]), '"δάνειο": a word is letters'),
        (loan(en=["one two three four five six seven"]), "more than 6 words"),
        (loan(en=["loan", "loan"]), 'topic loan: "loan" stands twice'),
        (loan(en=["loan"], without={"en": ["loan"]}), '"loan" is listed under its without as well'),
        (loan(en=["loan"], without={"en": ["bad loan"]}), '"bad loan" is a phrase'),
        (RENT, "topic rent stands twice"),
        ({"name": "other", "meaning": "Other", "en": ["loan"]}, '"other" is what no topic is told'),
    ],
)
def test_what_is_wrong_is_said(topic: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        vocabulary(topic)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["of"], 'of "pay of" too little is left'),
        (["pay", "of"], 'of "pay of" too little is left'),
        (["loan"], '"loan" is passed over as well, so it would never count'),
    ],
)
def test_what_is_passed_over_cannot_tell_of_a_topic(words: list[str], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        vocabulary(loan(en=["pay of", "loan"]), **{"passed-over": {"en": words}})
    assert said in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        vocabulary(loan(en=["lo*", "l*an"], lt=["x1"]))
    assert str(caught.value).count("topic loan") == 3


@pytest.mark.parametrize("key", ["de", "words", "without_"])
def test_a_key_that_does_not_exist_is_an_error(key: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        vocabulary(loan(en=["loan"], **{key: ["x"]}))


def test_a_word_may_be_of_two_languages_of_a_topic() -> None:
    assert vocabulary(loan(en=["kredit"], sr=["kredit"])).labels == ("rent", "loan", "other")


def test_inflected_forms_that_are_read_alike_may_stand_together() -> None:
    assert vocabulary(loan(lt=["paskola", "paskolą"])).labels == ("rent", "loan", "other")


def test_dj_stands_for_the_letter_that_keyboards_lack() -> None:
    assert {str(piece) for (piece,) in entries("rođendan*")} == {"rodendan*", "rodjendan*"}


def test_a_vocabulary_is_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        vocabulary().title = "Changed"  # type: ignore[misc]  # that it cannot be set is the test
