"""From procedures to cases for review: what the steps that people wrote down come to in calls of a toolset.

A step names its tool, or a release is asked what it would do if somebody said the step; either is a guess that people confirm,
put right or reject before it examines anything (`evals/golden_proposals.py`).
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from agents.serving import Predictor
from core.errors import BadInput
from core.types.case import Case
from core.types.message import Message, ToolCall, write_messages
from core.types.prediction import Ask, Prediction
from core.types.tool import Toolset
from core.types.value import content_hash
from evals.golden_proposals import Proposal
from evals.slices import slice_of
from finetune.curate.decontaminate import Likeness
from finetune.progress import Progress
from retrieval.procedures import Procedure

PROCEDURE = "procedure: "
"""How the stratum of a case begins that comes from one."""
_NO_TOOL, _TOO_LONG, _SAID, _MET = "nothing that a tool does", "too long to be said", "said before", "like what is known"


class Drafted(NamedTuple):
    """What procedures come to."""

    proposals: list[Proposal]
    """One for each request or step that a tool does, in reading order."""
    left_out: Counter[str]
    """Why others are none."""


def draft_cases(
    procedures: Sequence[Procedure],
    toolset: Toolset,
    predictor: Predictor,
    progress: Progress,
    met: Sequence[Sequence[Message]] = (),
) -> Drafted:
    """Turn what procedures quote and what their steps say into proposals.

    Args:
        procedures: As pages hold them.
        toolset: Whose tools do the work.
        predictor: Says what a step comes to.
        progress: Told of every step.
        met: Conversations that examine already or that a release has learned; what is like one is no new exam.
    """
    texts = list(_texts(procedures))
    like, found = Likeness(met), dict[str, Proposal]()
    left_out: Counter[str] = Counter()
    for number, (source, text) in enumerate(texts, 1):
        messages = (Message(role="user", content=text),)
        identity = content_hash(write_messages(messages))
        case, why = None, _SAID if identity in found else _MET if like(messages) else ""
        if not why:
            case, why = _case(messages, toolset, predictor)
        if case is None:
            left_out[why] += 1
        else:
            found[identity] = Proposal(id=identity, trace=source, stratum=f"{PROCEDURE}{slice_of(case)}", case=case)
        progress.update(number, len(texts), f"{len(found)} cases")
    return Drafted(list(found.values()), left_out)


def _texts(procedures: Iterable[Procedure]) -> Iterable[tuple[str, str]]:
    """Where it stands, and what may be said."""
    for procedure in procedures:
        for text in (*procedure.requests, *procedure.steps):
            yield f"procedure {procedure.document}: {procedure.title}", text


def _case(messages: tuple[Message, ...], toolset: Toolset, predictor: Predictor) -> tuple[Case | None, str]:
    """The case, or why there is none."""
    named = [name for name in toolset.by_name if re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", messages[0].content)]
    try:
        prediction = predictor.predict(messages)
    except BadInput:
        return None, _TOO_LONG
    called = {call.name for call in prediction.tool_calls} | ({prediction.ask.tool} if prediction.ask else set())
    if len(named) == 1 and named[0] not in called:
        return _as_named(messages, toolset, named[0]), ""
    return (_as_predicted(messages, prediction), "") if called else (None, _NO_TOOL)


def _as_named(messages: tuple[Message, ...], toolset: Toolset, name: str) -> Case:
    """The tool's name is written down; what it needs is not, or not so that a release sees it."""
    missing = toolset.by_name[name].first_unmet({})
    if missing is None:
        return Case(messages=messages, outcome="calls", expected=(ToolCall(name=name, arguments={}),))
    return Case(messages=messages, outcome="ask", ask=Ask(tool=name, missing=missing, arguments={}))


def _as_predicted(messages: tuple[Message, ...], prediction: Prediction) -> Case:
    return Case(messages=messages, outcome=prediction.outcome, expected=prediction.tool_calls, ask=prediction.ask)
