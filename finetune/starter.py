"""From nothing: the first toolset, one night, and a table that says what the night was worth."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from agents.caller import Steps
from agents.home import Home
from agents.parts import load_kinds
from agents.serving import Loader
from core.chat import render_calls
from core.types.case import Case
from core.types.prediction import Prediction
from core.types.principal import IMPORTER
from core.types.tool import Toolset, read_toolset
from evals.golden import ERP
from evals.golden_sets import add_golden, golden_cases
from evals.intervals import paired_difference
from evals.nearest import NearestRow
from evals.report import ShownCall, write_report
from evals.suite import Examination, examine
from finetune.dataset import thaw
from finetune.night_order import NightOrder, NightResult
from finetune.nightly import BASE_EXAM_ROWS, run_night
from finetune.plan import Limits
from finetune.progress import Progress
from tools.erp import starter
from tools.importers.jsonl import read_traces

TOOLSET = "erp"
CONVERSATIONS, TRAINING_TOKENS = 600, 105_000
FULL_MINUTES = 55.0
PRICE_PER_HOUR_USD = 0.08
"""What a two-core machine costs by the hour at a cheap host; the cost column is latency times this."""
WRITER_ALONE = Steps(mentions=False, picker=False, reviewer=False)
SHOWN = 5
_SAME_AS_NIGHT = {"base": "reference-base", "whole caller": "candidate"}
"""Columns the night's own examination has measured already."""


def run_starter(home: Home, full: bool, progress: Progress) -> dict[str, Any]:
    """Set up, train one night, compare; safe to interrupt and repeat.

    Returns:
        The document written to `demo.json`.
    """
    started = time.monotonic()
    toolset = _set_up(home, progress)
    limits = Limits(minutes=FULL_MINUTES) if full else Limits(conversations=CONVERSATIONS, tokens=TRAINING_TOKENS)
    night = run_night(home, NightOrder(toolset=TOOLSET, limits=limits), progress)
    cases = golden_cases(home.folder, TOOLSET)
    columns = _compare(home, toolset, night, cases, progress)
    document = _document(home, toolset, night, cases, columns)
    document["seconds"] = round(time.monotonic() - started, 1)
    document["report"] = str(_write_report(home, night, cases, columns, document))
    (home.settings.home / "demo.json").write_text(json.dumps(document, indent=1, ensure_ascii=False))
    return document


def _set_up(home: Home, progress: Progress) -> Toolset:
    progress.step("toolset, traces, golden set")
    tools, vocabulary = (json.loads(file.read_text()) for file in (starter.TOOLS, starter.VOCABULARY))
    toolset = read_toolset(TOOLSET, tools, vocabulary)
    home.registry.add(toolset)
    principal = IMPORTER.model_copy(update={"tenant": home.settings.tenant})
    traces, report = read_traces(starter.CONVERSATIONS, toolset, principal)
    added = home.traces.add(traces)
    golden = add_golden(home.folder, toolset, ERP)
    progress.update(1, 1, f"{report.rows} conversations ({added} new), {golden} golden requests")
    return toolset


def _compare(
    home: Home, toolset: Toolset, night: NightResult, cases: Sequence[Case], progress: Progress
) -> dict[str, Examination]:
    """Base and writer alone (on fewer rows), nearest row and whole caller (on all): golden requests."""
    folder = home.settings.home / "demo" / night.release
    folder.mkdir(parents=True, exist_ok=True)
    loader = Loader(home)

    def kept(name: str, rows: Sequence[Case], make: Any) -> Examination:
        file = folder / f"{name}.json"
        examined = Path(night.folder) / f"{_SAME_AS_NIGHT.get(name, name)}.json"
        if examined.is_file():
            return Examination.model_validate_json(examined.read_text())
        if not file.is_file():
            progress.step(f"{name} on {len(rows)} golden requests")
            predictor = make()
            file.write_text(examine(rows, predictor, toolset, progress.update).model_dump_json())
            if hasattr(predictor, "close"):
                predictor.close()
        return Examination.model_validate_json(file.read_text())

    def nearest() -> NearestRow:
        release = home.releases.path(night.release)
        table = load_kinds(release)
        return NearestRow(toolset, table, thaw(Path(night.folder) / "dataset").training, home.embedder)

    return {
        "base": kept("base", cases[:BASE_EXAM_ROWS], lambda: loader.load(TOOLSET, "base")),
        "nearest row": kept("nearest row", cases, nearest),
        "writer alone": kept("writer alone", cases[:BASE_EXAM_ROWS], lambda: loader.load(TOOLSET, night.release, WRITER_ALONE)),
        "whole caller": kept("whole caller", cases, lambda: loader.load(TOOLSET, night.release)),
    }


