"""Words of free texts, however they are disguised: case, marks, scripts, what cannot be seen.

Only the words are spelt, each once, not the texts: of a million texts they are far fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import polars as pl

from transforms.spelling import folded

LONGEST: Final = 16_384
"""How many characters of a text are looked at; what comes after them is as if not written."""
_BYTES_AT_ONCE: Final = 8_000_000

_UNSEEN: Final = (
    r"\p{M}\p{Cf}\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\x{115f}\x{1160}\x{2800}\x{3164}\x{ffa0}"
)
_LETTERS: Final = r"\p{L}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}"
_WORD: Final = rf"[\p{{N}}{_UNSEEN}]*[{_LETTERS}][{_LETTERS}\p{{N}}{_UNSEEN}]*"
UNSEEN: Final = f"[{_UNSEEN}]"
"""What cannot be seen, marks of letters that were taken apart, and control characters."""

_BY_LOOK: Final = dict(
    zip(
        "АаВвЕеНнІіЈјКкМмОоРрСсТтУуХхЅѕԀԁҺһԚԛԜԝΑαΒβΕεΖΗηΙιΚκΜΝνΟοΡρΤτΥυΧχօոսհ",
        "AaBbEeHhIiJjKkMmOoPpCcTtYyXxSsDdHhQqWwAaBbEeZHnIiKkMNvOoPpTtYuXxonuh",
        strict=True,
    )
)
"""A letter of another script → the Latin one that looks like it."""
_LATIN_LOOKS: Final = dict(zip("ɑɡᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ", "agabcdeghijklmnoprtuvwyz", strict=True))
_CYRILLIC: Final = dict(
    zip("AaBbCcEeHhIiJjKkMmOoPpSsTtXxYy", "АаВвСсЕеНнІіЈјКкМмОоРрЅѕТтХхУу", strict=True)
)
"""A Latin letter → the Cyrillic one that looks like it."""
_ONLY_CYRILLIC: Final = "[БГДЖЗИЛПФЦЧШЂЉЊЋЏбгджзилпфцчшђљњћџ]"
"""Letters of Serbian Cyrillic that look like no Latin one."""
_FEWEST_LETTERS: Final = 3
"""Of a word with digits at it: of fewer it is a number's, such as the country of an IBAN."""


def each_once(texts: pl.Series, category: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return the category of each text; each different text is looked at once, in slices.

    A category must be a function of the single text.
    """
    different = texts.cast(pl.String).unique()
    known = pl.DataFrame(
        {"text": different, "category": pl.concat(map(category, _slices(different)))}
    )
    every = pl.DataFrame({"text": texts.cast(pl.String)})
    found = every.join(known, on="text", how="left", maintain_order="left")
    return found["category"].alias(texts.name)


def _slices(texts: pl.Series) -> Iterator[pl.Series]:
    """Yield the texts in slices of few bytes, so that memory does not grow with their length."""
    size = texts.str.len_bytes().fill_null(0).clip(upper_bound=4 * LONGEST).cast(pl.Int64) + 16
    number = size.cum_sum().to_numpy() // _BYTES_AT_ONCE
    cuts = np.flatnonzero(np.diff(number)) + 1
    for start, end in zip((0, *cuts), (*cuts, len(texts)), strict=True):
        yield texts[int(start) : int(end)].str.slice(0, LONGEST)


def words_of(texts: pl.Series) -> pl.DataFrame:
    """Return the words of texts in their order: `text` is the position of the text, `word`.

    A word is letters, with digits where they stand at it; numbers are none.
    """
    lists = texts.str.extract_all(_WORD)
    position = np.arange(len(texts), dtype=np.uint32)
    return pl.DataFrame({"text": position, "word": lists}).explode("word").drop_nulls()


def is_blank(texts: pl.Series) -> pl.Series:
    """Say of each text whether there is nothing to see in it; missing ones are blank."""
    return texts.str.contains(rf"[^\s{_UNSEEN}]").not_().fill_null(value=True)


def spelt(words: pl.Series) -> pl.DataFrame:
    """Return different words (`word`) with their spelling (`spelt`): small plain Latin letters.

    A word that mixes scripts is read by the look of its letters, any other by their sound. Words
    that have digits within them are left out, and others of which nothing can be read.
    """
    word = pl.col("word")
    plain = word.str.contains("^[A-Za-z0-9]+$")
    letters = pl.col("letters")
    bare = letters.str.replace_all(r"^\p{N}+|\p{N}+$", "")
    few = (bare != letters) & (bare.str.len_chars() < _FEWEST_LETTERS)
    return (
        words.unique()
        .to_frame("word")
        .with_columns(letters=pl.when(plain).then(word.str.to_lowercase()).otherwise(_other(word)))
        .select("word", spelt=pl.when(~few).then(bare))
        .filter(pl.col("spelt").str.contains("^[a-z]+$"))
    )


def _other(word: pl.Expr) -> pl.Expr:
    """Return the spelling of words that are not plain."""
    apart = word.str.normalize("NFKD")
    apart = apart.str.replace_many(list(_LATIN_LOOKS), list(_LATIN_LOOKS.values()))
    mixed = apart.str.contains("[A-Za-z]") & apart.str.contains(
        r"[\p{Cyrillic}\p{Greek}\p{Armenian}]"
    )
    latin = apart.str.replace_many(list(_BY_LOOK), list(_BY_LOOK.values()))
    cyrillic = apart.str.replace_many(list(_CYRILLIC), list(_CYRILLIC.values()))
    read = (
        pl.when(~mixed)
        .then(apart)
        .when(apart.str.contains(_ONLY_CYRILLIC))
        .then(cyrillic)
        .otherwise(latin)
    )
    return folded(read).str.to_lowercase().str.replace_all(UNSEEN, "")
