"""What names say, in several languages."""

from __future__ import annotations

import pytest

from pipelines.draft.words import (
    Topic,
    clause_of,
    is_of_documents,
    is_of_holders,
    is_of_others,
    is_of_people,
    topic_of,
    words_of,
)


@pytest.mark.parametrize(
    ("topic", "names"),
    [
        (Topic.PERSONAL_NUMBER, "numri_personal JMBG asmens_kodas personas_kods isikukood"),
        (Topic.PERSONAL_NUMBER, "NumriPersonal personal_number ASMENSKODAS maticni_broj"),
        (Topic.FIRST_NAME, "emri ime vardas vārds eesnimi first_name Vardas2"),
        (Topic.LAST_NAME, "mbiemri prezime pavardė uzvārds perekonnanimi last_name surname"),
        (Topic.BIRTH, "gimimo_data dzimšanasDatums sünniaeg datelindja datum_rodjenja dob"),
        (Topic.EMAIL, "email e_mail elPastas el_pastas epasts epost posta_elektronike"),
        (Topic.PHONE, "telefonas phone tel telefoni talrunis mobile_no"),
        (Topic.RESIDENCE, "adresas street rruga ulica gatve iela tanav postcode pastoKodas"),
        (Topic.SEX, "lytis gjinia pol dzimums sugu sex"),
        (Topic.CITIZENSHIP, "pilietybe shtetesia drzavljanstvo pilsoniba kodakondsus citizenship"),
        (Topic.REGION, "savivaldybe komuna opstina novads maakond municipality"),
        (Topic.INCOME, "pajamos_men te_ardhurat prihod ienakumi sissetulek income"),
        (Topic.EDUCATION, "issilavinimas arsimi obrazovanje izglitiba haridus education"),
        (Topic.OCCUPATION, "profesija profesioni zanimanje amets occupation"),
        (Topic.DOCUMENT, "dokumento_nr pasaporta licna_karta passport_number photo_reference"),
        (Topic.KEY, "customer_id klientoNr payment_id skolos_nr"),
        (Topic.MONEY, "suma_eur shuma iznos kaina likutis balance amount"),
    ],
)  # fmt: skip
def test_a_name_says_what_it_holds_in_every_language(topic: Topic, names: str) -> None:
    assert {name: topic_of(name) for name in names.split()} == dict.fromkeys(names.split(), topic)


@pytest.mark.parametrize("name", ["x1", "", "💥", "kita", "\n", "  "])
def test_a_name_may_say_nothing(name: str) -> None:
    assert topic_of(name) is None


def test_a_name_is_taken_apart() -> None:
    assert words_of("gimimoData") == words_of("GIMIMO_DATA") == ("gimimo", "data")
    assert words_of("Pavardė2") == ("pavarde",)


def test_a_clause_is_what_the_table_is_about() -> None:
    clauses = {
        "accounts": 9, "skolos": 10, "debts": 10, "laiskai": 11, "correspondence": 11,
        "paskolos": 12, "loans": 12, "video_recordings": 13, "contact_preferences": 14,
        "rinkodaros_sutikimai": 15, "marketing_consents": 15,
    }  # fmt: skip
    assert {table: clause_of(table, "x") for table in clauses} == clauses
    assert clause_of("klientai", "pajamos") == 12


def test_tables_of_people_of_others_of_holders_and_of_documents_are_told_apart() -> None:
    assert is_of_people("klientai")
    assert not is_of_people("laiduotojai")
    assert is_of_others("guarantors")
    assert is_of_others("Dorëzanët")
    assert is_of_holders("sutarciu_salys")
    assert is_of_documents("asmens_dokumentai")
