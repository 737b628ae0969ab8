"""What people and machines write as the details of a payment, in three languages.

A template is text with up to two slots; the slots are what makes details personal data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

PURPOSES: Final = (
    "salary", "rent", "groceries", "utilities", "family support", "loan repayment", "invoice",
    "cash", "taxes", "tuition", "healthcare", "other",
)  # fmt: skip

# What details are about: the purposes, and two that read otherwise in the other direction.
TOPICS: Final = (*PURPOSES, "cash deposit", "wages paid")

# By language: Albanian, Serbian, English.
MONTHS: Final = (
    ("janar", "shkurt", "mars", "prill", "maj", "qershor", "korrik", "gusht", "shtator",
     "tetor", "nëntor", "dhjetor"),
    ("januar", "februar", "mart", "april", "maj", "jun", "jul", "avgust", "septembar",
     "oktobar", "novembar", "decembar"),
    ("January", "February", "March", "April", "May", "June", "July", "August", "September",
     "October", "November", "December"),
)  # fmt: skip


class Language(IntEnum):
    """What the details are written in."""

    ALBANIAN = 0
    SERBIAN = 1
    ENGLISH = 2


class Slot(IntEnum):
    """What stands in a slot; ``their`` means the counterparty, ``my`` the account's owner."""

    NOTHING = 0
    THEIR_NAME = 1
    THEIR_PLAIN_NAME = 2
    THEIR_PHONE = 3
    THEIR_IBAN = 4
    THEIR_ADDRESS = 5
    MY_NAME = 6
    MY_PHONE = 7
    MY_IBAN = 8
    MY_ADDRESS = 9
    REFERENCE = 10
    MONTH = 11
    DAY = 12
    PLACE = 13


@dataclass(frozen=True, slots=True)
class Template:
    """Text around two slots."""

    before: str
    first: Slot
    between: str
    second: Slot
    after: str


_SLOTS: Final = {
    "them": Slot.THEIR_NAME, "them plain": Slot.THEIR_PLAIN_NAME, "their phone": Slot.THEIR_PHONE,
    "their iban": Slot.THEIR_IBAN, "their address": Slot.THEIR_ADDRESS, "me": Slot.MY_NAME,
    "my phone": Slot.MY_PHONE, "my iban": Slot.MY_IBAN, "my address": Slot.MY_ADDRESS,
    "number": Slot.REFERENCE, "month": Slot.MONTH, "day": Slot.DAY, "place": Slot.PLACE,
}  # fmt: skip


