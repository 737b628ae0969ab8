"""The three vocabularies that are shipped: what people write in six languages, and whose names."""

# ruff: noqa: RUF001 - Serbian is written in Cyrillic as well.
from __future__ import annotations

import importlib
import tomllib
from functools import cache
from pathlib import Path

import polars as pl
import pytest

from pipelines import names
from transforms.text.languages import languages
from transforms.text.topics import known, topics
from transforms.text.vocabulary import Language, Vocabulary

FOLDER = Path(__file__).parents[2] / "data" / "vocabularies"
SHIPPED = ("payment_purposes", "letter_topics", "debt_circumstances")

Examples = dict[str, tuple[tuple[str, str], ...]]

PAYMENTS: Examples = {
    "sq": (
        ("Paga Shtator 2025", "salary"),
        ("rroga e muajit tetor", "salary"),
        ("Pensioni i nënës", "pension"),
        ("QIRAJA BANESE NR 4 PRISHTINE", "rent"),
        ("qera dyqani", "rent"),
        ("Pagesa e rrymes KESCO 12345", "utilities"),
        ("fatura e ujit nentor", "utilities"),
        ("mbeturinat 2024", "utilities"),
        ("kesti i 3te i kredise", "loan repayment"),
        ("po ta kthej borxhin", "loan repayment"),
        ("Sigurimi i vetures TPL", "insurance"),
        ("tatimi ne prone komuna Peje", "taxes and charges"),
        ("gjoba e policisë", "taxes and charges"),
        ("semestri i dytë fakulteti juridik", "education"),
        ("qerdhja e Lisit", "education"),
        ("stomatologu", "health"),
        ("per ilaçe", "health"),
        ("për mamin dhe babin ndihmë", "family support"),
        ("dhurate per ditelindje", "gift"),
        ("kthimi i mjeteve gabimisht", "refund"),
        ("terheqje keshi bankomat", "cash"),
        ("kursime per femije", "savings"),
        ("Donacion për jetimët", "donation"),
        ("naftë për ngrohje", "utilities"),
        ("bileta avioni", "travel"),
        ("dreka e djeshme", "eating out"),
        ("punime gipsi kati 2", "home"),
        ("pagese fatures 88/24", "invoice"),
        ("pershendetje shoku", "other"),
    ),
    "sr": (
        ("Plata za septembar", "salary"),
        ("Зарада за октобар", "salary"),
        ("penzija PIO", "pension"),
        ("Kirija za stan", "rent"),
        ("кирија новембар", "rent"),
        ("zakup lokala", "rent"),
        ("Struja EPS 10/2025", "utilities"),
        ("komunalije i grejanje", "utilities"),
        ("rata kredita br 7", "loan repayment"),
        ("vraćam dug", "loan repayment"),
        ("polisa osiguranja auta", "insurance"),
        ("porez na imovinu", "taxes and charges"),
        ("saobraćajna kazna", "taxes and charges"),
        ("školarina druga godina", "education"),
        ("vrtic za Lenu", "education"),
        ("zubar", "health"),
        ("lekovi za baku", "health"),
        ("pomoć mami", "family support"),
        ("za decu", "family support"),
        ("poklon za rođendan", "gift"),
        ("povraćaj novca", "refund"),
        ("podizanje gotovine", "cash"),
        ("članarina za klub", "dues"),
        ("gorivo", "car and transport"),
        ("hotel Zlatibor", "travel"),
        ("ručak juče", "eating out"),
        ("nameštaj", "home"),
        ("po fakturi 55/25", "invoice"),
        ("pozdrav", "other"),
    ),
    "en": (
        ("SALARY OCT", "salary"),
        ("wages week 42", "salary"),
        ("state pension", "pension"),
        ("november rent flat 3b", "rent"),
        ("electricity and gas", "utilities"),
        ("water bill", "utilities"),
        ("loan repayment 4/12", "loan repayment"),
        ("paying you back the money I owe", "loan repayment"),
        ("car insurance renewal", "insurance"),
        ("council tax", "taxes and charges"),
        ("parking fine", "taxes and charges"),
        ("school fees term 2", "education"),
        ("dentist", "health"),
        ("for mum", "family support"),
        ("pocket money", "family support"),
        ("happy birthday!", "gift"),
        ("refund of deposit", "refund"),
        ("ATM withdrawal", "cash"),
        ("monthly savings", "savings"),
        ("charity run donation", "donation"),
        ("gym membership", "dues"),
        ("flights to Vienna", "travel"),
        ("fuel", "car and transport"),
        ("dinner last night", "eating out"),
        ("weekly groceries", "groceries"),
        ("plumber", "home"),
        ("inv 20391", "invoice"),
        ("money from abroad", "remittance"),
        ("cheers", "other"),
    ),
    "lt": (
        ("Atlyginimas už spalį", "salary"),
        ("darbo užmokestis", "salary"),
        ("pensija", "pension"),
        ("Nuoma už butą lapkritis", "rent"),
        ("buto nuomos mokestis", "rent"),
        ("už elektrą", "utilities"),
        ("komunaliniai mokesčiai", "utilities"),
        ("paskolos įmoka", "loan repayment"),
        ("grąžinu skolą", "loan repayment"),
        ("automobilio draudimas", "insurance"),
        ("VMI gyventojų pajamų mokestis", "taxes and charges"),
        ("bauda už greitį", "taxes and charges"),
        ("darželis", "education"),
        ("už studijas", "education"),
        ("vaistai mamai", "health"),
        ("odontologas", "health"),
        ("mamai", "family support"),
        ("alimentai", "family support"),
        ("Gimtadienio dovana", "gift"),
        ("pinigų grąžinimas", "refund"),
        ("grynųjų išėmimas", "cash"),
        ("taupymui", "savings"),
        ("auka šunų prieglaudai", "donation"),
        ("nario mokestis", "dues"),
        ("lėktuvo bilietai", "travel"),
        ("už kurą", "car and transport"),
        ("pietūs", "eating out"),
        ("pagal sąskaitą faktūrą Nr. 12", "invoice"),
        ("labas", "other"),
    ),
    "lv": (
        ("Alga par oktobri", "salary"),
        ("darba alga", "salary"),
        ("pensija", "pension"),
        ("īre par dzīvokli", "rent"),
        ("Īres maksa novembris", "rent"),
        ("par elektrību", "utilities"),
        ("apkure un ūdens", "utilities"),
        ("kredīta maksājums", "loan repayment"),
        ("parāda atmaksa", "loan repayment"),
        ("OCTA apdrošināšana", "insurance"),
        ("nekustamā īpašuma nodoklis", "taxes and charges"),
        ("sods par ātrumu", "taxes and charges"),
        ("bērnudārzs", "education"),
        ("mācību maksa", "education"),
        ("zobārsts", "health"),
        ("zāles vecmāmiņai", "health"),
        ("mammai", "family support"),
        ("uzturlīdzekļi bērnam", "family support"),
        ("dzimšanas dienas dāvana", "gift"),
        ("naudas atgriešana", "refund"),
        ("skaidras naudas izņemšana", "cash"),
        ("uzkrājums", "savings"),
        ("ziedojums", "donation"),
        ("biedru nauda", "dues"),
        ("aviobiļetes", "travel"),
        ("degviela", "car and transport"),
        ("pusdienas", "eating out"),
        ("rēķins Nr. 45", "invoice"),
        ("sveiks", "other"),
    ),
    "et": (
        ("Palk oktoober", "salary"),
        ("töötasu", "salary"),
        ("pension", "pension"),
        ("Üür november", "rent"),
        ("korteri üür", "rent"),
        ("elektri eest", "utilities"),
        ("kommunaalid", "utilities"),
        ("laenumakse", "loan repayment"),
        ("võla tagasimaksmine", "loan repayment"),
        ("liikluskindlustus", "insurance"),
        ("tulumaks", "taxes and charges"),
        ("kiiruse trahv", "taxes and charges"),
        ("lasteaia kohatasu", "education"),
        ("õppemaks", "education"),
        ("hambaarst", "health"),
        ("ravimid", "health"),
        ("emale", "family support"),
        ("elatis lapsele", "family support"),
        ("sünnipäevaks kingitus", "gift"),
        ("raha tagasi", "refund"),
        ("sularaha", "cash"),
        ("säästud", "savings"),
        ("annetus loomadele", "donation"),
        ("liikmemaks", "dues"),
        ("lennupiletid", "travel"),
        ("kütus", "car and transport"),
        ("lõunasöök", "eating out"),
        ("arve nr 123", "invoice"),
        ("tervitused", "other"),
    ),
}

