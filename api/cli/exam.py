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

_PARTS = ("gate", "report", "all")


def exam(
    part: Annotated[str | None, typer.Option(help="gate, report or all; default report.")] = None,
    release: Annotated[str, typer.Option(help="A release id, champion or base.")] = CHAMPION,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Confidence below which a write goes to a person; default 0.")
    ] = None,
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
    if phrasings and (part is not None or most_wrong is not None):
        raise BadInput("--phrasings with --part or --most-wrong: the wishes that are said in other words are of both halves")
    part = part or ("all" if phrasings else "report")
    if part not in _PARTS:
        raise BadInput(f"part {part!r}: expected {', '.join(_PARTS)}")
    if most_wrong is not None:
        _check_choice(part, threshold, graph)
    if out is not None and (out.is_dir() or not out.parent.is_dir()):
        raise BadInput(f"--out {out}: no file can be there: {'it is' if out.is_dir() else f'{out.parent} is not'} a folder")
    act = threshold or 0.0
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
            act = choose_threshold(gate, most_wrong)
        what = "phrasings" if phrasings else part
        if graph:
            bars.step(f"{caller.release_id} in the graph: {what}")
            with graph_shifts(home, loaded.toolset, loaded, router, act) as begin:
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
        "threshold": act,
        **_figures(chosen, free, act, acted=act if graph else 0.0),
        **({"phrasings": _consistency(chosen, free, act)} if phrasings else {}),
    }
    show(document, _text(document), as_json)


def _check_choice(part: str, threshold: float | None, graph: bool) -> None:
    """Whether a threshold can be chosen.

    Raises:
        BadInput: It would be reported where it was chosen, is said already, or the work is none it could be chosen on.
    """
    if threshold is not None:
        raise BadInput("--threshold with --most-wrong: one says the threshold, the other has it chosen")
    if part != "report":
        raise BadInput(f"--most-wrong with part {part!r}: the threshold is chosen on the gate's half, so report the other")
    if graph:
        raise BadInput("--graph with --most-wrong: choose the threshold without --graph, and say it with --threshold")


def _at_work(caller: Decider, chosen: Sequence[GoldenScenario], company: Path, bars: Bars, what: str) -> list[Outcome]:
    bars.step(f"{caller.release_id} at work: {what}")
    return work([golden.scenario for golden in chosen], caller, company, 0.0, bars.update)


def _figures(chosen: Sequence[GoldenScenario], worked: Sequence[Outcome], threshold: float, acted: float) -> dict[str, Any]:
    """Outcomes in numbers, as far as `acted`, the threshold that held writes back during the work, lets them be told."""
    scenarios, wishes = [golden.scenario for golden in chosen], [golden.id for golden in chosen]
    days = {"held_back": [held_back(outcome, threshold) for outcome in worked]}
    if acted == 0.0:
        days["unhindered"] = list(worked)
    figures = {name: sum_up(scenarios, outcomes, wishes).model_dump(mode="json") for name, outcomes in days.items()}
    return {**figures, "risk_coverage": risk_coverage(scenarios, worked, acted)}


def _consistency(chosen: Sequence[GoldenScenario], worked: Sequence[Outcome], threshold: float) -> dict[str, Any]:
    return consistency(chosen, [held_back(outcome, threshold) for outcome in worked]).model_dump(mode="json")


def _write(file: Path, chosen: Sequence[GoldenScenario], outcomes: Sequence[Outcome]) -> None:
    lines = [json.dumps({"id": g.id, **o.model_dump(mode="json")}) for g, o in zip(chosen, outcomes, strict=True)]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _text(document: Mapping[str, Any]) -> str:
    day = Workday.model_validate(document["held_back"])
    free = Workday.model_validate(document["unhindered"]) if "unhindered" in document else day
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
