"""Our recognisers for Presidio, one a kind; they read folded texts (`folding`).

Importing this module imports Presidio, which takes three seconds: only `analysis` does, and only
where something can match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import ClassVar

from presidio_analyzer import EntityRecognizer, LocalRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts
from presidio_analyzer.predefined_recognizers import EmailRecognizer, IpRecognizer

from pipelines.gate.kinds import Kind
from pipelines.gate.numbers import (
    CODES,
    SURE_LENGTH,
    albania,
    iban_length,
    is_abroad,
    is_at_home,
    is_card,
    is_iban,
    is_national,
    spain,
)
from pipelines.gate.people import SURNAME, first_names, last_names
from pipelines.gate.readings import is_day, masked, readings
from pipelines.gate.streets import street

LANGUAGE = "xx"
"""Of every recogniser: numbers have none."""

SURE, LIKELY = 1.0, 0.5
_EDGE = r"(?<![^\W_])"
"""No letter or digit of any script before it."""
Span = tuple[int, int]


class _Own(LocalRecognizer):
    """A recogniser that says where in a text its kind stands."""

    kind: ClassVar[Kind]
    name: str
    score: ClassVar[float] = SURE

    def __init__(self) -> None:
        super().__init__(supported_entities=[self.kind.name], supported_language=LANGUAGE)

    def load(self) -> None:
        """Need nothing."""

    def spans(self, text: str) -> Iterator[Span]:
        """Yield where the kind stands."""
        raise NotImplementedError

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return what Presidio asks for."""
        del entities, nlp_artifacts
        found = [self._result(start, end) for start, end in sorted(set(self.spans(text)))]
        longest: list[RecognizerResult] = found
        if len(found) > 1:
            longest = EntityRecognizer.remove_duplicates(found)
        return longest

    def _result(self, start: int, end: int) -> RecognizerResult:
        told = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return RecognizerResult(self.kind.name, start, end, self.score, recognition_metadata=told)


class Iban(_Own):
    """An account number with valid check digits, in any case and with anything in between."""

    kind = Kind.IBAN
    _SIGN = r"[ ./_,:\-]{0,3}"
    _START = re.compile(
        rf"(?:(?<![A-Z0-9])|(?<=IBAN))(?=[A-Z]{_SIGN}[A-Z](?:{_SIGN}[0-9OIL|]){{2}}"
        rf"(?:{_SIGN}[0-9A-Z|]){{11}})"
    )
    _NEXT = re.compile(rf"{_SIGN}([0-9A-Z|])")

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each account number."""
        for found in self._START.finditer(text):
            end = self._end(text, found.start())
            if end is not None:
                yield found.start(), end

    def _end(self, text: str, start: int) -> int | None:
        compact, at, length = "", start, 2
        while len(compact) < length:
            found = self._NEXT.match(text, at)
            if found is None:
                return None
            compact, at = compact + found[1], found.end()
            if len(compact) == 2:  # noqa: PLR2004 - the country is known
                length = iban_length(compact) or 0
        longer = text[at : at + 1].isdigit()
        return None if longer or len(compact) != length or not is_iban(compact) else at


class Email(EmailRecognizer):
    """Presidio's, and addresses with blanks at their signs or between all their letters."""

    _AT = re.compile(r" ?([@]) ?| ([.]) ?")
    _SPELT = re.compile(r"(?<![^ (<])[^ ](?: [^ ]){5,}(?![^ ,;.:!?)>])")

    def __init__(self) -> None:
        super().__init__(supported_language=LANGUAGE, supported_entity=Kind.EMAIL.name)

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
        regex_flags: int | None = None,
    ) -> list[RecognizerResult]:
        """Return the addresses; one that is written apart is said to be the whole text."""
        found: list[RecognizerResult] = super().analyze(text, entities, nlp_artifacts, regex_flags)
        if found or "@" not in text:
            return found
        close = self._SPELT.sub(lambda spelt: spelt[0].replace(" ", ""), text)
        close = self._AT.sub(r"\1\2", close)
        if close == text:
            return []
        apart: list[RecognizerResult] = super().analyze(close, entities, nlp_artifacts, regex_flags)
        for result in apart[:1]:
            result.start, result.end = 0, len(text)
        return apart[:1]

    def validate_result(self, pattern_text: str) -> bool:
        """Say whether the domain's last part exists, or is of another script."""
        return bool(super().validate_result(pattern_text)) or not pattern_text.isascii()


