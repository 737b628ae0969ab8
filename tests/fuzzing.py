"""Hostile input by the thousand: what is fed, how it is spoilt, and what counts as a finding.

A finding is whatever a user would not be told in a line of ours: another exception than
`PrivacyError`, one of that class itself (a defect of ours, as the boundary tells it), an
`EngineError` (a library fell over something that we should have seen), a hang, a message that
quotes what was fed. Every input has a number; the same number is the same input.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

from pipelines.objections.lines import COLUMNS
from transforms.errors import EngineError, PrivacyError

CANARY = "zqcanaryqz"
LONGEST_AGAIN = 10_000
HANG = 30
"""Seconds, after which an input hangs."""

HOSTILE = (
    "'; DROP TABLE customers; --", '"; DROP', "x\0y", "\u202egnp.exe", "\u200b", "=1+1", "@SUM(A1)",
    "-2+3", "../../etc/passwd", "/dev/stdin", "..\\..\\x", "file:///etc/passwd", "${HOME}", "%s%n",
    "{0.__class__}", "nan", "inf", "-inf", "1e400", "9" * 30, "-1", "0", "true", "null", "NULL", "",
    " ", "\t", "\ufeff", "\N{NO-BREAK SPACE}", "\U0001f600", "é" * 300, "\ud7ff", "0x10", "1_000",
    "2026-02-30", "0000-00-00", "9999-12-31", "31.12.2026", "[[[[[[", '"""', "'''", "\\u0000", "\\",
    "#", ";" * 50, "," * 50, "\r", "\n", "\r\n", CANARY, f"{CANARY}@example.com", "*", "other",
)  # fmt: skip
"""Strings that mean something to somebody who reads files, shells, spreadsheets, SQL or TOML."""


QUICK = 2.0
SOAK = float(os.environ.get("FUZZ_SECONDS", "1800"))
"""Seconds that a target is fed: in every run of the tests, and in long ones."""

Feed = Callable[[bytes], None]

OBJECTIONS = ",".join(COLUMNS) + "\n" + "".join(
    f"ref-{n},{n if n % 3 else ''},,{'' if n % 2 else f'ana{n}@example.com'},+38344123{n:03},,"
    f"Ana Berisha,1961-02-03,a letter,email,2026-11-{1 + n % 20:02}T10:00:00,yes,objection,"
    f"objection\n"
    for n in range(1, 40)
)  # fmt: skip
"""A file of objections, to be spoilt."""


@dataclass(frozen=True)
class Finding:
    """An input that was not handled, and how it was not."""

    number: int
    what: str


def spoilt(content: str, draw: random.Random) -> bytes:
    """Return a file spoilt in a few places, a seventh of the time in its bytes as well."""
    text = content
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        text = draw.choice(_SPOILERS)(text, draw)
    written = text.encode("utf-8", "surrogatepass")
    if draw.random() < 1 / 7:
        written = _in_bytes(written, draw)
    return written


def _in_bytes(written: bytes, draw: random.Random) -> bytes:
    place = draw.randrange(len(written) + 1)
    return draw.choice(
        [
            written[:place],
            written[:place] + bytes([draw.randrange(256)]) + written[place + 1 :],
            written.decode("utf-8", "replace").encode("utf-16"),
            b"\xff\xfe" + written,
            written.replace(b"\n", b"\r"),
        ]
    )


def _in_a_place(text: str, draw: random.Random) -> str:
    place = draw.randrange(len(text) + 1)
    return text[:place] + draw.choice(HOSTILE) + text[place:]


def _in_a_field(text: str, draw: random.Random) -> str:
    """Put something hostile in place of a word."""
    words = [place for place, sign in enumerate(text) if sign in ' ,;="\n']
    if len(words) < 2:
        return _in_a_place(text, draw)
    first = draw.randrange(len(words) - 1)
    return text[: words[first] + 1] + draw.choice(HOSTILE) + text[words[first + 1] :]


def _without_a_line(text: str, draw: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(draw.sample(lines, 0) if not lines else _cut(lines, draw))


def _cut(lines: list[str], draw: random.Random) -> list[str]:
    first = draw.randrange(len(lines))
    return lines[:first] + lines[first + draw.choice([1, 1, 1, 5, 40]) :]


def _with_a_line_again(text: str, draw: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    again = draw.choice(lines)[:LONGEST_AGAIN] * draw.choice([1, 1, 2, 50])
    place = draw.randrange(len(lines) + 1)
    return "".join([*lines[:place], again, *lines[place:]])


def _with_lines_swapped(text: str, draw: random.Random) -> str:
    lines = text.splitlines(keepends=True) or [""]
    one, other = draw.randrange(len(lines)), draw.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return "".join(lines)


def _with_a_long_field(text: str, draw: random.Random) -> str:
    place = draw.randrange(len(text) + 1)
    return text[:place] + draw.choice("a9\"', \n{[") * draw.choice([300, 5_000, 200_000])


def _with_a_number_changed(text: str, draw: random.Random) -> str:
    digits = [place for place, sign in enumerate(text) if sign.isdigit()]
    if not digits:
        return _in_a_place(text, draw)
    place = draw.choice(digits)
    return text[:place] + draw.choice(["-", "0", "9", ".", "e", "99999999"]) + text[place + 1 :]


_SPOILERS: tuple[Callable[[str, random.Random], str], ...] = (
    _in_a_place, _in_a_field, _in_a_field, _in_a_field, _without_a_line, _with_a_line_again,
    _with_lines_swapped, _with_a_long_field, _with_a_number_changed,
)  # fmt: skip


def fuzz(
    feed: Callable[[bytes], None],
    content: str,
    seconds: float,
    *,
    personal: bool,
    first: int = 0,
) -> Iterator[Finding]:
    """Feed spoilt files for so long; yield the findings.

    feed: raises what the product raises; personal: the file holds what no message may quote.
    """
    end = time.monotonic() + seconds
    number = first
    while time.monotonic() < end:
        found = looked_at(feed, spoilt(content, random.Random(number)), personal=personal)
        if found is not None:
            yield Finding(number, found)
        number += 1


def looked_at(feed: Callable[[bytes], None], written: bytes, *, personal: bool) -> str | None:
    """Return what is wrong with how an input was handled, None where nothing is."""
    try:
        with _no_longer_than(HANG):
            feed(written)
    except EngineError as error:
        return f"EngineError: {error}"
    except PrivacyError as error:
        if type(error) is PrivacyError:
            return f"a defect of ours: {error}"
        quoted = personal and CANARY in str(error)
        return f"it quotes the input: {error}" if quoted else None
    except Hang:
        return f"it hangs for {HANG} seconds"
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return f"{type(error).__name__}: {error}"
    return None


class Hang(BaseException):
    """An input takes too long."""


@contextmanager
def _no_longer_than(seconds: int) -> Iterator[None]:
    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def as_toml(fields: Mapping[str, object]) -> str:
    """Return a policy's fields as a file says them, a line a part."""
    return "".join(f"{key} = {_value(value)}\n" for key, value in fields.items())


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{json.dumps(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