LETTERS: Examples = {
    "sq": (
        ("Përshëndetje, e kam humbur kartelën dje në treg, ju lutem bllokojeni", "lost card"),
        ("Dëshiroj ta mbyll llogarinë time te ju", "account closing"),
        ("Cilat të dhëna personale ruani për mua?", "data request"),
        ("Kundërshtoj përpunimin e të dhënave për marketing", "objection"),
        ("Kam ndërruar adresën", "address change"),
        ("Më keni ndalur provizion", "fees"),
        ("Ankesë për punonjësin", "complaint"),
        ("Faleminderit shumë", "other"),
    ),
    "sr": (
        ("Izgubila sam karticu, molim vas blokirajte je", "lost card"),
        ("Желим да затворим рачун", "account closing"),
        ("Molim da obrišete moje lične podatke", "data request"),
        ("Promenila sam adresu stanovanja", "address change"),
        ("Zašto ste mi naplatili proviziju?", "fees"),
        ("Imam žalbu na rad šaltera", "complaint"),
        ("Nije stigla uplata od juče", "payment question"),
        ("Hvala puno", "other"),
    ),
    "en": (
        ("I lost my card yesterday, please block it", "lost card"),
        ("I'd like to close my account", "account closing"),
        ("Which personal data do you hold about me?", "data request"),
        ("I object to the use of my data for marketing", "objection"),
        ("Somebody made a fraudulent payment", "fraud report"),
        ("My new address is in Peja", "address change"),
        ("Why was I charged this fee?", "fees"),
        ("I forgot my password and cannot log in", "access and app"),
        ("Can the instalment be postponed?", "loan"),
        ("Many thanks", "other"),
    ),
    "lt": (
        ("Pamečiau kortelę, prašau blokuoti", "lost card"),
        ("Noriu uždaryti sąskaitą", "account closing"),
        ("Prašau ištrinti mano asmens duomenis", "data request"),
        ("Nesutinku su rinkodara", "objection"),
        ("Kodėl nuskaičiuotas komisinis mokestis?", "fees"),
        ("Pamiršau slaptažodį", "access and app"),
        ("Skundas dėl darbuotojo", "complaint"),
    ),
    "lv": (
        ("Pazaudēju karti, lūdzu bloķējiet", "lost card"),
        ("Vēlos slēgt kontu", "account closing"),
        ("Lūdzu dzēst manus personas datus", "data request"),
        ("Iebilstu pret mārketingu", "objection"),
        ("Kāpēc ieturēta komisija?", "fees"),
        ("Aizmirsu paroli", "access and app"),
        ("Sūdzība par apkalpošanu", "complaint"),
    ),
    "et": (
        ("Kaotasin kaardi, palun blokeerige", "lost card"),
        ("Soovin konto sulgeda", "account closing"),
        ("Palun kustutage minu isikuandmed", "data request"),
        ("Ma ei nõustu automaatse otsusega", "objection"),
        ("Miks võeti teenustasu?", "fees"),
        ("Unustasin parooli", "access and app"),
        ("Kaebus teeninduse kohta", "complaint"),
    ),
}

