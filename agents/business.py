"""The business system of a home: what carries calls out, what knows its records, and which operations it has."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from agents.home import Home
from tools.erp.operations.operation import Operation
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import OPERATIONS, Sandbox
from tools.erp.tryton.installation import Installation
from tools.erp.tryton.lookup import Lookup as TrytonLookup
from tools.erp.tryton.rpc import Rpc
from tools.erp.tryton.server import Server
from tools.erp.tryton.sessions import Sessions
from tools.erp.tryton.tryton import OPERATIONS as ON_TRYTON
from tools.erp.tryton.tryton import Tryton
from tools.executor import BackEnd
from tools.resolve import Book


class Business(NamedTuple):
    """One system, opened."""

    back_end: BackEnd
    """Carries calls out."""
    book: Book
    """Knows its records."""
    operations: Mapping[str, Operation]
    """What it can be asked to do, by name."""
    close: Callable[[], None]
    """Lets go of it."""


def open_business(home: Home) -> Business:
    """The system that the settings name.

    Raises:
        NotFound: There is no sandbox company, or no Tryton runs here.
        ContactLost: The Tryton that the settings name does not answer.
        Denied: It does not let the user in.
    """
    if home.settings.erp == "tryton":
        tryton = Tryton(_session(home))
        return Business(tryton, TrytonLookup(tryton.books), ON_TRYTON, tryton.close)
    sandbox = Sandbox(home.company)
    return Business(sandbox, Lookup(sandbox), OPERATIONS, sandbox.close)


def tryton_server(home: Home) -> Server:
    """The Tryton of the home itself, whether it runs or not."""
    return Server(home.settings.home / "erp" / "tryton", Installation(home.settings.tryton_folder))


def _session(home: Home) -> Rpc:
    """At the Tryton the settings name, else at the home's own."""
    settings = home.settings
    if settings.tryton_url is None:
        return tryton_server(home).rpc()
    password = settings.tryton_password.get_secret_value() if settings.tryton_password is not None else ""
    return Rpc(settings.tryton_url, settings.tryton_user, password, Sessions(settings.home / "erp" / "sessions"))
