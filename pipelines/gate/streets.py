"""How streets are written in the region's languages, in German and English; all of it folded."""

from __future__ import annotations

from functools import cache

import polars as pl

from pipelines.gate.folding import fold

_BEFORE = """
    rr rruga rruges rrugen bulevardi bulevardit blv blvd bul sheshi sheshit lagjja
    ul ulica ulici ulice bulevar trg naselje ул улица улици улице булевар бул трг площад
    str strada calle avenida via rue
"""
_AFTER = """
    g gatve gatves gatveje pr prospektas prospekto al aleja plentas
    iela ielas bulvaris bulvara prospekts laukums
    tn tanav tanava tanaval mnt maantee pst puiestee
    street st road rd avenue ave lane square strasse
"""
_ENGLISH = "street st road rd avenue ave lane square"
_ENDINGS = "strasse str. gasse weg platz allee"

_LETTER = r"[^\W\d_]"
_EDGE = rf"(?<!{_LETTER})"
_NAME = rf"(?:[\w'.\-]{{1,40}} ){{0,4}}{_LETTER}{{3,40}}\.?"
"""Of a street: up to five words, the last of them of letters.

No word is endless, or a text that is one would be looked through from each of its signs.
"""
_HOUSE = r",? ?(?:N[RO]|BR|\u0411P|\u2116)?\.? ?[0-9]{1,4}(?![0-9%]|[.,][0-9])[A-Z]?"
"""A house's number is no amount."""
_NUMBER_FIRST = r"(?<![\w.,])[0-9]{1,4}[A-Z]?"
_POSTCODE = r"(?:LV|LT|XK|RKS|AL|RS|MK|BG|EE|D)-[0-9]{4,5}"


@cache
def street() -> str:
    """Return the pattern of an address: the street's word before its name, after, within, none."""
    return "|".join(
        (
            rf"{_EDGE}(?:{_any(_BEFORE)})(?:\. ?| ){_NAME}{_HOUSE}",
            rf"{_EDGE}{_NAME} (?:{_any(_AFTER)})\.?{_HOUSE}",
            rf"{_EDGE}{_LETTER}{{3,40}}(?:{_any(_ENDINGS)}){_HOUSE}",
            rf"{_NUMBER_FIRST} (?:{_LETTER}{{1,40}} ){{1,3}}(?:{_any(_ENGLISH)})(?!{_LETTER})",
            rf"{_EDGE}{_LETTER}{{3,40}}{_HOUSE},? {_POSTCODE}",
        )
    )


@cache
def in_a_street() -> str:
    """Return the pattern of what each address contains."""
    words = f"{_any(_BEFORE)}|{_any(_AFTER)}"
    return rf"(?:^|[^A-Z])(?:{words})(?:[., 0-9]|$)|(?:{_any(_ENDINGS)})[, 0-9]|{_POSTCODE}"


def _any(words: str) -> str:
    """Return the pattern of any of some words."""
    return "|".join(fold(pl.Series(words.replace(".", r"\.").split())).unique().sort())
