"""Each person's own key: what identifies them can be read while it is there, and never after.

A key is 32 random bytes (AES-256-GCM, `cryptography`), one an objection. The keys stand in pages in
the registry's file, sealed under a key that is derived from the home's master key, and are no part
of the chain: erasing a person overwrites their key, and the chain still holds over what nobody can
read any more. The connection must have SQLite's `secure_delete` on, so that no old page is left.

Beside its key stand the customer ids that an objection stands for now, so that asking whom to
leave out opens one page, not a thousand seals. They say nothing that the key beside them would not
open, and go with it. Their mark is the beginning of the seal in the chain that says the same:
whoever reads the pages holds the marks against the events, so a page put back from a copy is
noticed.
"""

from __future__ import annotations

import os
import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from itertools import islice

import numpy as np
import numpy.typing as npt
import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
MARK_BYTES = 8
"""Of the nonce, which is drawn anew for each seal."""
PEOPLE_A_PAGE = 1024
_COUNT_BYTES = 4
_PERSON = np.dtype([("key", "<u8", (KEY_BYTES // 8,)), ("mark", "<u8"), ("ids", "<u4")])
"""As it stands in a page. ids: how many of the lines below are this objection's."""
_People = npt.NDArray[np.void]
_Named = tuple[int, bytes | None]
"""A mark, and the ids, a line each; None where there are none any more."""

SCHEMA = """
CREATE TABLE people (page INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
CREATE TABLE tokens (token BLOB PRIMARY KEY, objection INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_of_objections ON tokens (objection);
"""
"""tokens: keyed digests of what senders sent, by which it is known when it comes again. Whoever had
the master key could try identifiers against one, so it goes with the person's key."""


class Vault:
    """Keys and ids of objections 1, 2, …, as they are in the file; raises ValueError where broken.

    touched: something was changed since it was read, stored or not.
    """

    def __init__(self, connection: sqlite3.Connection, master: bytes) -> None:
        self._cipher = AESGCM(master)
        self._texts: list[bytes] = []
        self._named: defaultdict[int, dict[int, _Named]] = defaultdict(dict)
        self._changed: set[int] = set()
        self._forgotten: list[int] = []
        self.touched = False
        pages: list[_People] = [np.zeros(0, _PERSON)]
        for number, (page, sealed) in enumerate(
            connection.execute("SELECT page, sealed FROM people ORDER BY page")
        ):
            if page != number or len(pages[-1]) != (PEOPLE_A_PAGE if number else 0):
                raise ValueError("pages")
            people, text = _unpacked(_open(self._cipher, bytes(sealed), _about(page)))
            pages.append(people)
            self._texts.append(text)
        self._people = np.concatenate(pages)

    def __len__(self) -> int:
        """Return how many keys there are, destroyed ones included."""
        return len(self._people)

    def add(self, number: int) -> None:
        """Make keys for so many further objections."""
        first = len(self)
        added = np.zeros(number, _PERSON)
        added["key"] = np.frombuffer(os.urandom(KEY_BYTES * number), "<u8").reshape(
            number, KEY_BYTES // 8
        )
        self._people = np.concatenate([self._people, added])
        pages = -(-len(self) // PEOPLE_A_PAGE)
        self._texts += [b""] * (pages - len(self._texts))
        self._changed.update(range(first // PEOPLE_A_PAGE, pages))
        self.touched = True

    def name(self, objection: int, keys: str) -> bytes:
        """Return the customer ids, a line each, sealed; from now on the objection stands for them.

        The seal has to become the objection's newest `who` in the chain.
        """
        content = keys.encode()
        sealed = self.seal(objection, content)
        page, place = divmod(objection - 1, PEOPLE_A_PAGE)
        self._named[page][place] = int.from_bytes(sealed[:MARK_BYTES], "little"), content
        self._changed.add(page)
        self.touched = True
        return sealed

    def destroy(self, objection: int) -> None:
        """Overwrite a key and forget the ids: nothing sealed under it can be opened again."""
        page, place = divmod(objection - 1, PEOPLE_A_PAGE)
        self._people[objection - 1]["key"] = 0
        self._named[page][place] = 0, None
        self._forgotten.append(objection)
        self._changed.add(page)
        self.touched = True

    def store(self, connection: sqlite3.Connection) -> None:
        """Write the pages that changed; they are there once the transaction is committed."""
        for page in sorted(self._changed):
            people = self._people[page * PEOPLE_A_PAGE : (page + 1) * PEOPLE_A_PAGE]
            self._texts[page] = _renamed(people, self._texts[page], self._named[page])
            nonce = os.urandom(NONCE_BYTES)
            content = _packed(people, self._texts[page])
            sealed = nonce + self._cipher.encrypt(nonce, content, _about(page))
            connection.execute("INSERT OR REPLACE INTO people VALUES (?, ?)", (page, sealed))
        self._changed.clear()
        self._named.clear()
        for objection in self._forgotten:
            connection.execute("DELETE FROM tokens WHERE objection = ?", (objection,))
        self._forgotten.clear()

    def destroyed(self) -> npt.NDArray[np.bool_]:
        """Say of each objection, in order, whether its key is gone."""
        return np.asarray(~self._people["key"].any(axis=1))

    def marks(self) -> npt.NDArray[np.uint64]:
        """Return of each objection, in order, whose seal holds its ids too, 0 where it has none."""
        return np.asarray(self._people["mark"])

    def ids(self) -> pl.DataFrame:
        """Return `objection` and `key` of all customer ids that objections stand for, in order."""
        ids = self._people["ids"]
        pages = np.add.reduceat(ids, np.arange(0, len(ids), PEOPLE_A_PAGE)) if len(ids) else ids
        # One text with a line a key, for a million of them are to be had in a moment.
        text = b"\n".join(text for text, there in zip(self._texts, pages, strict=True) if there)
        lines = pl.Series("key", [text.decode()]).str.split("\n").explode()
        keys = lines if ids.any() else lines.clear()
        if len(keys) != int(ids.sum()):
            raise ValueError("ids")
        objections = np.repeat(np.arange(1, len(ids) + 1, dtype=np.int64), ids)
        return pl.DataFrame({"objection": objections, "key": keys})

    def seal(self, objection: int, content: bytes) -> bytes:
        """Return the content, readable under the person's own key alone."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._of(objection).encrypt(nonce, content, b"%d" % objection)

    def open(self, objection: int, sealed: bytes) -> bytes:
        """Return what was sealed; raises ValueError where the key is gone or another's."""
        return _open(self._of(objection), sealed, b"%d" % objection)

    def open_all(self, objections: pl.Series, sealed: pl.Series) -> list[bytes]:
        """Return what was sealed for each of many objections; raises ValueError.

        objections: Int64; sealed: Binary.
        """
        # `open` a million times over, so everything is laid ready; a destroyed key opens nothing.
        keys = np.ascontiguousarray(self._people["key"][objections.to_numpy() - 1])
        try:
            return [
                AESGCM(key).decrypt(nonce, content, about)
                for key, nonce, content, about in zip(
                    keys.view(f"V{KEY_BYTES}").ravel().tolist(),
                    sealed.bin.head(NONCE_BYTES).to_list(),
                    sealed.bin.slice(NONCE_BYTES).to_list(),
                    objections.cast(pl.String).cast(pl.Binary).to_list(),
                    strict=True,
                )
            ]
        except InvalidTag:
            raise ValueError("sealed") from None

    def _of(self, objection: int) -> AESGCM:
        if not 0 < objection <= len(self):
            raise ValueError("keys")
        key = self._people[objection - 1]["key"]
        if not key.any():
            raise ValueError("keys")
        return AESGCM(key.tobytes())


def marks_of(seals: pl.Expr) -> pl.Expr:
    """Return the mark of each seal that a page has beside its ids; 0 where there is no seal."""
    return seals.bin.head(MARK_BYTES).bin.reinterpret(dtype=pl.UInt64).fill_null(0)


def _renamed(people: _People, text: bytes, named: Mapping[int, _Named]) -> bytes:
    """Put the newest ids of some people of a page in place; return the text with all ids."""
    lines = iter(text.split(b"\n"))
    texts = [b"\n".join(islice(lines, ids)) for ids in people["ids"].tolist()]
    for place, (mark, keys) in named.items():
        texts[place] = keys or b""
        people[place]["mark"] = mark
        people[place]["ids"] = 0 if keys is None else keys.count(b"\n") + 1
    there = people["ids"].tolist()
    return b"\n".join(keys for keys, ids in zip(texts, there, strict=True) if ids)


def _packed(people: _People, text: bytes) -> bytes:
    return len(people).to_bytes(_COUNT_BYTES, "little") + people.tobytes() + text


def _unpacked(content: bytes) -> tuple[_People, bytes]:
    """Return the people of a page and their ids; what no page of ours is raises ValueError."""
    number = int.from_bytes(content[:_COUNT_BYTES], "little")
    end = _COUNT_BYTES + number * _PERSON.itemsize
    return np.frombuffer(content, _PERSON, number, _COUNT_BYTES), content[end:]


def _open(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except InvalidTag:
        raise ValueError("sealed") from None


def _about(page: int) -> bytes:
    return b"keys %d" % page
