"""Keeps what was read off journals from drowning conversations: there is no more of it than of them, and it goes where they lack.

A journal shows what was written and nothing else, neither what was looked up or asked nor that nothing was to be done. Much of it
beside few conversations teaches to write at every word.
"""

import heapq
from collections import defaultdict
from collections.abc import Sequence, Set

from core.types.example import Example
from core.types.value import content_hash
from finetune.curate.balanced import count_sorts, rarest_sort
from finetune.curate.filtered import Filtered


def filled_in(examples: Sequence[Example], history: Set[str]) -> Filtered:
    """Of history as many as there are conversations: one after the other for the tool that least is taught of by then. Which of a
    tool is chance, but the same each time. Where there are no conversations all of it stays.

    Args:
        examples: All that is left.
        history: Trace ids of what letters and journals gave.
    """
    counts = count_sorts([example for example in examples if example.trace_id not in history])
    read_off = [example for example in examples if example.trace_id in history]
    room = len(examples) - len(read_off)
    if not read_off or not room:
        return Filtered(list(examples), {}, "nothing but history" if read_off else "no history")
    waiting: dict[str, list[Example]] = defaultdict(list)
    for example in sorted(read_off, key=lambda each: content_hash([each.trace_id])):
        waiting[rarest_sort(example, counts)].append(example)
    rarest = [(counts[sort], sort) for sort in waiting]
    heapq.heapify(rarest)
    taken = set[str]()
    while rarest and len(taken) < room:
        taught, sort = heapq.heappop(rarest)
        taken.add(waiting[sort].pop().trace_id)
        if waiting[sort]:
            heapq.heappush(rarest, (taught + 1, sort))
    dropped = {each.trace_id: f"more history than {room} conversations" for each in read_off if each.trace_id not in taken}
    return Filtered([example for example in examples if example.trace_id not in dropped], dropped)