DEBTS: Examples = {
    "sq": (
        ("Ka mbetur pa punë që nga marsi", "job loss"),
        ("Gruaja e tij është e sëmurë rëndë", "illness"),
        ("Pas divorcit nuk paguan", "divorce"),
        ("I ka falimentuar dyqani", "business failure"),
        ("Babai i vdiq në janar", "death"),
        ("Nuk pajtohet me shumën", "dispute"),
        ("Nuk përgjigjet në telefon", "not reached"),
    ),
    "sr": (
        ("Ostala je bez posla", "job loss"),
        ("Разболео се, лежи у болници", "illness"),
        ("Posle razvoda ne plaća", "divorce"),
        ("Firma je otišla u stečaj", "business failure"),
        ("Otac mu je preminuo", "death"),
        ("Plata mu kasni tri meseca", "late salary"),
        ("Ne javlja se na telefon", "not reached"),
    ),
    "en": (
        ("Customer was made redundant", "job loss"),
        ("In hospital since May", "illness"),
        ("Divorced last year", "divorce"),
        ("His business failed", "business failure"),
        ("Father died in spring", "death"),
        ("His salary is late again", "late salary"),
        ("Disputes the amount", "dispute"),
        ("Lives abroad", "abroad"),
    ),
    "lt": (
        ("Neteko darbo", "job loss"),
        ("Serga, guli ligoninėje", "illness"),
        ("Po skyrybų nemoka", "divorce"),
        ("Įmonė bankrutavo", "business failure"),
        ("Mirė vyras", "death"),
        ("Vėluoja atlyginimas", "late salary"),
    ),
    "lv": (
        ("Zaudēja darbu", "job loss"),
        ("Saslima, ir slimnīcā", "illness"),
        ("Pēc šķiršanās nemaksā", "divorce"),
        ("Uzņēmums bankrotēja", "business failure"),
        ("Nomira vīrs", "death"),
        ("Kavējas alga", "late salary"),
    ),
    "et": (
        ("Kaotas töö", "job loss"),
        ("Haiglas alates maist", "illness"),
        ("Pärast lahutust ei maksa", "divorce"),
        ("Firma läks pankrotti", "business failure"),
        ("Abikaasa suri", "death"),
        ("Palk hilineb", "late salary"),
    ),
}
CASES = [
    pytest.param(file, language, text, topic, id=f"{language}: {text}")
    for file, examples in zip(SHIPPED, (PAYMENTS, LETTERS, DEBTS), strict=True)
    for language, pairs in examples.items()
    for text, topic in pairs
]

