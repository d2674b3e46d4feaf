"""The base of every stored or folder-crossing value: frozen, strict about unknown fields, hashable by content."""

import hashlib
import json
from typing import Any, TypeGuard

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen pydantic model."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def content_hash(document: Any, length: int = 16) -> str:
    """Hash a JSON-able document independent of key order.

    Args:
        document: Anything `json.dumps` takes.
        length: Hex digits to keep, 1 to 64.

    Returns:
        The first `length` hex digits of the SHA-256 of the canonical JSON text.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a JSON value is a number; true and false are none, though Python counts with them."""
    return isinstance(value, int | float) and not isinstance(value, bool)
