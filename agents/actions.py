"""Actions: single calls handed in by programs and people, on the very path the agent's calls take."""

from collections.abc import Mapping
from typing import Any, Literal
from uuid import uuid4

from agents.business import open_business
from agents.home import Home
from core.errors import ApprovalNeeded, BadInput, NotFound, ToolError
from core.types.effect import Effect
from core.types.principal import Principal
from core.types.tool import Tool
from core.types.value import Value
from tools.approvals import Request
from tools.executor import Executor
from tools.ledger import Entry, request_hash
from tools.policy import Decision
from tools.resolve import resolve

_MOST_KEY = 255
"""Characters of an idempotency key."""


class Acted(Value):
    """What came of an action."""

    status: Literal["done", "proposed", "waiting"]
    """`waiting`: for a person, see `approval`. `proposed`: a dry run, nothing was changed."""
    tool: str
    """What was called."""
    arguments: dict[str, Any]
    """Resolved."""
    key: str | None
    """Idempotency key; the same one again brings the same answer. None for a dry run."""
    effect: Effect
    """What it did, or would do, as far as who asks may see it."""
    approval: str | None = None
    """Id of what waits."""
    why: str = ""
    """Why it waits."""


class Actions:
    """The business system's write path, for one call at a time; safe for several threads."""

    def __init__(self, home: Home) -> None:
        """Open the system that the settings name.

        Raises:
            NotFound: There is none.
            ContactLost: It does not answer.
        """
        self.ledger, self._business = home.ledger, open_business(home)
        self.executor: Executor = home.executor(self._business.back_end)

    def close(self) -> None:
        """Let go of the system."""
        self._business.close()

    def act(
        self, tool: str, arguments: Mapping[str, Any], principal: Principal, key: str | None = None, dry_run: bool = False
    ) -> Acted:
        """Carry a call out, propose it, or have it wait for a person.

        Args:
            tool: What to call.
            arguments: Records by number, or as people say them.
            principal: For whom.
            key: Idempotency key; None makes a new one, so that the same call again is another write. The same words under the
                same key stand for what they meant the first time, whatever "the latest order" would be by now.
            dry_run: Show what would change, change nothing.

        Raises:
            NotFound: No such tool.
            BadInput: The key is empty or too long.
            Denied: Policy refuses it.
            OutcomeUnknown: It may or may not have been done.
            ToolError: An argument fits no record or several, or a rule was broken; nothing was changed.
            StoreError: The key stands for another call, a twin is at it, or ledger and audit cannot be written.
        """
        key = _checked(key)
        if dry_run:
            resolved = self.resolved(tool, arguments)
            effect = self.executor.propose(tool, resolved, principal)
            return Acted(status="proposed", tool=tool, arguments=resolved, key=None, effect=effect)
        said = request_hash(tool, arguments)
        known = self._meant(key, said, principal)
        resolved = self.resolved(tool, arguments) if known is None else known
        try:
            effect = self.executor.execute(tool, resolved, principal, key, said=said)
        except ApprovalNeeded as error:
            request = self.executor.approvals.get(error.request)
            return self._waiting(request, principal)
        return Acted(status="done", tool=tool, arguments=resolved, key=key, effect=effect)

    def approve(self, identity: str, by: Principal) -> Acted:
        """Let what waits be done, for whoever asked.

        Raises:
            NotFound: Nothing waits under this id.
            Denied: This person may not.
            ToolError: A rule was broken meanwhile.
        """
        request = self.executor.approvals.get(identity)
        token = self.executor.approve(identity, by)
        shown, arguments = request.shown, request.arguments
        self.executor.execute(request.tool, arguments, request.principal, request.key, token, shown.taint, shown.said)
        entry = self.entry(request.key)
        effect = self.executor.seen(entry.effect or request.shown.effect, by)
        said = self.executor.seen(Effect(tool=request.tool, result=request.arguments), by).result
        return Acted(status="done", tool=request.tool, arguments=said, key=request.key, effect=effect)

    def judge(self, tool: str, arguments: Mapping[str, Any], principal: Principal) -> Decision:
        """What policy says of a call, without doing it.

        Raises:
            NotFound: No such tool.
            ToolError: An argument fits no record or several, or a rule would be broken.
        """
        return self.executor.judge(tool, self.resolved(tool, arguments), principal)

    def entry(self, key: str) -> Entry:
        """What became of a write.

        Raises:
            NotFound: No write has this key.
        """
        entry = self.ledger.get(key)
        if entry is None:
            raise NotFound(f"action {key!r}: not in the ledger")
        return entry

    def resolved(self, tool: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments with records, days and words found.

        Raises:
            NotFound: No such tool.
            ToolError: An argument fits no record, or several.
        """
        resolution = resolve(self.known(tool), arguments, self._business.book)
        if resolution.questions:
            first = resolution.questions[0]
            raise ToolError(" ".join(question.text for question in resolution.questions), field=first.field, value=first.said)
        return resolution.arguments

    def known(self, tool: str) -> Tool:
        """A tool by its name.

        Raises:
            NotFound: There is none.
        """
        operations = self._business.operations
        if tool not in operations:
            raise NotFound(f"tool {tool!r}: not there; known: {', '.join(operations)}")
        return operations[tool].tool

    def _meant(self, key: str, said: str, principal: Principal) -> dict[str, Any] | None:
        """What these very words were resolved to when this person sent them under this key before; None where they did not."""
        if (known := self.ledger.meant(key, said)) is not None:
            return known
        request = self.executor.approvals.of_key(key)
        same = request is not None and request.shown.said == said and request.principal.person == principal.person
        return request.arguments if request is not None and same else None

    def _waiting(self, request: Request, principal: Principal) -> Acted:
        return Acted(
            status="waiting",
            tool=request.tool,
            arguments=request.arguments,
            key=request.key,
            effect=self.executor.seen(request.shown.effect, principal),
            approval=request.id,
            why=request.shown.why,
        )


def _checked(key: str | None) -> str:
    if key is None:
        return uuid4().hex
    if not 0 < len(key) <= _MOST_KEY or not key.isprintable():
        raise BadInput(f"idempotency key: {len(key)} characters; 1 to {_MOST_KEY} printable ones are taken")
    return key
