"""The caller: offers, picker, writer, reviewer, in that order; each can be switched off and looked at alone."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.arguments import TWICE, is_call
from agents.offers import OfferFinder, Offers
from agents.picker import Pick, Picker, pick_text
from agents.plans import differs, lay_out
from agents.reviewer import Evidence, Reviewer, features
from agents.writer import Draft, Drafts, Writer
from core.chat import as_said, decide
from core.errors import BadInput
from core.types.message import Message, ToolCall, calls_this_turn
from core.types.prediction import Prediction, Written
from core.types.tool import Toolset
from core.types.value import Value, is_number
from tools.habits import breaks_habit, filled_by_one
from tools.kinds import KindTable, leaves, slot_of
from tools.mentions import NUMBER

MAX_REQUEST_CHARACTERS = 12_000
_PICKED, _MIN_PICKED = 3, 0.05
_MIN_PART = 0.1
"""A further draft for the sake of a part is made where the picker finds the part at least this likely."""
_BESIDE, _MAX_BESIDE, _SEVERAL = 0.2, 2, 0.3
"""Steps of two calls are planned for so many other tools that the picker finds at least so likely, or half so likely where it
finds several calls likely."""
_SEVERAL_LIKELIER = 0.5
"""From here on the picker finds several calls likelier than one."""
_PLAIN = 0.95
"""A clause that speaks of a tool at least so likely is a wish (docs/measured.md)."""
_MISSED, _DOUBTED, _DOUBTED_REQUIRED = 0.25, 0.75, 0.5
"""One more draft with an argument the picker finds at least so likely, or without one it finds at most so likely."""


class Steps(Value):
    """Which of the caller's steps are on."""

    mentions: bool = True
    """Marks in the prompt and the grammar of the request; off: the writer reads the bare words and writes freely."""
    picker: bool = True
    """The picker's guess in the prompt, and further drafts for its best tools."""
    reviewer: bool = True
    """Choice among drafts; off: the writer's own draft, confidence by its probability."""
    second: bool = True
    """A second opinion on writes, where a second base is configured."""
    sure: float = 0.9
    """A draft at least this probable is taken without making others."""


FIRST_DRAFTS = Steps(sure=0.0)
"""Whatever the writer drafts first is taken, in a third to a half of the time."""


class Chosen(NamedTuple):
    """The draft taken."""

    draft: Draft
    probability: float
    """That it is exactly right, in [0, 1]."""
    drafts: int
    """How many were written to choose from."""


