"""Identifiers that are nobody's, the disguises they may have, and sentences around them.

Drawn from a seed and made by the rules of their kinds, by python-stdnum's where it has them.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import phonenumbers
from stdnum import luhn, numdb
from stdnum.bg import egn
from stdnum.ee import ik
from stdnum.es import dni
from stdnum.iso7064 import mod_97_10
from stdnum.lv import pvn
from stdnum.pl import pesel
from stdnum.ro import cnp
from stdnum.si import emso

from pipelines.gate.kinds import Kind

Draw = Callable[[random.Random], str]


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choices("0123456789", k=count))


def _born(rng: random.Random) -> date:
    return date(1930, 1, 1) + timedelta(days=rng.randrange(34_000))


# ----------------------------------------------------------------------------- national numbers


def kosovo(rng: random.Random) -> str:
    while True:
        first = str(rng.randrange(1, 10)) + _digits(rng, 8)
        total = sum(int(d) * w for d, w in zip(first, (4, 3, 2, 7, 6, 5, 4, 3, 2), strict=True))
        if -total % 11 < 10 and len(set(first)) > 1:
            return first + str(-total % 11)


def albania(rng: random.Random) -> str:
    born = _born(rng)
    decade = chr(ord("A") + (born.year - 1900) // 10)
    month = born.month + rng.choice([0, 50])
    rest = f"{born.year % 10}{month:02}{born.day:02}{_digits(rng, 3)}"
    return decade + rest + rng.choice("ABCDEFGHIJKLMNOPQRSTUVW")


def jmbg(*regions: int) -> Draw:
    def draw(rng: random.Random) -> str:
        while True:
            born = _born(rng)
            first = f"{born:%d%m}{born.year % 1000:03}{rng.choice(regions):02}{_digits(rng, 3)}"
            weights = (7, 6, 5, 4, 3, 2) * 2
            if -sum(int(d) * w for d, w in zip(first, weights, strict=True)) % 11 < 10:
                return first + str(emso.calc_check_digit(first))

    return draw


def bulgaria(rng: random.Random) -> str:
    born = _born(rng)
    month = born.month + (40 if born.year >= 2000 else 0)
    first = f"{born.year % 100:02}{month:02}{born.day:02}{_digits(rng, 3)}"
    return first + str(egn.calc_check_digit(first))


def baltic(rng: random.Random) -> str:
    born = _born(rng)
    first = rng.choice("34" if born.year < 2000 else "56") + f"{born:%y%m%d}" + _digits(rng, 3)
    return first + str(ik.calc_check_digit(first + "0"))


def latvia(rng: random.Random) -> str:
    born = _born(rng)
    with_date = f"{born:%d%m%y}{'1' if born.year < 2000 else '2'}{_digits(rng, 3)}"
    first = rng.choice([with_date, "32" + _digits(rng, 8)])
    return first + str(pvn.calc_check_digit_pers(first))


def romania(rng: random.Random) -> str:
    born = _born(rng)
    first = rng.choice("12" if born.year < 2000 else "56") + f"{born:%y%m%d}"
    first += f"{rng.randrange(1, 47):02}" + _digits(rng, 3)
    return first + str(cnp.calc_check_digit(first))


def poland(rng: random.Random) -> str:
    born = _born(rng)
    month = born.month + (20 if born.year >= 2000 else 0)
    first = f"{born.year % 100:02}{month:02}{born.day:02}{_digits(rng, 4)}"
    return first + str(pesel.calc_check_digit(first))


def spain(rng: random.Random) -> str:
    number = _digits(rng, 8)
    foreign = rng.choice(["", *"XYZ"])
    if not foreign:
        return number + str(dni.calc_check_digit(number))
    letter = dni.calc_check_digit(str("XYZ".index(foreign)) + number[1:])
    return f"{foreign}{number[1:]}{letter}"


NATIONAL: Mapping[str, Draw] = {
    "Kosovo": kosovo,
    "Albania": albania,
    "Serbia": jmbg(71, 72, 73, 74, 75, 76, 77, 78, 79),
    "Bosnia and Herzegovina": jmbg(10, 11, 12, 13, 14, 15, 16, 17, 18, 19),
    "Montenegro": jmbg(21, 22, 23, 24, 25, 26, 27, 28, 29),
    "North Macedonia": jmbg(41, 42, 43, 44, 45, 46, 47, 48, 49),
    "Kosovo, JMBG": jmbg(91, 92, 93, 94, 95, 96),
    "Bulgaria": bulgaria,
    "Lithuania": baltic,
    "Estonia": baltic,
    "Latvia": latvia,
    "Romania": romania,
    "Poland": poland,
    "Spain": spain,
}

# ------------------------------------------------------------------------------------- the others

COUNTRIES = (
    *("XK", "AL", "RS", "BA", "ME", "MK", "BG", "LT", "LV", "EE", "RO", "PL", "ES", "GE"),
    *("DE", "AT", "CH", "IT", "SI", "HR", "GB", "MT", "FR"),
)
_SETS = {
    "n": "0123456789",
    "a": "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "c": "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
}


def iban(rng: random.Random) -> str:
    country = rng.choice(COUNTRIES)
    form = numdb.get("iban").info(country)[0][1]["bban"]
    bban = "".join(
        "".join(rng.choices(_SETS[sign], k=int(times)))
        for times, sign in re.findall(r"([0-9]+)!([nac])", form)
    )
    return f"{country}{mod_97_10.calc_check_digits(bban + country)}{bban}"


FIRST = ("Ana", "Petrit", "Milica", "Jonas", "Liis", "Dace", "Jürgen", "Besnik", "Vjosa", "Goran")
LAST = ("Krasniqi", "Petrović", "Kazlauskas", "Tamm", "Bērziņš", "Müller", "Hoxha", "Ivanov")
_HOSTS = ("gmail.com", "yahoo.com", "mail.bg", "inbox.lv", "abv.bg", "example.org", "t-com.me")


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("üćēņš", "ucens"))


def email(rng: random.Random) -> str:
    first, last = _plain(rng.choice(FIRST)), _plain(rng.choice(LAST))
    name = rng.choice(
        [f"{first}.{last}", f"{first}{last}", f"{first[0]}_{last}{rng.randrange(99)}"]
    )
    return f"{name}@{rng.choice(_HOSTS)}"


def card(rng: random.Random) -> str:
    start, length = rng.choice([("4", 16), ("51", 16), ("5425", 16), ("2221", 16), ("37", 15)])
    first = start + _digits(rng, length - 1 - len(start))
    return first + str(luhn.calc_check_digit(first))


_MOBILE = {
    "XK": ("383", ["43", "44", "45", "49"], 6),
    "AL": ("355", ["67", "68", "69"], 7),
    "RS": ("381", ["63", "64", "65"], 7),
    "MK": ("389", ["70", "71", "75"], 6),
    "ME": ("382", ["67", "68", "69"], 6),
    "BA": ("387", ["61", "62"], 6),
    "LT": ("370", ["61", "62", "68"], 6),
    "LV": ("371", ["26", "28", "29"], 6),
    "EE": ("372", ["51", "53", "56"], 6),
}
AT_HOME = ("XK", "AL", "RS", "MK", "ME", "BA")


def phone(rng: random.Random) -> str:
    """Return a mobile number with its country code, or as it is dialled at home."""
    while True:
        region = rng.choice(list(_MOBILE))
        code, starts, more = _MOBILE[region]
        own = rng.choice(starts) + _digits(rng, more)
        if phonenumbers.is_valid_number(phonenumbers.parse(f"+{code}{own}")):
            abroad = rng.choice(["+", "00"]) + code + own
            return rng.choice([abroad, "0" + own]) if region in AT_HOME else abroad


def document(rng: random.Random) -> str:
    letters = rng.choice(["", "P", "AB", "K", "BA", "ID"])
    return letters + str(rng.randrange(1, 10)) + _digits(rng, rng.choice([6, 7, 8])) + "7"


def name(rng: random.Random) -> str:
    return f"{rng.choice(FIRST)} {rng.choice(LAST)}"


def address(rng: random.Random) -> str:
    street = rng.choice(
        ["Rr. Agim Ramadani", "Knez Mihailova", "Gedimino pr.", "Pikk", "Hauptstr."]
    )
    place = rng.choice(["10000 Prishtinë", "11000 Beograd", "LV-1010 Rīga", "Tirana"])
    return f"{street} {rng.randrange(1, 150)}, {place}"


CHECKED: Mapping[Kind, Draw] = {
    Kind.NATIONAL_NUMBER: lambda rng: NATIONAL[rng.choice(list(NATIONAL))](rng),
    Kind.IBAN: iban,
    Kind.EMAIL: email,
    Kind.PHONE: phone,
    Kind.CARD: card,
}
"""What has to be found wherever it stands, and in every disguise."""

# --------------------------------------------------------------------------------------- disguises

_ALIKE = str.maketrans(
    "aeopcxyijsABEKMHOPCTXYIJS",
    "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0458\u0455"
    "\u0410\u0412\u0415\u039a\u041c\u041d\u041e\u0420\u0421\u03a4\u0425\u0423\u0399\u0408\u0405",
)
_UNSEEN = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


@dataclass(frozen=True)
class Disguise:
    """A way of writing: by its name, for some kinds, of a text."""

    name: str
    wear: Callable[[str, random.Random], str]
    kinds: frozenset[Kind] = frozenset(Kind)


def _unseen(text: str, rng: random.Random) -> str:
    return "".join(sign + rng.choice(["", "", rng.choice(_UNSEEN)]) for sign in text)


def _wide(text: str, _: random.Random) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def _grouped(signs: str) -> Callable[[str, random.Random], str]:
    def wear(text: str, rng: random.Random) -> str:
        sign, size = rng.choice(signs), rng.choice([1, 2, 3, 4])
        prefix = re.match(r"\+|00", text)
        start = prefix.end() if prefix else 0
        first = start + rng.randrange(1, size + 1)
        parts = [text[:first], *(text[at : at + size] for at in range(first, len(text), size))]
        return sign.join(part for part in parts if part)

    return wear


def _letters_for_digits(text: str, rng: random.Random) -> str:
    start = 2 if text.startswith("00") else 4 if text[:2].isalpha() else 0
    if not text[start:].removeprefix("+").isdigit():
        return text
    look = {"0": "Oo\u041e\u03bf", "1": "lI|"}
    rest = [
        rng.choice(look[sign]) if rng.random() < 0.5 and sign in look else sign
        for sign in text[start:]
    ]
    return text[:start] + "".join(rest)


def _apart(text: str, rng: random.Random) -> str:
    return rng.choice(
        [" ".join(text), text.replace("@", " @ "), text.replace("@", "@ ").replace(".", " . ")]
    )


_NUMBERS = frozenset({Kind.NATIONAL_NUMBER, Kind.IBAN, Kind.PHONE, Kind.CARD})
_RAW_DIGITS = frozenset({Kind.IBAN, Kind.PHONE, Kind.CARD})

DISGUISES = (
    Disguise("as it is", lambda text, _: text),
    Disguise("capitals", lambda text, _: text.upper()),
    Disguise("small letters", lambda text, _: text.lower()),
    Disguise("unseen characters", _unseen),
    Disguise("full width", _wide),
    Disguise("letters alike", lambda text, _: text.translate(_ALIKE)),
    Disguise("blanks", _grouped(" \u00a0\u2009"), _NUMBERS),
    Disguise("dots", _grouped(".\u00b7\u2024"), _NUMBERS),
    Disguise("dashes", _grouped("-\u2013\u2011\u2212"), _NUMBERS),
    Disguise("strokes", _grouped("/\u2044"), _NUMBERS),
    Disguise("letters for digits", _letters_for_digits, _RAW_DIGITS),
    Disguise("blanks at its signs", _apart, frozenset({Kind.EMAIL})),
    Disguise(
        "small, wide, grouped, unseen",
        lambda text, rng: _wide(_unseen(_grouped(" -.")(text.lower(), rng), rng), rng),
        _NUMBERS,
    ),
    Disguise(
        "small, wide, alike, unseen",
        lambda text, rng: _wide(_unseen(text.lower().translate(_ALIKE), rng), rng),
        frozenset({Kind.EMAIL}),
    ),
)


def disguises(kind: Kind) -> list[Disguise]:
    """Return those that a kind may have."""
    return [disguise for disguise in DISGUISES if kind in disguise.kinds]


# --------------------------------------------------------------------------------------- sentences

SENTENCES: Mapping[str, Sequence[str]] = {
    "sq": (
        "Klienti me {} kërkon kthimin e pagesës.",
        "Pagesa për {}, faleminderit!",
        "{} sipas marrëveshjes",
    ),
    "sr": ("Молимо проверите {} пре исплате.", "Uplata za {} po dogovoru", "Klijent: {}; hvala"),
    "en": ("Please send it to {} before Monday.", "rent for ({}) as agreed", "the customer is {}"),
    "lt": ("Prašome patikrinti {} iki penktadienio.", "Mokėjimas už {}, ačiū", "klientas {}"),
    "lv": ("Lūdzu pārbaudiet {} līdz piektdienai.", "Maksājums par {}, paldies", "klients: {}"),
    "et": ("Palun kontrollige {} enne reedet.", "Makse eest {}, aitäh", "klient {}"),
    "de": ("Bitte prüfen Sie {} bis Freitag.", "Überweisung für {}, danke", "Kunde: {}"),
    "bg": ("Моля проверете {} до петък.", "Плащане за {}, благодаря", "клиент {}"),
}

CLEAN = (
    "Prishtinë", "Fushë Kosovë", "Нови Пазар", "Gjilan district", "Ljubljana", "nurse", "nxënës",
    "1,000 to under 1,500", "under 18", "65 and over", "10000-15000", "10 000 - 14 999",
    "0-100.000.000", "1.000.000-1.500.000", "12.03.2024", "2024-03-12 10:15:30",
    "12.03.2024 - 14.05.2025", "2019/2020", "NACE 62.01", "ISCO 2511", "G47.1", "01.11.2", "EUR",
    "CHF 250.00", "1.250,00 EUR", "100.000,00", "rent for March 2026", "Faleminderit!",
    "плата за март 2026", "invoice no. 17", "Q3 2025", "24/7", "2 x 3,50 EUR", "50 %",
    "3-room flat", "A1", "B2/C1", "kW 110", "10:30-11:45", "IBAN", "@home", "C++", "a::b", "www",
    "self-employed (part time)", "ISO 9001:2015", "EN 1992-1-1", "20+", ">= 65", "1 234 567,89",
    "25.000 - 30.000", "4x4", "000", "0", "12/2024", "2024", "10-19 years",
)  # fmt: skip
"""Values and texts in which nobody is named."""


def leak(rng: random.Random, language: str, value: str) -> str:
    """Return a sentence around a value."""
    return rng.choice(SENTENCES[language]).format(value)
