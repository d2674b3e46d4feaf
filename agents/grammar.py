"""The grammar of one request: GBNF in which only what was said, or what the schema enumerates, can be written.

One rule a slot kind, one chain of rules a tool (arguments in schema order, each optional, so that what was not said stays
out), one chain a text (a span starts at a word and ends at a later one). Nested objects demand their required fields.
GBNF is llama.cpp's notation (its `grammars/README.md`); `llguidance` converts it for the transformers engine.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from agents.offers import Offers, Word
from agents.plans import Planned
from core.chat import PSEUDO_HEADS, aliases, json_text
from core.types.tool import Tool, Toolset, is_of_type
from core.types.value import content_hash
from tools.kinds import KindTable, Slot, slot_of
from tools.things import written_as

_MAX_ITEMS = 8
_SENTENCE_MARKS = ".,;:!?"


class GrammarBuilder:
    """Builds the grammar for one conversation; several grammars of it (all tools, one forced) share the rules."""

    def __init__(self, toolset: Toolset, table: KindTable, offers: Offers) -> None:
        self._toolset, self._table, self._offers = toolset, table, offers
        self._rules: dict[str, str] = {}
        self._spelled = aliases(toolset)
        self._tool_rules = {tool.name: self._tool(index, tool) for index, tool in enumerate(toolset.tools)}
        without_tool = [head[1:] for outcome, head in PSEUDO_HEADS.items() if outcome in table.outcomes]
        self._pseudo_rules = {name: self._pseudo(name) for name in without_tool}

    @property
    def heads(self) -> tuple[str, ...]:
        """Everything a step may start with: tool names and pseudo-calls as `!name`."""
        return (*self._tool_rules, *(f"!{name}" for name in self._pseudo_rules))

    def grammar(
        self,
        head: str | None = None,
        min_calls: int = 1,
        max_calls: int | None = None,
        demanded: frozenset[str] = frozenset(),
        barred: frozenset[str] = frozenset(),
    ) -> str:
        """The grammar text.

        Args:
            head: What the step must start with, one of `heads`; None leaves it open.
            min_calls: Fewest calls of the step.
            max_calls: Most calls; default what training rows show.
            demanded: Arguments of the head that must be written, where anything said can fill them.
            barred: Arguments of the head that must not be written.
        """
        limit = max(min_calls, max_calls or self._table.max_calls)
        if head is not None and head.startswith("!"):
            root = self._pseudo_rules[head[1:]]
        else:
            first = "call" if head is None else self._head_rule(head, demanded, barred)
            root = first + _more_calls(min_calls - 1, limit - 1)
            if head is None and min_calls == 1:
                root = " | ".join([root, *self._pseudo_rules.values()])
        lines = [f"root ::= {root}", f"call ::= {' | '.join(self._tool_rules.values())}"]
        lines.extend(f"{name} ::= {body}" for name, body in self._rules.items())
        return "\n".join(lines) + "\n"

    def planned(self, plans: Sequence[Sequence[Planned]]) -> str | None:
        """The grammar of a step that keeps to one of the plans; None where what was said can fill none of them."""
        steps = [[self._planned_call(call) for call in plan] for plan in plans]
        possible = [' "\\n" '.join(str(call) for call in calls) for calls in steps if None not in calls]
        if not possible:
            return None
        lines = [f"root ::= {' | '.join(dict.fromkeys(possible))}"]
        lines.extend(f"{name} ::= {body}" for name, body in self._rules.items())
        return "\n".join(lines) + "\n"

    def _planned_call(self, call: Planned) -> str | None:
        only = sorted((name, sorted(map(repr, values))) for name, values in call.only.items())
        known = [only, sorted(call.demanded), sorted(map(repr, call.taken)), sorted(call.texts.items())]
        rule = f"p{list(self._tool_rules).index(call.tool)}-{content_hash(known, 6)}"
        body = self._fields(rule, self._toolset.by_name[call.tool].parameters, call.demanded, plan=call)
        return self._add(rule, f'{_literal(self._spelled[call.tool] + "{")} {body} "}}"') if body else None

    def _add(self, name: str, body: str) -> str:
        self._rules.setdefault(name, body)
        return name

    def _pseudo(self, name: str) -> str:
        if name != "search":
            return self._add(f"p-{name}", _literal(name + "{}"))
        words = self._offers.texts[0] if self._offers.texts else []
        if not words:
            return self._add("p-search", _literal("search{}"))
        span = self._spans("q", [words])
        return self._add("p-search", f'{_literal("search{" + _quoted("query") + ":")} {span} "}}"')

    def _head_rule(self, head: str, demanded: frozenset[str], barred: frozenset[str]) -> str:
        if not demanded and not barred:
            return self._tool_rules[head]
        rule = f"d{list(self._tool_rules).index(head)}-{content_hash([sorted(demanded), sorted(barred)], 6)}"
        body = self._fields(rule, self._toolset.by_name[head].parameters, demanded, barred)
        return self._add(rule, f'{_literal(self._spelled[head] + "{")} {body} "}}"') if body else self._tool_rules[head]

    def _tool(self, index: int, tool: Tool) -> str:
        body = self._fields(f"t{index}", tool.parameters, required=frozenset())
        return self._add(f"t{index}", f'{_literal(self._spelled[tool.name] + "{")} {body} "}}"')

    def _fields(
        self,
        rule: str,
        schema: Mapping[str, Any],
        required: frozenset[str],
        barred: frozenset[str] = frozenset(),
        plan: Planned | None = None,
    ) -> str:
        """The chain of an object's fields; `rule-f…` before anything was written, `rule-c…` after (a comma is due)."""
        fields = []
        for position, (name, inner) in enumerate((schema.get("properties") or {}).items()):
            value = None if name in barred else self._value(f"{rule}v{position}", name, inner, plan)
            if value is not None:
                fields.append((name, f"{_literal(_quoted(name) + ':')} {value}"))
            elif name in required:
                return ""
        first, after = '""', '""'
        for position in range(len(fields) - 1, -1, -1):
            name, body = fields[position]
            field = self._add(f"{rule}p{position}", body)
            skips = name not in required
            first, after = (
                self._add(f"{rule}f{position}", f"{field} {after}" + (f" | {first}" if skips else "")),
                self._add(f"{rule}c{position}", f'"," {field} {after}' + (f" | {after}" if skips else "")),
            )
        return first

    def _value(self, rule: str, name: str, schema: Mapping[str, Any], plan: Planned | None) -> str | None:
        """The rule of one value, or None when nothing said can fill it."""
        if schema.get("properties"):
            fields = self._fields(rule, schema, frozenset(schema.get("required") or ()), plan=plan)
            return self._add(rule, f'"{{" {fields} "}}"') if fields else None
        if schema.get("items"):
            item = self._value(f"{rule}i", name, schema["items"], plan)
            if item is None:
                return None
            least, most = 1, max(1, min(_MAX_ITEMS, self._most_items(name, schema["items"], plan)))
            if plan and name in plan.demanded and (placed := plan.items(name, schema["items"])):
                least = most = min(most, placed)
            return self._add(rule, f'"[" {item} ("," {item}){{{least - 1},{most - 1}}} "]"' if most > 1 else f'"[" {item} "]"')
        return self._scalar(name, schema, plan)

    def _most_items(self, name: str, schema: Mapping[str, Any], plan: Planned | None) -> int:
        """How many items what was said can fill: the count of values for the required field that has most of them."""
        properties = schema.get("properties")
        if not properties:
            slot = slot_of(self._toolset, self._table, name, schema)
            is_open = slot.mode in ("choice", "span") and not (plan and name in plan.only)
            return _MAX_ITEMS if is_open else len(self._offered(name, schema, slot, plan))
        demanded = [field for field in schema.get("required") or properties if field in properties]
        return max((self._most_items(field, properties[field], plan) for field in demanded), default=_MAX_ITEMS)

    def _offered(self, name: str, schema: Mapping[str, Any], slot: Slot, plan: Planned | None) -> list[Any]:
        """What may fill an argument and is of its type, by a plan only what has its place there or none elsewhere."""
        offered = [value for value in self._offers.of(slot) if slot.mode == "choice" or is_of_type(value, schema)]
        if plan is None:
            return offered
        if name in plan.only:
            return [value for value in offered if written_as(value) in plan.only[name]]
        return [value for value in offered if isinstance(value, bool) or written_as(value) not in plan.taken]

    def _scalar(self, name: str, schema: Mapping[str, Any], plan: Planned | None) -> str | None:
        slot = slot_of(self._toolset, self._table, name, schema)
        text = plan.texts.get(name) if plan else None
        literals = [_literal(json_text(value)) for value in (self._offered(name, schema, slot, plan) if text is None else [text])]
        words = [words for words in self._offers.texts if words] if slot.mode == "span" and text is None else []
        if words:
            literals.append(self._spans("s", words))
        if not literals:
            return None
        body = " | ".join(dict.fromkeys(literals))
        # the hash keeps apart what shares a name: `status` enums of two tools, kinds that differ in signs no rule name can hold
        return self._add(f"{_rule_name(f'k-{slot.mode}-{slot.kind}')}-{content_hash(body, 8)}", body)

    def _spans(self, prefix: str, texts: Sequence[Sequence[Word]]) -> str:
        """A JSON string holding one run of words of one of the texts, punctuation at its ends optional."""
        rule = f"{prefix}-span"
        if rule in self._rules:
            return rule
        starts = []
        for number, words in enumerate(texts):
            for position in range(len(words) - 1, -1, -1):
                starts.append(self._span_from(f"{prefix}{number}w", position, words))
        return self._add(rule, f'"\\"" ({" | ".join(starts)}) "\\""')

    def _span_from(self, prefix: str, position: int, words: Sequence[Word]) -> str:
        word = words[position]
        after = _inner(_ending(word))
        rest = f" {after}?" if after else ""
        if position + 1 < len(words):
            following = words[position + 1]
            glue = _inner(word.after + following.gap + following.before)
            # The chain goes on with the next word, its leading punctuation included; or stops here.
            rest = f" ({glue} {prefix}{position + 1} | {after})?" if after else f" ({glue} {prefix}{position + 1})?"
        return self._add(f"{prefix}{position}", _inner(word.core) + rest)


def _ending(word: Word) -> str:
    """What of the punctuation after a word may end a text; the end of the sentence is none of it, save after an abbreviation."""
    abbreviates = "." in word.core or len(word.core) == 1
    return word.after if abbreviates else word.after.rstrip(_SENTENCE_MARKS)


def _more_calls(at_least: int, at_most: int) -> str:
    if at_most <= 0:
        return ""
    inner = f' "\\n" call{_more_calls(at_least - 1, at_most - 1)}'
    return inner if at_least > 0 else f" ({inner.strip()})?"


def _quoted(text: str) -> str:
    return json_text(text)


def _inner(text: str) -> str:
    """A literal of JSON string content, or nothing for no text."""
    return _literal(json.dumps(text, ensure_ascii=False)[1:-1]) if text else ""


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def _rule_name(text: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in text)
