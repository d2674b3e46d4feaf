"""The reviewer's features: what a draft is judged by says the same of every sort of draft."""

import math

from agents.offers import Offers
from agents.picker import Pick
from agents.reviewer import FEATURES, Evidence, features
from agents.writer import Draft
from core.types.message import Message, ToolCall
from core.types.tool import read_toolset

TOOLSET = read_toolset("shop", [{"name": "bill", "parameters": {"type": "object", "properties": {"order": {"type": "string"}}}}])
PARTS = {"bill": 0.05, "bill.order": 0.9, "!search": 0.95}


def judged(*calls: ToolCall, pick: Pick | None) -> list[float]:
    draft = Draft(calls=calls, text=str(calls), logprobs=(-0.1,), head_logprob=-0.1)
    messages = (Message(role="user", content="how long is the warranty?"),)
    return [float(value) for value in features(TOOLSET, Evidence(messages, Offers(), pick, draft, draft))]


def test_what_is_searched_for_is_no_part_a_search_could_lack() -> None:
    pick = Pick([("!search", 0.95), ("bill", 0.05)], PARTS)
    search = judged(ToolCall(name="!search", arguments={"query": "the warranty"}), pick=pick)
    bare = judged(ToolCall(name="!search"), pick=pick)
    fit = math.log(0.95) + math.log1p(-0.05)
    assert [value for value in search if abs(value - fit) < 1e-5], (
        "the step has what the picker expects, and lacks what it does not"
    )
    assert [value for value in bare if abs(value - fit) < 1e-5]


def test_as_many_calls_as_are_likely_speak_for_a_draft() -> None:
    one, two = (ToolCall(name="bill", arguments={"order": order}) for order in ("A", "B"))
    pick = Pick([("bill", 0.9)], {"bill": 0.9}, several=0.8)
    alone, both, unknown = judged(one, pick=pick), judged(one, two, pick=pick), judged(one, pick=None)
    assert len(alone) == len(both) == len(unknown)
    differing = [(a, b) for a, b in zip(alone, both, strict=True) if abs(a - 0.2) < 1e-6 and abs(b - 0.8) < 1e-6]
    assert differing, "0.2 for one call, 0.8 for two"


def test_the_number_of_features_is_as_stated() -> None:
    draft = Draft(calls=(), text="", logprobs=(), head_logprob=0.0)
    messages = (Message(role="user", content="bill it"),)
    assert len(features(TOOLSET, Evidence(messages, Offers(), None, draft, draft))) == FEATURES


def test_names_of_tools_may_hold_dots() -> None:
    dotted = read_toolset("crm", [{"name": "crm.bill", "parameters": TOOLSET.tools[0].parameters}])
    draft = Draft(calls=(ToolCall(name="crm.bill", arguments={}),), text="", logprobs=(-0.1,), head_logprob=-0.1)
    said = (Message(role="user", content="bill it"),)
    pick = Pick([("crm.bill", 0.9)], {"crm.bill": 0.9, "crm.bill.order": 0.8, "crm.show.order": 0.7})
    found = [float(value) for value in features(dotted, Evidence(said, Offers(), pick, draft, draft))]
    fit = math.log(0.9) + math.log1p(-0.8)
    assert [value for value in found if abs(value - fit) < 1e-5], "it lacks its own argument, and none of a tool it does not call"
