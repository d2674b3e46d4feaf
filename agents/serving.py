"""Serving: loads releases by name, keeps their engines, and swaps a champion without a failed request."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from agents.caller import Caller, Steps
from agents.engines.engine import Engine
from agents.home import Home
from agents.parts import ADAPTER_FOLDER, ADAPTER_GGUF, check_files, load_caller
from agents.second import SecondOpinion
from agents.untrained import UntrainedCaller
from core.bases import Base
from core.chat import FORMAT_HASH
from core.errors import ModelError, NotFound
from core.types.message import Message
from core.types.prediction import Prediction
from core.types.release import Release
from core.types.tool import Toolset

BASE = "base"
CHAMPION = "champion"


class Predictor(Protocol):
    """Anything that decides the next step."""

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide what to do next."""
        ...


class Loaded:
    """A predictor with the engine it runs on."""

    def __init__(self, release_id: str, toolset: Toolset, predictor: Predictor, engine: Engine) -> None:
        self.release_id, self.toolset = release_id, toolset
        self._predictor, self._engine = predictor, engine

    def predict(self, messages: Sequence[Message]) -> Prediction:
        """Decide what to do next."""
        return self._predictor.predict(messages)

    def close(self) -> None:
        """Free the engine."""
        self._engine.close()


class Loader:
    """Makes predictors from names: `champion`, `base`, or a release id."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def load(self, toolset_name: str, release: str = CHAMPION, steps: Steps | None = None, base: str = "small") -> Loaded:
        """Load a predictor.

        Raises:
            NotFound: No such toolset or release, a release of another toolset, or no champion yet.
            ModelError: A model file is missing or corrupted.
        """
        if release == BASE:
            toolset = self._home.registry.get(toolset_name)
            engine = open_bare_engine(self._home, self._home.bases.get(base))
            return Loaded(BASE, toolset, UntrainedCaller(engine, toolset), engine)
        found = self._home.releases.champion(toolset_name) if release == CHAMPION else self._home.releases.get(release)
        if found.toolset != toolset_name:
            raise NotFound(f"release {found.id!r} is not of toolset {toolset_name!r}; `nightschool releases list` shows its own")
        if found.format_hash != FORMAT_HASH:
            raise ModelError(f"release {found.id} learned another text format than this version writes: run the night again")
        folder = self._home.releases.path(found.id)
        check_files(folder)
        engine = open_release_engine(self._home, found.base, found.id)
        try:
            caller = load_caller(folder, engine, self._home.embedder, steps or Steps())
            second = self._second(found, steps or Steps())
        except ModelError:
            engine.close()
            raise
        predictor = SecondOpinion(caller.toolset, caller, second) if second else caller
        return Loaded(found.id, caller.toolset, predictor, engine)

    def _second(self, first: Release, steps: Steps) -> Caller | None:
        """The newest passed release on the base configured for second opinions, if there is one."""
        base = self._home.settings.second_base
        if base is None or base == first.base or not steps.second:
            return None
        released = self._home.releases.all(first.toolset)
        passed = [r for r in released if r.base == base and r.status == "passed" and r.format_hash == FORMAT_HASH]
        if not passed:
            return None
        engine = open_release_engine(self._home, base, passed[-1].id)
        return load_caller(self._home.releases.path(passed[-1].id), engine, self._home.embedder, steps)


def open_release_engine(home: Home, base_name: str, release_id: str) -> Engine:
    """The engine a release is served by: a remote server where one is configured, llama.cpp where the base has a GGUF."""
    if home.settings.remote_url:
        from agents.engines.remote import RemoteEngine

        secret = home.settings.remote_key
        key = secret.get_secret_value() if secret else "none"
        return RemoteEngine(home.settings.remote_url, release_id, key, home.settings.remote_dialect)
    base = home.bases.get(base_name)
    folder = home.releases.path(release_id)
    if base.gguf is not None:
        return open_engine(home, base, folder / ADAPTER_GGUF)
    from agents.engines.transformers import TransformersEngine

    assert base.folder is not None  # a base without GGUF has a folder
    return TransformersEngine(base.folder, folder / ADAPTER_FOLDER)


def open_bare_engine(home: Home, base: Base) -> Engine:
    """The untrained base; its prompt holds all schemas, so the context is wide."""
    if base.gguf is not None:
        return open_engine(home, base, None, context=8192)
    from agents.engines.transformers import TransformersEngine

    assert base.folder is not None  # a base without GGUF has a folder
    return TransformersEngine(base.folder)


def open_engine(home: Home, base: Base, adapter: Path | None, context: int = 4096) -> Engine:
    """llama.cpp on a base, with an adapter file or none; merged, which is faster, where there is room for the merged file.

    Raises:
        ModelError: The base has no GGUF.
    """
    from agents.engines.llamacpp import LlamaCppEngine

    if base.gguf is None:
        raise ModelError(f"base {base.name} has no GGUF file for llama.cpp")
    threads = home.settings.engine_threads
    merged = home.merged.get(base.source, adapter) if adapter and base.source else None
    return LlamaCppEngine(merged, None, context, threads) if merged else LlamaCppEngine(base.gguf, adapter, context, threads)


class Fleet:
    """The callers of a serving process: loaded once, swapped when a new champion is promoted.

    Of each toolset the champion is kept, and the one other release that was named last: whoever may ask could otherwise fill
    the memory by naming every release there is.
    """

    def __init__(self, home: Home) -> None:
        self._home, self._loader = home, Loader(home)
        self._loaded: dict[tuple[str, str], Loaded] = {}
        self._lock = threading.Lock()

    def get(self, toolset: str, release: str | None) -> Loaded:
        """The caller for a toolset; its champion unless a release is named.

        Raises:
            NotFound: No such toolset or release, a release of another toolset, or no champion yet.
            ModelError: A model file is missing or corrupted.
        """
        champion = self._home.releases.history(toolset)[-1:]
        release_id = self._home.releases.champion(toolset).id if release is None or release == CHAMPION else release
        with self._lock:
            found = self._loaded.get((toolset, release_id))
            if found is None:
                found = self._loader.load(toolset, release_id)
                # What is dropped from the table is freed once the requests that hold it have finished on it.
                kept = (key for key in self._loaded if key[0] != toolset or key[1] in champion)
                self._loaded = {**{key: self._loaded[key] for key in kept}, (toolset, release_id): found}
        return found
