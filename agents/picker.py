"""The picker: what the next step looks like, guessed from the request alone, without running the writer.

It ranks what the step starts with (a tool, or `!search`, `!done`, `!none`), says for every tool how likely the step has it, for
every argument how likely a call of its tool has it, for every thing said which argument it fills (`agents/roles.py`), and for
every free text where it starts and ends (`agents/spans.py`). It errs elsewhere than the writer does: an optional argument left
out, or a second wish dropped, shows as a step that lacks a likely part.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, vstack
from sklearn.feature_extraction.text import HashingVectorizer

from agents.arguments import TWICE, arguments_of, fit_arguments, is_tool, parts_of, tools_of
from agents.linear import LabelSetClassifier, LinearClassifier
from agents.roles import Reading, Roles
from agents.spans import Spans, Texts
from agents.tags import WordEmbedder
from core.chat import own_turns
from core.types.message import Message, ToolCall, last_user_text
from core.types.tool import Toolset
from tools.facts import Facts, find_facts
from tools.marks import Marker

_HASHED = 2**14
_STATES = 2048
_EMBEDDING_WEIGHT, _STATE_WEIGHT, _HEARD_WEIGHT = 3.0, 1.5, 1.5
_STRENGTH, _STRENGTH_OF_HEADS = 4.0, 2.5
_MANY = 3
_CLAUSE_WEIGHT = 0.5
"""How far a clause's own guess counts; more finds a few more second wishes, and many that are none (docs/measured.md)."""
_SEVERAL = "several"
_TEXT_WEIGHT, _LEAST_CHANCE = 0.7, 1e-4
_LIKELY, _SURE, _MAYBE, _MAX_FURTHER = 0.5, 0.6, 0.2, 2


class TextEmbedder(WordEmbedder, Protocol):
    """What turns texts into unit vectors, (len(texts), width), and words into vectors, each where it stands."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts."""
        ...


class PickerRow(NamedTuple):
    """What the picker learns from: a conversation up to a step, and what the step holds."""

    messages: tuple[Message, ...]
    calls: tuple[ToolCall, ...]
    """Pseudo-calls as `core.chat.parse_calls` names them."""


class Pick(NamedTuple):
    """What the picker makes of a conversation."""

    ranking: list[tuple[str, float]]
    """What the step may start with, and how likely, most likely first."""
    parts: dict[str, float]
    """How likely the step has each tool, and a call of the tool each of its arguments, named as `parts_of` names them."""
    facts: tuple[str, ...] = ()
    """Facts about the results the conversation ends with."""
    roles: Reading | None = None
    """Which argument each thing said fills, judged for any set of tools."""
    texts: Texts | None = None
    """Where each free text starts and ends."""
    several: float = 0.0
    """How likely the step holds more than one call."""


class Clause(NamedTuple):
    """A part of what a person said in one turn."""

    text: str
    """As it was said."""
    head: str
    """What a step about it alone likeliest starts with."""
    chance: float
    """How likely, in [0, 1]."""


