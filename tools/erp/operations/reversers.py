"""Which operations take back or change what others did: signs that a write was not what was wanted after all."""

from typing import NamedTuple


class Reverser(NamedTuple):
    """What a call of an operation says of earlier writes."""

    argument: str
    """Its argument, and a field of their results, that names the record."""
    of: tuple[str, ...]
    """The operations it reverses."""
    word: str
    """What has become of them."""
    elsewhere: bool = False
    """Whether it says so only from another conversation: in the same one people go on with what they began."""


REVERSERS = {
    "cancel_order": Reverser("order", ("create_quote", "confirm_order"), "cancelled"),
    "credit_invoice": Reverser("invoice", ("draft_invoice", "post_invoice"), "credited"),
    "change_order": Reverser("order", ("create_quote",), "amended", elsewhere=True),
}
