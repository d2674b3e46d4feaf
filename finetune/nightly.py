"""A night, step by step: traces in, a release out. Every step is kept under a hash of its inputs, so that a killed night
goes on where it was and a repeated one does nothing."""

import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from agents.caller import Steps
from agents.home import Home
from agents.learned import AGAIN, learned_by
from agents.parts import (
    ADAPTER_FOLDER,
    ADAPTER_GGUF,
    FILES,
    PICKER,
    REPORT,
    is_whole,
    list_files,
    load_caller,
    release_id,
    take_place,
    write_parts,
)
from agents.picker import Picker
from agents.reviewer import Reviewer
from agents.serving import BASE, CHAMPION, Loaded, Loader, open_engine
from agents.writer import Writer
from core.bases import Base
from core.chat import FORMAT_HASH
from core.errors import ModelError, NotFound, TrainingError
from core.types.case import Case, cases_of
from core.types.example import Example
from core.types.release import Release, ReleaseStatus
from core.types.tool import Toolset
from core.types.value import content_hash
from core.whole import write_whole
from evals.failures import count_failures
from evals.gate import Verdict, judge
from evals.golden_now import golden_now, left_out_warning
from evals.report import ShownCall, write_report
from evals.slices import slice_of
from evals.suite import Examination, Predictor, examine
from evals.words_of_now import InWordsOfNow
from finetune.audit_sample import Audit, AuditSample
from finetune.barred import Barred, barred_for
from finetune.curate.mostly_peoples import most_unconfirmed
from finetune.curation import Curator, infer_table, ways_of
from finetune.dataset import freeze
from finetune.fit import (
    PICKER_JOINED,
    PickerFold,
    Remembering,
    cross_fit_pickers,
    fit_apart,
    fit_picker,
    fit_reviewer,
    judge_drafts,
    picker_folds,
)
from finetune.join import Joiner
from finetune.kept import kept_in_mind
from finetune.lessons import prepare_lessons, write_lessons
from finetune.night_order import NightOrder, NightResult
from finetune.order import RESULT, Order, TrainingConfig
from finetune.plan import Plan, measured_speed, plan, plan_around, remember_speed
from finetune.progress import Progress
from finetune.same_weights import PROGRAM, same_weights_of
from finetune.split import Parts, shuffled_clusters, split
from finetune.start import Start, new_traces, start_of
from finetune.training import train_in_child
from tools.kinds import KindTable
from tools.marks import AT_NIGHT, Marker

BASE_EXAM_ROWS = 40
EXAM_CASES = 250
_DONE = "done"
_OF_FOLDS = "[0-9]*.safetensors"
"""Pickers that saw all folds but one; needed until the parts of a release are there."""
_GONE_BACK = "somebody went back from this very release: only a person promotes it again (`nightschool releases promote`)"
_NIGHT_LASTS = timedelta(days=2)
"""What was begun longer ago was given up."""


def run_night(home: Home, order: NightOrder, progress: Progress) -> NightResult:
    """Harvest, curate, split, train, fit, examine, judge, release.

    Raises:
        NotFound: No such toolset, base or traces.
        TrainingError: Training failed; nothing was registered.
        StoreError: Another night of this toolset is running.
    """
    started = time.monotonic()
    with home.jobs.hold("night", order.toolset, home.principal):
        night = Night(home, order, progress)
        night.curate()
        night.prepare()
        night.train()
        night.fit()
        if not night.serves():
            night.examine()
            night.release()
        return night.result(started)