class Url(_Own):
    """An address of the web that says its scheme, or www."""

    kind = Kind.URL
    score = LIKELY
    _URL = re.compile(r"(?:[A-Z][A-Z0-9+.\-]*://|(?<![A-Z0-9.])WWW\.)[^ <>\"]+\.[^ <>\"]+")

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each address."""
        return (found.span() for found in self._URL.finditer(text))


class Card(_Own):
    """A card number that passes Luhn's check."""

    kind = Kind.CARD

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each card number."""
        for reading in readings(text):
            if reading.likely and is_card(reading.digits):
                yield reading.start, reading.end


class NationalNumber(_Own):
    """A national number of one of the countries from whose people the institution's customers are.

    Kosovo, Albania, Serbia, Bosnia and Herzegovina, Montenegro, North Macedonia, Bulgaria,
    Lithuania, Latvia, Estonia, Romania, Poland, Spain.
    """

    kind = Kind.NATIONAL_NUMBER
    _LETTERED = re.compile(rf"{_EDGE}(?=([A-Z0-9](?:[ .\-/]?[0-9]){{7,8}}[ .\-/]?[A-Z])(?![^\W_]))")
    _ALBANIA = re.compile("[A-T0-9][0-9]{8}[A-W]")

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each number."""
        for reading in readings(text):
            sure = reading.likely or len(reading.digits) == SURE_LENGTH
            if sure and is_national(reading.digits):
                yield reading.start, reading.end
        for found in self._LETTERED.finditer(text):
            compact = re.sub("[^A-Z0-9]", "", found[1])
            if spain(compact) or (self._ALBANIA.fullmatch(compact) and albania(compact)):
                yield found.span(1)


class Phone(_Own):
    """A phone number with a country code, or as it is dialled in the region."""

    kind = Kind.PHONE
    _LONGEST = 15
    _HOME = range(8, 12)

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each phone number."""
        for reading in readings(text):
            digits, start = reading.digits, reading.start
            if len(digits) > self._LONGEST + 2:
                continue
            if text[:start].rstrip(" (").endswith("+"):
                found = is_abroad(digits)
            elif digits.startswith("00"):
                found = is_abroad(digits[2:])
            elif digits.startswith(CODES):
                found = reading.likely and is_abroad(digits)
            elif len(digits) in self._HOME:
                found = reading.likely and is_at_home(digits, spaced=not reading.lone)
            else:
                found = False
            if found:
                yield start, reading.end


class Coordinates(_Own):
    """A place on the globe, in degrees with three decimals or more, or in minutes and seconds."""

    kind = Kind.COORDINATES
    _PLACE = re.compile(
        r"(?<![0-9.,])[+\-]?([0-9]{1,2})[.,][0-9]{3,15} ?°? ?[NS]?(?:[,;/|] ?| )"
        r"(?:[A-Z]{3,9}[:=]? ?)?[+\-]?([0-9]{1,3})[.,][0-9]{3,15}(?![0-9]|[.,][0-9])"
    )
    _MINUTES = re.compile(
        r"[0-9]{1,2} ?° ?[0-9]{1,2} ?' ?[0-9.]{0,7} ?(?:\"|'')? ?[NS][,;]? ?"
        r"[0-9]{1,3} ?° ?[0-9]{1,2} ?' ?[0-9.]{0,7} ?(?:\"|'')? ?[EWO]"
    )
    _THOUSANDS = re.compile(r"[0-9]{1,3}[.,][0-9]{3}(?![0-9])")
    _POLE, _DATE_LINE = 90, 180

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each place."""
        for found in self._PLACE.finditer(text):
            amounts = len(self._THOUSANDS.findall(found[0])) == 2  # noqa: PLR2004 - both
            in_range = int(found[1]) <= self._POLE and int(found[2]) <= self._DATE_LINE
            if in_range and not amounts:
                yield found.span()
        yield from (found.span() for found in self._MINUTES.finditer(text))


