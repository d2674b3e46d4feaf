"""The last scene: a release with part of its weights lost stands before the gate, and is refused."""

import json
import shutil
from collections.abc import Sequence

from safetensors.numpy import load_file, save_file

from agents.caller import FIRST_DRAFTS
from agents.parts import ADAPTER_FOLDER, FILES, list_files, release_id
from agents.serving import Loader
from api.tour.scene import Line
from api.tour.stage import Stage
from core.types.case import Case
from evals.gate import MIN_CASES, judge
from evals.golden_scenarios import golden_scenarios, only_step
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
    """How a release does, by its first drafts."""
    loaded = Loader(stage.home).load(stage.release.toolset, release, FIRST_DRAFTS)
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
    wanted = [golden.scenario for golden in golden_scenarios("gate") if golden.scenario.sort == "one step"]
    return [only_step(scenario) for scenario in wanted[:MIN_CASES]]