class Caller:
    """Decides the next step of a conversation with one release's parts."""

    def __init__(
        self,
        toolset: Toolset,
        finder: OfferFinder,
        writer: Writer,
        picker: Picker | None,
        reviewer: Reviewer | None,
        steps: Steps,
    ) -> None:
        self.toolset = toolset
        self._finder, self._writer, self._picker, self._reviewer, self._steps = finder, writer, picker, reviewer, steps

    @classmethod
    def for_fitting(cls, toolset: Toolset, finder: OfferFinder, writer: Writer, picker: Picker) -> "Caller":
        """A caller without reviewer, to make the drafts a reviewer is fitted on."""
        return cls(toolset, finder, writer, picker, None, Steps(reviewer=False))

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide what to do next.

        Args:
            messages: A conversation whose last message is the user's or a tool's.

        Raises:
            BadInput: The conversation is empty, too long, or does not end with user or tool.
            ModelError: The engine failed.
        """
        started = time.perf_counter()
        check_request(messages)
        chosen = self._choose(messages)
        decided = _as_said(decide(self.toolset, chosen.draft.calls, chosen.probability, 0.0), messages)
        left_open = self._left_open(messages) if decided.outcome in ("done", "none") else ()
        latency_ms = (time.perf_counter() - started) * 1000
        return decided.model_copy(update={"written": _written(chosen), "left_open": left_open, "latency_ms": latency_ms})

    def _left_open(self, messages: Sequence[Message]) -> tuple[str, ...]:
        """Clauses of what was said that plainly speak of a tool which no call since then is of; none where nothing was called."""
        called = {call.name for call in calls_this_turn(messages)}
        if not called or self._picker is None or not self._steps.picker:
            return ()
        return tuple(
            clause.text
            for clause in self._picker.clauses(messages)
            if clause.chance >= _PLAIN and clause.head in self.toolset.by_name and clause.head not in called
        )

    def _choose(self, messages: Sequence[Message]) -> Chosen:
        if not self._steps.mentions or not self._steps.reviewer or self._reviewer is None:
            offers = self._finder.collect(messages) if self._steps.mentions else None
            return _own(self._writer.draft(messages, offers, self._texts(self._picks(messages))))
        drafts: list[Draft] = []
        rows: list[NDArray[np.float32]] = []
        probabilities: list[float] = []
        for evidence in self.consider(messages):
            drafts.append(evidence.draft)
            rows.append(features(self.toolset, evidence))
            probabilities.append(self._reviewer.probability(rows[-1]))
            if probabilities[-1] >= self._steps.sure:
                return Chosen(drafts[-1], probabilities[-1], len(drafts))
        chosen = self._reviewer.choose(rows, probabilities)  # consider() yields at least the greedy draft
        return Chosen(drafts[chosen], probabilities[chosen], len(drafts))

    def consider(self, messages: Sequence[Message]) -> Iterator[Evidence]:
        """Drafts worth judging, the writer's own first; stop asking and no more are written.

        One that does what calls never do is not judged, unless there is no other.
        """
        offers = self._finder.collect(messages)
        picks = self._picks(messages)
        pick = picks.get(len(messages))
        drafts = self._writer.drafts(messages, offers, self._texts(picks))
        greedy = drafts.greedy()
        seen = {greedy.text}
        is_odd = breaks_habit(self._finder.table, messages, greedy.calls)
        if not is_odd:
            yield Evidence(messages, offers, pick, greedy, greedy)
        for draft in self._alternatives(messages, drafts, greedy, pick, offers):
            if draft.calls and draft.text not in seen and not breaks_habit(self._finder.table, messages, draft.calls):
                seen.add(draft.text)
                yield Evidence(messages, offers, pick, greedy, draft)
        if is_odd and len(seen) == 1:
            yield Evidence(messages, offers, pick, greedy, greedy)

    def _picks(self, messages: Sequence[Message]) -> dict[int, Pick]:
        return self._picker.pick_turns(messages) if self._picker and self._steps.picker else {}

    def _texts(self, picks: Mapping[int, Pick]) -> dict[int, str]:
        return {position: pick_text(self.toolset, pick) for position, pick in picks.items()}

    def _alternatives(
        self, messages: Sequence[Message], drafts: Drafts, greedy: Draft, pick: Pick | None, offers: Offers
    ) -> Iterator[Draft]:
        real = [call for call in greedy.calls if not call.name.startswith("!")]
        if len(real) == 1:
            missed, doubted = contested(self.toolset, real[0], pick)
            mentioned = [
                demanded
                for demanded in unfilled(self.toolset, self._finder.table, real[0], offers)
                if pick is None or any(_is_likely(pick, f"{real[0].name}.{name}") for name in demanded)
            ]
            for demanded in dict.fromkeys((*mentioned, *missed)):
                yield drafts.completed(real[0].name, demanded)
            alike = (frozenset((name,)) for name in filled_by_one(real[0], messages))
            for barred in dict.fromkeys((*doubted, *unsaid(real[0], offers), *alike)):
                yield drafts.without(real[0].name, barred)
        laid_out = False
        for plan in self._planned(drafts, pick, real):
            laid_out = laid_out or len(plan.calls) > 1
            yield plan
        if len(real) == 1 and len(offers.last_user) > len(real[0].arguments):
            if self._writer.max_calls > 1 and _is_likely_with_more(self.toolset, pick, real[0].name, laid_out):
                yield drafts.with_calls(real[0].name, 2, max(2, self._writer.max_calls))
        elif len(real) > 1 and (pick is None or pick.several < _SEVERAL_LIKELIER):
            yield drafts.with_calls(real[0].name, 1, 1)
        for head, probability in pick.ranking[:_PICKED] if pick else ():
            if probability >= _MIN_PICKED and head != greedy.head and (draft := drafts.forced(head)) is not None:
                yield draft
                yield from self._bound_again(drafts, pick, draft.calls)

    def _planned(self, drafts: Drafts, pick: Pick | None, calls: Sequence[ToolCall]) -> Iterator[Draft]:
        """The writer's calls with everything said in its likeliest place, and steps of one more call that is likely."""
        yield from self._bound_again(drafts, pick, calls)
        if pick is None or len(calls) != 1 or self._writer.max_calls < 2:
            return
        for other in _others(self.toolset, pick, calls[0].name):
            yield from self._laid_out(drafts, pick, (calls[0].name, other))

    def _bound_again(self, drafts: Drafts, pick: Pick | None, calls: Sequence[ToolCall]) -> Iterator[Draft]:
        """A draft of the same tools where some thing said has another place than the likeliest, or a text other ends."""
        real = [call for call in calls if call.name in self.toolset.by_name]
        if pick is None or pick.roles is None or pick.texts is None or not real or not differs(pick.roles, pick.texts, real):
            return
        yield from self._laid_out(drafts, pick, [call.name for call in real])

    def _laid_out(self, drafts: Drafts, pick: Pick, tools: Sequence[str]) -> Iterator[Draft]:
        if pick.roles is None or pick.texts is None:
            return
        draft = drafts.planned(lay_out(self.toolset, pick.roles, pick.texts, tools))
        if draft is not None:
            yield draft


