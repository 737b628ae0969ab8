"""The scanner: each kind in the forms that it has, and what looks like it and is none."""

from __future__ import annotations

import subprocess
import sys

import polars as pl
import pytest
from fuzzing import looked_at
from leaks import CLEAN

from pipelines.gate.kinds import Kind
from pipelines.gate.scan import findings, scan

FOUND = {
    Kind.IBAN: [
        "XK051212012345678906",
        "xk05 1212 0123 4567 8906",
        "ibanXK05-1212-0123-4567-8906 per qira",
        "AL47 2121 1009 0000 0002 3569 8741",
        "\u0425\u041a05 1212 0123 4567 8906",
        "XK05 1212 O123 4567 89O6",
    ],
    Kind.EMAIL: [
        "ana@example.com",
        "paid by ANA.K@EXAMPLE.COM on Monday",
        "ana @ example . com",
        "\u0430n\u0430\uff20\u0435x\u0430mple.\u0441\u043em",
        "\u0430\u043d\u0430@\u043f\u0440\u0438\u043c\u0435\u0440.\u0441\u0440\u0431",
    ],
    Kind.CARD: ["4111 1111 1111 1111", "5500-0055-5555-5559", "371449635398431"],
    Kind.NATIONAL_NUMBER: [
        "1234567892",
        "\u2776\u2777\u2778\u2779\u277a\u277b\u277c\u277d\u277e\u2777",
        "12345\x0067892",
        "JMBG:0902954722442",
        "101119-29488 (LV)",
        "I05101999I",
        "12345678Z",
        "x-1234567-l",
        "44051401359",
        "1630615123457",
        "33309240064",
        "7523169263",
    ],
    Kind.PHONE: [
        "+383 44 123 456",
        "+383 (0)44 123 456",
        "00383/44-123-456",
        "044 123 456",
        "044/123-456",
        "383 44 123 456",
        "069 212 3456",
        "+49 30 901820",
    ],
    Kind.COORDINATES: ["42.6629, 21.1655", "42,66291; 21,16552", "42°39'46\"N 21°09'56\"E"],
    Kind.IP_ADDRESS: ["192.168.10.24", "2001:db8::8a2e:370:7334"],
    Kind.URL: ["https://facebook.com/ana.krasniqi", "www.example.org/ana"],
    Kind.ADDRESS: [
        "Rr. Agim Ramadani 12",
        "rruga Nëna Terezë, nr. 5, hyrja 2",
        "ul. Kneza Miloša br. 11",
        "улица Краља Петра 4",
        "Gedimino pr. 5",
        "Vilniaus g. 12-4",
        "Brīvības iela 3",
        "Pikk tn 5, Tallinn",
        "Hauptstr. 12",
        "12 Baker Street",
        "Pikk 12, EE-10123 Tallinn",
    ],
    Kind.NAME: [
        "Arben Krasniqi",
        "KRASNIQI, ARBEN",
        "qira per Arben Krasniqi mars",
        "Milica Petrović",
        "Милица Петровић",
        "Đorđe Živković",
        "Djordje Zivkovic",
        "Jonas Unheardauskas",
        "Ana M. Tamm",
        "Ana\u200b\u00a0Tamm",
    ],
    Kind.DOCUMENT: ["AB1234567", "P 1234567", "K01234568", "12345678901234567890"],
    Kind.POSTCODE: ["LV-1010", "10000", "LT-01103 Vilnius"],
}

NONE = {
    "an IBAN with another check digit": "XK061212012345678906",
    "a card with another check digit": "4111 1111 1111 1112",
    "a day": "20240315",
    "a round amount": "25000000",
    "a range": "10000-15000",
    "a range in thousands": "10 000 - 14 999",
    "a day and a time": "2024-03-12 10:15:30",
    "two days": "12.03.2024 - 14.05.2025",
    "amounts": "1.250,00 1.500,00",
    "one digit repeated": "1111111111",
    "one word that is a name": "Ana",
    "two first names": "Arben Besnik",
    "two words that are no names": "Gjilan district",
    "a name within other words": "banana tammany",
    "a street without a house": "Gedimino pr.",
    "an amount behind a street's word": "ul. Kneza Milosa 12,50",
    "a page": "str. 12",
    "a share": "Baker street 12%",
    "an address without a domain": "@home",
}


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in FOUND for text in FOUND[kind]])
def test_a_kind_is_found(kind: Kind, text: str) -> None:
    assert kind in scan(pl.Series([text]))


@pytest.mark.parametrize("text", NONE.values(), ids=NONE)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert not set(scan(pl.Series([text]))) - {Kind.DOCUMENT}


def test_numbers_of_any_length_are_looked_at() -> None:
    endless = "0" + "9" * 10_000
    assert scan(pl.Series([f"1{endless}000-2{endless}000", f"0-{endless}", f"+{endless}"])) == {}


@pytest.mark.parametrize(
    "written",
    [
        *("ANA TAMM ", "UL. KNEZA MILOSA 5, ", "ana@example.com ", "+38344123456 ", "1234567892, "),
        *("192.168.10.24 ", "AB1234567 ", "XK051212012345678906 ", "ul. 1 .", "rr. 1-a-", "1 st. "),
    ],
)
def test_a_long_text_holds_nothing_up(written: str) -> None:
    texts = pl.Series(
        [written * (300_000 // len(written)), written + written.strip()[-1] * 300_000]
    )

    def scanned(_: bytes) -> None:
        scan(texts)

    assert looked_at(scanned, b"", personal=True) is None


def test_categories_are_clean() -> None:
    assert findings(pl.Series(CLEAN)).is_empty()


def test_an_account_s_digits_are_not_told_as_other_numbers() -> None:
    assert scan(pl.Series(["XK05 1212 0123 4567 8906"])) == {Kind.IBAN: 1}


def test_different_values_are_counted_once_each() -> None:
    values = pl.Series(["ana@example.com"] * 5 + ["eva@example.com", "Peja", None])
    assert scan(values) == {Kind.EMAIL: 2}


def test_whole_numbers_are_looked_at_where_they_are_long() -> None:
    values = pl.Series([101990710006, 1234567892, 1_234_567, None])
    assert set(scan(values)) == {Kind.NATIONAL_NUMBER, Kind.DOCUMENT}
    assert scan(pl.Series([1_234_567, 12])) == {}


@pytest.mark.parametrize("values", [[], [None], ["Peja", "10-19 years", "1.500 EUR"]])
def test_where_nothing_can_match_presidio_is_not_imported(values: list[str | None]) -> None:
    script = (
        "import sys, polars as pl; from pipelines.gate.scan import scan; "
        f"assert scan(pl.Series({values!r}, dtype=pl.String)) == {{}}; "
        "sys.exit('presidio_analyzer' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_no_address_asks_the_network_and_nothing_is_kept_in_the_home() -> None:
    script = (
        "import os, socket, sys, tempfile\n"
        "os.environ['HOME'] = home = tempfile.mkdtemp()\n"
        "def refuse(*_, **__): raise SystemExit('the network was asked')\n"
        "socket.getaddrinfo = socket.socket.connect = refuse\n"
        "import polars as pl\n"
        "from pipelines.gate.scan import scan\n"
        "assert scan(pl.Series(['ana@example.com']))\n"
        "sys.exit(str(os.listdir(home)) if os.listdir(home) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