ORDINARY_WORDS = frozenset({"bill", "car", "house", "parts", "price", "swift", "uus"})
"""Words of phrases that are somebody's surname as well; alone they tell of nothing."""


@cache
def shipped(name: str) -> Vocabulary:
    with (FOLDER / f"{name}.toml").open("rb") as file:
        return Vocabulary.model_validate(tomllib.load(file))


@cache
def people() -> pl.Series:
    """Return first names and surnames of all communities, and of the Baltic countries."""
    found = {name for key in dir(names) if key.isupper() for name in getattr(names, key)}
    for locale in ("lt_LT", "lv_LV", "et_EE", "hr_HR", "en_GB", "en_US"):
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for key in dir(provider):
            if key.startswith(("first_name", "last_name")):
                listed = getattr(provider, key)
                found.update(listed if not callable(listed) else ())
    return pl.Series(sorted(found))


@pytest.mark.parametrize(("file", "language", "text", "topic"), CASES)
def test_what_people_write_is_told(file: str, language: str, text: str, topic: str) -> None:
    assert language in set(Language)
    assert topics(pl.Series([text]), shipped(file)).to_list() == [topic]


@pytest.mark.parametrize("file", SHIPPED)
def test_every_topic_is_told_of_in_every_language(file: str) -> None:
    lacking = {
        (topic.name, language.value)
        for topic in shipped(file).topics
        for language in Language
        if not getattr(topic, language.value)
    }
    assert lacking == set()


@pytest.mark.parametrize("file", SHIPPED)
def test_no_name_of_people_tells_of_a_topic(file: str) -> None:
    told = people().filter(topics(people(), shipped(file)) != "other")
    assert len(people()) > 3000
    assert told.to_list() == []


@pytest.mark.parametrize("file", SHIPPED)
def test_hardly_a_name_of_people_is_listed_at_all(file: str) -> None:
    listed = people().filter(known(people(), shipped(file)))
    assert {name.lower() for name in listed} <= ORDINARY_WORDS


@pytest.mark.parametrize("language", Language)
def test_letters_are_known_by_their_language(language: Language) -> None:
    texts = pl.Series([text for text, _ in LETTERS[language.value]])
    spoken = languages(texts, shipped("letter_topics"))
    assert (spoken == language.value).sum() >= 0.85 * len(texts)
