"""The reviewer: which of the drafts of a step is the right one, and how likely is it exactly right? That is the confidence."""

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.arguments import is_tool, parts_of
from agents.chooser import Chooser, Group
from agents.forest import Forest
from agents.offers import Offers
from agents.picker import Pick
from agents.writer import Draft
from core.chat import ordered
from core.errors import ModelError
from core.types.mention import Mention
from core.types.message import Message, ToolCall, calls_this_turn, last_user_text
from core.types.tool import Toolset
from tools.habits import twice_filled
from tools.kinds import leaves
from tools.mentions import DATE, DIGITS, NUMBER
from tools.things import by_place, written_as

FEATURES = 52
"""How many `features` gives."""
_FLOOR = -12.0
_RARE, _UNJUDGED = 1e-3, -20.0
_JOINING = (" and ", " then ", " also ", " plus ", ";", " after", " while ", " & ", ", ")


class Evidence(NamedTuple):
    """Everything a draft is judged by."""

    messages: Sequence[Message]
    offers: Offers
    pick: Pick | None
    """What the picker makes of the conversation; None when it is switched off."""
    greedy: Draft
    """What the writer would do by itself."""
    draft: Draft
    """The draft to judge."""


class Reviewer:
    """A forest over some fifty features of a draft, and a chooser over the same."""

    def __init__(self, forest: Forest, chooser: Chooser | None) -> None:
        """Without chooser the likeliest draft is chosen."""
        self._forest, self._chooser = forest, chooser

    @classmethod
    def fit(cls, groups: Sequence[Group]) -> "Reviewer":
        """Fit on the drafts of many steps, each as its rows of `features` and which were exactly right."""
        rows = np.concatenate([rows for rows, _ in groups])
        return cls(Forest.fit(rows, [answer for _, right in groups for answer in right]), Chooser.fit(groups))

    def probability(self, row: NDArray[np.float32]) -> float:
        """Probability in [0, 1] that the draft with these features is exactly right."""
        return self._forest.probability(row)

    def choose(self, rows: Sequence[NDArray[np.float32]], probabilities: Sequence[float]) -> int:
        """Which of the drafts of one step to take, given by their features and by how likely each is right."""
        return int(np.argmax(self._chooser.scores(rows) if self._chooser else probabilities))

    def save(self, file: Path) -> None:
        """Write the forest, and the chooser beside it."""
        self._forest.save(file)
        if self._chooser:
            self._chooser.save(_chooser_of(file))

    @classmethod
    def load(cls, file: Path) -> "Reviewer":
        """Read back what `save` wrote.

        Raises:
            ModelError: A file is damaged, or was fitted on other features than this version's.
        """
        forest, chooser = Forest.load(file), _chooser_of(file)
        if forest.width != FEATURES:
            raise ModelError(
                f"{file}: fitted on {forest.width} features of a draft, now there are {FEATURES}: run the night again"
            )
        return cls(forest, Chooser.load(chooser) if chooser.is_file() else None)


def _chooser_of(file: Path) -> Path:
    return file.with_suffix(".chooser.safetensors")


def features(toolset: Toolset, evidence: Evidence) -> NDArray[np.float32]:
    """The features of one draft, (features,) float32; their order is part of a release."""
    draft = evidence.draft
    return np.asarray(
        [
            *_writer_features(draft, evidence.greedy),
            *step_features(toolset, draft.calls, evidence.messages, evidence.pick),
            *_mention_features(toolset, evidence),
        ],
        dtype=np.float32,
    )


def step_features(toolset: Toolset, calls: Sequence[ToolCall], messages: Sequence[Message], pick: Pick | None) -> list[float]:
    """What can be told of a step, whoever wrote it: how well it fits what the picker makes of the conversation, and its form.

    Args:
        toolset: What the calls are of.
        calls: The step, pseudo-calls as `core.chat.parse_calls` names them.
        messages: The conversation before it.
        pick: What the picker makes of that; None when it is switched off.
    """
    return [
        *_head_features(calls, pick),
        *_part_features(toolset, calls, pick),
        *_role_features(calls, pick),
        *_text_features(calls, pick),
        *_number_features(calls, pick),
        *_call_features(toolset, calls, messages),
    ]


