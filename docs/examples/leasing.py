"""A leasing company in Lithuania, generated: the unknown source of docs/newcomer.md.

    python docs/examples/leasing.py FOLDER [--customers N] [--seed S]

writes a folder of CSV files as such a company's system might export them: Lithuanian names of
tables and columns, some in one way and some in another, semicolons, decimal commas, letters in
windows-1257, three ways to write a date, blanks around values, e-mail addresses in capitals, a
table that says who signed a contract together, and personal codes where nobody looks for them.
The same seed gives the same files. Nobody in them exists.
"""

from __future__ import annotations

import argparse
import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from faker.providers.person.lt_LT import Provider as Names

TODAY = date(2026, 11, 2)
ENCODING = "windows-1257"
HIERARCHIES = Path(__file__).resolve().parents[2] / "data" / "hierarchies"

Row = Sequence[object]

FIRST = tuple(name for name in Names.first_names if name.isalpha())
LAST = tuple(name for name in Names.last_names if name.isalpha())
STREETS = ("Liepų", "Vytauto", "Kęstučio", "Taikos", "Ąžuolų", "Sodų", "Laisvės", "Žemaitės")
EDUCATION = ("pagrindinis", "vidurinis", "profesinis", "aukštasis koleginis", "aukštasis")
EMPLOYERS = ("UAB Medis", "UAB Krantas", "AB Linas", "VšĮ Viltis", "UAB Rasa", "MB Kelias")
THINGS = ("automobilis", "motociklas", "mikroautobusas", "žemės ūkio technika", "įranga")
MAKES = ("Škoda", "Toyota", "Volkswagen", "Volvo", "Kia", "Ford")
DEALERS = ("Autosalonas Vilnius", "Auto Kaunas", "Pajūrio automobiliai", "Žalgirio technika")
REMARKS = ("skambinti po pietų", "prašė grafiko", "VIP", "persikėlė", "laukiama dokumentų")
LETTERS = (
    "Sveiki, kada bus išrašyta sąskaita už praėjusį mėnesį?",
    "Prašau pakeisti mokėjimo dieną, nes atlyginimą gaunu vėliau.",
    "Norėčiau grąžinti visą likusią sumą anksčiau laiko.",
    "Automobilis sugadintas, ką daryti toliau ir kam pranešti?",
)


