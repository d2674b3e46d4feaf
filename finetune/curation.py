"""From traces to the examples a night may learn from: harvest, one filter after another, clusters."""

import json
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from agents.home import Home
from agents.learned import learned_by
from agents.picker import Picker, TextEmbedder
from core.types.example import Example
from core.types.release import Release
from core.types.tool import Toolset
from core.types.trace import HISTORY, Trace
from core.types.value import Value, content_hash
from core.whole import write_whole
from finetune.audit_sample import AuditSample
from finetune.barred import Barred
from finetune.cluster import cluster
from finetune.curate.balanced import balanced
from finetune.curate.capped import capped
from finetune.curate.conflicts import IMPORTED, PUT_RIGHT, TAUGHT, agreed
from finetune.curate.decontaminate import decontaminated
from finetune.curate.disputed import FEWEST_STEPS, disputes, undisputed
from finetune.curate.duplicates import exact_duplicates
from finetune.curate.filled_in import filled_in
from finetune.curate.filtered import Filtered
from finetune.curate.grounded import grounded
from finetune.curate.mostly_peoples import mostly_peoples
from finetune.curate.near_duplicates import near_duplicates
from finetune.curate.overlooked import LEAST, believed, corrections, doubts, let_be
from finetune.curate.prefixes import whole_threads
from finetune.curate.schema import schema_valid
from finetune.curate.stood import stood
from finetune.curate.up_to_date import up_to_date
from finetune.curate.with_original import with_original
from finetune.fates import fates_of
from finetune.fit import PICKER_JOINED, fit_picker
from finetune.harvest import harvest
from finetune.join import Joiner
from finetune.progress import Progress
from finetune.start import Start
from finetune.survivors import Survivors, survivors
from tools.choices import with_said_choices
from tools.habits import with_habits
from tools.kinds import KindTable, infer_kinds
from tools.marks import AT_NIGHT, Marker
from tools.migration import Edges, edges_between, way_to_now

Filter = Callable[[list[Example]], Filtered]


class Passed(Value):
    """One filter's work."""

    filter: str
    """Its name."""
    before: int
    """Examples that came to it."""
    dropped: int
    """Examples it left out."""
    not_applicable: str
    """What it lacked to judge; empty where it judged."""

    def __str__(self) -> str:
        told = f"not applicable: {self.not_applicable}" if self.not_applicable else f"{self.dropped} left out"
        return f"{self.filter:<24} {self.before:>7}  {told}"


class Curated(NamedTuple):
    """What may teach, and what may not."""

    examples: list[Example]
    """In the order their traces came, with clusters."""
    dropped: dict[str, str]
    """Reason by trace id."""
    passed: list[Passed]
    """Filter by filter, in their order."""
    harvested: list[Example]
    """What came to the first filter."""
    unconfirmed: frozenset[str]
    """Trace ids of what a teacher says and no person does: it may teach, and examines nothing."""