def _is_likely(pick: Pick, part: str) -> bool:
    """Whether the picker thinks a part possible; a part it knows nothing of may always be."""
    return pick.parts.get(part, 1.0) >= _MIN_PART


def _is_likely_with_more(toolset: Toolset, pick: Pick | None, name: str, is_laid_out: bool) -> bool:
    """Whether one more call beside that of tool `name` is worth a draft, although a plan of two may have been drafted."""
    if pick is None or pick.several >= _SEVERAL_LIKELIER:
        return True
    beside = {part: p for part, p in pick.parts.items() if is_call(toolset, part) and part != name}
    return not is_laid_out and max(pick.several, *beside.values(), 0.0 if beside else 1.0) >= _MIN_PART


def _others(toolset: Toolset, pick: Pick, name: str) -> list[str]:
    """Tools that may well be called beside tool `name`, likeliest first; itself where it may be called twice."""
    least = _MIN_PART if pick.several >= _SEVERAL else _BESIDE
    chances = {part: p for part, p in pick.parts.items() if is_call(toolset, part)}
    beside = {part: p for part, p in chances.items() if not part.endswith(TWICE) and part != name and p >= least}
    if chances.get(name + TWICE, 0.0) >= least / 2:
        beside[name] = chances[name + TWICE]
    return sorted(beside, key=lambda part: -beside[part])[:_MAX_BESIDE]


def unfilled(toolset: Toolset, table: KindTable, call: ToolCall, offers: Offers) -> list[frozenset[str]]:
    """Arguments left out although the last request mentions something of their kind that the call does not use.

    Returns:
        Sets to demand, most evident first: names, ids, dates and enumerated values; those and numbers; each free text where
        a clause mentions nothing. None where nothing was left over.
    """
    tool = toolset.by_name.get(call.name)
    if tool is None:
        return []
    used = {str(value) for _, _, value in leaves(call.arguments, tool.parameters)}
    left = {m.kind for m in offers.last_user if not m.inside and str(m.value) not in used}
    slots = {
        name: slot_of(toolset, table, name, schema)
        for name, schema in tool.properties.items()
        if name not in call.arguments and not schema.get("items") and not schema.get("properties")
    }
    chosen = offers.last_choices - used
    mentioned = frozenset(
        name
        for name, slot in slots.items()
        if (slot.mode == "mention" and slot.kind in left)
        or (slot.mode == "choice" and any(str(choice) in chosen for choice in slot.choices))
    )
    counted = frozenset(name for name, slot in slots.items() if slot.mode == "number" and NUMBER in left)
    worded = [frozenset((name,)) for name, slot in slots.items() if slot.mode == "span" and offers.loose]
    return [demanded for demanded in dict.fromkeys((mentioned, mentioned | counted, *worded)) if demanded]


