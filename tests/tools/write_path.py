"""A write path over a till that can be made to fail in every way a business system can; shared by the tests of this folder."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine

from core.database import open_database
from core.errors import ContactLost, ToolError
from core.keyring import Keyring
from core.settings import Settings
from core.types.effect import Change, Effect
from core.types.principal import Principal
from core.types.tool import Risk
from tools.approvals import Approvals
from tools.audit import Audit
from tools.executor import BackEnd, Executor
from tools.ledger import Ledger
from tools.policy import DEFAULT_POLICY, Policy, read_policy

ADA = Principal(person="ada", role="operator")
BEA = Principal(person="bea", role="controlling")
EVE = Principal(person="eve", role="viewer")


class Till:
    """A business system with one drawer: `put` and `burn` write, `look` reads."""

    def __init__(self) -> None:
        self.done: dict[str, Effect] = {}
        self.acts = 0
        self.system = "till"
        self.is_conclusive = True
        self.schema = "s1"
        self.dies = ""
        """`before` or `after` it acts; or `lost before`, `lost after`: it acts, or not, and does not answer."""
        self.mute = False
        """Whether it does not answer when asked by key."""

    def risk(self, tool: str) -> Risk:
        if tool not in ("look", "put", "burn"):
            raise ToolError(f"tool {tool!r}: none of that name", field="tool", value=tool)
        return {"look": "read", "put": "write", "burn": "destructive"}[tool]  # type: ignore[return-value]  # literals

    def schema_hash(self, tool: str) -> str:
        return self.schema

    def conclusive(self, tool: str) -> bool:
        return self.is_conclusive

    def trust(self, tool: str) -> dict[str, Any]:
        return {}

    def propose(self, tool: str, arguments: Mapping[str, Any]) -> Effect:
        if arguments.get("amount", 1) < 0:
            raise ToolError("amount: negative", field="amount")
        change = Change(table="drawer", key={"id": "d1"}, before={"amount": 0}, after={"amount": arguments.get("amount")})
        result = {"amount": arguments.get("amount"), "iban": "DE1", "rows": [{"iban": "DE2", "label": "x"}]}
        return Effect(tool=tool, result=result, changes=() if tool == "look" else (change,), reply=f"{tool} DE1")

    def execute(self, tool: str, arguments: Mapping[str, Any], key: str) -> Effect:
        if self.dies == "before":
            raise KeyboardInterrupt
        if self.dies == "lost before":
            raise ContactLost("no answer")
        if key not in self.done:
            self.acts += 1
            self.done[key] = self.propose(tool, arguments)
        if self.dies == "after":
            raise KeyboardInterrupt
        if self.dies == "lost after":
            raise ContactLost("no answer")
        return self.done[key]

    def find(self, key: str, tool: str = "", arguments: Mapping[str, Any] = MappingProxyType({})) -> Effect | None:
        if self.mute:
            raise ContactLost("no answer")
        return self.done.get(key)

    def shows(self, changes: tuple[Change, ...]) -> bool:
        return True

    def undo(self, key: str, tool: str, arguments: Mapping[str, Any], effect: Effect) -> Effect:
        return self.done.pop(key)


class Place:
    """Everything a write passes through, in one folder."""

    def __init__(self, folder: Path, back_end: BackEnd, policy: Policy | None = None) -> None:
        self.folder = folder
        self.engine: Engine = open_database(Settings(home=folder))
        self.keyring = Keyring(folder / "keys" / "signing.json")
        self.audit = Audit(self.engine, "default", self.keyring, folder / "audit.anchor")
        self.ledger = Ledger(self.engine, "default", self.audit)
        self.approvals = Approvals(self.engine, "default", self.keyring, self.audit)
        self._policy = policy or read_policy(DEFAULT_POLICY)
        self.executor = Executor(self.ledger, back_end, lambda: self._policy, self.approvals)

    def lift_rates(self) -> None:
        """However many writes an hour."""
        self._policy = self._policy.model_copy(update={"rates": ()})

    def panic(self) -> None:
        """Nothing may be written from now on."""
        self._policy = self._policy.model_copy(update={"panic": True})
