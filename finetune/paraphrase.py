"""Teacher paraphrase: what people asked, said in other words by a larger model, with the answer that was right for it.

Other words are taken only where the teacher, asked anew what it would call for them, calls exactly what was right for the
request. Like all that no person confirmed they count for less than what people did, are at most a part of a night
(`finetune/curate/mostly_peoples.py`), and teach only beside what they reword (`finetune/curate/with_original.py`).
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from agents.home import Home
from agents.teacher import Teacher
from core.errors import BadInput
from core.types.example import Example
from core.types.message import Message
from core.types.principal import IMPORTER
from core.types.tool import Toolset
from core.types.trace import REWORDS, TEACHER, Trace
from core.types.value import content_hash
from evals.scorers.exact import calls_equal
from finetune.asking import Asking
from finetune.barred import barred_for
from finetune.curate.balanced import count_sorts, rarest_sort
from finetune.curation import Curator
from finetune.progress import Progress
from finetune.taught import Round


def paraphrase(home: Home, toolset: Toolset, teacher: Teacher, progress: Progress, most: int, seed: int = 0) -> Round:
    """Have requests said in other words, those of the rarest work first, and keep them as traces.

    Args:
        home: Where traces lie.
        toolset: Whose.
        teacher: Who is asked.
        progress: Told of every answer.
        most: At most so many requests that were not asked for before.
        seed: Another one chooses others of the same sort.
    """
    asking = Asking(home.nights, ["paraphrase", teacher.name, toolset.version])
    curated = Curator(home, toolset, lambda: home.embedder, seed, progress).inspect(barred_for(home, toolset.name))
    confirmed = [example for example in curated.examples if example.trace_id not in curated.unconfirmed]
    waiting = [example for example in _rarest_first(confirmed, seed) if example.trace_id not in asking.known]
    chosen = {example.trace_id: example for example in waiting[:most]}
    added = 0

    def answer(key: str) -> None:
        nonlocal added
        said = chosen[key].messages[0].content
        reworded = teacher.reworded(said)
        if not calls_equal(chosen[key].steps[0].calls, teacher.calls([Message(role="user", content=reworded)]), toolset):
            raise BadInput(f"teacher {teacher.name}: other words for trace {key} come to other calls")
        added += home.traces.add([_trace(home, teacher, home.traces.get(key), reworded)])

    failures = asking.ask(list(chosen), answer, progress)
    answered = sum(asking.known.get(key, False) for key in chosen)
    return Round(requests=len(chosen), answered=answered, added=added, failures=failures)


def _rarest_first(examples: Sequence[Example], seed: int) -> list[Example]:
    """Conversations that begin with a request and have one step of calls, those of the rarest work first."""
    counts = count_sorts(examples)
    fit = [example for example in examples if _has_one_wish(example)]
    return sorted(fit, key=lambda one: (counts[rarest_sort(one, counts)], content_hash([seed, one.trace_id])))


def _has_one_wish(example: Example) -> bool:
    first, *others = example.steps
    asked = [message.role for message in example.messages].count("user")
    done = all(step.outcome == "done" for step in others)
    return first.outcome == "calls" and first.position == 1 and asked == 1 and example.messages[0].role == "user" and done


def _trace(home: Home, teacher: Teacher, trace: Trace, said: str) -> Trace:
    """Of work with this service it is forgotten when what was asked is; and it is of the same cluster, so that no exam has it."""
    update = {
        "messages": (Message(role="user", content=said), *trace.messages[1:]),
        "source": f"{TEACHER}{teacher.name}{REWORDS}{trace.id}",
        "shape": trace.shape or trace.id,
        "principal": IMPORTER.model_copy(update={"tenant": home.settings.tenant}),
        "judged": "",
        "created_at": trace.created_at if trace.is_of_the_day else datetime.now(UTC),
    }
    return trace.model_copy(update=update)