def contested(toolset: Toolset, call: ToolCall, pick: Pick | None) -> tuple[list[frozenset[str]], list[frozenset[str]]]:
    """Arguments over which writer and picker may be of two minds, each a set of one.

    Returns:
        The likeliest one the call lacks, to demand; the least likely one it has, to bar: without a required one the step
        asks for it. Nothing where none is in doubt.
    """
    tool = toolset.by_name.get(call.name)
    if tool is None or pick is None:
        return [], []
    required = tool.parameters.get("required") or ()
    chances = sorted((pick.parts[part], name) for name in tool.properties if (part := f"{call.name}.{name}") in pick.parts)
    lacking = [frozenset((name,)) for chance, name in chances if chance >= _MISSED and name not in call.arguments]
    had = [
        frozenset((name,))
        for chance, name in chances
        if name in call.arguments and chance <= (_DOUBTED_REQUIRED if name in required else _DOUBTED)
    ]
    return lacking[-1:], had[:1] if len(call.arguments) > 1 else []


def unsaid(call: ToolCall, offers: Offers) -> list[frozenset[str]]:
    """Arguments, each a set of one to bar, whose number the last user turn did not say: "send some" names no quantity."""
    said = {mention.value for mention in offers.last_user}
    return [frozenset((name,)) for name, value in call.arguments.items() if is_number(value) and value not in said]


def check_request(messages: Sequence[Message]) -> None:
    """Refuse what cannot be decided on.

    Raises:
        BadInput: Says which limit is exceeded or what is missing.
    """
    if not messages:
        raise BadInput("messages: empty", code="bad_messages")
    if messages[-1].role not in ("user", "tool"):
        raise BadInput(f"messages: the last one must be the user's or a tool's, is {messages[-1].role}", code="bad_messages")
    if not any(message.role == "user" and message.content.strip() for message in messages):
        raise BadInput("messages: no user message says anything", code="bad_messages")
    size = sum(len(message.content) for message in messages if message.role == "user")
    if size > MAX_REQUEST_CHARACTERS:
        raise BadInput(f"messages: {size:,} characters said by the user, at most {MAX_REQUEST_CHARACTERS:,}", code="too_long")


def _as_said(decided: Prediction, messages: Sequence[Message]) -> Prediction:
    """The step with its texts as people said them, not as the writer had to read them."""
    said = [message.content for message in messages if message.role == "user" and "<" in message.content]
    if not said:
        return decided
    calls = tuple(call.model_copy(update={"arguments": as_said(call.arguments, said)}) for call in decided.tool_calls)
    ask = decided.ask and decided.ask.model_copy(update={"arguments": as_said(decided.ask.arguments, said)})
    query = decided.query and as_said(decided.query, said)
    return decided.model_copy(update={"tool_calls": calls, "ask": ask, "query": query})


def _own(draft: Draft) -> Chosen:
    """The only draft there is, as probable as its writer finds it."""
    return Chosen(draft, math.exp(sum(draft.logprobs)) if draft.calls else 0.0, 1)


def _written(chosen: Chosen) -> Written:
    draft = chosen.draft
    return Written(tokens=draft.tokens, logprobs=draft.logprobs, prompt_tokens=draft.prompt_tokens, drafts=chosen.drafts)
