"""After a price change: does a release copy what a result says now, or remember what it said when it learned?"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from agents.caller import FIRST_DRAFTS
from agents.home import Home
from agents.parts import load_kinds
from agents.serving import CHAMPION, Loader
from core.types.case import Case, cases_of
from core.types.example import Example
from core.types.message import ToolCall
from core.types.tool import Toolset
from core.types.value import Value, is_number
from evals.intervals import Rate, rate
from evals.scorers.exact import score
from evals.suite import Predictor
from finetune.augment import Swapper
from finetune.harvest import harvest
from tools.kinds import leaves


class PriceChange(Value):
    """What became of steps whose arguments come from results that say other numbers now."""

    now: Rate
    """Exactly right by what results say now."""
    stale: Rate
    """With a number in a call that results said before, and nothing says now."""


def measure_prices(
    home: Home, toolset: str, release: str, most: int, on_progress: Callable[[int, int], None], seed: int = 0
) -> PriceChange:
    """Have a release decide the next step of stored conversations whose results say other numbers.

    Args:
        home: Where traces and releases lie.
        toolset: Whose.
        release: Its id, or `champion`.
        most: At most so many conversations.
        on_progress: Called with steps done and steps in all.
        seed: Of the new numbers.

    Raises:
        NotFound: No such toolset or release.
    """
    found = home.releases.champion(toolset) if release == CHAMPION else home.releases.get(release)
    examples = [one for one in harvest(home.traces.all(toolset)) if any(message.role == "tool" for message in one.messages)]
    known = home.registry.get(toolset)
    swapper = Swapper(known, load_kinds(home.releases.path(found.id)), examples, seed)
    changed = [(example, other) for example in examples if (other := swapper.repriced(example, 0)) is not None]
    loaded = Loader(home).load(toolset, found.id, FIRST_DRAFTS)
    try:
        return judge_steps(changed[:most], loaded, known, on_progress)
    finally:
        loaded.close()


def judge_steps(
    changed: Sequence[tuple[Example, Example]], predictor: Predictor, toolset: Toolset, on_progress: Callable[[int, int], None]
) -> PriceChange:
    """Judge the steps that differ between an example as it was and as it is."""
    steps = [pair for was, now in changed for pair in _differing(was, now, toolset)]
    right, stale, shapes = list[bool](), list[bool](), list[str | None]()
    for number, (case, gone) in enumerate(steps, 1):
        answer = predictor.predict(case.messages)
        right.append(score(case, answer, toolset).exact)
        stale.append(any(value in gone for call in answer.tool_calls for value in _numbers(call)))
        shapes.append(case.shape)
        on_progress(number, len(steps))
    return PriceChange(now=rate(right, shapes), stale=rate(stale, shapes))


def _differing(was: Example, now: Example, toolset: Toolset) -> Iterator[tuple[Case, frozenset[float]]]:
    """Cases whose numbers are others now, with those that are gone."""
    for before, after in zip(cases_of(was, toolset), cases_of(now, toolset), strict=True):
        old, new = ({value for call in case.expected for value in _numbers(call)} for case in (before, after))
        if old - new:
            yield after, frozenset(old - new)


def _numbers(call: ToolCall) -> Iterator[float]:
    values: Iterator[Any] = (value for _, _, value in leaves(call.arguments, {}))
    return (float(value) for value in values if is_number(value))
