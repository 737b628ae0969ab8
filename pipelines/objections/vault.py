"""Each person's own key: what identifies them can be read while it is there, and never after.

A key is 32 random bytes (AES-256-GCM, `cryptography`), one an objection. The keys stand in pages in
the registry's file, sealed under a key that is derived from the home's master key, and are no part
of the chain: erasing a person overwrites their key, and the chain still holds over what nobody can
read any more. The connection must have SQLite's `secure_delete` on, so that no old page is left.
"""

from __future__ import annotations

import os
import sqlite3

import numpy as np
import numpy.typing as npt
import polars as pl
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
KEYS_A_PAGE = 1024
_DESTROYED = bytes(KEY_BYTES)

SCHEMA = """
CREATE TABLE keys (page INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;
CREATE TABLE tokens (token BLOB PRIMARY KEY, objection INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_of_objections ON tokens (objection);
"""
"""tokens: keyed digests of what senders sent, by which it is known when it comes again. Whoever had
the master key could try identifiers against one, so it goes with the person's key."""


class Vault:
    """The keys of objections 1, 2, …, as they are in the file. Raises ValueError where broken."""

    def __init__(self, connection: sqlite3.Connection, master: bytes) -> None:
        self._cipher = AESGCM(master)
        self._keys = bytearray()
        self._changed: set[int] = set()
        self._forgotten: list[int] = []
        for number, (page, sealed) in enumerate(
            connection.execute("SELECT page, sealed FROM keys ORDER BY page")
        ):
            if page != number or len(self._keys) % (KEY_BYTES * KEYS_A_PAGE):
                raise ValueError("keys")
            self._keys += _open(self._cipher, bytes(sealed), _about(page))
        if len(self._keys) % KEY_BYTES:
            raise ValueError("keys")

    def __len__(self) -> int:
        """Return how many keys there are, destroyed ones included."""
        return len(self._keys) // KEY_BYTES

    def add(self, number: int) -> None:
        """Make keys for so many further objections."""
        first = len(self)
        self._keys += os.urandom(KEY_BYTES * number)
        self._changed.update(range(first // KEYS_A_PAGE, _pages(len(self))))

    def destroy(self, objection: int) -> None:
        """Overwrite a key: nothing sealed under it can be opened again."""
        start = (objection - 1) * KEY_BYTES
        self._keys[start : start + KEY_BYTES] = _DESTROYED
        self._forgotten.append(objection)
        self._changed.add((objection - 1) // KEYS_A_PAGE)

    def store(self, connection: sqlite3.Connection) -> None:
        """Write the pages that changed; they are there once the transaction is committed."""
        size = KEY_BYTES * KEYS_A_PAGE
        for page in sorted(self._changed):
            nonce = os.urandom(NONCE_BYTES)
            content = bytes(self._keys[page * size : (page + 1) * size])
            sealed = nonce + self._cipher.encrypt(nonce, content, _about(page))
            connection.execute("INSERT OR REPLACE INTO keys VALUES (?, ?)", (page, sealed))
        self._changed.clear()
        for objection in self._forgotten:
            connection.execute("DELETE FROM tokens WHERE objection = ?", (objection,))
        self._forgotten.clear()

    def destroyed(self) -> npt.NDArray[np.bool_]:
        """Say of each objection, in order, whether its key is gone."""
        keys = np.frombuffer(bytes(self._keys), dtype=np.uint8).reshape(-1, KEY_BYTES)
        return np.asarray(~keys.any(axis=1))

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
        numbers = objections.to_numpy() - 1
        keys = np.frombuffer(bytes(self._keys), dtype=f"V{KEY_BYTES}")[numbers].tolist()
        try:
            return [
                AESGCM(key).decrypt(nonce, content, about)
                for key, nonce, content, about in zip(
                    keys,
                    sealed.bin.head(NONCE_BYTES).to_list(),
                    sealed.bin.slice(NONCE_BYTES).to_list(),
                    objections.cast(pl.String).cast(pl.Binary).to_list(),
                    strict=True,
                )
            ]
        except InvalidTag:
            raise ValueError("sealed") from None

    def _of(self, objection: int) -> AESGCM:
        start = (objection - 1) * KEY_BYTES
        key = bytes(self._keys[start : start + KEY_BYTES])
        if len(key) != KEY_BYTES or key == _DESTROYED:
            raise ValueError("keys")
        return AESGCM(key)


def _open(cipher: AESGCM, sealed: bytes, about: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
    except InvalidTag:
        raise ValueError("sealed") from None


def _about(page: int) -> bytes:
    return b"keys %d" % page


def _pages(keys: int) -> int:
    return -(-keys // KEYS_A_PAGE)