def template(text: str) -> Template:
    """Return the template that the text describes, its slots in braces."""
    pieces = re.split(r"\{([a-z ]+)\}", text)
    pieces += ["", ""] * ((5 - len(pieces)) // 2)
    before, first, between, second, after = pieces
    return Template(before, _slot(first), between, _slot(second), after)


def _slot(name: str) -> Slot:
    return _SLOTS[name] if name else Slot.NOTHING


# By topic: Albanian, Serbian, English; one template a line.
TEMPLATES: Final[dict[str, tuple[str, str, str]]] = {
    "salary": (
        """Paga {month} {me}
        Pagesa e rrogës për muajin {month}
        RROGA {month}
        Paga mujore {me}, xhirollogaria {my iban}
        Honorar {month} {them}
        Të ardhura personale {month}, nr. {number}""",
        """Plata za {month} {me}
        Zarada {month}
        Isplata lične zarade {me}, račun {my iban}""",
        """Salary {month} {me}
        Net wage {month}, payslip {number}
        Payroll {month}""",
    ),
    "rent": (
        """Qiraja {month} {their address}
        Qira për banesën, {them} tel {their phone}
        Qiraja e muajit {month}
        qeraja {month} per {them plain}
        Pagesa e qirasë {my address}, kontrata {number}""",
        """Kirija {month} {their address}
        Stanarina, {them} {their phone}
        Zakup stana {month}""",
        """Rent {month} {their address}
        rent flat, landlord {them}
        Rent {month}, contract {number}""",
    ),
    "groceries": (
        """POS {day} {them}
        BLERJE ME KARTELË {them} {place}
        POS BLERJE {day} {place}
        Pagesë me kartelë {number} {place}""",
        """POS kupovina {day} {them}
        KUPOVINA KARTICOM {them} {place}""",
        """CARD PURCHASE {day} {them}
        POS {number} {place}""",
    ),
    "utilities": (
        """Fatura e rrymës {number} {my address}
        Uji {month}, konsumatori {me}
        Fatura nr. {number} tel {my phone}
        Internet {month} {me}
        Pagesa e mbeturinave {month}""",
        """Račun za struju {number} {my address}
        Voda {month}, potrošač {me}
        Telefon {my phone} {month}""",
        """Electricity bill {number} {my address}
        Internet {month} {me}
        Phone top-up {my phone}""",
    ),
    "family support": (
        """Ndihmë familjare {them}
        Për nënën, {them} {their phone}
        per babin ilaqe dhe ushqim {them plain}
        Dërgesë nga {me} tel. {my phone}
        Ndihma për motrën {them} {their address}
        Urime për dasmën {them}
        Për fëmijët {month}""",
        """Pomoć porodici {them}
        Za majku {them}, tel {their phone}
        Poklon za {them} od {me}
        Za decu {month}""",
        """Family support {them}
        For mum, call {their phone}
        Gift from {me} to {them}
        Support {month}""",
    ),
    "loan repayment": (
        """Kësti {month} kredia nr. {number}
        Këst kredie {me}
        Kthim borxhi {them} {their phone}
        Pagesa e kredisë {number}, bashkëkredimarrës {them}
        kesti i kredise {month}""",
        """Rata kredita {number} {me}
        Otplata duga {them}
        Rata {month}""",
        """Loan instalment {number} {me}
        Repayment to {them}
        Instalment {month}""",
    ),
    "invoice": (
        """Fatura nr. {number} {them}
        Pagesë sipas faturës {number}
        Fatura, kontakt {them} {their phone}
        Parapagim {number} në llogari {their iban}
        Punime në shtëpi {my address}, {them}
        Avans për mobilie {number}""",
        """Faktura br. {number} {them}
        Plaćanje po fakturi {number} na {their iban}
        Radovi {my address}""",
        """Invoice {number} {them}
        Payment of invoice {number} to {their iban}
        Order {number}, {them}""",
    ),
    "cash": (
        """Tërheqje ATM {day} {place}
        Tërheqje e parave, {me} nr. {number}""",
        """Podizanje gotovine ATM {day} {place}
        Isplata gotovine {me}""",
        """ATM WITHDRAWAL {day} {place}
        Cash withdrawal {me}""",
    ),
    "cash deposit": (
        """Deponim i parave {me}
        DEPONIM KESH {place}
        Deponim nga {me} tel {my phone}""",
        """Uplata gotovine {me}
        Uplata pazara {day} {place}""",
        """Cash deposit {me}
        CASH IN {day} {place}""",
    ),
    "wages paid": (
        """Paga {month} {them}
        Pagesa e rrogës për {them}, {month}
        Paga për punëtorin {them} në llogari {their iban}""",
        """Plata za {month} {them}
        Isplata zarade {them}, račun {their iban}""",
        """Salary {month} {them}
        Wages {them} to {their iban}""",
    ),
    "taxes": (
        """Tatimi në pronë {number} {my address}
        TVSH {month} {me}
        Kontributi pensional {month}
        Taksa komunale {place}, {me}
        Gjobë trafiku {number}""",
        """Porez na imovinu {number} {my address}
        Komunalna taksa {place}
        Kazna {number}, {me}""",
        """Property tax {number} {my address}
        VAT {month} {me}
        Fine {number}""",
    ),
    "tuition": (
        """Shkollimi {month} {me}
        Semestri dimëror, indeksi {number}
        Çerdhja për {them} {month}
        pagesa e semestrit studenti {me}""",
        """Školarina {month} {me}
        Semestar, indeks {number}""",
        """Tuition {month} {me}
        Semester fee, student {number}""",
    ),
    "healthcare": (
        """Barna, receta {number}
        Kontrolla te dr. {them}
        Analiza {me} {day}
        Ordinanca, pacienti {me} tel {my phone}
        Operacioni i {them}""",
        """Lekovi, recept {number}
        Pregled kod dr {them}
        Analize {me} {day}""",
        """Medicine, prescription {number}
        Dentist {them}
        Lab tests {me} {day}""",
    ),
    "other": (
        """Transfer {them}
        borxhi i djeshëm {them plain}
        Pagesë online {number}
        Për {them}, {their address}
        kafja dhe dreka {day}
        Blerje vetura {them} {their phone}
        Sipas marrëveshjes
        Në llogarinë {their iban} {them}""",
        """Prenos {them}
        Uplata na račun {their iban}
        dug za {them}
        Po dogovoru""",
        """Transfer to {them}
        Online payment {number}
        thanks {them}!
        Top-up {their iban}""",
    ),
}


def lines(text: str) -> list[Template]:
    """Return the templates that the lines of a text describe."""
    return [template(line.strip()) for line in text.splitlines()]
