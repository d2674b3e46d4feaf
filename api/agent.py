"""The agent behind the web service: threads of the company, opened when first asked for, always on the newest champion."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Protocol

from agents.feedback import accept, correct
from agents.home import Home
from agents.office import furnish
from agents.threads import AS_IT_IS, Edits, OnReply, Threads, Turn, any_stopped, open_threads
from api.callers import LoadedCaller
from core.errors import Denied, NotFound
from core.types.effect import Effect
from core.types.message import Message, ToolCall
from core.types.prediction import Prediction
from core.types.principal import Principal
from core.types.tool import Toolset
from core.types.trace import Trace
from tools.policy import Proposal


class Agent(Protocol):
    """What the web service needs of the agent; called by one thread at a time."""

    @property
    def toolset(self) -> str:
        """Whose champion acts."""
        ...

    def say(self, text: str, thread: str | None, by: Principal) -> Turn:
        """Take a turn; NotFound for an unknown thread, BadInput for a message that cannot be read."""
        ...

    def hear(self, text: str, thread: str | None, history: Sequence[dict[str, Any]], on_reply: OnReply, by: Principal) -> Turn:
        """As `say`, but a plain yes or no answers what the thread waits for."""
        ...

    def decide(
        self, thread: str, approve: bool, reason: str, by: Principal, approval: str | None = None, edits: Edits = AS_IT_IS
    ) -> Turn:
        """Answer what a thread waits for, or the one approval that was shown; NotFound where it waits for nothing of the kind."""
        ...

    def owns(self, thread: str, by: Principal) -> bool:
        """Whether what is said in a thread is this person's; NotFound for an unknown thread."""
        ...

    def messages(self, thread: str, by: Principal) -> list[dict[str, Any]]:
        """The conversation so far; NotFound for an unknown thread."""
        ...

    def resume(self) -> None:
        """Go on with the turns that a crash stopped; where there are none, nothing is loaded for it."""
        ...

    def judge(self, trace: str, right: bool, calls: Sequence[ToolCall] | None, by: Principal) -> Trace | None:
        """Feedback on a turn; NotFound for an unknown trace, BadInput for calls that do not fit, Denied for such as this person
        may not make: nobody teaches what they may not do."""
        ...


class Fleet(Protocol):
    """Where releases are found, loaded."""

    def get(self, toolset: str, release: str | None) -> LoadedCaller:
        """The caller of a toolset; its champion unless a release is named."""
        ...


class _Champion:
    """Whatever release is champion when it is asked."""

    def __init__(self, fleet: Fleet, toolset: str) -> None:
        self._fleet, self._toolset = fleet, toolset

    @property
    def release_id(self) -> str:
        """The release that answers now."""
        return self._fleet.get(self._toolset, None).release_id

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """The next step of a conversation."""
        return self._fleet.get(self._toolset, None).predict(messages)


class HomeAgent:
    """`Agent` over a home."""

    def __init__(self, home: Home, fleet: Fleet, toolset: str, act: float) -> None:
        self._home, self._fleet, self.toolset, self._act = home, fleet, toolset, act
        self._opened = ExitStack()
        self._threads: Threads | None = None
        self._release = ""

    def say(self, text: str, thread: str | None, by: Principal) -> Turn:
        """See `Agent`."""
        return self._own(thread, by).say(text, thread, by=by)

    def hear(self, text: str, thread: str | None, history: Sequence[dict[str, Any]], on_reply: OnReply, by: Principal) -> Turn:
        """See `Agent`."""
        return self._own(thread, by).hear(text, thread, history, on_reply, by)

    def decide(
        self, thread: str, approve: bool, reason: str, by: Principal, approval: str | None = None, edits: Edits = AS_IT_IS
    ) -> Turn:
        """See `Agent`."""
        return self._open().decide(thread, approve, reason, by=self._known(by), approval=approval, edits=edits)

    def owns(self, thread: str, by: Principal) -> bool:
        """See `Agent`."""
        return self._open().speaker(thread).person == self._known(by).person

    def messages(self, thread: str, by: Principal) -> list[dict[str, Any]]:
        """See `Agent`."""
        return self._own(thread, by).messages(thread)

    def resume(self) -> None:
        """See `Agent`."""
        if any_stopped(self._home.threads):
            self._open()

    def judge(self, trace: str, right: bool, calls: Sequence[ToolCall] | None, by: Principal) -> Trace | None:
        """See `Agent`."""
        self._known(by)
        known, toolset = self._home.traces.get(trace), self._home.registry.get(self.toolset)
        said = [call for message in known.messages for call in message.tool_calls] if right else calls or ()
        self._check_rights(said, toolset, by)
        if right:
            may_see = self._home.policy().may_look_up
            return accept(self._home.traces, self._home.knowledge, self._home.embedder, trace, may_see)
        right_one = correct(self._home.traces, toolset, trace, calls, by.person) if calls is not None else None
        if right_one is None or right_one.id != trace:
            self._home.traces.refuse(trace)
        return right_one

    def _check_rights(self, calls: Sequence[ToolCall], toolset: Toolset, by: Principal) -> None:
        policy = self._home.policy()
        for call in calls:
            risk = toolset.by_name[call.name].risk if call.name in toolset.by_name else "destructive"
            nothing = Effect(tool=call.name, result={})
            asked = Proposal(tool=call.name, risk=risk, arguments=call.arguments, principal=by, effect=nothing)
            denied = (finding := policy.rights(asked)).verdict == "deny"
            if denied and policy.may_approve(by, call.name, by, four_eyes=False) is not None:
                raise Denied(finding.why)

    def close(self) -> None:
        """Let go of files."""
        self._opened.close()
        self._threads = None

    def _own(self, thread: str | None, by: Principal) -> Threads:
        """The threads; NotFound where this one is somebody else's."""
        self._known(by)
        threads = self._open()
        if thread is not None and threads.speaker(thread).person != by.person:
            raise NotFound(f"thread {thread!r}: there is none")
        return threads

    def _known(self, by: Principal) -> Principal:
        """The same principal; NotFound where this company is another tenant's."""
        if by.tenant != self._home.settings.tenant:
            raise NotFound(f"no agent acts for tenant {by.tenant!r}")
        return by

    def _open(self) -> Threads:
        """The threads, at a desk furnished for the champion there is now: a new one may know other tools and corrections."""
        champion = self._fleet.get(self.toolset, None)
        if self._threads is None or champion.release_id != self._release:
            self.close()
            caller = _Champion(self._fleet, self.toolset)
            desk = self._opened.enter_context(furnish(self._home, champion.toolset, caller, self._act))
            self._threads = self._opened.enter_context(open_threads(desk, self._home.threads))
            self._release = champion.release_id
            self._threads.resume_all()
        return self._threads
