"""What is asked for of what an objector gave, where it stands, and whom the matches mean."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest
from builders import Fields, policy_fields
from pydantic import ValidationError

from pipelines.policies import load_policy
from pipelines.settings import DEMO_POLICY
from transforms.identity import (
    ASKED,
    FOUND,
    Asked,
    Clue,
    Match,
    Outcome,
    Site,
    asked,
    decide,
    persons,
    questions,
    sites,
    verdicts,
)
from transforms.objection import Identifiers
from transforms.policy.whole import Policy

REGION = "XK"
IBAN = "XK051212012345678906"


def forms(clue: Clue, **given: str | date) -> set[str]:
    """Return what is asked for under a clue, stated as such."""
    identifiers = Identifiers(**given)  # type: ignore[arg-type]  # texts, and dates where they belong
    return {one.form for one in asked(identifiers, REGION) if one.clue is clue and one.stated}


# ------------------------------------------------------------------------------- what was given


@pytest.mark.parametrize(
    "written",
    [
        "arta.hoxha@example.org",
        " Arta.Hoxha@Example.ORG ",
        "arta.hoxha\u00a0@ example.org",
        "arta.ho\u200bxha@example.org",
        "ａｒｔａ.hoxha＠example.org",  # noqa: RUF001 - letters of full width are the example
        "Arta Hoxha <arta.hoxha@example.org>",
        "mailto:arta.hoxha@example.org",
        "(arta.hoxha@example.org).",
    ],
)
def test_a_mail_address_is_asked_for_however_it_was_typed(written: str) -> None:
    assert forms(Clue.EMAIL, email=written) == {"arta.hoxha@example.org"}


def test_each_of_several_addresses_is_asked_for() -> None:
    assert forms(Clue.EMAIL, email="a@example.org; b@example.org") == {
        "a@example.org",
        "b@example.org",
    }


@pytest.mark.parametrize(
    "written",
    [
        *("044 123 456", "044/123-456", "+383 44 123 456", "+383 (0)44 123456", "0038344123456"),
        *("44123456", "38344123456", "+383-44-123\u200b456", "(044) 123 456", "tel. 044 123 456"),
        "０４４\u3000１２３４５６",  # noqa: RUF001 - digits of full width are the example
    ],
)
def test_a_phone_number_is_asked_for_with_its_country(written: str) -> None:
    assert "+38344123456" in forms(Clue.PHONE, phone=written)


def test_a_phone_number_of_another_country_keeps_its_own() -> None:
    assert forms(Clue.PHONE, phone="+49 (0)30 123456") == {"+4930123456"}


@pytest.mark.parametrize(
    "written",
    ["XK05 1212 0123 4567 8906", "xk051212012345678906", "IBAN: XK05-1212-0123-4567-8906"],
)
def test_an_iban_is_asked_for_without_its_blanks(written: str) -> None:
    assert forms(Clue.IBAN, iban=written) == {IBAN.lower()}


@pytest.mark.parametrize(
    "written", ["1234567891", "1 234 567 891", "123-456-7891", "no. 1234567891"]
)
def test_a_personal_number_is_asked_for_without_separators(written: str) -> None:
    assert "1234567891" in forms(Clue.PERSONAL_NUMBER, personal_number=written)


def test_the_noughts_that_a_spreadsheet_dropped_do_not_matter() -> None:
    assert forms(Clue.PERSONAL_NUMBER, personal_number="0034567891") >= {"34567891"}
    assert forms(Clue.PERSONAL_NUMBER, personal_number="34567891") == {"34567891"}


@pytest.mark.parametrize("written", ["-", "unknown", "0000000000", "9999999999", "n/a"])
def test_what_stands_where_nobody_asked_is_no_number(written: str) -> None:
    assert forms(Clue.PERSONAL_NUMBER, personal_number=written) == set()


@pytest.mark.parametrize("written", ["4711", " 4711 ", "customer no. 4711"])
def test_a_customer_id_is_asked_for_without_words_around_it(written: str) -> None:
    assert "4711" in forms(Clue.CUSTOMER_ID, customer_id=written)


@pytest.mark.parametrize(
    "written",
    [
        *("Gëzim Đorđević", "ĐORĐEVIĆ Gëzim", "Djordjevic,  Gezim", "dordevic gezim"),
        "Гезим Ђорђевић",
        "Ge\u0308zim Đorđevic\u0301",
    ],
)
def test_a_name_is_asked_for_in_any_order_and_script(written: str) -> None:
    found = forms(Clue.NAME_AND_BIRTH, name=written, born=date(1961, 2, 3))
    assert "gezimdordevic|1961-02-03" in found


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("Емина Џафић", "eminadzafic"),
        ("Љиљана Његош", "ljiljananjegos"),
        ("Jürgen Weiß", "jurgenweiss"),
        ("Ay\u015fe Y\u0131ld\u0131z", "ayseyildiz"),
        ("Łukasz Ærø", "lukaszaero"),
        ("Ona Žiūrėtė", "onaziurete"),
    ],
)
def test_letters_that_are_two_and_letters_with_marks_become_plain_ones(
    written: str, spelt: str
) -> None:
    found = forms(Clue.NAME_AND_BIRTH, name=written, born=date(1961, 2, 3))
    assert f"{spelt}|1961-02-03" in found


def test_a_name_of_two_words_may_stand_in_one() -> None:
    found = forms(Clue.NAME_AND_BIRTH, name="Hoxha-Gashi Anna Maria", born=date(1990, 5, 6))
    assert "annamariahoxhagashi|1990-05-06" in found


def test_a_long_name_is_asked_for_in_few_orders() -> None:
    found = forms(Clue.NAME_AND_BIRTH, name="a b c d e f g h", born=date(1990, 5, 6))
    assert len(found) == 8
    assert "fghabcde|1990-05-06" in found


def test_a_name_without_its_date_of_birth_is_too_many_peoples() -> None:
    assert asked(Identifiers(name="Arta Gashi"), REGION) == frozenset()
    assert asked(Identifiers(born=date(1990, 5, 6)), REGION) == frozenset()


# ------------------------------------------------------------------------------------ free text


TEXT = (
    "Hello, I am a customer (1000123456), my number is 1 234 567 891, my account XK05 1212 0123 "
    "4567 8906 and my mail is Arta.Hoxha@example.org. Call me on 044 123 456. Since 2019!"
)


@pytest.mark.parametrize(
    ("clue", "form"),
    [
        (Clue.CUSTOMER_ID, "1000123456"),
        (Clue.PERSONAL_NUMBER, "1234567891"),
        (Clue.IBAN, IBAN.lower()),
        (Clue.EMAIL, "arta.hoxha@example.org"),
        (Clue.PHONE, "+38344123456"),
    ],
)
def test_a_text_is_searched_for_what_identifies(clue: Clue, form: str) -> None:
    assert Asked(clue, form, stated=False) in asked(Identifiers(text=TEXT), REGION)


def test_nothing_of_a_text_is_stated() -> None:
    found = asked(Identifiers(text=TEXT), REGION)
    assert not any(one.stated for one in found)
    assert "2019" not in {one.form for one in found}


def test_what_is_given_and_told_again_is_stated() -> None:
    both = Identifiers(email="arta.hoxha@example.org", text=TEXT)
    found = [one for one in asked(both, REGION) if one.clue is Clue.EMAIL]
    assert found == [Asked(Clue.EMAIL, "arta.hoxha@example.org", stated=True)]


def test_questions_keep_whose_they_are() -> None:
    given = [(7, Identifiers(email="a@example.org")), (9, Identifiers(customer_id="12"))]
    assert sorted(questions(given, REGION).rows()) == [
        (7, "email", "a@example.org", True),
        (9, "customer id", "12", True),
    ]


# ------------------------------------------------------------------------------- where it stands


def test_the_demo_bank_says_where_people_are_found() -> None:
    found = sites(load_policy(DEMO_POLICY).policy)
    names = ("first_name", "last_name", "date_of_birth")
    assert Site("customers", Clue.CUSTOMER_ID, ("customer_id",)) in found
    assert Site("customers", Clue.NAME_AND_BIRTH, names) in found
    assert Site("accounts", Clue.IBAN, ("iban",)) in found
    assert Site("relatives", Clue.NAME_AND_BIRTH, names, others=True) in found
    assert not {site.table for site in found} & {"payments", "logins", "identity_documents"}


def _with(column: str, **said: object) -> Fields:
    fields = policy_fields()
    fields["sources"]["people"]["columns"].setdefault(column, {"clause": 9}).update(said)
    return fields


def _changed(change: Callable[[Fields], object]) -> Fields:
    fields = policy_fields()
    change(fields)
    return fields


def _named(**parts: str) -> Fields:
    fields = policy_fields()
    columns = fields["sources"]["people"]["columns"]
    for column, part in parts.items():
        columns.setdefault(column, {"role": "identifier", "clause": 9})["identifies"] = part
    return fields


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ("identifies goes with", _with("town", identifies="email")),
        ("identifies goes with", _with("passport", identifies="personal number")),
        ('its type is "date"', _with("born2", role="identifier", identifies="date of birth")),
        ("too many people's", _named(born="date of birth")),
        ("too many people's", _named(first="first name", born="date of birth")),
        ("too many people's", _named(first="first name", last="last name")),
        ("too many people's", _named(name="full name", last="last name", born="date of birth")),
        ("no subject is given", _changed(lambda f: f["sources"].update(cards={"columns": {
            "owner": {"role": "identifier", "clause": 9, "identifies": "email"}}}))),
        ('names "nobody"', _changed(lambda f: f["subject"].update({"same-person": ["nobody"]}))),
    ],
)  # fmt: skip
def test_what_identifies_nobody_is_refused(said: str, fields: Fields) -> None:
    with pytest.raises(ValidationError, match=said):
        Policy.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        _with("number", identifies="personal number"),
        _named(first="first name", last="last name", born="date of birth"),
        _named(name="full name", born="date of birth"),
    ],
)
def test_what_identifies_somebody_is_taken(fields: Fields) -> None:
    assert len(sites(Policy.model_validate(fields))) == 2


def test_the_persons_own_number_says_who_is_one_person_unless_the_policy_does() -> None:
    assert Policy.model_validate(policy_fields()).same_person == ("number",)
    for said in ([], ["street"]):
        fields = policy_fields()
        fields["subject"]["same-person"] = said
        assert Policy.model_validate(fields).same_person == tuple(said)


# ------------------------------------------------------------------------------ whom it may mean


def met(clue: Clue, key: str | None, person: int | None, *, stated: bool = True) -> Match:
    return Match(clue, stated, key, person)


def test_nobody_who_was_met_is_nobody() -> None:
    assert decide([]).outcome is Outcome.NOBODY
    assert not decide([]).known_to_others


def test_whom_only_others_know_is_nobody_and_it_is_said() -> None:
    verdict = decide([met(Clue.PHONE, None, None)])
    assert (verdict.outcome, verdict.known_to_others) == (Outcome.NOBODY, True)


def test_a_customer_whom_others_know_as_well_is_a_customer() -> None:
    verdict = decide([met(Clue.PHONE, None, None), met(Clue.EMAIL, "1", 0)])
    assert (verdict.outcome, verdict.keys) == (Outcome.ONE, ("1",))
    assert not verdict.known_to_others


def test_one_person_is_left_out_with_all_records() -> None:
    verdict = decide([met(Clue.EMAIL, "1", 0), met(Clue.EMAIL, "2", 0)])
    assert (verdict.outcome, verdict.keys) == (Outcome.ONE, ("1", "2"))


def test_who_bears_everything_that_anybody_bears_is_meant() -> None:
    shared = [met(Clue.PHONE, "1", 0), met(Clue.PHONE, "2", 1)]
    verdict = decide([*shared, met(Clue.EMAIL, "2", 1)])
    assert (verdict.outcome, verdict.keys) == (Outcome.ONE, ("2",))


@pytest.mark.parametrize(
    "matches",
    [
        [met(Clue.IBAN, "1", 0), met(Clue.IBAN, "2", 1)],
        [met(Clue.EMAIL, "1", 0), met(Clue.CUSTOMER_ID, "2", 1)],
    ],
)
def test_who_cannot_be_told_apart_is_left_to_a_human(matches: list[Match]) -> None:
    verdict = decide(matches)
    assert (verdict.outcome, verdict.keys) == (Outcome.SEVERAL, ("1", "2"))


def test_a_text_alone_decides_nothing() -> None:
    verdict = decide([met(Clue.EMAIL, "1", 0, stated=False)])
    assert (verdict.outcome, verdict.keys) == (Outcome.SEVERAL, ("1",))


def test_a_text_that_names_somebody_else_does_not_blur_what_was_stated() -> None:
    verdict = decide([met(Clue.EMAIL, "1", 0), met(Clue.CUSTOMER_ID, "2", 1, stated=False)])
    assert (verdict.outcome, verdict.keys) == (Outcome.ONE, ("1",))


def test_records_of_one_person_lead_to_each_other_by_others() -> None:
    found = dict(persons(["1", "2", "3", "4"], [("1", "2"), ("3", "2"), ("3", "5")]).rows())
    assert found["1"] == found["2"] == found["3"] == found["5"]
    assert found["4"] != found["1"]


def test_what_was_stated_and_means_nobody_leaves_the_choice_to_a_human() -> None:
    """A name with a mistake in it, and the telephone of somebody in the same house."""
    whole = decide([met(Clue.PHONE, "2", 0)], {Clue.PHONE})
    verdict = decide([met(Clue.PHONE, "2", 0)], {Clue.PHONE, Clue.NAME_AND_BIRTH})
    assert (whole.outcome, verdict.outcome) == (Outcome.ONE, Outcome.SEVERAL)
    assert verdict.keys == ("2",)


def test_a_verdict_is_each_objections_own() -> None:
    rows = [(3, "email", True, "1", 0), (4, "email", True, "1", 0), (4, "email", True, "2", 1)]
    asked = [(3, "email", "a@x.org", True), (4, "email", "b@x.org", True)]
    found = verdicts(
        pl.DataFrame(rows, schema=FOUND, orient="row"),
        pl.DataFrame(asked, schema=ASKED, orient="row"),
    )
    assert {row: verdict.outcome for row, verdict in found.items()} == {
        3: Outcome.ONE,
        4: Outcome.SEVERAL,
    }