class Night:
    """One night's work in the order of its methods."""

    def __init__(self, home: Home, order: NightOrder, progress: Progress) -> None:
        self._home, self._order, self._progress = home, order, progress
        self._unloadable: tuple[str, ...] = ()
        self._outdated: tuple[str, ...] = ()
        self._toolset: Toolset = home.registry.get(order.toolset)
        self._base: Base = home.bases.get(order.base)

    def curate(self) -> None:
        """Traces to a frozen, split dataset; the night's folder is named by everything that shapes the result."""
        self._progress.step("harvest and curate")
        order = self._order
        golden = self._golden()
        barred = barred_for(self._home, order.toolset) if order.exam is None else Barred()
        curated = self._curator().curate(barred) if order.filtered else self._curator().harvested()
        examples, self._dropped = curated.examples, curated.dropped
        if not examples and not self._dropped:
            raise NotFound(
                f"toolset {order.toolset!r} has no traces that teach: `nightschool traces import {order.toolset} FILE`"
            )
        self._plan: Plan = self._planned(examples)
        traces = frozenset(example.trace_id for example in examples)
        new = new_traces(self._home, order.toolset, traces) if order.continued else frozenset()
        doubtful = curated.unconfirmed if order.filtered else frozenset[str]()
        examples, left = _sample(examples, self._plan.conversations, order.seed, new, doubtful)
        self._against = self._champion_of(examples)
        met = learned_by(self._home, self._home.releases.get(self._against)) if self._against else frozenset[str]()
        self._same = same_weights_of(self._home, self._toolset, order.base) if order.same_weights else None
        self._parts: Parts = (
            split(examples, order.seed, not golden, with_reserved=not order.continued, met=met)
            if self._same is None
            else self._same.parts(examples, order.seed, not golden, met)
        )
        used = len(self._parts.training) + len(self._parts.exam)
        self._left_out = self._plan.left_out + len(examples) - used
        examined = {example.cluster for example in self._parts.exam}
        known = [example for example in left if example.trace_id not in new and example.cluster not in examined]
        self._kept = kept_in_mind(known) if order.continued else []
        if not self._parts.writer:
            raise TrainingError(
                f"toolset {order.toolset!r}: the writer part is empty: no conversation is left, {len(self._dropped)} were dropped"
                f" ({_commonest(self._dropped)})"
            )
        self._start = self._start_of()
        self._table = self._table_of(self._parts.training)
        confirmed = [example for example in self._parts.exam if example.trace_id not in curated.unconfirmed]
        cases = list(golden) or [case for example in confirmed for case in cases_of(example, self._toolset)]
        self._cases: list[Case] = cases[:EXAM_CASES] if order.exam is None else cases
        self._folder = self._folder_of_nights() / self._key()
        self._dataset = freeze(self._parts, curated, self._toolset, self._folder / "dataset")
        self._progress.update(1, 1, f"{self._plan}; {len(self._dropped)} dropped")

    def _golden(self) -> Sequence[Case]:
        """The cases that decide, as they are asked now: those handed in, else the gate's half of the golden set."""
        if self._order.exam is not None:
            return self._order.exam
        found = golden_now(self._home, self._order.toolset, "gate")
        self._outdated = (left_out_warning(self._order.toolset, found.left_out),) if found.left_out else ()
        return found.cases

    def _champion_of(self, examples: Sequence[Example]) -> str:
        """The champion when a night on these very examples began, empty where there was none: what it has learned is no exam of a
        release that is to replace it. Gone on with or repeated later the night is the same."""
        order = self._order
        made_of = [order.toolset, order.base, order.seed, order.continued, [example.id for example in examples]]
        made_of += [PROGRAM] if order.same_weights else []
        file = self._folder_of_nights() / f"against-{content_hash(made_of)}.txt"
        if not file.is_file():
            releases = self._home.releases
            write_whole(file, releases.champion(order.toolset).id if releases.history(order.toolset) else "")
        return file.read_text()

    @cached_property
    def _embedder(self) -> Remembering:
        return Remembering(self._home.embedder)

    def _curator(self) -> Curator:
        return Curator(self._home, self._toolset, lambda: self._embedder, self._order.seed, self._progress, self._day())

    def _day(self) -> date:
        """The day, in UTC, on which a night of this toolset began that has no release yet: gone on with later it is the same."""
        today, begun = datetime.now(UTC).date(), self._begun()
        if begun is not None and today - begun <= _NIGHT_LASTS:
            return begun
        self._folder_of_nights()
        write_whole(self._begun_file(), today.isoformat())
        return today

    def _begun(self) -> date | None:
        """What the night that has no release yet wrote down; None where nothing, or no date, is there."""
        try:
            return date.fromisoformat(self._begun_file().read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _begun_file(self) -> Path:
        return self._home.nights / f"{self._order.toolset}.begun"

    def _table_of(self, training: Sequence[Example]) -> KindTable:
        if self._same is not None:
            return self._same.table_of(self._toolset, training)
        return self._start.table if self._start is not None else infer_table(self._toolset, training)

    def _start_of(self) -> Start | None:
        if not self._order.continued:
            return self._same
        traces = frozenset(example.trace_id for example in self._parts.training)
        return start_of(self._home, self._toolset, self._order.base, traces)

    def prepare(self) -> None:
        """Pickers, and lessons that hold their picks."""
        folder = self._folder / "lessons"
        fitted = (self._folder / "parts" / _DONE).is_file() or any(folder.glob(_OF_FOLDS))
        if (folder / _DONE).is_file() and fitted:
            return
        self._progress.step("fit the picker")
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        marker, embedder = Marker(self._toolset, self._table, AT_NIGHT), self._embedder
        training, joiner = self._parts.training, self._joiner(PICKER_JOINED)
        trained_on = self._start if self._same is None else None
        start = trained_on.picker(self._toolset, marker, embedder) if trained_on is not None else None
        cross_fitted = self._fit_folds(marker, joiner, start)
        for number, fold in enumerate(cross_fitted):
            fold.picker.save(folder / f"{number}.safetensors")
        fit_picker(self._toolset, training, joiner.join(training), marker, embedder, start, self._kept).save(folder / PICKER)
        if self._same is None:
            self._write_lessons(cross_fitted)
        (folder / _DONE).touch()

    def _fit_folds(self, marker: Marker, joiner: Joiner, start: Picker | None) -> list[PickerFold]:
        """Pickers that have not seen what they speak of: all rows in turn, or those alone that judge weights which are kept."""
        training, embedder = self._parts.training, self._embedder
        if self._same is not None:
            return [fit_apart(self._toolset, training, fold, joiner, marker, embedder) for fold in self._folds()]
        return cross_fit_pickers(
            self._toolset, training, joiner, marker, embedder, self._order.seed, self._progress.update, start, self._kept
        )

    def _folds(self) -> list[list[Example]]:
        if self._same is not None:
            return [list(self._parts.reserved)] if self._parts.reserved else []
        return picker_folds(self._parts.training, self._order.seed)

    def _write_lessons(self, cross_fitted: Sequence[PickerFold]) -> None:
        for part, share in (("writer", self._config().joined), ("stop", 0.0)):
            examples = getattr(self._parts, part)
            lessons = prepare_lessons(self._toolset, examples, cross_fitted, self._joiner(share))
            write_lessons(lessons, self._folder / "lessons" / f"{part}.jsonl")

    def _joiner(self, share: float) -> Joiner:
        """Makes rows of two wishes, as a share of the rows; none where the order wants none."""
        return Joiner(self._toolset, self._table, share if self._order.joins else 0.0, self._order.seed)

    def train(self) -> None:
        """The adapter, in a child process or on another machine; or the one that is kept."""
        if self._same is not None:
            self._training = self._same.copy_training(self._folder / "training")
            return
        self._progress.step("prepare the base")
        base = self._home.bases.ready_to_train(self._order.base, lambda note: self._progress.update(0, 1, note))
        assert base.folder is not None  # ready_to_train made it
        self._progress.step("train")
        order = Order(
            base=base.folder.absolute(),
            start=Path("..") / self._start.copy_adapter(self._folder) if self._start is not None else None,
            lessons=Path("../lessons/writer.jsonl"),
            stop=Path("../lessons/stop.jsonl"),
            toolset=self._toolset,
            table=self._table,
            config=self._config(),
            threads=self._home.settings.threads,
        )
        elsewhere, trains = self._home.settings.train_elsewhere, not (self._folder / "training" / RESULT).is_file()
        self._training = train_in_child(order, self._folder / "training", self._training_progress, elsewhere)
        if trains and not elsewhere and self._training["tokens"] > 2000 and self._training["tokens_per_s"] > 0:
            remember_speed(self._folder_of_nights(), self._order.base, self._training["tokens_per_s"])

    def fit(self) -> None:
        """The reviewer; then everything of a release in one folder."""
        folder = self._folder / "parts"
        if (folder / _DONE).is_file():
            return
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        marker = Marker(self._toolset, self._table, AT_NIGHT)
        reviewer = self._fit_reviewer(marker) if self._parts.reserved and self._order.reviewer else None
        write_parts(folder, self._toolset, self._table, self._load_picker(PICKER, marker), reviewer)
        if self._start is not None and reviewer is None:
            self._start.copy_reviewer(folder)
        shutil.copytree(self._folder / "training" / "adapter", folder / ADAPTER_FOLDER)
        shutil.copy(self._folder / "training" / ADAPTER_GGUF, folder / ADAPTER_GGUF)
        shutil.copy(self._folder / "dataset" / "manifest.json", folder / "dataset.json")
        (folder / _DONE).touch()

    def _fit_reviewer(self, marker: Marker) -> Reviewer | None:
        """On drafts of rows the writer never saw."""
        self._progress.step("fit the reviewer")
        cross_fitted = [
            PickerFold(tuple(fold), self._load_picker(f"{number}.safetensors", marker))
            for number, fold in enumerate(self._folds())
        ]
        engine = self._open_engine()
        try:
            judged = judge_drafts(
                self._toolset,
                self._table,
                Writer(engine, self._toolset, self._table, marker),
                cross_fitted,
                self._parts.reserved,
                self._order.seed,
                self._folder / "judged.jsonl",
                self._progress.update,
            )
        finally:
            engine.close()
        return fit_reviewer(judged)

    def serves(self) -> bool:
        """Whether the champion is this very night's release: it is no exam for itself, and what was found of it then holds."""
        identity = self._place()
        if not self._is_champion(identity):
            return False
        self._release = self._home.releases.get(identity)
        manifest = (self._folder / "dataset" / "manifest.json").read_text()
        write_whole(self._home.releases.path(identity) / AGAIN, manifest)
        return True

    def _is_champion(self, identity: str) -> bool:
        return self._home.releases.history(self._toolset.name)[-1:] == [identity]

    def examine(self) -> None:
        """Candidate and reference (champion, else the untrained base) on the exam."""
        self._progress.step(f"examine on {len(self._cases)} cases")
        engine = self._open_engine()
        try:
            caller = load_caller(self._folder / "parts", engine, self._home.embedder, Steps())
            self._candidate = self._examined("candidate", self._cases, caller)
        finally:
            engine.close()
        reference = self._load_reference()
        name = BASE if self._against_base else CHAMPION
        cases = self._cases[:BASE_EXAM_ROWS] if self._against_base else self._cases
        self._progress.step(f"examine the {name} on {len(cases)} cases")
        try:
            champion = "" if self._against_base else reference.release_id
            ways = ways_of(self._home, self._toolset.name)
            words = InWordsOfNow(reference, reference.toolset, self._toolset, ways)
            self._reference = self._examined(f"reference-{name}{champion}", cases, words)
        finally:
            reference.close()

    def _load_reference(self) -> Loaded:
        """The champion; the untrained base where there is none, or none that this version can load: a night is to mend that."""
        loader = Loader(self._home)
        self._against_base = not self._home.releases.history(self._order.toolset)
        if not self._against_base:
            try:
                return loader.load(self._order.toolset, CHAMPION, base=self._order.base)
            except ModelError as error:
                self._unloadable = (f"compared with the untrained base: the champion cannot be loaded: {error}",)
                self._against_base = True
        return loader.load(self._order.toolset, BASE, base=self._order.base)

    def release(self) -> None:
        """Judge, register, promote, report."""
        reference = self._reference.scores
        slices = [slice_of(case) for case in self._cases[: len(reference)]]
        verdict = judge(self._candidate.scores[: len(reference)], reference, self._against_base, slices)
        identity = self._place()
        gone_back = self._home.releases.was_rolled_back(self._toolset.name, identity)
        warnings = (*verdict.warnings, *self._unloadable, *self._outdated, *((_GONE_BACK,) if gone_back else ()))
        verdict = verdict.model_copy(update={"warnings": warnings})
        self._release = self._register(identity, verdict)
        if verdict.passed and self._order.promote and not gone_back:
            self._home.releases.promote(identity, self._home.principal, "gate")
        self._report(verdict)

    @cached_property
    def _audit(self) -> Audit:
        traces = self._home.traces.all(self._toolset.name)
        return AuditSample(self._home.database, self._home.settings.tenant).estimate(traces, self._toolset)

    def result(self, started: float) -> NightResult:
        """What came of the night, which is over."""
        self._begun_file().unlink(missing_ok=True)
        self._leave_tidy()
        release = self._release
        return NightResult(
            release=release.id,
            promoted=self._is_champion(release.id),
            passed=release.status == "passed",
            reason=release.exam["gate"],
            warnings=release.warnings,
            report=str(self._home.releases.path(release.id) / REPORT),
            seconds=round(time.monotonic() - started, 1),
            rows=release.rows,
            exam=release.exam,
            plan=str(self._plan),
            folder=str(self._folder),
            audit=self._audit,
        )

    def _leave_tidy(self) -> None:
        """Let go of what only an unfinished night needs, most of what it fills a disk with: checkpoints, pickers of folds."""
        for checkpoint in (self._folder / "training").glob("checkpoint-*"):
            shutil.rmtree(checkpoint, ignore_errors=True)
        for picker in (self._folder / "lessons").glob(_OF_FOLDS):
            picker.unlink(missing_ok=True)

    def _place(self) -> str:
        """Put the release's files in their place, named by their content; one that was damaged there is put right."""
        files = list_files(self._folder / "parts")
        del files[_DONE]
        identity = release_id(files)
        target = self._home.releases.path(identity)
        if not is_whole(target):
            staging = target.with_name(f".{identity}")
            shutil.rmtree(staging, ignore_errors=True)
            shutil.copytree(self._folder / "parts", staging, ignore=shutil.ignore_patterns(_DONE))
            (staging / FILES).write_text(json.dumps(files, indent=1))
            take_place(staging, target)
        return identity

    def _register(self, identity: str, verdict: Verdict) -> Release:
        status: ReleaseStatus = "passed" if verdict.passed else "refused"
        reference = BASE if self._against_base else CHAMPION
        release = Release(
            id=identity,
            toolset=self._toolset.name,
            toolset_version=self._toolset.version,
            schema_hashes=self._toolset.schema_hashes,
            base=self._order.base,
            format_hash=FORMAT_HASH,
            dataset=self._dataset,
            start=self._start.release if self._start is not None else None,
            seed=self._order.seed,
            status=status,
            warnings=verdict.warnings,
            rows={
                "writer": len(self._parts.writer),
                "stop": len(self._parts.stop),
                "reserved": len(self._parts.reserved),
                "exam": len(self._cases),
                "dropped": len(self._dropped),
                "left_out": self._left_out,
            },
            exam={
                "candidate": self._candidate.summary.to_json(),
                reference: self._reference.summary.to_json(),
                "gate": verdict.reason,
            },
            training={**self._training, "config": self._config().model_dump(), "order": self._asked()},
            principal=self._home.principal,
        )
        self._home.releases.add(release)
        return release

    def _asked(self) -> dict[str, Any]:
        """The order as the record has it: an exam handed in is counted."""
        order = self._order.model_dump(mode="json", exclude={"exam"})
        return {**order, "exam": len(self._order.exam) if self._order.exam is not None else None, "against": self._against}

    def _report(self, verdict: Verdict) -> None:
        release = self._release
        reference = BASE if self._against_base else CHAMPION
        answered = list(zip(self._cases, self._candidate.predictions, strict=True))
        write_report(
            self._home.releases.path(release.id) / REPORT,
            title=f"{self._toolset.name}: release {release.id}",
            summaries={"this release": self._candidate.summary, reference: self._reference.summary},
            facts={
                "gate": ("passed: " if verdict.passed else "refused: ") + verdict.reason,
                "plan": str(self._plan),
                "audit sample": str(self._audit),
                "base": release.base,
                "dataset": release.dataset,
                "seed": str(release.seed),
                "training": f"{self._training['tokens']:,} tokens in {self._training['seconds'] / 60:.1f} minutes",
            },
            examples=[ShownCall(case=case, prediction=prediction) for case, prediction in answered[:5]],
            losses=_read_losses(self._folder / "training" / "progress.jsonl"),
            scores_by_name={"this release": self._candidate.scores},
            failures={"this release": count_failures(self._cases, self._candidate.predictions, self._toolset)},
        )

    def _examined(self, name: str, cases: Sequence[Case], predictor: Predictor) -> Examination:
        """Examine, or read what an earlier run of this night found."""
        file = self._folder / f"{name}.json"
        if file.is_file():
            return Examination.model_validate_json(file.read_text())
        examined = examine(cases, predictor, self._toolset, self._progress.update)
        write_whole(file, examined.model_dump_json())
        return examined

    def _load_picker(self, name: str, marker: Marker) -> Picker:
        return Picker.load(self._folder / "lessons" / name, self._toolset, marker, self._home.embedder)

    def _open_engine(self) -> Any:
        training = self._folder / "training"
        if self._base.gguf is not None:
            return open_engine(self._home, self._base, training / ADAPTER_GGUF)
        from agents.engines.transformers import TransformersEngine

        assert self._base.folder is not None  # a base without GGUF has a folder
        return TransformersEngine(self._base.folder, training / "adapter")

    def _training_progress(self, line: dict[str, Any]) -> None:
        loss = line.get("loss") or line.get("eval_loss")
        self._progress.update(line.get("step", 0), line.get("steps", 1), f"loss {float(loss):.3f}" if loss is not None else "")

    def _planned(self, examples: Sequence[Example]) -> Plan:
        """The plan, made once: the speed a night measures must not change that very night when it goes on."""
        order = self._order
        if order.same_weights:
            return plan_around(examples, order.limits)
        shaped_by = [self._toolset.version, order.base, order.seed, order.limits.model_dump(), order.continued]
        key = content_hash([*shaped_by, [example.id for example in examples]])
        file = self._folder_of_nights() / f"plan-{key}.json"
        if not file.is_file():
            speed = measured_speed(self._folder_of_nights(), order.base)
            write_whole(file, plan(examples, order.limits, speed, with_reviewer=not order.continued).model_dump_json())
        return Plan.model_validate_json(file.read_text())

    def _config(self) -> TrainingConfig:
        if self._same is not None:
            return self._same.config
        order = self._order
        config = TrainingConfig(
            epochs=self._plan.epochs,
            seed=order.seed,
            learning_rate=order.learning_rate or self._base.learning_rate,
            swaps=order.swaps,
        )
        asked: dict[str, Any] = {} if order.rank is None else {"rank": order.rank}
        asked = asked if self._start is None else self._start.scale
        return config.model_copy(update=asked if order.joins else {**asked, "joined": 0.0})

    def _folder_of_nights(self) -> Path:
        self._home.nights.mkdir(parents=True, exist_ok=True)
        return self._home.nights

    def _key(self) -> str:
        examples = {part: [e.id for e in getattr(self._parts, part)] for part in ("writer", "stop", "reserved", "exam")}
        cases = [case.model_dump(mode="json") for case in self._cases]
        config = self._config().model_dump()
        made_of = [self._toolset.version, self._order.base, FORMAT_HASH, examples, cases, config]
        made_of += [] if self._order.reviewer else ["no reviewer"]
        made_of += [PROGRAM] if self._same is not None else []
        kept = [example.id for example in self._kept]
        return content_hash([*made_of, self._start.release, kept] if self._start is not None else made_of)


def _sample(
    examples: Sequence[Example], wanted: int, seed: int, first: frozenset[str], doubtful: frozenset[str]
) -> tuple[list[Example], list[Example]]:
    """So many examples by chance, those of the traces in `first` before others, of `doubtful` ones no more than may be among so
    many; and the ones that are left."""
    if wanted >= len(examples):
        return list(examples), []
    drawn = [example for group in shuffled_clusters(examples, seed) for example in group]
    drawn.sort(key=lambda example: example.trace_id not in first)
    surplus = [example for example in drawn if example.trace_id in doubtful][most_unconfirmed(wanted) :]
    passed_over = {example.trace_id for example in surplus}
    drawn.sort(key=lambda example: example.trace_id in passed_over)
    return drawn[:wanted], drawn[wanted:]


def _commonest(dropped: dict[str, str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in Counter(dropped.values()).most_common(3))


def _read_losses(file: Path) -> list[dict[str, Any]]:
    """The training's record; of steps done again after an interruption, the last time."""
    if not file.is_file():
        raise TrainingError(f"{file}: the training left no record")
    lines = [json.loads(line) for line in file.read_text().splitlines() if line]
    return list({(line.get("step"), *sorted(line)): line for line in lines}.values())
