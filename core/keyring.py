"""The keyring: secrets that sign what the database holds, kept outside it and replaced from time to time.

Whoever can write in the database cannot make a signature, and an old key goes on proving what it signed.
"""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path
from typing import Any

from core.errors import StoreError
from core.types.value import Value

_SECRET_BYTES = 32


class Signature(Value):
    """Who signed, and how."""

    key: str
    """Id of the key."""
    mac: str
    """HMAC-SHA-256 in hex (RFC 2104)."""


class Keyring:
    """Keys in one file that only its owner may read; made when first used."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def sign(self, purpose: str, message: bytes) -> Signature:
        """Sign with the newest key.

        Args:
            purpose: What the signature is for; one for another purpose proves nothing.
            message: What is signed.

        Raises:
            StoreError: The keys cannot be read or made.
        """
        kept = self._read()
        return Signature(key=kept["current"], mac=_mac(kept["keys"][kept["current"]], purpose, message))

    def signed(self, purpose: str, message: bytes, signature: Signature) -> bool:
        """Whether the signature is of this message; False too where its key is not here."""
        secret = self._read()["keys"].get(signature.key)
        return secret is not None and hmac.compare_digest(_mac(secret, purpose, message).encode(), signature.mac.encode())

    def rotate(self) -> str:
        """Sign with a new key from now on; returns its id. The old ones stay, to prove what they signed."""
        kept = self._read()
        identity, secret = _new_key()
        kept = {"current": identity, "keys": {**kept["keys"], identity: secret}}
        partial = self._file.with_suffix(".partial")
        _write_private(partial, kept, os.O_TRUNC)
        partial.replace(self._file)
        return identity

    def _read(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = json.loads(self._file.read_text())
            kept["keys"][kept["current"]]
        except FileNotFoundError:
            return self._made()
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self._file}: the keys cannot be read: {error!r}; put a copy back", code="audit") from error
        return kept

    def _made(self) -> dict[str, Any]:
        identity, secret = _new_key()
        kept = {"current": identity, "keys": {identity: secret}}
        whole = self._file.with_name(f".{self._file.name}.{identity}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_private(whole, kept, os.O_EXCL)
            try:
                os.link(whole, self._file)  # of several processes that begin at once, one makes the file
            finally:
                whole.unlink()
        except FileExistsError:
            return self._read()
        except OSError as error:
            raise StoreError(f"{self._file}: the keys cannot be made: {error}", code="audit") from error
        return kept


def _new_key() -> tuple[str, str]:
    return "k" + secrets.token_hex(4), secrets.token_hex(_SECRET_BYTES)


def _mac(secret: str, purpose: str, message: bytes) -> str:
    return hmac.new(bytes.fromhex(secret), purpose.encode() + b"\0" + message, hashlib.sha256).hexdigest()


def _write_private(file: Path, document: dict[str, Any], how: int) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | how, 0o600), "w") as stream:
        json.dump(document, stream)
        stream.flush()
        os.fsync(stream.fileno())