def _writer_features(draft: Draft, greedy: Draft) -> list[float]:
    logprobs = _logprobs(draft)
    total = max(sum(logprobs), 4 * _FLOOR)
    greedy_total = max(sum(_logprobs(greedy)), 4 * _FLOOR)
    return [
        total,
        math.exp(total / 4),
        min(logprobs),
        max(draft.head_logprob, _FLOOR),
        math.exp(max(draft.head_logprob, _FLOOR)),
        sum(value < -0.7 for value in logprobs),
        float(draft.text == greedy.text),
        total - greedy_total,
        float(not draft.calls),
    ]


def _logprobs(draft: Draft) -> list[float]:
    """Of every token; of a search only of its head: where its query starts and ends makes it neither right nor wrong."""
    own = (draft.head_logprob,) if draft.head == "!search" else draft.logprobs
    return [max(value, _FLOOR) for value in own] or [_FLOOR]


def _part_features(toolset: Toolset, calls: Sequence[ToolCall], pick: Pick | None) -> list[float]:
    """How well the step fits the parts the picker expects: in all, its least likely part, the likeliest one it lacks."""
    if pick is None or not calls:
        return [_UNJUDGED, 0.5, 0.5]
    # what is searched for is no part that training rows know
    has = frozenset(part for part in parts_of(calls) if not part.startswith("!") or "." not in part)
    called = tuple(f"{call.name}." for call in calls)
    present = [max(pick.parts.get(part, _RARE), _RARE) for part in has]
    lacking = [
        min(probability, 1 - _RARE)
        for part, probability in pick.parts.items()
        if part not in has and (is_tool(toolset, part) or part.startswith(called))
    ]
    fit = sum(map(math.log, present)) + sum(math.log1p(-probability) for probability in lacking)
    return [max(fit, _UNJUDGED), min(present), max(lacking, default=0.0)]


def _role_features(calls: Sequence[ToolCall], pick: Pick | None) -> list[float]:
    """How well the step fits the roles of what was said: in all, at its least likely, and how far from the likeliest ones."""
    bound = pick.roles.bind(calls) if pick and pick.roles else []
    chances = [max(binding.chance, _RARE) for binding in bound]
    missed = sum(math.log(chance / binding.chances[binding.best]) for chance, binding in zip(chances, bound, strict=True))
    return [max(sum(map(math.log, chances)), _UNJUDGED), min(chances, default=1.0), max(missed, _UNJUDGED)]


def _text_features(calls: Sequence[ToolCall], pick: Pick | None) -> list[float]:
    """How likely the free texts start and end where they do: in all, at its least likely, how far from the likeliest ones.

    And the likeliest text that is left out.
    """
    judged = [found for call in calls for found in pick.texts.judge(call)] if pick and pick.texts else []
    chances = [max(chance, _RARE) for chance, _ in judged]
    missed = sum(math.log(own / max(best, _RARE)) for own, (_, best) in zip(chances, judged, strict=True))
    left_out = max((pick.texts.left_out(call) for call in calls), default=0.0) if pick and pick.texts else 0.0
    return [max(sum(map(math.log, chances)), _UNJUDGED), min(chances, default=1.0), max(missed, _UNJUDGED), left_out]


def _number_features(calls: Sequence[ToolCall], pick: Pick | None) -> list[float]:
    """How likely the step holds several calls, and how likely as many as it has: one, or more."""
    several = pick.several if pick else 0.5
    return [several, several if len(calls) > 1 else 1 - several]


def _head_features(calls: Sequence[ToolCall], pick: Pick | None) -> list[float]:
    ranking = pick.ranking if pick else []
    table = dict(ranking)
    own = table.get(_head(calls), 1e-4) if ranking else 0.5
    best_other = max((p for head, p in ranking if head != _head(calls)), default=1e-4)
    return [math.log(max(own, 1e-4)), own, math.log(max(own, 1e-4)) - math.log(max(best_other, 1e-4))]


