"""The company's operations as a toolset, with the names it knows."""

from core.types.tool import Toolset, read_toolset
from tools.erp.operations import ALL
from tools.erp.sandbox.lookup import Lookup
from tools.erp.sandbox.sandbox import Sandbox

TOOLSET = "company"
"""Its name."""


def company_toolset(sandbox: Sandbox) -> Toolset:
    """Every operation, and as vocabulary the records there are now."""
    vocabulary = {kind: entry.model_dump(mode="json") for kind, entry in Lookup(sandbox).vocabulary.items()}
    return read_toolset(TOOLSET, [operation.function for operation in ALL], vocabulary)
