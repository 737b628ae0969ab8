"""First names and surnames that many people bear: the region's, its neighbours', English ones.

From Faker's lists and our own of Kosovo's communities. First names and surnames are told apart: one
of each, side by side, is somebody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import import_module

import polars as pl

from pipelines import names as kosovo
from pipelines.gate.folding import fold

_LOCALES = (
    *("lt_LT", "lv_LV", "et_EE", "hr_HR", "sl_SI", "en_US", "pl_PL", "de_DE", "it_IT", "tr_TR"),
    *("fi_FI", "ro_RO", "bg_BG"),
)
_LAST = ("last_names", "male_last", "unisex_last")
_SHORTEST = 3
SURNAME = (
    r"..(?:IC|SKI|SKA|OVA?|EVA?|[AI]USKAS|[AE]VICIUS|IENE|AITE|YTE|UTE|INS|IQI|AJ"
    "|\u0418\u040b)$"
)
"""How many surnames of the region end, folded; the last one is Cyrillic."""
_CYRILLIC = {"lj": "љ", "nj": "њ", "dž": "џ"} | dict(
    zip("abcčćdđefghijklmnoprsštuvzž", "абцчћдђефгхијклмнопрсштувзж", strict=True)
)
"""A Serbian letter → how it is written in Cyrillic; the letters that are written as two first."""
_SERBIAN = frozenset("".join(_CYRILLIC))


@cache
def first_names() -> frozenset[str]:
    """Return first names, folded as the gate folds them."""
    return _folded(_first())


@cache
def last_names() -> frozenset[str]:
    """Return surnames, folded as the gate folds them."""
    return _folded(_last())


def all_names() -> frozenset[str]:
    """Return all of them, as they are written."""
    return frozenset([*_first(), *_last()])


def _first() -> Iterator[str]:
    yield from _of_kosovo("MEN")
    yield from _of_faker("first_names")


def _last() -> Iterator[str]:
    yield from _of_kosovo("SURNAMES")
    yield from _of_faker(*_LAST)


def _of_kosovo(ending: str) -> Iterator[str]:
    for pool, found in vars(kosovo).items():
        if pool.endswith(ending):
            yield from found


def _of_faker(*beginnings: str) -> Iterator[str]:
    for locale in _LOCALES:
        provider = import_module(f"faker.providers.person.{locale}").Provider
        for pool in dir(provider):
            if pool.startswith(beginnings):
                yield from getattr(provider, pool)


def _folded(names: Iterable[str]) -> frozenset[str]:
    """Return the words of names, folded, in Latin and in Serbian Cyrillic, and đ as dj."""
    words = {word for name in names for word in name.replace("-", " ").split()}
    words |= {word.replace("đ", "dj").replace("Đ", "Dj") for word in words}
    words |= {_in_cyrillic(word) for word in words if _SERBIAN.issuperset(word.lower())}
    folded = fold(pl.Series(sorted(words), dtype=pl.String))
    return frozenset(word for word in folded if len(word) >= _SHORTEST)


def _in_cyrillic(word: str) -> str:
    written = word.lower()
    for latin, cyrillic in _CYRILLIC.items():
        written = written.replace(latin, cyrillic)
    return written