class Picker:
    """Linear classifiers over sentence embedding and character n-grams of the masked request, and the conversation's state."""

    def __init__(
        self,
        heads: LinearClassifier,
        tools: LabelSetClassifier,
        arguments: LabelSetClassifier,
        several: LabelSetClassifier,
        roles: Roles,
        spans: Spans,
        marker: Marker,
        embedder: TextEmbedder,
    ) -> None:
        self._heads, self._tools, self._arguments, self._several = heads, tools, arguments, several
        self._roles, self._spans, self._marker, self._embedder = roles, spans, marker, embedder

    @classmethod
    def fit(
        cls,
        toolset: Toolset,
        rows: Sequence[PickerRow],
        joined: Sequence[PickerRow],
        marker: Marker,
        embedder: TextEmbedder,
        start: "Picker | None" = None,
        kept: Sequence[PickerRow] = (),
    ) -> "Picker":
        """Fit on what training rows show.

        Names and descriptions of the tools are taken as requests for them, too: where rows are few they say most.

        Args:
            toolset: What the calls are of.
            rows: Of real conversations.
            joined: Made of these, of two wishes: they teach whether a step holds several calls, and what comes after a result;
                of what a request starts with they would say too little too often.
            marker: Finds what is mentioned.
            embedder: The sentence encoder.
            start: Fit on from it, with the same marker: what the rows do not speak of stays as it was.
            kept: Rows that `start` has learned: new ones of one sort, calls in odd words, would else draw all odd words to calls.
        """
        after = [*(row for row in joined if row.messages[-1].role == "tool"), *kept]
        described = [] if start else list(_described(toolset))
        conversations, steps = [row.messages for row in rows], [row.calls for row in rows]
        asked = [
            *conversations,
            *(row.messages for row in after),
            *((Message(role="user", content=text),) for text, _ in described),
        ]
        seen = features(asked, facts_of(asked, marker), marker, embedder)
        taken = [*steps, *(row.calls for row in after)]
        heads = LinearClassifier.fit(
            seen,
            [*(calls[0].name for calls in taken), *(name for _, name in described)],
            _STRENGTH_OF_HEADS,
            start=start._heads if start else None,
        )
        tools = LabelSetClassifier.fit(
            seen[: len(taken)],
            [tools_of(toolset, parts_of(calls)) for calls in taken],
            _STRENGTH,
            start._tools if start else None,
        )
        own = seen[: len(conversations)]
        arguments = fit_arguments(toolset, own, steps, _STRENGTH, start._arguments if start else None)
        several = start._several if start else _fit_several(own, rows, joined, marker, embedder)
        roles = Roles.fit(toolset, conversations, steps, marker, start._roles if start else None)
        spans = Spans.fit(conversations, steps, marker, embedder, start._spans if start else None)
        return cls(heads, tools, arguments, several, roles, spans, marker, embedder)

    def pick(self, messages: Sequence[Message]) -> Pick:
        """Judge one conversation."""
        return self.pick_all([messages])[0]

    def pick_all(self, conversations: Sequence[Sequence[Message]]) -> list[Pick]:
        """`pick` for many conversations at once."""
        facts = facts_of(conversations, self._marker)
        rows = features(conversations, facts, self._marker, self._embedder)
        heads = self._heads.probabilities(rows)
        tools = self._with_clauses(conversations, self._tools.probabilities(rows))
        several = self._several.probabilities(rows).sum(axis=1)  # of one label, or of none
        parts = np.concatenate([tools, self._arguments.probabilities(rows)], axis=1)
        labels = (*self._tools.labels, *self._arguments.labels)
        texts = self._spans.read_all(conversations)
        return [
            Pick(
                [(self._heads.labels[i], float(head[i])) for i in np.argsort(-head, kind="stable")],
                _with_texts(dict(zip(labels, map(float, part), strict=True)), own),
                found.texts,
                self._roles.read(messages),
                own,
                float(more),
            )
            for messages, head, part, found, own, more in zip(conversations, heads, parts, facts, texts, several, strict=True)
        ]

    def _with_clauses(self, conversations: Sequence[Sequence[Message]], tools: NDArray[np.float32]) -> NDArray[np.float32]:
        """The chances of the tools, raised where a clause of the request by itself speaks of one.

        In a request of two wishes each hides the other; few training rows have two, but every clause is like some row of one.

        Args:
            conversations: What is judged; only those a user spoke last in have clauses.
            tools: (conversations, tools).
        """
        clauses = [(number, alone) for number, messages in enumerate(conversations) for alone in _clauses(messages, self._marker)]
        if not clauses:
            return tools
        heads = self._chances_of_heads([messages for _, messages in clauses])
        spoken_of = np.zeros_like(tools)
        for column, label in enumerate(self._tools.labels):
            if label in self._heads.labels and not label.startswith("!"):
                found = heads[:, self._heads.labels.index(label)]
                np.maximum.at(spoken_of[:, column], [number for number, _ in clauses], found)
        return np.asarray(1 - (1 - tools) * (1 - _CLAUSE_WEIGHT * spoken_of**2), np.float32)

    def _chances_of_heads(self, conversations: Sequence[Sequence[Message]]) -> NDArray[np.float32]:
        """(conversations, heads)."""
        return self._heads.probabilities(
            features(conversations, facts_of(conversations, self._marker), self._marker, self._embedder)
        )

    def clauses(self, messages: Sequence[Message]) -> list[Clause]:
        """What each clause of the last user turn, said alone, starts a step with; none where it does not fall into several."""
        spoken = max((at for at, message in enumerate(messages) if message.role == "user"), default=-1)
        alone = _clauses(messages[: spoken + 1], self._marker) if spoken >= 0 else []
        if not alone:
            return []
        found = self._chances_of_heads(alone)
        best = found.argmax(axis=1)
        return [
            Clause(said[-1].content, self._heads.labels[column], float(chances[column]))
            for said, chances, column in zip(alone, found, best, strict=True)
        ]

    def pick_turns(self, messages: Sequence[Message]) -> dict[int, Pick]:
        """A pick for each of the model's turns, the one to come last, each from what stood before it."""
        positions = own_turns(messages)
        return dict(zip(positions, self.pick_all([messages[:position] for position in positions]), strict=True))

    def save(self, file: Path) -> None:
        """Write the classifiers next to each other; the encoder is an artefact of its own."""
        self._heads.save(file)
        self._tools.save(_beside(file, "tools"))
        self._arguments.save(_beside(file, "arguments"))
        self._several.save(_beside(file, "several"))
        self._roles.save(_beside(file, "roles"))
        self._spans.save(file)

    @classmethod
    def load(cls, file: Path, toolset: Toolset, marker: Marker, embedder: TextEmbedder) -> "Picker":
        """Read back what `save` wrote."""
        tools, arguments, several = (LabelSetClassifier.load(_beside(file, what)) for what in ("tools", "arguments", "several"))
        roles, spans = Roles.load(_beside(file, "roles"), toolset, marker), Spans.load(file, marker, embedder)
        return cls(LinearClassifier.load(file), tools, arguments, several, roles, spans, marker, embedder)