class IpAddress(IpRecognizer):
    """Presidio's, but nothing that has no digit: letters and colons are other things as well."""

    def __init__(self) -> None:
        super().__init__(supported_language=LANGUAGE, supported_entity=Kind.IP_ADDRESS.name)

    def invalidate_result(self, pattern_text: str) -> bool:
        """Say what is none."""
        return not re.search("[0-9]", pattern_text) or bool(super().invalidate_result(pattern_text))


class Address(_Own):
    """A street and a house's number."""

    kind = Kind.ADDRESS
    score = LIKELY

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each address."""
        return (found.span() for found in re.finditer(street(), text))


class Name(_Own):
    """A first name beside a surname, in either order, also with an initial between them."""

    kind = Kind.NAME
    score = LIKELY
    _WORD = re.compile(r"[^\W\d_]{3,}")
    _BETWEEN = re.compile(r",? |-| [A-Z]\.? ")
    _SURNAME = re.compile(SURNAME)

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each name."""
        words = list(self._WORD.finditer(text))
        for one, other in pairwise(words):
            beside = self._BETWEEN.fullmatch(text, one.end(), other.start())
            if beside and (self._is(one[0], other[0]) or self._is(other[0], one[0])):
                yield one.start(), other.end()

    def _is(self, first: str, last: str) -> bool:
        surname = last in last_names() or self._SURNAME.search(last)
        return first in first_names() and bool(surname)


class Document(_Own):
    """Six digits or more of which no more is known; a day or a round amount is none."""

    kind = Kind.DOCUMENT
    score = LIKELY
    _LETTERED = re.compile(rf"{_EDGE}[A-Z]{{1,3}}-?[0-9]{{6,12}}[A-Z]{{0,2}}(?![^\W_]|[.,][0-9])")
    _LONG = re.compile(r"(?<![0-9])(?<![0-9][.,])[0-9]{6,}(?![0-9]|[.,~][0-9~])")
    _DAY = 8

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each number."""
        yield from (found.span() for found in self._LETTERED.finditer(text))
        for found in self._LONG.finditer(masked(text)):
            digits = found[0]
            day = len(digits) == self._DAY and is_day(digits)
            if not day and not digits.endswith(("00", "999")):
                yield found.span()


class Postcode(_Own):
    """Five digits alone, or four or five after a country's letters."""

    kind = Kind.POSTCODE
    score = LIKELY
    _CODE = re.compile(
        r"(?<![A-Z0-9.,/\-])"
        r"(?:[0-9]{5}|(?:LV|LT|EE|AL|XK|RKS|MK|SRB|RS|BG|D|A|SI|HR)[ \-]?[0-9]{4,5})"
        r"(?![A-Z0-9/\-]|[.,][0-9])"
    )

    def spans(self, text: str) -> Iterator[Span]:
        """Yield each postcode."""
        return (found.span() for found in self._CODE.finditer(masked(text)))


RECOGNIZERS: dict[Kind, Callable[[], EntityRecognizer]] = {
    Kind.IBAN: Iban,
    Kind.EMAIL: Email,
    Kind.URL: Url,
    Kind.CARD: Card,
    Kind.NATIONAL_NUMBER: NationalNumber,
    Kind.PHONE: Phone,
    Kind.COORDINATES: Coordinates,
    Kind.IP_ADDRESS: IpAddress,
    Kind.ADDRESS: Address,
    Kind.NAME: Name,
    Kind.DOCUMENT: Document,
    Kind.POSTCODE: Postcode,
}
