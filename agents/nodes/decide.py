"""The next step, by the caller; its arguments resolved to records, days and words of the business system."""

from collections.abc import Sequence
from typing import Any

from agents.desk import Desk
from agents.recent import recent
from agents.replies import question_text
from agents.state import State
from agents.wording import open_text
from core.errors import NightschoolError
from core.types.message import Message, read_messages, repeats
from core.types.prediction import Prediction
from tools.resolve import Question, resolve

MOST_STEPS = 8
"""Steps of calls after one request; more than that is going round in circles."""


def decide(desk: Desk, state: State) -> dict[str, Any]:
    """Ask the caller what to do next."""
    messages = recent(read_messages(state["messages"]))
    try:
        prediction = _predicted(desk, messages) if state["steps"] < MOST_STEPS else None
    except NightschoolError as error:
        return _say(state, "error", f"I could not work that out: {error}")
    if prediction is None or repeats(messages, prediction.tool_calls):
        return _say(state, "error", "I have been going round in circles and stopped. Please tell me the next step.")
    confidence = min(state["confidence"], prediction.confidence)
    if changed := _changed(desk, prediction):
        text = f"{', '.join(changed)}: changed since I learned it; a person has to do this until I have been to school again."
        return {"confidence": confidence, **_say(state, "escalated", text)}
    if prediction.outcome == "calls":
        return {"confidence": confidence, "steps": state["steps"] + 1, **_resolved(desk, state, prediction)}
    if prediction.ask is not None:
        return {"confidence": confidence, **_say(state, "ask", question_text(prediction.ask, desk.toolset))}
    if prediction.outcome == "knowledge":
        return {"confidence": confidence, "outcome": "look_up", "query": prediction.query or state["query"]}
    if prediction.left_open:
        wishes = list(prediction.left_open)
        return {"confidence": confidence, **_say(state, "open", open_text(wishes)), "outcome": "done", "wishes": wishes}
    if prediction.outcome == "none":
        return {"confidence": confidence, "outcome": "none"}
    return {"confidence": confidence, "outcome": "done"}


def _predicted(desk: Desk, messages: Sequence[Message]) -> Prediction:
    """What a person said is right for such a request, else what the release makes of it."""
    remembered = desk.memory.recall(messages) if desk.memory is not None else None
    return remembered or desk.caller.predict(messages)


def _changed(desk: Desk, prediction: Prediction) -> list[str]:
    """Tools that are to be called, or asked about, and are not what the release learned, or new to it."""
    wanted = [call.name for call in prediction.tool_calls] + ([prediction.ask.tool] if prediction.ask else [])
    changed = desk.guard.changed() if wanted and desk.guard is not None else frozenset()
    return [name for name in dict.fromkeys(wanted) if name in changed or name not in desk.toolset.by_name]


def _resolved(desk: Desk, state: State, prediction: Prediction) -> dict[str, Any]:
    calls: list[dict[str, Any]] = []
    questions: list[Question] = []
    for number, call in enumerate(prediction.tool_calls):
        tool = desk.toolset.by_name[call.name]
        found = resolve(tool, call.arguments, desk.book)
        questions.extend(found.questions)
        calls.append(
            {
                "id": f"t{state['turn']}s{state['steps'] + 1}c{number + 1}",
                "tool": call.name,
                "said": call.arguments,
                "arguments": found.arguments,
                "names": found.names,
                "risk": tool.risk,
                "confidence": prediction.confidence,
            }
        )
    if questions:
        return _say(state, "ask", "\n".join(question.text for question in questions))
    return {"calls": calls, "outcome": ""}


def _say(state: State, kind: str, text: str) -> dict[str, Any]:
    return {
        "messages": [{"role": "assistant", "content": text}],
        "replies": [{"turn": state["turn"], "kind": kind, "text": text}],
        "outcome": kind,
        "calls": [],
    }
