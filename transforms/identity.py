"""Who an objection is from: from what was given to the customers whom it may mean.

Found by equality alone, of spellings (`spelling`): a customer id, a personal number, an e-mail
address, a phone number, an IBAN, or a name with its date of birth. What a free text holds is asked
as well, but decides nothing: it may name somebody else.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import permutations

import phonenumbers
import polars as pl
from stdnum import iban as stdnum_iban

from transforms.objection import Identifiers
from transforms.policy.roles import Identifies, Kind
from transforms.policy.sources import Source
from transforms.policy.whole import Policy
from transforms.spelling import (
    A_NUMBER,
    EMAIL,
    IBAN,
    KEY,
    NAME,
    NO_NUMBER,
    PERSONAL_NUMBER,
    Spelling,
    phone,
)


class Clue(StrEnum):
    """What somebody is found by."""

    CUSTOMER_ID = "customer id"
    PERSONAL_NUMBER = "personal number"
    EMAIL = "email"
    PHONE = "phone"
    IBAN = "iban"
    NAME_AND_BIRTH = "name and date of birth"


SPELLINGS = {
    Clue.CUSTOMER_ID: KEY,
    Clue.PERSONAL_NUMBER: PERSONAL_NUMBER,
    Clue.EMAIL: EMAIL,
    Clue.IBAN: IBAN,
    Clue.NAME_AND_BIRTH: NAME,
}


def spelling_of(clue: Clue, region: str) -> Spelling:
    """Return the spelling of a clue; of phone numbers without a country code, in a region."""
    return phone(region) if clue is Clue.PHONE else SPELLINGS[clue]


# ------------------------------------------------------------------------------ what is asked for


@dataclass(frozen=True, slots=True)
class Asked:
    """One spelling to look for. stated: given as such, and not found in a free text."""

    clue: Clue
    form: str
    stated: bool


ASKED = {"row": pl.UInt32(), "kind": pl.String(), "form": pl.String(), "stated": pl.Boolean()}
"""Questions as a frame: the row is whose question it is."""


def questions(given: Iterable[tuple[int, Identifiers]], region: str) -> pl.DataFrame:
    """Return what is asked for so many objections, each under its number."""
    rows = [
        (row, one.clue.value, one.form, one.stated)
        for row, identifiers in given
        for one in asked(identifiers, region)
    ]
    return pl.DataFrame(rows, schema=ASKED, orient="row")


def asked(identifiers: Identifiers, region: str) -> frozenset[Asked]:
    """Return every spelling that what was given may have in the source."""
    stated = {
        Clue.CUSTOMER_ID: _ids(identifiers.customer_id),
        Clue.PERSONAL_NUMBER: _numbers(identifiers.personal_number),
        Clue.EMAIL: _addresses(identifiers.email),
        Clue.PHONE: _phones(identifiers.phone, region),
        Clue.IBAN: _ibans(identifiers.iban),
        Clue.NAME_AND_BIRTH: _namings(identifiers.name, identifiers.born),
    }
    told = identifiers.text
    found = {
        Clue.CUSTOMER_ID: _matches(_LONG_RUN, told, KEY),
        Clue.PERSONAL_NUMBER: _matches(_NUMBER, told, PERSONAL_NUMBER),
        Clue.EMAIL: _matches(_ADDRESS, told, EMAIL),
        Clue.PHONE: _phones_in(told, region),
        Clue.IBAN: _ibans_in(told),
    }
    known = {(clue, form) for clue, forms in stated.items() for form in forms}
    also = {(clue, form) for clue, forms in found.items() for form in forms} - known
    return frozenset(
        Asked(clue, form, is_stated)
        for forms, is_stated in ((known, True), (also, False))
        for clue, form in forms
        if form and _may_be(clue, form)
    )


def _may_be(clue: Clue, form: str) -> bool:
    """Say whether a spelling is more than what stands where nothing was known."""
    if clue is Clue.PERSONAL_NUMBER:
        return bool(re.search(A_NUMBER, form)) and not re.search(NO_NUMBER, form)
    if clue is Clue.EMAIL:
        return "@" in form
    if clue is Clue.PHONE:
        return len(form) >= _SHORTEST_PHONE
    return True


_SHORTEST_PHONE = 8

_ADDRESS = re.compile(r"""[^\s<>()\[\]",;:]+@[^\s<>()\[\]",;:]*[^\s<>()\[\]",;:.!?]""")
_NUMBER = re.compile(r"(?<![^\W_])[A-Za-z]?\d(?:[ ./-]?\d){7,12}[A-Za-z]?(?![^\W_])")
_LONG_RUN = re.compile(r"(?<![^\W_])\d{5,19}(?![^\W_])")
"""A shorter one is a year, an amount, a day: too many numbers of a text are."""
_RUN = re.compile(r"\d+")
_IBAN = re.compile(r"(?<![^\W_])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
_IBAN_LENGTHS = range(15, 35)
_UNSEEN = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")


def _readable(text: str | None) -> str:
    """Return a text as it is seen, in plain digits and blanks."""
    return _UNSEEN.sub("", unicodedata.normalize("NFKC", text or ""))


def _matches(pattern: re.Pattern[str], text: str | None, spelling: Spelling) -> set[str | None]:
    return {spelling.of(found) for found in pattern.findall(_readable(text))}


def _ids(text: str | None) -> set[str | None]:
    """Return a customer id, also without words around it."""
    runs = _RUN.findall(_readable(text))
    return {KEY.of(text or ""), *(runs if len(runs) == 1 else ())}


def _numbers(text: str | None) -> set[str | None]:
    return {PERSONAL_NUMBER.of(text or ""), *_matches(_NUMBER, text, PERSONAL_NUMBER)}


def _addresses(text: str | None) -> set[str | None]:
    """Return a mail address with blanks in it, or those within a name, brackets or a list."""
    alone = text is not None and text.count("@") == 1 and not set(text) & set("<>()[],;:\"'")
    return {EMAIL.of(text or "")} if alone else _matches(_ADDRESS, text, EMAIL)


def _phones(text: str | None, region: str) -> set[str | None]:
    if text is None:
        return set()
    forms = {phone(region).of(text), *_phones_in(text, region)}
    with suppress(phonenumbers.NumberParseException):
        forms.add(_e164(phonenumbers.parse(_readable(text), region)))
    return forms


def _phones_in(text: str | None, region: str) -> set[str | None]:
    found = phonenumbers.PhoneNumberMatcher(_readable(text), region)
    return {_e164(match.number) for match in found}


def _e164(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _ibans(text: str | None) -> set[str | None]:
    form = IBAN.of(text or "")
    return {form and form.removeprefix("iban"), *_ibans_in(text)}


def _ibans_in(text: str | None) -> set[str | None]:
    """Return whatever in a text has an IBAN's check digits; words may follow it after a blank."""
    return {
        IBAN.of(start)
        for found in _IBAN.findall(_readable(text))
        for length in _IBAN_LENGTHS
        if stdnum_iban.is_valid(start := stdnum_iban.compact(found)[:length])
    }


def _namings(name: str | None, born: date | None) -> set[str | None]:
    """Return a name in every order of its parts, with the date of birth."""
    if name is None or born is None:
        return set()
    parts = [part for part in _NO_LETTER.split(_readable(name)) if part]
    orders = permutations(parts) if len(parts) <= _MOST_PARTS else _rotations(parts)
    return {naming(NAME.of("".join(order)), born) for order in orders}


_NO_LETTER = re.compile(r"[\W_]+")
_MOST_PARTS = 5


def _rotations(parts: list[str]) -> Iterator[tuple[str, ...]]:
    for first in range(len(parts)):
        yield (*parts[first:], *parts[:first])


def naming(name: str | None, born: date) -> str | None:
    """Return a name's spelling and a date of birth as one text."""
    return name and f"{name}|{born.isoformat()}"


# --------------------------------------------------------------------- where it stands in the bank


@dataclass(frozen=True, slots=True)
class Site:
    """Where a clue stands in the source.

    columns: one, or the name's and last the date of birth. others: it names people who are not the
    row's customer.
    """

    table: str
    clue: Clue
    columns: tuple[str, ...]
    others: bool = False

    def form(self, policy: Policy) -> pl.Expr:
        """Return the spelling in a table whose columns have their declared types."""
        first = pl.col(self.columns[0])
        if self.clue is Clue.NAME_AND_BIRTH:
            *names, born = self.columns
            name = NAME.on(pl.concat_str(pl.col(names).cast(pl.String), ignore_nulls=True))
            return pl.concat_str(name, pl.lit("|"), pl.col(born).dt.strftime("%Y-%m-%d"))
        if self.clue is Clue.CUSTOMER_ID and key_kind(policy) is Kind.INTEGER:
            return first.cast(pl.String)
        return spelling_of(self.clue, policy.objections.region).on(first.cast(pl.String))


def sites(policy: Policy) -> tuple[Site, ...]:
    """Return every place of the source by which a person can be found."""
    home, key = policy.subject.source, policy.subject.key
    keyed = () if key is None else (Site(home, Clue.CUSTOMER_ID, (key,)),)
    return keyed + tuple(
        site for table, source in policy.sources.items() for site in _sites(table, source)
    )


_ALONE = {
    Identifies.PERSONAL_NUMBER: Clue.PERSONAL_NUMBER,
    Identifies.EMAIL: Clue.EMAIL,
    Identifies.PHONE: Clue.PHONE,
    Identifies.IBAN: Clue.IBAN,
}
_NAMING = (
    Identifies.FULL_NAME,
    Identifies.FIRST_NAME,
    Identifies.LAST_NAME,
    Identifies.DATE_OF_BIRTH,
)


def _sites(table: str, source: Source) -> Iterator[Site]:
    for others in (False, True):
        said = {
            name: column.identifies
            for name, column in source.columns.items()
            if column.identifies is not None and (column.whose == "others") is others
        }
        for name, identifies in said.items():
            if identifies in _ALONE:
                yield Site(table, _ALONE[identifies], (name,), others)
        naming_columns = sorted(
            (name for name, identifies in said.items() if identifies in _NAMING),
            key=lambda name: _NAMING.index(said[name]),
        )
        if naming_columns:
            yield Site(table, Clue.NAME_AND_BIRTH, tuple(naming_columns), others)


def key_kind(policy: Policy) -> Kind | None:
    """Return what the customer's key is declared as."""
    key = policy.subject.key
    return None if key is None else policy.sources[policy.subject.source].columns[key].type


# ---------------------------------------------------------------------------- what it comes to


FOUND = {
    "row": pl.UInt32(),
    "kind": pl.String(),
    "stated": pl.Boolean(),
    "key": pl.String(),
    "person": pl.UInt32(),
}
"""Answers as a frame: a customer's key, and a number that all keys of one person share. Without a
key: what was asked names somebody else, a customer's payee or relative."""


class Outcome(StrEnum):
    """Whom an objection may be from."""

    NOBODY = "nobody"
    ONE = "one person"
    SEVERAL = "several candidates"


@dataclass(frozen=True, slots=True)
class Verdict:
    """keys: of everybody whom the objection may be from.

    known_to_others: no customer, but known as somebody's payee, relative or the like; nothing that
    names such people is ever read by a release.
    """

    outcome: Outcome
    keys: tuple[str, ...] = ()
    known_to_others: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A customer id that bears what was asked; key and person are None of whom others know."""

    clue: Clue
    stated: bool
    key: str | None
    person: int | None


def decide(matches: Collection[Match], stated: Collection[Clue] = ()) -> Verdict:
    """Say whom the matches of one objection mean.

    stated: every clue that was given as such. The person whom all of them mean; where that is not
    one person, or one of them means nobody (a mistake in it, perhaps, and the rest is of somebody
    in the same house), all who were met, for a human to choose. A free text alone means nobody for
    certain.
    """
    met = [match for match in matches if match.key is not None]
    if not met:
        return Verdict(Outcome.NOBODY, known_to_others=bool(matches))
    persons: dict[Clue, set[int | None]] = {}
    for match in met:
        if match.stated:
            persons.setdefault(match.clue, set()).add(match.person)
    common = set.intersection(*persons.values()) if persons else set()
    certain = len(common) == 1 and set(stated) <= persons.keys()
    if certain:
        met = [match for match in met if match.person in common]
    keys = tuple(sorted({match.key for match in met if match.key is not None}))
    return Verdict(Outcome.ONE if certain else Outcome.SEVERAL, keys)


def verdicts(found: pl.DataFrame, asked: pl.DataFrame) -> Mapping[int, Verdict]:
    """Return what the answers come to, objection by objection; who is not there met nobody.

    asked: the questions that were answered.
    """
    given = asked.filter("stated").select("row", "kind").unique().group_by("row").agg("kind")
    clues = {row: [Clue(kind) for kind in kinds] for row, kinds in given.iter_rows()}
    matches: dict[int, list[Match]] = {}
    for row, kind, stated, key, person in found.select(*FOUND).iter_rows():
        matches.setdefault(row, []).append(Match(Clue(kind), stated, key, person))
    return {row: decide(met, clues.get(row, ())) for row, met in matches.items()}


def persons(keys: Iterable[str], same: Iterable[tuple[str, str]]) -> pl.DataFrame:
    """Return `key`, `person`: keys that are the same person's, directly or by others, share one."""
    leads = {key: key for key in keys}
    for key, other in same:
        one, two = (_lead(leads, leads.setdefault(name, name)) for name in (key, other))
        leads[max(one, two)] = min(one, two)
    numbers: dict[str, int] = {}
    rows = [(key, numbers.setdefault(_lead(leads, key), len(numbers))) for key in sorted(leads)]
    return pl.DataFrame(rows, schema={"key": pl.String(), "person": pl.UInt32()}, orient="row")


def _lead(leads: dict[str, str], key: str) -> str:
    while leads[key] != key:
        leads[key] = leads[leads[key]]
        key = leads[key]
    return key
