"""`nightschool bench`: the measurements the documentation quotes."""

import json
import random
import tempfile
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.home import Home
from agents.serving import CHAMPION
from api.cli.output import AsJson, Bars, LearningRate, Rank, open_home, show
from core.errors import BadInput
from core.settings import Settings
from core.types.message import Message
from evals.agreement import compare_engines
from evals.golden import HANDBOOK
from evals.golden_sets import golden_cases
from evals.handbook import DEPTHS, compare, fused_recall, questions
from evals.personal import measure_personal
from finetune.augment_trial import run_augment
from finetune.benchmark import BENCHMARKS, run_benchmark
from finetune.fast_nights import NightsOrder, run_nights
from finetune.harvest import harvest
from finetune.history_trial import HistoryOrder, run_history
from finetune.loop import FIRST_NIGHT, LoopOrder, run_loop
from finetune.price_change import measure_prices
from finetune.second_trial import run_second
from finetune.trace_trials import SCENARIOS, TrialOrder, run_trials
from retrieval.asked import Asked
from retrieval.store import KnowledgeStore
from tools.erp.company import HANDBOOK_PAGES, QUESTIONS

app = typer.Typer(help="Benchmarks: resumable, long.", no_args_is_help=True)
_Data = Annotated[Path, typer.Option(help="Folder of the data set.")]
_Out = Annotated[Path, typer.Option(help="Where homes and figures go.")]


def _command(name: str) -> Any:
    def run(
        data: _Data,
        out: _Out = Path(".bench"),
        base: Annotated[str, typer.Option(help="Base model.")] = "small",
        limit: Annotated[int | None, typer.Option(min=10, help="At most so many training conversations.")] = None,
        seed: Annotated[list[int] | None, typer.Option(help="Seeds, instead of the usual ones.")] = None,
        folds: Annotated[int | None, typer.Option(min=1, help="Run only the first so many folds.")] = None,
        as_json: AsJson = False,
    ) -> None:
        benchmark = BENCHMARKS[name]
        update: dict[str, Any] = {"seeds": tuple(seed)} if seed else {}
        if folds is not None:
            update["folds_run"] = min(folds, benchmark.folds)
        with Bars() as bars:
            document = run_benchmark(benchmark.model_copy(update=update), data, out.resolve(), Settings(), base, limit, bars)
        show(document, _text(document), as_json)

    run.__doc__ = f"Measure on held-out parts of the {name} data set; an interrupted run goes on."
    return run


for _name in BENCHMARKS:
    app.command(_name)(_command(_name))


