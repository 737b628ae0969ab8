"""How the digits of a folded text may be read as one number, though something stands between them.

A *run* is a row of groups of digits with at most three signs between two of them; the nought in
brackets that nobody dials from abroad is such a sign. A number that
hides is a run of its own, a stretch of it with one kind of sign in it, or a single group. Days and
ranges of round amounts are no numbers, so they are masked first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import pairwise

LOOKALIKES = str.maketrans("OIL|", "0111")
"""Letters that are read as digits among digits."""

_BETWEEN = r"(?:\(0\)|[ ./_,()\-]){1,3}"
_RUN = re.compile(rf"[0-9]+(?:{_BETWEEN}[0-9]+)*")
_GROUP = re.compile(r"(?:(?!(?<=\()0\))[0-9])+")
_MIXED = re.compile(r"(?<![^\W_])(?=[OIL|]*[0-9])[0-9OIL|]*[OIL|][0-9OIL|]*(?![^\W_])")
_NEAR = re.compile("[OIL|][0-9]|[0-9][OIL|]")

_DAY = (
    r"(?:[0-9]{1,2}([./\-])[0-9]{1,2}\1(?:19|20)[0-9]{2}"
    r"|(?:19|20)[0-9]{2}([./\-])[0-9]{2}\2[0-9]{2})"
)
_DAY_ALONE = re.compile(rf"(?<![0-9])(?<![0-9][./_\-]){_DAY}\.?(?![0-9]|[/_\-][0-9]|\.[0-9])")
_CLOCK = re.compile(r"(?<![0-9])[0-2]?[0-9]:[0-5][0-9](?::[0-5][0-9])?(?:[.,][0-9]{1,6})?(?![0-9])")
_AMOUNT = r"(?:[0-9]{1,3}(?:([., ])[0-9]{3})(?:\%d[0-9]{3})*|[0-9]+)"
_RANGE = re.compile(rf"(?<![0-9])({_AMOUNT % 2}) ?- ?({_AMOUNT % 4})(?![0-9])")
_DECIMALS = re.compile(
    r"((?<![0-9])[0-9]{1,3}(?:([ .,'])[0-9]{3})(?:\2[0-9]{3})*(?!\2)"
    r"|(?<![0-9])(?<![0-9][ .,/_\-])[0-9]{5,})[.,][0-9]{2}(?![0-9]|[./_\-][0-9])"
)
_ROUND = ("000", "999", "500", "001")
_WORTH_MASKING = 9


@dataclass(frozen=True, slots=True)
class Reading:
    """Digits that may be one number, and where they stand. whole: nothing of their run is left out.

    lone: they stand together; even: one kind of sign stands between them and it ends with them.
    """

    digits: str
    start: int
    end: int
    whole: bool
    lone: bool
    even: bool

    @property
    def likely(self) -> bool:
        """Say whether somebody who reads the text would see one number."""
        return self.whole or self.lone or self.even


@lru_cache(maxsize=64)
def readings(text: str) -> tuple[Reading, ...]:
    """Return every reading of a folded text of 8 to 19 digits, days and ranges left out."""
    return tuple(_readings(masked(text)))


@lru_cache(maxsize=64)
def masked(text: str) -> str:
    """Return a text, as long as it was, without days, times, decimals and ranges of amounts."""
    # Most texts have not even the sign that each of these needs.
    if _NEAR.search(text):
        text = _MIXED.sub(lambda found: found[0].translate(LOOKALIKES), text)
    text = _DAY_ALONE.sub(_nothing, text)
    if ":" in text:
        text = _CLOCK.sub(_nothing, text)
    if "." in text or "," in text:
        text = _DECIMALS.sub(lambda found: found[1] + "~~~", text)
    return _RANGE.sub(_without_range, text) if "-" in text else text


def _nothing(found: re.Match[str]) -> str:
    return "~" * len(found[0])


def _without_range(found: re.Match[str]) -> str:
    least, most = (re.sub("[^0-9]", "", found[number]) for number in (1, 3))
    amounts = least == "0" or least.endswith(_ROUND)
    long = len(least) + len(most) >= _WORTH_MASKING
    is_range = long and amounts and most.endswith(_ROUND) and _size(least) < _size(most)
    return _nothing(found) if is_range else found[0]


def _size(digits: str) -> tuple[int, str]:
    """Return what orders numbers, however many digits they have: int() refuses too many."""
    plain = digits.lstrip("0")
    return len(plain), plain


def _readings(text: str) -> Iterator[Reading]:
    for run in _RUN.finditer(text):
        groups = list(_GROUP.finditer(text, run.start(), run.end()))
        signs = [text[one.end() : other.start()] for one, other in pairwise(groups)]
        for first in range(len(groups)):
            digits = ""
            for last in range(first, len(groups)):
                digits += groups[last][0]
                if len(digits) > MOST:
                    break
                if len(digits) >= LEAST:
                    yield Reading(
                        digits,
                        groups[first].start(),
                        groups[last].end(),
                        whole=first == 0 and last == len(groups) - 1,
                        lone=first == last,
                        even=_is_even(signs, first, last),
                    )


LEAST, MOST = 8, 19


def _is_even(signs: list[str], first: int, last: int) -> bool:
    within = set(signs[first:last])
    around = {*signs[first - 1 : first], *signs[last : last + 1]}
    return len(within) == 1 and not within & around


def is_day(digits: str) -> bool:
    """Say whether eight digits are a day of these centuries."""
    for year, month, day in (
        (digits[:4], digits[4:6], digits[6:]),
        (digits[4:], digits[2:4], digits[:2]),
    ):
        if year[:2] in {"19", "20"} and is_date(int(year), int(month), int(day)):
            return True
    return False


def is_date(year: int, month: int, day: int) -> bool:
    """Say whether there is such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
