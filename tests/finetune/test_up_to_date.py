"""Traces of another time: migrated, or left out; never trained as they are."""

from typing import Any

from core.types.example import Example, Step
from core.types.message import Message, ToolCall
from core.types.schema_change import ToolMigration
from core.types.tool import Toolset, read_toolset
from finetune.curate.up_to_date import up_to_date
from tools.migration import edges_between


def shop(argument: str = "count", **more: Any) -> Toolset:
    parameters = {"type": "object", "properties": {argument: {"type": "integer"}, **more}, "required": [argument]}
    return read_toolset("shop", [{"name": "move", "parameters": parameters}, {"name": "look"}])


THEN, NOW = shop(), shop("quantity")
RENAMED = {
    THEN.schema_hashes["move"]: [(NOW.schema_hashes["move"], ToolMigration(becomes="move", arguments={"count": "quantity"}))]
}


def calling(name: str, call: ToolCall) -> Example:
    said = (Message(role="user", content="go"), Message(role="assistant", tool_calls=(call,)), Message(role="tool", content="ok"))
    return Example(trace_id=name, cluster=name, messages=said, steps=(Step(position=1, outcome="calls", calls=(call,)),))


def asking(name: str) -> Example:
    step = Step(position=1, outcome="ask", calls=(ToolCall(name="move"),), missing="count")
    return Example(trace_id=name, cluster=name, messages=(Message(role="user", content="move"),), steps=(step,))


MOVE = ToolCall(name="move", arguments={"count": 3})


def test_calls_of_then_are_rewritten_in_the_conversation_and_in_what_it_teaches() -> None:
    kept, dropped, _ = up_to_date([calling("a", MOVE)], {"a": THEN.schema_hashes}, NOW, edges_between([THEN, NOW], RENAMED))
    moved = ToolCall(name="move", arguments={"quantity": 3})
    assert dropped == {} and kept[0].steps[0].calls == (moved,) == kept[0].messages[1].tool_calls
    assert kept[0].trace_id == "a", "the row still names the trace it came from"


def test_without_a_migration_they_are_left_out() -> None:
    rows = [calling("then", MOVE), calling("other", ToolCall(name="look"))]
    hashes = {"then": THEN.schema_hashes, "other": THEN.schema_hashes}
    kept, dropped, _ = up_to_date(rows, hashes, NOW, edges_between([THEN, NOW], {}))
    assert [row.trace_id for row in kept] == ["other"], "only a tool that it calls matters"
    assert dropped == {"then": "move: called by a schema of another time"}


def test_a_schema_nobody_has_seen_is_left_out_and_none_at_all_is_taken_for_that_of_now() -> None:
    rows = [calling("unknown", MOVE), calling("unsaid", MOVE)]
    kept, dropped, _ = up_to_date(rows, {"unknown": {"move": "0000"}}, THEN, {})
    assert [row.trace_id for row in kept] == ["unsaid"] and list(dropped) == ["unknown"]


def test_a_question_names_what_is_missing_now() -> None:
    kept, *_ = up_to_date([asking("a")], {"a": THEN.schema_hashes}, NOW, RENAMED)
    assert kept[0].steps[0].missing == "quantity"


def test_a_question_for_an_optional_argument_stays_one_after_another_was_added() -> None:
    was, now = shop(note={"type": "string"}), shop(note={"type": "string"}, more={"type": "string"})
    step = Step(position=1, outcome="ask", calls=(ToolCall(name="move", arguments={"count": 3}),), missing="note")
    asked = asking("a").model_copy(update={"steps": (step,)})
    kept, dropped, _ = up_to_date([asked], {"a": was.schema_hashes}, now, edges_between([was, now], {}))
    assert dropped == {} and kept == [asked]


def test_a_question_for_what_need_not_be_said_any_more_is_left_out() -> None:
    parameters = {"type": "object", "properties": {"count": {"type": "integer"}}}
    now = read_toolset("shop", [{"name": "move", "parameters": parameters}])
    kept, dropped, _ = up_to_date([asking("a")], {"a": THEN.schema_hashes}, now, edges_between([THEN, now], {}))
    assert kept == [] and dropped == {"a": "move: asks for count, which need not be said any more"}


def test_what_fits_by_itself_stays_as_it_is() -> None:
    now = shop(note={"type": "string"})
    kept, dropped, _ = up_to_date([calling("a", MOVE)], {"a": THEN.schema_hashes}, now, edges_between([THEN, now], {}))
    assert (kept, dropped) == ([calling("a", MOVE)], {})
