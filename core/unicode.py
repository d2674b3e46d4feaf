"""Text that can be kept: half of a surrogate pair, which JSON may hold, can be neither hashed nor stored nor sent."""

import json
from typing import Any

from core.errors import BadInput


def check_unicode(value: Any, where: str, code: str = "bad_input") -> None:
    """Refuse text, or any JSON value that holds text, with half of a surrogate pair in it.

    Args:
        value: Text or a JSON value, its keys included.
        where: How the error names it.
        code: Of the error.

    Raises:
        BadInput: It holds one.
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput(f"{where}: half of a surrogate pair is not text: {text[:60]!r}", code=code) from error