@dataclass(frozen=True, slots=True)
class Draws:
    """What is drawn at random, always in the same order."""

    dice: random.Random

    def day(self, first: date, last: date) -> date:
        """Return a day between two."""
        return first + timedelta(days=self.dice.randrange((last - first).days + 1))

    def code(self, born: date, *, woman: bool) -> str:
        """Return a personal code: sex and century, the day of birth, a number, a check digit."""
        century = {18: 1, 19: 3, 20: 5}[born.year // 100] + woman
        start = f"{century}{born:%y%m%d}{self.dice.randrange(1000):03}"
        return start + str(check_digit(start))

    def phone(self) -> str:
        """Return a mobile number, written in one of two ways."""
        number = f"6{self.dice.randrange(10**7):07}"
        return f"+370{number}" if self.dice.random() < 0.7 else f"+370 {number[:3]} {number[3:]}"


def check_digit(start: str) -> int:
    """Return the last digit of a personal code."""
    for weights in ((1, 2, 3, 4, 5, 6, 7, 8, 9, 1), (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)):
        rest = sum(w * int(digit) for w, digit in zip(weights, start, strict=True)) % 11
        if rest < 10:
            return rest
    return 0


def write(folder: Path, customers: int = 25_000, seed: int = 16) -> dict[str, int]:
    """Write the files; return how many rows each has."""
    draws = Draws(random.Random(seed))  # noqa: S311 - generated people keep no secrets
    people = list(_people(draws, customers))
    contracts = list(_contracts(draws, customers))
    holders = list(_holders(draws, [str(row[0]) for row in people], contracts))
    tables: dict[str, tuple[str, list[Row]]] = {
        "klientai": (CUSTOMERS, people),
        "sutartys": (CONTRACTS, contracts),
        "sutarciu_salys": (HOLDERS, holders),
        "imokos": (INSTALMENTS, list(_instalments(draws, contracts))),
        "laiduotojai": (GUARANTORS, list(_guarantors(draws, contracts))),
        "asmens_dokumentai": (DOCUMENTS, list(_documents(draws, people))),
        "laiskai": (MAIL, list(_mail(draws, people))),
        "rinkodaros_sutikimai": (MARKETING, list(_marketing(draws, people))),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, (header, rows) in tables.items():
        with (folder / f"{name}.csv").open("w", encoding=ENCODING, newline="") as file:
            writer = csv.writer(file, delimiter=";")
            writer.writerow(header.split())
            writer.writerows(rows)
    return {name: len(rows) for name, (_, rows) in tables.items()}


CUSTOMERS = """klientoNr tipas vardas pavardė imones_pavadinimas asmens_kodas gimimoData lytis
    pilietybe savivaldybe adresas pastoKodas elPastas telefonas issilavinimas profesija pajamos_men
    darbdavys vaiku_sk registruotas_nuo santykiu_pabaiga pastabos2 kodas_senas"""
CONTRACTS = """sutarties_nr sudaryta pabaigos_data objektas marke valstybinis_nr salonas kaina_eur
    avansas_eur likutis_eur palukanos busena"""
HOLDERS = "sutarties_nr klientoNr vaidmuo"
INSTALMENTS = "imokos_id sutarties_nr moketi_iki suma_eur sumoketa_eur sumoketa_data"
GUARANTORS = "laiduotojo_id sutarties_nr vardas pavardė asmens_kodas gimimoData telefonas"
DOCUMENTS = "klientoNr dokumento_tipas dokumento_nr isdave isduotas galioja_iki"
MAIL = "laisko_nr klientoNr gautas kanalas tekstas"
MARKETING = "klientoNr kanalas el_pastas duotas atsauktas"


def _people(draws: Draws, customers: int) -> Iterator[Row]:
    dice = draws.dice
    places = _leaves("municipalities-lithuania.csv")
    sizes = [30 if " m. " in place else 6 for place in places]
    jobs = dice.sample(_leaves("isco-08.csv"), 60)
    for number in range(1, customers + 1):
        company = dice.random() < 0.06
        woman = dice.random() < 0.48
        born = draws.day(date(1938, 1, 1), date(2008, 10, 1))
        code = "" if company else draws.code(born, woman=woman)
        first, last = dice.choice(FIRST), dice.choice(LAST)
        address = f"{first}.{last}{number}@pastas.lt".lower().translate(_PLAIN)
        since = draws.day(date(2012, 1, 1), TODAY)
        left = draws.day(since, TODAY) if dice.random() < 0.2 else None
        income = dice.lognormvariate(7.2, 0.5)
        yield (
            f"K{number * 7 + 100_000}",
            "juridinis asmuo" if company else "fizinis asmuo",
            "" if company else first,
            "" if company else f" {last}" if dice.random() < 0.05 else last,
            f"UAB {last}" if company else "",
            code,
            "" if company else born.isoformat(),
            "" if company else "M" if woman else "V",
            "" if company else dice.choices(("LT", "LV", "UA", "PL", "BY", "DE"), _NATIONS)[0],
            dice.choices(places, sizes)[0],
            f"{dice.choice(STREETS)} g. {dice.randrange(1, 90)}-{dice.randrange(1, 60)}",
            f"LT-{dice.randrange(1000, 99999):05}",
            address.upper() if dice.random() < 0.1 else address,
            draws.phone(),
            "" if company or dice.random() < 0.15 else dice.choice(EDUCATION),
            "" if company else dice.choice(jobs),
            "" if company or dice.random() < 0.1 else _money(income),
            "" if company else dice.choice(EMPLOYERS),
            "" if company else dice.choices((0, 1, 2, 3, 4), (40, 25, 25, 8, 2))[0],
            # A few came from the system before, and are written as it wrote them.
            f"{since:%d.%m.%Y}" if dice.random() < 0.005 else f"{since:%Y.%m.%d}",
            "" if left is None else f"{left:%Y.%m.%d}",
            _remark(dice, code),
            # What the system before this one called its number of a customer.
            f"{code[:6]}-{code[6:]}" if code and dice.random() < 0.4 else "",
        )


_NATIONS = (88, 3, 4, 3, 1, 1)
_PLAIN = str.maketrans("ąčęėįšųūž", "aceeisuuz")


def _remark(dice: random.Random, code: str) -> str:
    """Return a remark; some say whose relative somebody is, by a personal code."""
    if dice.random() < 0.8:
        return ""
    return f"a.k. {code}" if code and dice.random() < 0.1 else dice.choice(REMARKS)


def _leaves(file: str) -> list[str]:
    lines = (HIERARCHIES / file).read_text(encoding="utf-8").splitlines()
    return [line.split(";")[0] for line in lines]


def _money(amount: float) -> str:
    return f"{amount:.2f}".replace(".", ",")


def _contracts(draws: Draws, customers: int) -> Iterator[Row]:
    dice = draws.dice
    for number in range(1, int(customers * 1.3)):
        begun = draws.day(date(2014, 1, 1), TODAY)
        price = dice.lognormvariate(9.6, 0.5)
        plate = "".join(dice.choices("ABCDEFGHJKLMNPRSTUVZ", k=3)) + f"{dice.randrange(1000):03}"
        yield (
            f"L-{number:06}",
            f"{begun:%d.%m.%Y}",
            f"{begun + timedelta(days=365 * dice.randrange(2, 8)):%d.%m.%Y}",
            dice.choices(THINGS, (70, 8, 8, 8, 6))[0],
            dice.choice(MAKES),
            plate,
            dice.choice(DEALERS),
            _money(price),
            _money(price * dice.uniform(0.1, 0.4)),
            _money(price * dice.random()),
            f"{dice.uniform(2, 9):.2f}".replace(".", ","),
            dice.choices(("galioja", "baigta", "nutraukta"), (60, 35, 5))[0],
        )


def _holders(draws: Draws, people: list[str], contracts: list[Row]) -> Iterator[Row]:
    dice = draws.dice
    for contract in contracts:
        together = dice.choices((1, 2, 3), (70, 27, 3))[0]
        for number, customer in enumerate(dice.sample(people, together)):
            yield contract[0], customer, "bendraskolis" if number else "nuomininkas"


def _instalments(draws: Draws, contracts: list[Row]) -> Iterator[Row]:
    dice, number = draws.dice, 0
    for contract in contracts:
        begun = datetime.strptime(str(contract[1]), "%d.%m.%Y").astimezone().date()
        for month in range(1, 4):
            number += 1
            due = begun + timedelta(days=30 * month)
            amount = dice.uniform(90, 900)
            paid = dice.random() < 0.95
            yield (
                number,
                contract[0],
                f"{due:%d.%m.%Y}",
                _money(amount),
                _money(amount if paid else 0),
                f"{due + timedelta(days=dice.randrange(-5, 20)):%d.%m.%Y}" if paid else "",
            )


def _guarantors(draws: Draws, contracts: list[Row]) -> Iterator[Row]:
    dice = draws.dice
    for number, contract in enumerate(contracts):
        if dice.random() < 0.1:
            born = draws.day(date(1945, 1, 1), date(2000, 1, 1))
            code = draws.code(born, woman=dice.random() < 0.5)
            name = dice.choice(FIRST), dice.choice(LAST)
            yield number, contract[0], *name, code, born.isoformat(), draws.phone()


def _documents(draws: Draws, people: list[Row]) -> Iterator[Row]:
    dice = draws.dice
    for row in people:
        if row[5]:
            issued = draws.day(date(2017, 1, 1), TODAY)
            kind = dice.choice(("pasas", "asmens tapatybės kortelė"))
            number = dice.randrange(10**7, 10**8)
            until = issued + timedelta(days=3650)
            yield row[0], kind, number, "Migracijos departamentas", issued, until


def _mail(draws: Draws, people: list[Row]) -> Iterator[Row]:
    dice, number = draws.dice, 0
    for row in people:
        if dice.random() < 0.3:
            number += 1
            sent = datetime.combine(draws.day(date(2022, 1, 1), TODAY), datetime.min.time())
            said = f"{sent + timedelta(seconds=dice.randrange(86_400)):%Y-%m-%d %H:%M:%S}"
            text = f"{dice.choice(LETTERS)} {row[2]} {row[3]}, {row[13]}, nr. {number}"
            yield number, row[0], said, dice.choice(("el. paštas", "programėlė")), text


def _marketing(draws: Draws, people: list[Row]) -> Iterator[Row]:
    dice = draws.dice
    for row in people:
        if dice.random() < 0.4:
            given = draws.day(date(2018, 6, 1), TODAY)
            gone = draws.day(given, TODAY) if dice.random() < 0.2 else ""
            yield row[0], dice.choice(("el. paštas", "sms")), row[12], given, gone


def main() -> None:
    """Read the command line and write the files."""
    parser = argparse.ArgumentParser(description="Generate a leasing company's CSV files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--customers", type=int, default=25_000)
    parser.add_argument("--seed", type=int, default=16)
    options = parser.parse_args()
    for name, rows in write(options.folder, options.customers, options.seed).items():
        print(f"  {name:<22} {rows:>8,} rows")


if __name__ == "__main__":
    main()
