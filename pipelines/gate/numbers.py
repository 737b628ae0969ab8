"""Which digits are somebody's number: check digits and dates, country by country.

python-stdnum has the algorithms; what it lacks is here: Kosovo (ten digits modulo 11, as it is
believed), Albania (a letter, the date, a letter), and years in which nobody was born.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache

import phonenumbers
from phonenumbers import PhoneNumberType
from stdnum import iban as stdnum_iban
from stdnum import luhn, numdb
from stdnum.bg import egn
from stdnum.ee import ik
from stdnum.es import dni, nie
from stdnum.lt import asmens
from stdnum.lv import pvn
from stdnum.pl import pesel
from stdnum.ro import cnp
from stdnum.si import emso

from pipelines.gate.readings import LOOKALIKES, is_date

Check = Callable[[str], bool]

# ----------------------------------------------------------------------------- national numbers


def kosovo(digits: str) -> bool:
    """Say whether the weighted sum of ten digits is divisible by 11."""
    total = sum(int(d) * weight for d, weight in zip(digits, _KOSOVO, strict=True))
    return total % 11 == 0


_KOSOVO = (4, 3, 2, 7, 6, 5, 4, 3, 2, 1)


def jmbg(digits: str) -> bool:
    """Say whether 13 digits are a JMBG of somebody who may live, of any former republic.

    Serbia, Bosnia and Herzegovina, Montenegro, North Macedonia, and earlier Kosovo's.
    """
    year = digits[4:7]
    return (year >= "880" or year < "100") and bool(emso.is_valid(digits))


def latvia(digits: str) -> bool:
    """Say whether 11 digits are a person's; a legal entity's number begins with more than 3."""
    return (
        digits[0] <= "3" and (digits[6] <= "2" or digits[:2] == "32") and bool(pvn.is_valid(digits))
    )


def lithuania(digits: str) -> bool:
    """Say whether 11 digits are a Lithuanian or, by the same rule, an Estonian number."""
    return digits[0] in "3456129" and (asmens.is_valid(digits) or ik.is_valid(digits))


def poland(digits: str) -> bool:
    """Say whether 11 digits are a PESEL of these three centuries."""
    return digits[2] in "012389" and bool(pesel.is_valid(digits))


def albania(text: str) -> bool:
    """Say whether a letter, eight digits and a letter hold a date; women's months are 50 more."""
    month = int(text[2:4])
    year = 1800 + 10 * (int(text[0]) if text[0].isdigit() else 10 + ord(text[0]) - ord("A"))
    return is_date(year + int(text[1]), month - 50 if month > _WOMEN else month, int(text[4:6]))


_WOMEN = 50


def spain(text: str) -> bool:
    """Say whether eight digits and a letter are a DNI, or a NIE."""
    return bool(dni.is_valid(text) or nie.is_valid(text))


BY_LENGTH: Mapping[int, tuple[Check, ...]] = {
    10: (kosovo, egn.is_valid),
    11: (lithuania, latvia, poland),
    13: (jmbg, cnp.is_valid),
}
"""Of digits alone. Georgia's 11 digits have no check digit that is known: they are a document's."""

BY_CHANCE: Mapping[int, float] = {10: 0.11, 11: 0.035, 13: 0.004}
"""Which share of numbers that are nobody's passes all the same, at most."""

SURE_LENGTH = 13
"""Where so few pass by chance that any digits in a row may be read as one number."""


def is_national(digits: str) -> bool:
    """Say whether digits are a national number; one digit repeated is nobody's."""
    checks = BY_LENGTH.get(len(digits), ())
    return len(set(digits)) > 1 and any(check(digits) for check in checks)


# ------------------------------------------------------------------------------------ accounts


@cache
def _forms() -> Mapping[str, str]:
    """Return for each country a sign for each character after the check digits: n, a or c."""
    found: dict[str, str] = {}
    for first in _LETTERS:
        for second in _LETTERS:
            bban = numdb.get("iban").info(first + second)[0][1].get("bban")
            if bban is not None:
                parts = re.findall(r"([0-9]+)!?([nac])", bban)
                found[first + second] = "".join(int(times) * sign for times, sign in parts)
    return found


_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def iban_countries() -> tuple[str, ...]:
    """Return the countries that have IBANs."""
    return tuple(_forms())


def iban_length(country: str) -> int | None:
    """Return how long a country's IBANs are."""
    form = _forms().get(country)
    return None if form is None else 4 + len(form)


def is_iban(text: str) -> bool:
    """Say whether a compact text in capitals has an IBAN's length, form and check digits.

    Letters may stand for the digits that they look like.
    """
    form = "aann" + _forms()[text[:2]]
    return any(
        stdnum_iban.is_valid(
            "".join(
                letter.translate(LOOKALIKES) if sign in signs else letter
                for letter, sign in zip(text, form, strict=True)
            ),
            check_country=False,
        )
        for signs in ("", "n", "nc")
    )


def is_card(digits: str) -> bool:
    """Say whether digits have an issuer's beginning and length and pass Luhn's check."""
    return bool(_CARD.fullmatch(digits)) and bool(luhn.is_valid(digits))


_CARD = re.compile(
    r"4[0-9]{12}(?:[0-9]{3})?|4[0-9]{18}|5[0-5][0-9]{14}|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)[0-9]{12,13}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|6(?:011|4[4-9][0-9]|5[0-9]{2})[0-9]{12}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}|(?:5018|5020|5038|5[678]|6[0-9])[0-9]{14}"
)


# -------------------------------------------------------------------------------------- phones

REGION = ("XK", "AL", "RS", "MK", "ME", "BA")
"""Whose numbers are recognised as they are dialled at home: all have a nought before them."""
CODES = ("383", "381", "355", "389", "382", "387", "370", "371", "372")
"""Country codes that are recognised without a plus before them."""
_MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def is_abroad(digits: str) -> bool:
    """Say whether digits, with a country code, are a phone number that may exist."""
    return _is_valid(f"+{digits}", None, any_type=True)


def is_at_home(digits: str, *, spaced: bool) -> bool:
    """Say whether digits are dialled so in a country of the region.

    spaced: something stands between them. What stands together is a mobile number, or a code.
    """
    if digits[0] == "8":
        return spaced and _is_valid(digits, "LT", any_type=False)
    if digits[0] != "0" or digits[1] == "0":
        return False
    return any(
        _is_valid(digits, region, any_type=spaced or region == REGION[0]) for region in REGION
    )


def _is_valid(digits: str, region: str | None, *, any_type: bool) -> bool:
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    if not phonenumbers.is_valid_number(number):
        return False
    return any_type or phonenumbers.number_type(number) in _MOBILE
