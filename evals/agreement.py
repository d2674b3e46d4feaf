"""Do engines agree? The same prompts under the same grammars, put to each, and how often they decide on the same step."""

import socket
from collections.abc import Callable, Mapping, Sequence

from agents.engines.engine import Engine
from agents.home import Home
from agents.offers import OfferFinder
from agents.parts import ADAPTER_FOLDER, ADAPTER_GGUF, PICKER, load_kinds, load_toolset
from agents.picker import Picker, pick_text
from agents.serving import CHAMPION, open_engine
from agents.writer import Writer
from core.chat import Picks, decide
from core.errors import ModelError
from core.types.message import Message
from core.types.prediction import Prediction
from core.types.tool import Toolset
from core.types.value import Value
from evals.intervals import Rate, rate
from tools.marks import Marker


class Disagreement(Value):
    """One prompt on which an engine decided otherwise than the first."""

    said: str
    """The last message."""
    first: str
    """What the first engine wrote."""
    other: str
    """What this one wrote."""


class Agreement(Value):
    """One engine against the first."""

    same: Rate
    """Share of prompts with the same step: outcome, calls and question."""
    same_text: Rate
    """Share of prompts answered in the same text."""
    disagreements: tuple[Disagreement, ...]
    """The prompts with another step."""


def agreement(
    conversations: Sequence[Sequence[Message]],
    toolset: Toolset,
    finder: OfferFinder,
    writers: Mapping[str, Writer],
    picks_of: Callable[[Sequence[Message]], Picks],
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Agreement]:
    """Compare every engine's greedy drafts with the first one's.

    Args:
        conversations: Prompts; each ends with the user's or a tool's message.
        toolset: What their calls are of.
        finder: Finds what the grammar offers.
        writers: By the engine's name, at least two; all of one release.
        picks_of: What the picker makes of a conversation, as the writers were taught to read it.
        on_progress: Called with prompts done and prompts in all.

    Returns:
        By name, for every writer but the first.
    """
    first, *others = writers
    same: dict[str, list[bool]] = {name: [] for name in others}
    same_text: dict[str, list[bool]] = {name: [] for name in others}
    differing: dict[str, list[Disagreement]] = {name: [] for name in others}
    for number, messages in enumerate(conversations):
        offers = finder.collect(messages)
        picks = picks_of(messages)
        drafts = {name: writer.draft(messages, offers, picks) for name, writer in writers.items()}
        steps = {name: _step(decide(toolset, draft.calls, 0.0, 0.0)) for name, draft in drafts.items()}
        for name in others:
            same[name].append(steps[name] == steps[first])
            same_text[name].append(drafts[name].text == drafts[first].text)
            if steps[name] != steps[first]:
                said = messages[-1].content
                differing[name].append(Disagreement(said=said, first=drafts[first].text, other=drafts[name].text))
        on_progress(number + 1, len(conversations))
    return {
        name: Agreement(
            same=rate(same[name], [None] * len(same[name])),
            same_text=rate(same_text[name], [None] * len(same_text[name])),
            disagreements=tuple(differing[name]),
        )
        for name in others
    }


def compare_engines(
    home: Home,
    toolset: str,
    release: str,
    conversations: Sequence[Sequence[Message]],
    on_progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Agreement]:
    """One release on llama.cpp in process, on transformers, and on a llama.cpp server spoken to as any remote one.

    Raises:
        NotFound: No such release.
        ModelError: Its base has no GGUF.
    """
    from agents.engines.llamacpp import open_server
    from agents.engines.remote import RemoteEngine
    from agents.engines.transformers import TransformersEngine

    found = home.releases.champion(toolset) if release == CHAMPION else home.releases.get(release)
    folder, base = home.releases.path(found.id), home.bases.ready_to_train(found.base)
    if base.source is None or base.folder is None:
        raise ModelError(f"base {base.name} has no GGUF file: llama.cpp cannot serve it")
    known = load_toolset(folder)
    table = load_kinds(folder)
    marker = Marker(known, table)
    picker = Picker.load(folder / PICKER, known, marker, home.embedder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    merged = home.merged.get(base.source, folder / ADAPTER_GGUF)
    if merged is None:
        raise ModelError(f"{home.settings.home}: no room for the merged model that the server is to serve")
    server = open_server(merged, 4096, home.settings.engine_threads, port)
    engines: dict[str, Engine] = {
        "llamacpp": open_engine(home, base, folder / ADAPTER_GGUF),
        "transformers": TransformersEngine(base.folder, folder / ADAPTER_FOLDER),
        "remote": RemoteEngine(f"{server.listening_address}/v1", found.id, "none"),
    }
    try:
        writers = {name: Writer(engine, known, table, marker) for name, engine in engines.items()}
        return agreement(
            conversations,
            known,
            OfferFinder(known, table),
            writers,
            lambda messages: {at: pick_text(known, pick) for at, pick in picker.pick_turns(messages).items()},
            on_progress,
        )
    finally:
        for engine in engines.values():
            engine.close()


def _step(prediction: Prediction) -> object:
    calls = [(call.name, call.arguments) for call in prediction.tool_calls]
    return prediction.outcome, calls, prediction.ask, prediction.query
