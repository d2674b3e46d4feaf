"""Texts as they are compared: words only, whatever their case and what stands between them."""

import re

_BETWEEN = re.compile(r"\W+")


def plain(text: str) -> str:
    """Words in lower case between single spaces, with one at either end, so that a part matches whole words only."""
    return f" {_BETWEEN.sub(' ', text.casefold()).strip()} "
