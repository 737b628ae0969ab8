"""Names, texts and values as TOML, whatever is in them; a comment that cannot be left."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping

WIDTH = 100
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}


def text(value: str) -> str:
    """Return a text as a basic string; whatever cannot be printed is escaped."""
    return '"' + "".join(map(_sign, value)) + '"'


def _sign(sign: str) -> str:
    if sign in _SHORT:
        return _SHORT[sign]
    if sign.isprintable():
        return sign
    code = ord(sign)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four digits


def key(name: str) -> str:
    """Return a name as a key."""
    return name if _BARE.fullmatch(name) else text(name)


def value(thing: object) -> str:
    """Return a value: a text, a number, a truth, or several of them."""
    if isinstance(thing, bool):
        return "true" if thing else "false"
    if isinstance(thing, str):
        return text(thing)
    if isinstance(thing, Mapping):
        return "{ " + ", ".join(f"{key(str(k))} = {value(v)}" for k, v in thing.items()) + " }"
    if isinstance(thing, list | tuple):
        return "[" + ", ".join(map(value, thing)) + "]"
    if isinstance(thing, float) and thing.is_integer():
        return str(int(thing))
    return repr(thing)


def comment(words: str) -> Iterator[str]:
    """Yield words as lines of a comment."""
    # What is no letter, figure or mark would end the comment, or hide a part of it.
    plain = "".join(sign if sign.isprintable() else " " for sign in words)
    lines = textwrap.wrap(plain, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    yield from (f"# {line}" for line in lines)