def _document(
    home: Home, toolset: Toolset, night: NightResult, cases: Sequence[Case], columns: dict[str, Examination]
) -> dict[str, Any]:
    base, whole = columns["base"], columns["whole caller"]
    lift = paired_difference(
        [s.exact for s in whole.scores[: len(base.scores)]], [s.exact for s in base.scores], [s.cluster for s in base.scores]
    )
    training = home.releases.get(night.release).training
    tokenizer = Tokenizer.from_file(str(home.bases.ready_to_train("small").folder / "tokenizer.json"))  # type: ignore[operator]
    return {
        "release": night.release,
        "promoted": night.promoted,
        "gate": night.reason,
        "rows": night.rows,
        "plan": night.plan,
        "training_minutes": round(training["seconds"] / 60, 2),
        "training_tokens": training["tokens"],
        "night_seconds": night.seconds,
        "lift_points": round(100 * lift.difference, 1),
        "lift_interval": [round(100 * lift.low, 1), round(100 * lift.high, 1)],
        "lift_n": lift.n,
        "columns": {name: _column(toolset, exam, tokenizer) for name, exam in columns.items()},
        "calls": [_shown(case, prediction) for case, prediction in zip(cases[:SHOWN], whole.predictions, strict=False)],
    }


def _column(toolset: Toolset, exam: Examination, tokenizer: Tokenizer) -> dict[str, Any]:
    calls = [p.tool_calls for p in exam.predictions if p is not None and p.tool_calls]
    tokens = [len(tokenizer.encode(render_calls(toolset, step), add_special_tokens=False).ids) / len(step) for step in calls]
    summary = exam.summary
    mean_s = sum(p.latency_ms for p in exam.predictions if p is not None) / 1000 / max(1, len(exam.predictions))
    return {
        **summary.to_json(),
        "tokens_per_call": round(sum(tokens) / len(tokens), 1) if tokens else None,
        "usd_per_1000_calls": round(mean_s / 3600 * PRICE_PER_HOUR_USD * 1000, 4),
    }


def _shown(case: Case, prediction: Prediction | None) -> dict[str, Any]:
    return {
        "user": next((m.content for m in reversed(case.messages) if m.role == "user"), ""),
        "expected": {"outcome": case.outcome, "calls": [c.model_dump(include={"name", "arguments"}) for c in case.expected]},
        "predicted": prediction.to_row() if prediction else None,
    }


def _write_report(
    home: Home, night: NightResult, cases: Sequence[Case], columns: dict[str, Examination], document: dict[str, Any]
) -> Path:
    whole = columns["whole caller"]
    losses = (Path(night.folder) / "training" / "progress.jsonl").read_text().splitlines()
    return write_report(
        home.settings.home / "report.html",
        title="Nightschool: fourteen ERP tools, one night",
        summaries={name: exam.summary for name, exam in columns.items()},
        facts={
            "release": night.release,
            "plan": night.plan,
            "training": f"{document['training_tokens']:,} tokens in {document['training_minutes']} minutes",
            "lift over base": f"{document['lift_points']} points {document['lift_interval']} on {document['lift_n']} rows",
        },
        examples=[ShownCall(case=c, prediction=p) for c, p in list(zip(cases, whole.predictions, strict=True))[:SHOWN]],
        losses=[json.loads(line) for line in losses],
        scores_by_name={name: exam.scores for name, exam in columns.items()},
    )