def _with_texts(parts: dict[str, float], texts: Texts) -> dict[str, float]:
    """The chances of what a step holds; of a free text mostly by whether there are words for it, the log odds of both mixed."""
    for path, filled in texts.are_filled():
        if path in parts:
            chance = min(max(parts[path], _LEAST_CHANCE), 1 - _LEAST_CHANCE)
            mixed = (1 - _TEXT_WEIGHT) * math.log(chance / (1 - chance)) + _TEXT_WEIGHT * filled
            parts[path] = 1 / (1 + math.exp(-mixed))
    return parts


def _fit_several(
    own: csr_matrix, rows: Sequence[PickerRow], joined: Sequence[PickerRow], marker: Marker, embedder: TextEmbedder
) -> LabelSetClassifier:
    """Fit whether a step holds several calls; real rows of two wishes are few, and say it in few ways."""
    made = [row.messages for row in joined]
    seen = vstack([own, features(made, facts_of(made, marker), marker, embedder)]).tocsr() if made else own
    return LabelSetClassifier.fit(seen, [{_SEVERAL} if len(row.calls) > 1 else set() for row in (*rows, *joined)])


def pick_text(toolset: Toolset, pick: Pick) -> str:
    """A pick in words the writer reads: facts about the results, the likeliest head, then tools the step may hold too.

    `several` stands before them where more than one call is likely.
    After a tool's name stand its optional arguments that are likely, and with a minus its required ones that are not; `*2`
    says that it comes twice, `?` that the picker is not sure.
    """
    first, probability = pick.ranking[0]
    tools = {name: p for name, p in pick.parts.items() if is_tool(toolset, name) and not name.endswith(TWICE) and name != first}
    further = sorted((name for name, p in tools.items() if p >= _MAYBE), key=lambda name: -tools[name])[:_MAX_FURTHER]
    said = [(first, probability), *((name, tools[name]) for name in further)]
    more = [_SEVERAL] if pick.several >= _LIKELY else []
    return "; ".join([*pick.facts, *more, *(_tool_text(toolset, pick, name, probability) for name, probability in said)])


