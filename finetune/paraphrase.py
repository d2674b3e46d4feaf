"""Teacher paraphrase: what people asked, said in other words by a larger model, with the answer that was right for it.

A paraphrase is taken only where it still says everything that the calls hold, as it was said, and no other number. Like all
that no person confirmed it counts for less than what people did, and is at most a part of a night
(`finetune/curate/mostly_peoples.py`).
"""

from collections.abc import Iterable, Iterator
from typing import Any

from agents.home import Home
from agents.teacher import Teacher
from core.errors import BadInput
from core.types.message import Message, ToolCall
from core.types.principal import IMPORTER
from core.types.tool import Toolset
from core.types.trace import CORRECTION, REWORDS, TEACHER, Trace
from core.types.value import content_hash
from finetune.asking import Asking
from finetune.curate.balanced import count_sorts, sorts_of
from finetune.harvest import harvest_one
from finetune.progress import Progress
from finetune.taught import Round
from tools.kinds import leaves
from tools.numbers import find_numbers
from tools.plain import plain


def paraphrase(home: Home, toolset: Toolset, teacher: Teacher, progress: Progress, most: int, seed: int = 0) -> Round:
    """Have requests said in other words, those of the rarest work first, and keep them as traces.

    Args:
        home: Where traces lie.
        toolset: Whose.
        teacher: Who is asked.
        progress: Told of every answer.
        most: At most so many requests.
        seed: Another one chooses others of the same sort.
    """
    asking = Asking(home.nights, ["paraphrase", teacher.name, toolset.version])
    chosen = {trace.id: trace for trace in _rarest_first(home.traces.all(toolset.name), seed)[:most]}

    def answer(key: str) -> Any:
        said = chosen[key].messages[0].content
        reworded = teacher.reworded(said)
        if missing := _lost(chosen[key], said, reworded):
            raise BadInput(f"teacher {teacher.name}: {missing} is lost in other words for {said[:60]!r}")
        return reworded

    failures = asking.ask(list(chosen), answer, progress)
    found = [(trace, asking.known[key]) for key, trace in chosen.items() if asking.known.get(key) is not None]
    added = home.traces.add(_trace(home, teacher, *one) for one in found)
    return Round(requests=len(chosen), answered=len(found), added=added, failures=failures)


def _rarest_first(traces: Iterable[Trace], seed: int) -> list[Trace]:
    """Confirmed conversations of one request, of those sorts of work first of which there are fewest."""
    everything = list(traces)
    put_right = {trace.source.removeprefix(CORRECTION) for trace in everything if trace.is_correction}
    known, examples = dict[str, Trace](), []
    for trace in everything:
        requests = [message.role for message in trace.messages].count("user")
        if not trace.accepted or trace.is_taught or trace.id in put_right or requests != 1 or trace.messages[0].role != "user":
            continue
        if (example := harvest_one(trace)) is not None:
            known[trace.id] = trace
            examples.append(example)
    counts = count_sorts(examples)
    rarity = {example.trace_id: min(counts[sort] for sort in sorts_of(example)) for example in examples}
    return sorted(known.values(), key=lambda trace: (rarity[trace.id], content_hash([seed, trace.id])))


def _lost(trace: Trace, said: str, reworded: str) -> str:
    """What the calls hold and the other words do not say, or numbers that differ; empty where all is well."""
    for value in _values(trace):
        text = plain(value)
        if text in plain(said) and text not in plain(reworded):
            return repr(value)
    before, after = (sorted(float(number.value) for number in find_numbers(text)) for text in (said, reworded))
    return "" if before == after else f"a number of {before}"


def _values(trace: Trace) -> Iterator[str]:
    calls: list[ToolCall] = [call for message in trace.messages for call in message.tool_calls]
    calls += [trace.partial] if trace.partial else []
    for call in calls:
        for _, _, value in leaves(call.arguments, {}):
            if isinstance(value, str) and value.strip():
                yield value


def _trace(home: Home, teacher: Teacher, trace: Trace, said: str) -> Trace:
    """It is forgotten when what was asked is, and is of the same cluster, so that an exam never has the other one."""
    update = {
        "messages": (Message(role="user", content=said), *trace.messages[1:]),
        "source": f"{TEACHER}{teacher.name}{REWORDS}{trace.id}",
        "shape": trace.shape or trace.id,
        "principal": IMPORTER.model_copy(update={"tenant": home.settings.tenant}),
        "judged": "",
    }
    return trace.model_copy(update=update)
