"""`nightschool erp exam`: a release at work in the sandbox company, judged by the state it leaves."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.desk import Decider
from agents.office import fitted_router
from agents.routed import RoutedCaller
from agents.serving import CHAMPION, Loader
from api.cli.output import AsJson, Bars, open_home, show
from api.cli.predict import read_steps
from core.errors import BadInput
from evals.golden_scenarios import GoldenScenario, golden_scenarios
from evals.graph_shift import graph_shifts
from evals.phrasings import consistency, rephrased
from evals.workday import Outcome, Workday, choose_threshold, held_back, risk_coverage, sum_up, work, work_in_shifts
from tools.erp.company.toolset import TOOLSET
from tools.erp.sandbox.seed.company import build_company


def exam(
    part: Annotated[str, typer.Option(help="gate, report or all.")] = "report",
    release: Annotated[str, typer.Option(help="A release id, champion or base.")] = CHAMPION,
    threshold: Annotated[float, typer.Option(min=0, max=1, help="Confidence below which a write goes to a person.")] = 0.0,
    most_wrong: Annotated[
        float | None, typer.Option(min=0, help="Choose the threshold on the gate's half: at most so many wrong writes in 1,000.")
    ] = None,
    phrasings: Annotated[bool, typer.Option("--phrasings", help="Sixty wishes in five people's words instead.")] = False,
    without: Annotated[str, typer.Option(help="Steps to switch off: mentions,picker,reviewer,second.")] = "",
    unrouted: Annotated[bool, typer.Option("--unrouted", help="Without the router, where one is fitted.")] = False,
    graph: Annotated[bool, typer.Option("--graph", help="Said to the whole agent, as people meet it.")] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many scenarios.")] = None,
    out: Annotated[Path | None, typer.Option(help="Where every outcome goes, as JSON Lines.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let a release work through golden scenarios in copies of the company, and judge the state it leaves."""
    if part not in ("gate", "report", "all"):
        raise BadInput(f"part {part!r}: expected gate, report or all")
    if most_wrong is not None and part != "report":
        raise BadInput(f"--most-wrong with part {part!r}: the threshold is chosen on the gate's half, so report the other")
    if graph and most_wrong is not None:
        raise BadInput("--graph with --most-wrong: choose the threshold without --graph, and say it with --threshold")
    home = open_home()
    loaded = Loader(home).load(TOOLSET, release, read_steps(without))
    router = None if unrouted else fitted_router(home, TOOLSET)
    caller = RoutedCaller(loaded, router) if router is not None else loaded
    chosen = (list(rephrased()) if phrasings else [g for g in golden_scenarios() if part in ("all", g.part)])[:limit]
    # A company of its own: in the home's people work, and an order that was billed there cannot be billed again here.
    with Bars() as bars, tempfile.TemporaryDirectory() as folder:
        company = Path(folder) / "company.sqlite"
        bars.step("eighteen months of business")
        build_company(company).close()
        if most_wrong is not None:
            half = golden_scenarios("gate")[:limit]
            gate = _at_work(caller, half, company, bars, "the gate's half")
            if out is not None:
                _write(out.with_name(f"{out.stem}-gate{out.suffix}"), half, gate)
            threshold = choose_threshold(gate, most_wrong)
        what = "phrasings" if phrasings else part
        if graph:
            bars.step(f"{caller.release_id} in the graph: {what}")
            with graph_shifts(home, loaded.toolset, loaded, router, threshold) as begin:
                free = work_in_shifts([golden.scenario for golden in chosen], begin, company, bars.update)
        else:
            free = _at_work(caller, chosen, company, bars, what)
    loaded.close()
    if out is not None:
        _write(out, chosen, free)
    document = {
        "release": loaded.release_id,
        "part": part,
        "routed": router is not None,
        "graph": graph,
        "threshold": threshold,
        **_figures(chosen, free, threshold, phrasings),
    }
    show(document, _text(document), as_json)


def _at_work(caller: Decider, chosen: Sequence[GoldenScenario], company: Path, bars: Bars, what: str) -> list[Outcome]:
    bars.step(f"{caller.release_id} at work: {what}")
    return work([golden.scenario for golden in chosen], caller, company, 0.0, bars.update)


def _figures(chosen: Sequence[GoldenScenario], free: Sequence[Outcome], threshold: float, phrasings: bool) -> dict[str, Any]:
    scenarios = [golden.scenario for golden in chosen]
    outcomes = [held_back(outcome, threshold) for outcome in free]
    figures = {
        "held_back": sum_up(scenarios, outcomes).model_dump(mode="json"),
        "unhindered": sum_up(scenarios, free).model_dump(mode="json"),
        "risk_coverage": risk_coverage(scenarios, free),
    }
    return {**figures, "phrasings": consistency(chosen, outcomes).model_dump(mode="json")} if phrasings else figures


def _write(file: Path, chosen: Sequence[GoldenScenario], outcomes: Sequence[Outcome]) -> None:
    lines = [json.dumps({"id": g.id, **o.model_dump(mode="json")}) for g, o in zip(chosen, outcomes, strict=True)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _text(document: Mapping[str, Any]) -> str:
    free, day = (Workday.model_validate(document[name]) for name in ("unhindered", "held_back"))
    rates = {"end state": free.end_state, "one step": free.one_step, "several": free.several_steps, "no call": free.no_call}
    lines = [f"{name:<12} {r.rate:.3f} [{r.low:.3f}, {r.high:.3f}]  n={r.n}" for name, r in rates.items() if r is not None]
    lines += [f"  {count:>4} {why}" for why, count in free.failures.items()]
    lines += [
        f"of a thousand, with writes below {document['threshold']:.3f} sent for approval:",
        f"  {day.unaided_per_1000:.0f} done unaided, {day.asked_per_1000:.0f} asked,"
        f" {day.approval_per_1000:.0f} sent for approval",
        f"  {day.wrong_writes_per_1000:.1f} wrong writes, {day.posted_or_paid_wrongly_per_1000:.1f} of them posted or paid",
        "threshold  unaided  asked  approval  wrong writes",
    ]
    for row in document["risk_coverage"]:
        counts = f"{row['unaided']:>7.0f}  {row['asked']:>5.0f}  {row['approval']:>8.0f}  {row['wrong_writes']:>12.1f}"
        lines.append(f"{row['threshold']:>9.2f}  {counts}")
    if steady := document.get("phrasings"):
        lines.append(f"all phrasings of a wish right: {steady['all_right']['rate']:.3f} of {steady['wishes']}")
    return "\n".join(lines)