class Curator:
    """Curates the traces of one toolset."""

    def __init__(
        self,
        home: Home,
        toolset: Toolset,
        embedder: Callable[[], TextEmbedder],
        seed: int,
        progress: Progress,
        today: date | None = None,
    ) -> None:
        """`embedder` gives the sentence encoder, which is loaded only where something has to be told; `today` see `fates_of`."""
        self._home, self._toolset, self._embedder = home, toolset, embedder
        self._seed, self._progress, self._today = seed, progress, today

    def curate(self, barred: Barred) -> Curated:
        """All that teaches, less what a filter leaves out."""
        return self._sift(self._survivors(), barred, with_models=True)

    def inspect(self, barred: Barred) -> Curated:
        """The same without a model, in seconds: what was let be by mistake, and what others do otherwise, stays in."""
        return self._sift(self._survivors(), barred, with_models=False)

    def harvested(self) -> Curated:
        """All that teaches, as it is: what curation is compared with."""
        traces = self._survivors().traces
        examples = harvest(traces)
        return Curated(cluster(examples), {}, [], examples, _taught(traces))

    @cached_property
    def _ways(self) -> Edges:
        return ways_of(self._home, self._toolset.name)

    def _survivors(self) -> Survivors:
        """All traces, or as many of every sort as the filters have time for."""
        home, name = self._home, self._toolset.name
        present = frozenset(self._toolset.schema_hashes.values())
        known = {schema: way_to_now(schema, present, self._ways) is not None for schema in (*present, *self._ways)}
        return survivors(home.traces, name, lambda schema: known.get(schema, False), self._seed)

    def _sift(self, seen: Survivors, barred: Barred, with_models: bool) -> Curated:
        traces = seen.traces
        hashes = {trace.id: trace.schema_hashes for trace in traces}
        audited = AuditSample(self._home.database, self._home.settings.tenant).found_wrong(self._toolset.name)
        fates = audited | fates_of(self._home, traces, self._today)
        put_right = dict.fromkeys(trace.id for trace in traces if trace.is_correction)
        people = {t.id: t.principal.subject_key for t in traces if t.is_of_the_day and not t.is_correction}
        imported = (trace.id for trace in traces if not trace.is_of_the_day and not trace.is_taught)
        trust = dict.fromkeys(imported, IMPORTED) | dict.fromkeys(put_right, PUT_RIGHT)
        history = {trace.id for trace in traces if trace.source == HISTORY}
        taught = _taught(traces)
        trust |= dict.fromkeys(taught, TAUGHT)
        rewords = {trace.id: original for trace in traces if (original := trace.rewords) is not None}
        filters: dict[str, Filter] = {
            "schema of now": lambda rows: up_to_date(rows, hashes, self._toolset, self._ways),
            "stood": lambda rows: stood(rows, fates),
            "fits its schema": lambda rows: schema_valid(rows, self._toolset),
            "agreed": lambda rows: agreed(rows, trust),
            "exact duplicates": exact_duplicates,
            "whole threads": whole_threads,
            "unlike golden requests": lambda rows: decontaminated(rows, barred.conversations, barred.traces),
            "believed": (lambda rows: self._believed(rows, traces)) if with_models else _left_for_the_night,
            "said by somebody": lambda rows: grounded(rows, self._toolset, people, put_right),
            "undisputed": (lambda rows: self._undisputed(rows, people, put_right)) if with_models else _left_for_the_night,
            "beside its original": lambda rows: with_original(rows, rewords),
            "near-duplicates": lambda rows: near_duplicates(rows, put_right.keys()),
            "not one person's": lambda rows: capped(rows, people),
            "not one sort's": lambda rows: balanced(rows, put_right.keys() | taught),
            "history fills in": lambda rows: filled_in(rows, history),
            "mostly people's": lambda rows: mostly_peoples(rows, taught),
        }
        left_aside = Passed(filter="room", before=seen.accepted, dropped=seen.stale + seen.crowded_out, not_applicable="")
        harvested, dropped, passed = harvest(traces), dict[str, str](), [left_aside]
        examples = harvested
        for name, keep in filters.items():
            kept, left_out, lacked = keep(examples)
            passed.append(Passed(filter=name, before=len(examples), dropped=len(left_out), not_applicable=lacked))
            examples = kept
            dropped.update(left_out)
        return Curated(cluster(examples), dropped, passed, harvested, taught)

    def _believed(self, examples: list[Example], traces: Sequence[Trace]) -> Filtered:
        """Without what people let be by mistake, as far as that can be told; told once, as it takes a picker."""
        put_right = corrections([trace for trace in traces if self._is_of_now(trace)])
        refused, doubtful = [correction.refused for correction in put_right.values()], let_be(examples, traces, put_right)
        if min(len(refused), len(doubtful)) < LEAST:
            return Filtered(examples, {}, f"fewer than {LEAST} turns put right, or let be")
        start = self._release_without(doubtful.keys() | put_right.keys())
        known = [] if start else _imported(examples, traces)
        if not start and len(known) < LEAST:
            return Filtered(examples, {}, "no picker that has not seen them")
        asked = [example for example in examples if example.trace_id in doubtful]
        made_of = [self._toolset.version, sorted(put_right), start and start.id, self._seed]
        told = f"which of {len(doubtful)} turns let be to believe, after {len(refused)} put right"
        found = self._once(
            f"doubts-{content_hash([*made_of, [example.id for example in (*asked, *known)]])}",
            told,
            lambda: doubts(
                examples, doubtful, refused, self._load_picker(start) if start else self._fit_picker(known), self._toolset
            ),
        )
        return believed(examples, found)

    def _undisputed(self, examples: list[Example], people: Mapping[str, str], put_right: Mapping[str, object]) -> Filtered:
        """Without what is done otherwise after like words, as far as that can be told; told once, as it takes minutes of many."""
        if sum(len(example.steps) for example in examples) < FEWEST_STEPS:  # the encoder is not loaded for so few
            return undisputed(examples, None)
        made_of = [self._toolset.version, self._seed, sorted(people.items()), sorted(put_right)]
        found = self._once(
            f"disputes-{content_hash([*made_of, [example.id for example in examples]])}",
            f"which of {len(examples)} conversations others contradict",
            lambda: disputes(examples, people, put_right, self._embedder(), self._seed),
        )
        return undisputed(examples, found)

    def _once(self, name: str, told: str, find: Callable[[], Any]) -> Any:
        """What is found, or what an earlier run of this night found."""
        file = self._home.nights / f"{name}.json"
        if not file.is_file():
            self._progress.update(0, 1, told)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, json.dumps(find()))
        return json.loads(file.read_text())

    def _is_of_now(self, trace: Trace) -> bool:
        """Whether what it calls is called by the schemas there are: what it did can be compared with what is done now."""
        now, then = self._toolset.schema_hashes, trace.schema_hashes
        called = {call.name for message in trace.messages for call in message.tool_calls}
        return all(then.get(name, now.get(name)) == now.get(name) for name in called)

    def _release_without(self, doubtful: Set[str]) -> Release | None:
        """The latest release, from the champion back to what it was trained on from, that has learned none of these traces."""
        releases, name = self._home.releases, self._toolset.name
        known: dict[str | None, Release] = {release.id: release for release in releases.all(name)}
        release = releases.champion(name) if releases.history(name) else None
        while release is not None and learned_by(self._home, release) & doubtful:
            release = known.pop(release.start, None)
        same_tools = release is not None and release.schema_hashes == self._toolset.schema_hashes
        return release if same_tools else None

    def _load_picker(self, release: Release) -> Picker:
        start = Start(self._home, release.id)
        return start.picker(self._toolset, Marker(self._toolset, start.table, AT_NIGHT), self._embedder())

    def _fit_picker(self, known: Sequence[Example]) -> Picker:
        table = infer_table(self._toolset, known)
        joiner = Joiner(self._toolset, table, PICKER_JOINED, self._seed)
        return fit_picker(self._toolset, known, joiner.join(known), Marker(self._toolset, table, AT_NIGHT), self._embedder())


def _taught(traces: Sequence[Trace]) -> frozenset[str]:
    return frozenset(trace.id for trace in traces if trace.is_taught)


def _left_for_the_night(examples: list[Example]) -> Filtered:
    return Filtered(examples, {}, "judged at night, with a model")


def ways_of(home: Home, toolset: str) -> Edges:
    """What leads from the schemas that the tools of a toolset had to those they have."""
    return edges_between(home.registry.versions(toolset), home.migrations.edges(toolset))


def infer_table(toolset: Toolset, examples: Sequence[Example]) -> KindTable:
    """Everything that is inferred of a toolset from examples: kinds, choices, habits."""
    return with_habits(toolset, with_said_choices(toolset, infer_kinds(toolset, examples), examples), examples)


def _imported(examples: Sequence[Example], traces: Sequence[Trace]) -> list[Example]:
    not_imported = {trace.id for trace in traces if trace.is_of_the_day or trace.is_taught}
    return [example for example in examples if example.trace_id not in not_imported]