@app.command("second")
def second(
    data: _Data,
    out: _Out = Path(".bench"),
    base: Annotated[str, typer.Option(help="Base that is asked first.")] = "small",
    other: Annotated[str, typer.Option(help="Base that gives the second opinion.")] = "large",
    seed: Annotated[list[int] | None, typer.Option(help="Seeds, instead of 0.")] = None,
    cases: Annotated[int | None, typer.Option(min=1, help="How many held-out steps are asked; default all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure how often two bases agree on held-out rows of the erp data set, and how right they are then; it goes on."""
    benchmark = BENCHMARKS["erp"].model_copy(update={"seeds": tuple(seed or [0])})
    with Bars() as bars:
        document = run_second(benchmark, data, out.resolve(), Settings(), (base, other), cases, bars)
    lines = []
    for run in document["runs"]:
        lines.append(f"seed {run['seed']}, n={run['n']}")
        for name, label in _OF_OPINIONS.items():
            lines.append(f"  {label:<34} {_interval(run[name])}")
        lines.append(f"  wrong writes per 100 where they agree  {run['wrong_writes_where_agree']}")
        for name, one in run["alone"].items():
            surest = ", ".join(f"{found['share']:.0%} {found['exact']['rate']:.3f}" for found in one["risk_coverage"])
            lines.append(f"  {name}: exact among the surest {surest}; p50 {one['latency_p50_ms']:.0f} ms")
    show(document, "\n".join(lines), as_json)


_OF_OPINIONS = {
    "first": "exact, the first alone",
    "second": "exact, the second alone",
    "either": "either exact",
    "agree": "agree",
    "agree_on_writes": "agree, where the first writes",
    "exact_where_agree": "exact where they agree",
    "exact_where_differ": "exact where they differ, the first",
}


def _interval(found: dict[str, Any] | None) -> str:
    """A rate with its interval; a dash where there were no rows."""
    return f"{found['rate']:.3f} [{found['low']:.3f}, {found['high']:.3f}]  n={found['n']}" if found else "-"


def _points(gap: dict[str, Any]) -> str:
    """A difference with its interval, in points."""
    return f"{100 * gap['difference']:+.1f} [{100 * gap['low']:+.1f}, {100 * gap['high']:+.1f}]"


_Scenarios = Annotated[int | None, typer.Option(min=1, help="Golden scenarios; default all of the report's half.")]
_Release = Annotated[str, typer.Option(help="A release id, or champion.")]


@app.command("loop")
def loop(
    out: _Out = Path(".bench/loop"),
    rows: Annotated[int, typer.Option(min=50, help="Conversations to train on before the day.")] = 1600,
    day: Annotated[int, typer.Option(min=10, help="Conversations of the day.")] = 800,
    epochs: Annotated[float | None, typer.Option(min=0.1, help="Of every night; default as the planner says.")] = None,
    rank: Rank = None,
    learning_rate: LearningRate = None,
    scenarios: _Scenarios = None,
    first_drafts: Annotated[bool, typer.Option("--first-drafts", help="Judge by first drafts, in a third of the time.")] = False,
    seed: Annotated[int, typer.Option(help="Of parts, operator and nights.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure what a harvested day is worth over training rows alone, and over itself shuffled; an interrupted run goes on."""
    order = LoopOrder(
        rows=rows,
        day=day,
        epochs=epochs,
        rank=rank,
        learning_rate=learning_rate,
        scenarios=scenarios,
        first_drafts=first_drafts,
        seed=seed,
    )
    with Bars() as bars:
        document = run_loop(out.resolve(), Settings(), order, bars)
    lines = [f"{name:<24} end state {_interval(found)}"
             for name, found in document["end_state"].items()]  # fmt: skip
    lines += [f"{name} less training rows alone: {100 * gap['difference']:+.1f} points"
              f" [{100 * gap['low']:+.1f}, {100 * gap['high']:+.1f}]" for name, gap in document["lift"].items()]  # fmt: skip
    lines.append("of the day's steps: " + ", ".join(f"{count} {name}" for name, count in document["day"].items()))
    show(document, "\n".join(lines), as_json)


def _first_night(
    rows: int, epochs: float | None, rank: int | None, learning_rate: float | None, scenarios: int | None, seed: int
) -> LoopOrder:
    asked = {"rows": rows, "epochs": epochs, "rank": rank, "learning_rate": learning_rate, "scenarios": scenarios, "seed": seed}
    return FIRST_NIGHT.model_copy(update=asked)


@app.command("nights")
def nights(
    out: _Out = Path(".bench/nights"),
    count: Annotated[int, typer.Option("-n", "--nights", min=1, help="How many nights.")] = 60,
    a_day: Annotated[int, typer.Option(min=1, help="Conversations a day.")] = 40,
    rows: Annotated[int, typer.Option(min=50, help="Conversations to train on before the first day.")] = 1600,
    epochs: Annotated[float | None, typer.Option(min=0.1, help="Of the first night; default as the planner says.")] = None,
    rank: Rank = None,
    learning_rate: LearningRate = None,
    scenarios: _Scenarios = None,
    straight: Annotated[bool, typer.Option("--straight", help="Learn the harvest as it is, to compare with.")] = False,
    seed: Annotated[int, typer.Option(help="Of parts, operator and nights.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Live through many days and fast nights with an operator who overlooks errors; an interrupted run goes on."""
    first = _first_night(rows, epochs, rank, learning_rate, scenarios, seed)
    with Bars() as bars:
        order = NightsOrder(nights=count, a_day=a_day, loop=first, curated=not straight)
        document = run_nights(out.resolve(), Settings(), order, bars)
    lines = [
        f"night {one['night']:>3}: {one['taught']} steps taught, {one['wrong']} of them wrong;"
        f" entropy {one['entropy']:.2f} of {one['true_entropy']:.2f} bits"
        for one in document["nights"]
    ]
    for name in ("before", "after", "difference"):
        found = document[name]
        middle = found.get("rate", found.get("difference"))
        lines.append(f"{name:<10} {middle:+.3f} [{found['low']:+.3f}, {found['high']:+.3f}]  n={found['n']}")
    show(document, "\n".join([*lines, f"entropy kept, at least: {document['least_entropy_kept']:.3f}"]), as_json)


@app.command("history")
def history(
    out: _Out = Path(".bench/history"),
    pairs: Annotated[int, typer.Option(min=1, help="At most so many.")] = 2000,
    rows: Annotated[int, typer.Option(min=50, help="Conversations to train on besides.")] = 1600,
    epochs: Annotated[float | None, typer.Option(min=0.1, help="Of both nights; default as the planner says.")] = None,
    rank: Rank = None,
    learning_rate: LearningRate = None,
    scenarios: _Scenarios = None,
    count_only: Annotated[bool, typer.Option("--count-only", help="Count right pairs, and train nothing.")] = False,
    seed: Annotated[int, typer.Option(help="Of parts, history and nights.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure pairs of letters and journal entries: how many are right, and what they are worth over training rows alone."""
    first = _first_night(rows, epochs, rank, learning_rate, scenarios, seed)
    with Bars() as bars:
        order = HistoryOrder(pairs=pairs, trained=not count_only, loop=first)
        document = run_history(out.resolve(), Settings(), order, bars)
    show(document, json.dumps(document, indent=1), as_json)


@app.command("augment")
def augment(
    out: _Out = Path(".bench/augment"),
    rows: Annotated[int, typer.Option(min=50, help="Conversations to train on.")] = 1600,
    epochs: Annotated[float | None, typer.Option(min=0.1, help="Of every night; default as the planner says.")] = None,
    rank: Rank = None,
    learning_rate: LearningRate = None,
    scenarios: _Scenarios = None,
    seed: Annotated[int, typer.Option(help="Of parts and nights.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure what other values in rows and joined rows are worth, each alone and both; an interrupted run goes on."""
    with Bars() as bars:
        order = _first_night(rows, epochs, rank, learning_rate, scenarios, seed)
        document = run_augment(out.resolve(), Settings(), order, bars)
    lines = []
    for name, found in document["end_state"].items():
        gap = document["lift"].get(name)
        adds = f"  {_points(gap)}" if gap else ""
        lines.append(f"{name:<18} end state {_interval(found)}{adds}")
    show(document, "\n".join(lines), as_json)


@app.command("traces")
def traces(
    data: _Data,
    out: _Out = Path(".bench/traces"),
    seed: Annotated[list[int] | None, typer.Option(help="Seeds, instead of 0, 1 and 2.")] = None,
    scenario: Annotated[list[str] | None, typer.Option(help="Of these only: " + ", ".join(SCENARIOS) + ".")] = None,
    epochs: Annotated[float, typer.Option(min=0.1, help="Of every night; more than four are more than 300 steps.")] = 4.0,
    as_json: AsJson = False,
) -> None:
    """Measure what curation is worth on the iot data set as the wild leaves it; an interrupted run goes on."""
    if unknown := set(scenario or ()) - set(SCENARIOS):
        raise BadInput(f"no scenario {sorted(unknown)[0]!r}; there are {', '.join(SCENARIOS)}")
    order = TrialOrder(epochs=epochs, seeds=tuple(seed or (0, 1, 2)), scenarios=tuple(scenario or SCENARIOS))
    with Bars() as bars:
        document = run_trials(data, out.resolve(), Settings(), order, bars)
    lines = []
    for name, ways in document["exact"].items():
        for way, found in ways.items():
            gap = document["against clean"].get(name, {}).get(way)
            against = f"  {_points(gap)}" if gap else ""
            lines.append(f"{name:<24} {way:<8} {_interval(found)}{against}")
    show(document, "\n".join(lines), as_json)


@app.command("knowledge")
def knowledge(
    folder: Annotated[Path, typer.Option("--pages", help="Pages to look up in.")] = HANDBOOK_PAGES,
    file: Annotated[Path, typer.Option("--questions", help="JSON Lines of question, document and passage.")] = HANDBOOK,
    before: Annotated[Path, typer.Option("--asked", help="Questions answered before, in the same form.")] = QUESTIONS,
    as_json: AsJson = False,
) -> None:
    """Count how often the passage that answers a question is among the first: with other people's questions answered before,
    without them, by BM25 alone, by MiniLM alone."""
    encoder = open_home().embedder
    with tempfile.TemporaryDirectory() as place, Bars() as bars:
        home = Home(Settings(home=Path(place), artefacts=Settings().artefact_folder))
        bars.step("read pages")
        home.knowledge.add_folder(folder, bars.update)
        asked = questions(file)
        bars.step(f"look up {len(asked)} questions")
        store = KnowledgeStore(home.database, home.settings.tenant)
        found = compare(asked, home.knowledge, store, encoder)
        earlier = [Asked(one.question, one.document, one.passage) for one in questions(before)]
        home.knowledge.learn(earlier, home.principal)
        found = {f"with {len(earlier)} asked": fused_recall(asked, home.knowledge), **found}
        home.knowledge.close()
        home.database.dispose()
    lines = ["              passage@1     @5    @10   page@1     @5    @10"]
    for name, result in found.items():
        cells = [f"{rates[depth].rate:6.3f}" for rates in (result.passage, result.document) for depth in DEPTHS]
        lines.append(f"{name:<14} " + " ".join(cells))
    document = {"n": len(asked), **{name: result.model_dump(mode="json") for name, result in found.items()}}
    show(document, "\n".join([*lines, f"n = {len(asked)}"]), as_json)


@app.command("latency")
def latency(
    toolset: str,
    release: _Release = CHAMPION,
    count: Annotated[int, typer.Option("-n", min=1, help="How many requests.")] = 120,
    as_json: AsJson = False,
) -> None:
    """Time requests over HTTP: with further drafts where the first is doubtful, and with the first draft only."""
    from api.latency import measure_latency

    home = open_home()
    with Bars() as bars:
        bars.step("requests over HTTP")
        document = measure_latency(home, toolset, release, _prompts(home, toolset, count), bars.update)
    show(document, json.dumps(document, indent=1), as_json)


@app.command("turns")
def turns(release: _Release = CHAMPION, as_json: AsJson = False) -> None:
    """Time whole turns of the company's agent over HTTP: reads, and tasks that end in an invoice."""
    from api.turn_latency import measure_turns

    with Bars() as bars:
        bars.step("turns over HTTP")
        document = measure_turns(open_home(), release, bars.update)
    show(document, json.dumps(document, indent=1), as_json)


@app.command("engines")
def engines(
    toolset: str,
    release: _Release = CHAMPION,
    count: Annotated[int, typer.Option("-n", min=1, help="How many prompts.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Compare llama.cpp in process with transformers and with a remote llama.cpp server: the same steps?"""
    home = open_home()
    with Bars() as bars:
        bars.step("the same prompts on every engine")
        compared = compare_engines(home, toolset, release, _prompts(home, toolset, count), bars.update)
    document = {name: entry.model_dump(mode="json") for name, entry in compared.items()}
    show(document, json.dumps(document, indent=1, ensure_ascii=False), as_json)


@app.command("prices")
def prices(
    toolset: str,
    release: _Release = CHAMPION,
    conversations: Annotated[int, typer.Option(min=1, help="At most so many.")] = 300,
    as_json: AsJson = False,
) -> None:
    """Change what results say in stored conversations, learned ones too: does a release copy that, or remember what was?"""
    home = open_home()
    with Bars() as bars:
        bars.step("conversations with other prices")
        found = measure_prices(home, toolset, release, conversations, bars.update)
    text = [
        f"{name:<12} {one.rate:.4f} [{one.low:.4f}, {one.high:.4f}]  n={one.n}"
        for name, one in (("as of now", found.now), ("stale", found.stale))
    ]
    show(found.model_dump(mode="json"), "\n".join(text), as_json)


@app.command("personal")
def personal(
    toolset: str,
    count: Annotated[int, typer.Option("-n", min=5, help="How many pieces of personal data to make.")] = 2500,
    conversations: Annotated[int, typer.Option(min=1, help="At most so many conversations.")] = 3000,
    as_json: AsJson = False,
) -> None:
    """Count how much personal data is found before anything leaves the house, and how much is hidden without need."""
    home = open_home()
    traces = list(islice(home.traces.all(toolset), conversations))
    found = measure_personal(home.registry.get(toolset), traces, count)
    rates = {"made by form": found.structured, **found.by_form, "known names": found.names, "other arguments": found.touched}
    rates["said word for word"] = found.still_fit
    lines = [f"{name:<20} {one.rate:.4f} [{one.low:.4f}, {one.high:.4f}]  n={one.n}" for name, one in rates.items()]
    show(found.model_dump(mode="json"), "\n".join(lines), as_json)


def _prompts(home: Home, toolset: str, count: int) -> list[tuple[Message, ...]]:
    """Golden requests first, then steps of stored traces, drawn with a fixed seed."""
    golden = [case.messages for case in golden_cases(home.folder, toolset)]
    examples = harvest(home.traces.all(toolset))
    stored = [example.messages[: step.position] for example in examples for step in example.steps]
    random.Random(0).shuffle(stored)
    return [*golden, *stored][:count]


def _text(document: dict[str, Any]) -> str:
    lines = [f"{'':<18} {'exact':<24} {'asks right':<12} surest 60 %: exact, wrong writes per 100   p50/p95 ms"]
    for name, row in document["pooled"].items():
        exact, asks = row["exact"], row["asks_right"]
        surest = next(r for r in row["risk_coverage"] if r["share"] == 0.6)
        figures = f"{exact['rate']:.3f} [{exact['low']:.3f}, {exact['high']:.3f}]"
        asked = f"{asks['rate']:.2f}" if asks else "–"
        sure = f"{surest['exact']['rate']:.3f}, {surest['wrong_writes_per_100']:.2f}"
        latency = f"{row['latency_p50_ms']:.0f}/{row['latency_p95_ms']:.0f}"
        lines.append(f"{name:<18} {figures:<24} {asked:<12} {sure:<44} {latency}   n={row['n']}")
        if "without_ignored" in row:
            inner = row["without_ignored"]
            lines.append(f"{'  of these, tasks':<18} {inner['exact']['rate']:.3f}  n={inner['n']}")
    lines.extend(f"failed: {name} {count}" for name, count in document["pooled"]["whole caller"]["failures"].items() if count)
    return "\n".join(lines)
