"""The home's master key, and the keys that are derived from it, one a purpose (HKDF)."""

from __future__ import annotations

import hashlib
import hmac
from enum import Enum
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from transforms.errors import ObjectionError


class Purpose(Enum):
    """What a derived key is for: the `info` of its HKDF, so that no two are the same key."""

    CHAIN = b"clause16 opt-out chain"
    SEAL = b"clause16 registry seal"
    APPROVAL = b"clause16 plan approval"
    BACKUP = b"clause16 backup manifest"
    VAULT = b"clause16 keys of persons"
    REFERENCE = b"clause16 senders' references"
    LEDGER = b"clause16 ledger chain"
    LEDGER_SEAL = b"clause16 ledger seal"
    CELLS = b"clause16 choice of cells"


class Keys:
    """An opened key file. Raises ObjectionError where it is missing or none."""

    def __init__(self, key_file: Path) -> None:
        try:
            self._master = key_file.read_bytes()
            self.cipher = Fernet(self._master)
        except OSError:
            raise ObjectionError(
                f"the key file {key_file} cannot be read: put it back, or name it in "
                f"$CLAUSE16_KEY_FILE"
            ) from None
        except ValueError:
            raise ObjectionError(f"{key_file} is no key file of an opt-out list") from None

    def digest(self, purpose: Purpose, text: str) -> str:
        """Return the keyed digest (HMAC-SHA-256) of a text, in 64 hexadecimal digits."""
        return keyed_digest(self.derived(purpose), text)

    def derived(self, purpose: Purpose) -> bytes:
        """Return the key for one purpose, 32 bytes."""
        hkdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.value)
        return hkdf.derive(self._master)


def keyed_digest(key: bytes, text: str) -> str:
    """Return the HMAC-SHA-256 of a text, in 64 hexadecimal digits."""
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
