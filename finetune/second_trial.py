"""What a second opinion is worth: two bases, each with a night on the same rows, asked about the same part held out.

Asked about all of it, the nights are those of `nightschool bench erp`: what that has measured under the same folder is not done
again.
"""

import json
from pathlib import Path
from typing import Any

from core.settings import Settings
from core.whole import write_whole
from evals.opinions import compare_opinions
from finetune.benchmark import Benchmark, exam_of, folds_of
from finetune.progress import Progress


def run_second(
    benchmark: Benchmark,
    data: Path,
    out: Path,
    settings: Settings,
    bases: tuple[str, str],
    cases: int | None,
    progress: Progress,
) -> dict[str, Any]:
    """Measure; safe to interrupt and repeat.

    Args:
        benchmark: What to measure on.
        data: Folder of the data set.
        out: Where homes and figures go.
        settings: Model files and threads are taken from here.
        bases: The first base, and the one that gives the second opinion.
        cases: How many of a fold's held-out steps are asked; None for all, whose nights are those of `bench erp`.
        progress: Told of every step.

    Returns:
        Both alone and together, fold by fold.

    Raises:
        NotFound: A file of the data set is missing; names it.
    """
    first, second = bases
    runs = []
    for fold in folds_of(benchmark, data, cases):
        examined = []
        for base in bases:
            progress.step(f"{base}: seed {fold.seed}, fold {fold.number + 1} of {benchmark.folds_run}")
            home = fold.home(out / fold.named(f"{benchmark.name}-{base}"), settings)
            examined.append(exam_of(fold.night(home, base, None, progress)))
            home.database.dispose()
        found = compare_opinions(fold.cases, examined[0], examined[1], fold.toolset)
        alone = {base: one.summary.to_json() for base, one in zip(bases, examined, strict=True)}
        runs.append({"seed": fold.seed, "fold": fold.number, **found.model_dump(mode="json"), "alone": alone})
    document = {"benchmark": benchmark.name, "first": first, "second": second, "cases": cases, "runs": runs}
    write_whole(out / f"{benchmark.name}-{first}-{second}.json", json.dumps(document, indent=1))
    return document
