"""The last scene: a release with part of its weights lost stands before the gate, and is refused."""

import json
import shutil
from collections.abc import Sequence

from safetensors.numpy import load_file, save_file

from agents.caller import Steps
from agents.parts import ADAPTER_FOLDER, FILES, list_files, release_id
from agents.serving import Loader
from api.tour.scene import Line
from api.tour.stage import Stage
from core.types.case import Case, read_case
from evals.gate import MIN_CASES, judge
from evals.golden_scenarios import golden_scenarios
from evals.scorers.exact import Score
from evals.slices import slice_of
from evals.suite import examine
from finetune.archive import derive

_LOST_LAYERS = range(10, 20)


def refuse_a_worse_release(stage: Stage, lines: list[Line]) -> bool:
    """Zero some layers of the champion's adapter, examine both on the same cases, and let the gate judge."""
    worse = _with_layers_lost(stage)
    lines.append(Line(who="note", text=f"A copy of the champion loses layers {_LOST_LAYERS.start} to {_LOST_LAYERS.stop - 1}"))
    cases = _cases()
    reference, candidate = (_scores(stage, release, cases) for release in (stage.release.id, worse))
    verdict = judge(candidate, reference, against_base=False, slices=[slice_of(case) for case in cases])
    status = "passed" if verdict.passed else "refused"
    lines.append(Line(who="note", text=f"{status}: {verdict.reason}"))
    champion = stage.home.releases.champion(stage.release.toolset).id
    return not verdict.passed and "lost most" in verdict.reason and champion == stage.release.id


def _scores(stage: Stage, release: str, cases: Sequence[Case]) -> Sequence[Score]:
    """How a release does, by its first drafts, which takes half the time."""
    loaded = Loader(stage.home).load(stage.release.toolset, release, Steps(sure=0.0))
    try:
        return examine(cases, loaded, loaded.toolset).scores
    finally:
        loaded.close()


def _with_layers_lost(stage: Stage) -> str:
    """A release of its own, not promoted; its id."""
    releases = stage.home.releases
    target = releases.folder / "staging"
    shutil.copytree(releases.path(stage.release.id), target)
    weights = target / ADAPTER_FOLDER / "adapter_model.safetensors"
    lost = [f".layers.{layer}." for layer in _LOST_LAYERS]
    tensors = {n: v * 0 if any(layer in n for layer in lost) else v for n, v in load_file(weights).items()}
    save_file(tensors, weights, metadata={"format": "pt"})
    derive(stage.home, stage.release.base, target)
    (target / FILES).unlink()
    files = list_files(target)
    (target / FILES).write_text(json.dumps(files))
    identity = release_id(files)
    target.replace(releases.path(identity))
    releases.add(stage.release.model_copy(update={"id": identity, "status": "refused"}))
    return identity


def _cases() -> list[Case]:
    """As many golden requests that want one step of calls as the gate needs to decide."""
    scenarios = [golden.scenario for golden in golden_scenarios("gate")]
    wanted = [(turns[0].user, turns[1].calls) for turns in (one.turns for one in scenarios if one.is_one_step) if turns[1].calls]
    rows = [{"messages": [{"role": "user", "content": said}], "expected": list(calls or ())} for said, calls in wanted]
    return [read_case(row) for row in rows[:MIN_CASES]]
