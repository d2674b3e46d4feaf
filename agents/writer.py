"""The writer: the LoRA model writes the next step as compact calls, under the grammar of this very request."""

from collections.abc import Sequence

from agents.engines.engine import Engine, Generation
from agents.grammar import GrammarBuilder
from agents.offers import Offers
from agents.plans import Planned
from core.chat import NO_PICKS, Picks, parse_calls, render_prompt
from core.errors import BadInput
from core.types.message import Message, ToolCall
from core.types.tool import Toolset
from core.types.value import Value
from tools.kinds import KindTable
from tools.marks import Marker

MAX_NEW_TOKENS = 320
_FORCED_TOKENS = 24


class Draft(Value):
    """One candidate for the next step."""

    calls: tuple[ToolCall, ...]
    """Parsed calls; pseudo-calls are named `!search`, `!done`, `!none`. Empty when the text could not be parsed."""
    text: str
    """As written."""
    logprobs: tuple[float, ...]
    """Natural-log probability of each token before the grammar."""
    tokens: tuple[str, ...] = ()
    """The pieces `logprobs` is of."""
    prompt_tokens: int = 0
    """Tokens of the prompt it continues."""
    head_logprob: float
    """Summed over the tokens up to the first `{`: how sure the writer is of the tool."""
    wanted: str | None = None
    """What it was made for: None (free), a head, `completed`, `without`, `planned`, or `more` / `fewer` calls."""

    @property
    def head(self) -> str:
        """What the step starts with; empty when it could not be parsed."""
        return self.calls[0].name if self.calls else ""


class Writer:
    """Writes drafts for one toolset."""

    def __init__(self, engine: Engine, toolset: Toolset, table: KindTable, marker: Marker) -> None:
        self._engine, self._toolset, self._table, self._marker = engine, toolset, table, marker

    @property
    def max_calls(self) -> int:
        """Most calls a step had in training."""
        return self._table.max_calls

    def draft(self, messages: Sequence[Message], offers: Offers | None, picks: Picks = NO_PICKS) -> Draft:
        """The greedy step with every head open; without offers (mentions switched off) nothing is marked or constrained."""
        if offers is None:
            prompt = render_prompt(self._toolset, messages, picks)
            return self._read(self._engine.generate(prompt, None, MAX_NEW_TOKENS), None)
        return self.drafts(messages, offers, picks).greedy()

    def drafts(self, messages: Sequence[Message], offers: Offers, picks: Picks = NO_PICKS) -> "Drafts":
        """Drafts of one conversation that share prompt and grammar rules."""
        prompt = render_prompt(self._toolset, self._marker.mark(messages), picks)
        return Drafts(self, prompt, GrammarBuilder(self._toolset, self._table, offers))

    def write(self, prompt: str, grammar: str, wanted: str | None, reuse: bool, max_tokens: int = MAX_NEW_TOKENS) -> Draft:
        """One draft under a given grammar."""
        return self._read(self._engine.generate(prompt, grammar, max_tokens, reuse), wanted)

    def _read(self, generation: Generation, wanted: str | None) -> Draft:
        try:
            calls = parse_calls(self._toolset, generation.text) if generation.finished else ()
        except BadInput:
            calls = ()
        return Draft(
            calls=calls,
            text=generation.text,
            logprobs=generation.logprobs,
            tokens=generation.tokens,
            prompt_tokens=generation.prompt_tokens,
            head_logprob=_head_logprob(generation),
            wanted=wanted,
        )


class Drafts:
    """Makes candidates for one conversation, each with the prompt evaluated once."""

    def __init__(self, writer: Writer, prompt: str, grammars: GrammarBuilder) -> None:
        self._writer, self._prompt, self._grammars = writer, prompt, grammars
        self._evaluated = False
        self._limit = MAX_NEW_TOKENS

    def greedy(self) -> Draft:
        """What the writer would do by itself."""
        return self._write(self._grammars.grammar(), None)

    def forced(self, head: str) -> Draft | None:
        """The step that starts with `head`; None when the grammar has no such head."""
        return self._write(self._grammars.grammar(head), head) if head in self._grammars.heads else None

    def completed(self, head: str, demanded: frozenset[str]) -> Draft:
        """The single call of tool `head` in which the demanded arguments are written too."""
        return self._write(self._grammars.grammar(head, max_calls=1, demanded=demanded), "completed")

    def without(self, head: str, barred: frozenset[str]) -> Draft:
        """The single call of tool `head` in which the barred arguments are not written."""
        return self._write(self._grammars.grammar(head, max_calls=1, barred=barred), "without")

    def planned(self, plans: Sequence[Sequence[Planned]]) -> Draft | None:
        """The step that keeps to one of the plans; None where what was said can fill none of them."""
        grammar = self._grammars.planned(plans)
        return self._write(grammar, "planned") if grammar else None

    def with_calls(self, head: str, at_least: int, at_most: int) -> Draft:
        """The step that starts with tool `head` and has so many calls."""
        grammar = self._grammars.grammar(head, min_calls=at_least, max_calls=at_most)
        return self._write(grammar, "more" if at_least > 1 else "fewer")

    def _write(self, grammar: str, wanted: str | None) -> Draft:
        draft = self._writer.write(self._prompt, grammar, wanted, self._evaluated, self._limit)
        if not self._evaluated:
            # A draft made against the writer's will may ramble; one much longer than its own is not worth waiting for.
            self._limit = min(MAX_NEW_TOKENS, 2 * len(draft.logprobs) + _FORCED_TOKENS)
        self._evaluated = True
        return draft


def _head_logprob(generation: Generation) -> float:
    total = 0.0
    for token, logprob in zip(generation.tokens, generation.logprobs, strict=True):
        total += logprob
        if "{" in token:
            break
    return total