def _head(calls: Sequence[ToolCall]) -> str:
    return calls[0].name if calls else ""


def _call_features(toolset: Toolset, calls: Sequence[ToolCall], messages: Sequence[Message]) -> list[float]:
    head, real = _head(calls), [call for call in calls if not call.name.startswith("!")]
    tools = [(toolset.by_name.get(call.name), call) for call in real]
    incomplete = any(tool is not None and tool.first_unmet(call.arguments) for tool, call in tools)
    earlier = [call for message in messages for call in message.tool_calls]
    this_turn = calls_this_turn(messages)
    user = last_user_text(messages).lower()
    joins = sum(user.count(word) for word in _JOINING)
    return [
        float(incomplete),
        float(len(real)),
        float(head == "!done"),
        float(head == "!none"),
        float(head == "!search"),
        float(any(call.same_as(old) for call in real for old in earlier)),
        float(len({(call.name, str(call.arguments)) for call in real}) < len(real)),
        float(messages[-1].role == "tool"),
        min(len(this_turn), 4.0),
        min(joins, 5.0) * (len(real) == 1),
        float(head == "!done") * min(joins, 5.0) * (len(this_turn) <= 1),
        float(sum(len(call.arguments) for call in real)),
        math.log1p(len(user)),
        float(user.rstrip().endswith("?")),
        float(user.rstrip().endswith("?")) * float(head == "!search"),
    ]


def _mention_features(toolset: Toolset, evidence: Evidence) -> list[float]:
    """Mentions left unused, by sort, values used more often than they were said, and values the last turn did not say."""
    calls = [call for call in evidence.draft.calls if not call.name.startswith("!")]
    done = [*calls, *calls_this_turn(evidence.messages)]
    used = Counter(written_as(value) for call in calls for _, _, value in leaves(ordered(toolset, call), _schema(toolset, call)))
    ever_used = {written_as(value) for call in done for _, _, value in leaves(call.arguments, _schema(toolset, call))}
    text = " ".join(str(value) for value in ever_used)
    unused: Counter[str] = Counter()
    for group in by_place(evidence.offers.last_user):
        if not any(written_as(m.value) in ever_used or str(m.surface).casefold() in text for m in group):
            unused[_sort(group)] += 1
    said = Counter(written_as(m.value) for m in evidence.offers.last_user)
    user = last_user_text(evidence.messages).casefold()
    twice = sum(count > max(1, said[value]) for value, count in used.items() if isinstance(value, str))
    asks = any((tool := toolset.by_name.get(c.name)) is not None and tool.first_unmet(c.arguments) for c in calls)
    total_unused = float(sum(unused.values()))
    filled = [value for call in calls for _, _, value in leaves(call.arguments, _schema(toolset, call))]
    texts = [value.casefold() for value in ever_used if isinstance(value, str)]
    unheard = [
        clause for clause in map(str.casefold, evidence.offers.loose) if not any(t in clause or clause in t for t in texts)
    ]
    unused_choices = {choice for choice in evidence.offers.last_choices if written_as(choice) not in ever_used}
    return [
        float(unused["name"]),
        float(unused["number"]),
        float(unused["date"]),
        total_unused,
        float(twice),
        total_unused * asks,
        total_unused * (evidence.draft.head == "!done"),
        total_unused * (evidence.draft.head in ("!search", "!none")),
        float(len(unused_choices)),
        float(len(unheard)),
        float(sum(isinstance(value, int | float) and written_as(value) not in said for value in filled)),
        float(sum(isinstance(value, str) and value.casefold() not in user for value in filled)),
        float(max((len(twice_filled(call)) for call in calls), default=0)),
    ]


def _sort(group: Sequence[Mention]) -> str:
    kinds = {mention.kind for mention in group}
    if kinds - {NUMBER, DIGITS, DATE}:
        return "name"
    return "date" if DATE in kinds else "number"


def _schema(toolset: Toolset, call: ToolCall) -> dict[str, Any]:
    tool = toolset.by_name.get(call.name)
    return tool.parameters if tool else {}
