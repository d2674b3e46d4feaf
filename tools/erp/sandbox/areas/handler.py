"""What carries an operation out."""

from collections.abc import Callable
from typing import Any

from tools.erp.operations.operation import Result
from tools.erp.sandbox.books import Books

Handler = Callable[[Books, Any], Result]
"""Any: each handler takes its operation's own arguments."""