def _tool_text(toolset: Toolset, pick: Pick, name: str, probability: float) -> str:
    twice = TWICE if pick.parts.get(name + TWICE, 0) >= _LIKELY else ""
    words = [name.removeprefix("!") + twice + ("?" if probability < _SURE else "")]
    tool = toolset.by_name.get(name)
    for path, required in arguments_of(tool) if tool else ():
        if path in pick.parts and (pick.parts[path] >= _LIKELY) != required:
            words.append(("-" if required else "") + path.rpartition(".")[2])
    return " ".join(words)


def _described(toolset: Toolset) -> Iterator[tuple[str, str]]:
    """Texts that speak of a tool, and its name."""
    for tool in toolset.tools:
        for text in (tool.name.replace("_", " "), tool.description):
            if text.strip():
                yield text, tool.name


def _beside(file: Path, what: str) -> Path:
    return file.with_suffix(f".{what}.safetensors")


def facts_of(conversations: Sequence[Sequence[Message]], marker: Marker) -> list[Facts]:
    """Facts about the results each conversation ends with."""
    return [find_facts(messages, marker.numbers(last_user_text(messages))) for messages in conversations]


def features(
    conversations: Sequence[Sequence[Message]], facts: Sequence[Facts], marker: Marker, embedder: TextEmbedder
) -> csr_matrix:
    """Rows of features, (conversations, 384 + hashed n-grams + hashed state + hashed kinds of mentions)."""
    standing = [" ".join((state_words(messages), *found.words)) for messages, found in zip(conversations, facts, strict=True)]
    texts = [marker.mask_text(last_user_text(messages)) for messages in conversations]
    words = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=_HASHED, norm="l2")
    states = HashingVectorizer(analyzer=str.split, n_features=_STATES, norm=None, alternate_sign=False, binary=True)
    return hstack(
        [
            csr_matrix(embedder.embed(texts) * _EMBEDDING_WEIGHT),
            words.transform(texts) * _EMBEDDING_WEIGHT,
            states.transform(standing) * _STATE_WEIGHT,
            states.transform([_heard(messages, marker) for messages in conversations]) * _HEARD_WEIGHT,
        ]
    ).tocsr()


def _clauses(messages: Sequence[Message], marker: Marker) -> list[tuple[Message, ...]]:
    """The conversation once for each clause of what the user said last, with nothing else said."""
    if messages[-1].role != "user":
        return []
    return [(*messages[:-1], Message(role="user", content=clause)) for clause in marker.clauses(messages[-1].content)]


def _heard(messages: Sequence[Message], marker: Marker) -> str:
    """Words that say what the last user turn mentions, what of it more than once, and what the turn before mentions."""
    said = [message.content for message in messages if message.role == "user"]
    last = marker.heard(said[-1]) if said else {}
    before = marker.heard(said[-2]) if len(said) > 1 else {}
    words = [
        *(f"heard:{kind}" for kind in last),
        *(f"heard:{kind}:{min(count, _MANY)}" for kind, count in last.items() if count > 1),
        *(f"before:{kind}" for kind in before),
    ]
    return " ".join(word.replace(" ", "_") for word in words)


def state_words(messages: Sequence[Message]) -> str:
    """Words that say where the conversation stands: who spoke last, what was called in this turn and before."""
    words = [f"last:{messages[-1].role}"]
    this_turn = True
    step = 0
    for message in reversed(messages[:-1] if messages[-1].role == "user" else messages):
        this_turn = this_turn and message.role != "user"
        for call in message.tool_calls:
            step += this_turn
            words.append(f"{'now' if this_turn else 'before'}:{call.name}")
            if step == 1 or (not this_turn and "latest" not in words):
                words.extend(("latest", f"latest:{call.name}"))
        if message.role == "assistant" and not message.tool_calls and message is messages[-2:][0]:
            words.append("asked:" + "".join(char for char in message.content.lower() if char.isalpha())[:40])
    words.append(f"steps:{min(step, 4)}")
    return " ".join(words)
