"""`nightschool golden`: verified cases no training row may resemble."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, get_args

import typer

from agents.home import Home
from api.cli.output import As, AsJson, open_home, read_object, show, speaker
from core.errors import BadInput
from core.types.case import PARTS, Case, read_case, write_case
from core.types.message import last_user_text
from core.types.tool import Toolset
from evals.answerable import unanswerable
from evals.golden_now import CaseClock, clock_of, golden_now, left_out_warning
from evals.golden_proposals import Proposal, ProposalState, ProposalStore
from evals.golden_sets import GoldenCase, add_golden, freeze_golden, golden_versions
from evals.slices import slice_of
from finetune.propose import halved, met_by_releases, propose

app = typer.Typer(help="Golden sets: the exam of a toolset.", no_args_is_help=True)
ENOUGH = 60
"""Cases of a tool below which its slice tells little."""


@app.command()
def add(toolset: str, file: Path, as_json: AsJson = False) -> None:
    """Make a file of cases the golden set of a toolset."""
    home = open_home()
    count = add_golden(home.folder, home.registry.get(toolset), file)
    show({"toolset": toolset, "cases": count}, f"{toolset}: {count} golden cases", as_json)


@app.command("propose")
def propose_cases(
    toolset: str,
    count: Annotated[int, typer.Option("--count", "-n", min=1, help="At most so many.")] = 60,
    seed: Annotated[int, typer.Option(help="Another one chooses others.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Choose steps of real conversations no release has met, some of every sort; from now on they teach nothing."""
    home = open_home()
    known, store = home.registry.get(toolset), _store(home)
    met = met_by_releases(home, toolset)
    chosen = propose(home.traces.all(toolset), known, met, store.all(toolset), count, seed)
    added = store.add(toolset, chosen, home.principal)
    strata = Counter(proposal.stratum for proposal in chosen)
    lines = [f"{toolset}: {added} proposed; {len(met)} conversations that releases have met were left aside"]
    lines += [f"  {number:>5}  {stratum}" for stratum, number in strata.most_common()]
    show({"toolset": toolset, "proposed": added, "strata": dict(strata), "met": len(met)}, "\n".join(lines), as_json)


@app.command("list")
def list_proposals(
    toolset: str,
    state: Annotated[str | None, typer.Option(help="proposed, disputed, verified, rejected or frozen.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what is proposed, and how far it is."""
    if state is not None and state not in get_args(ProposalState):
        raise BadInput(f"state {state!r}: expected one of {', '.join(get_args(ProposalState))}")
    home = open_home()
    known = home.registry.get(toolset)
    found = [(p, p.state(known)) for p in _store(home).all(toolset) if state in (None, p.state(known))]
    document = [{**p.model_dump(mode="json"), "case": write_case(p.case), "state": its} for p, its in found]
    show(document, "\n".join(_line(proposal, its) for proposal, its in found) or "Nothing is proposed.", as_json)


@app.command()
def verify(
    toolset: str,
    proposal: str,
    case: Annotated[
        str | None, typer.Option(help="What is right, as JSON: outcome, expected, ask; default as it was done.")
    ] = None,
    reject: Annotated[bool, typer.Option("--reject", help="It is not fit for an exam.")] = False,
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Say what is right for a proposal; one that writes needs two people who say the same."""
    if reject and case is not None:
        raise BadInput("--case and --reject: what is fit for no exam has no right case")
    home = open_home()
    store, known = _store(home), home.registry.get(toolset)
    found = store.get(toolset, proposal)
    if found.version is not None:
        raise BadInput(f"proposal {proposal!r}: is frozen in version {found.version}, and what is frozen is judged no more")
    right = None if reject else _right(found, case, known, clock_of(home, toolset))
    judged = store.judge(toolset, proposal, right, speaker(home, person))
    state = judged.state(known)
    show({"proposal": proposal, "state": state, "verdicts": len(judged.verdicts)}, _line(judged, state), as_json)


@app.command()
def freeze(toolset: str, as_json: AsJson = False) -> None:
    """Put what is verified into the golden set, half of it for the gate and half for reports: a new version of it."""
    home = open_home()
    store, known = _store(home), home.registry.get(toolset)
    verified = [proposal for proposal in store.all(toolset) if proposal.state(known) == "verified"]
    if not verified:
        raise BadInput(f"{toolset}: nothing is verified; `nightschool golden list {toolset}` shows what waits")
    clock = clock_of(home, toolset)
    brought = {proposal.id: clock.bring(GoldenCase(proposal.right())) for proposal in verified}
    fitting = {name: case for name, case in brought.items() if isinstance(case, Case)}
    left_out = [reason for reason in brought.values() if isinstance(reason, str)]
    if not fitting:
        raise BadInput(f"{toolset}: {left_out_warning(toolset, left_out)}")
    version = freeze_golden(home.folder, known, halved(list(fitting.values()), golden_now(home, toolset).cases))
    store.freeze(toolset, list(fitting), version.version)
    lines = [f"{toolset}: version {version.version}, {version.cases} cases, {len(fitting)} of them new, SHA-256 {version.sha256}"]
    lines += [f"warning: {left_out_warning(toolset, left_out)}"] if left_out else []
    document = {"toolset": toolset, **version.model_dump(mode="json"), "new": len(fitting), "left_out": left_out}
    show(document, "\n".join(lines), as_json)


@app.command()
def status(toolset: str, as_json: AsJson = False) -> None:
    """How many golden cases a toolset has, of which sort, what waits, and what is lacking."""
    home = open_home()
    known, versions = home.registry.get(toolset), golden_versions(home.folder, toolset)
    cases, left_out = golden_now(home, toolset)
    states = Counter(proposal.state(known) for proposal in _store(home).all(toolset))
    sorts = Counter(slice_of(case) for case in cases)
    lacking = [tool for tool in known.by_name if sorts[tool] < ENOUGH]
    parts = {part: sum(case.part == part for case in cases) for part in PARTS}
    document = {
        "toolset": toolset, "cases": len(cases) + len(left_out), "left_out": left_out, "parts": parts,
        "slices": dict(sorts.most_common()), "proposals": dict(states), "lacking": lacking,
        "versions": [version.model_dump(mode="json") for version in versions],
    }  # fmt: skip
    halves, waits = (", ".join(f"{n} {name}" for name, n in counts.items()) for counts in (parts, states))
    version = versions[-1].version if versions else "unnumbered"
    lines = [f"{toolset}: {len(cases) + len(left_out)} golden cases ({halves}), version {version}"]
    lines += [f"  {count:>5}  {name}" for name, count in sorts.most_common()]
    lines += [f"proposals: {waits}"] if states else []
    lines += [f"warning: {left_out_warning(toolset, left_out)}"] if left_out else []
    lines += [f"warning: fewer than {ENOUGH} cases of {', '.join(lacking)}"] if lacking else []
    show(document, "\n".join(lines), as_json)


def _store(home: Home) -> ProposalStore:
    return ProposalStore(home.database, home.settings.tenant)


def _right(proposal: Proposal, said: str | None, toolset: Toolset, clock: CaseClock) -> Case:
    """The case as somebody says it is right; without a word as it was done, so that all who say nothing else say the same.

    Raises:
        BadInput: Not JSON, no case, or one that can never be right with the tools there are.
    """
    brought = clock.bring(GoldenCase(proposal.case))
    if said is None:
        if isinstance(brought, str):
            raise BadInput(f"proposal {proposal.id!r}: {brought}; say with --case what is right, or --reject it")
        return proposal.case
    asked = write_case(brought if isinstance(brought, Case) else proposal.case)
    case = read_case({"messages": asked["messages"], "shape": asked["shape"], **read_object(said, "--case")})
    if problem := unanswerable(case, toolset):
        raise BadInput(f"--case: {problem}")
    return case


def _line(proposal: Proposal, state: ProposalState) -> str:
    case = proposal.case
    calls = "; ".join(f"{call.name} {json.dumps(call.arguments, ensure_ascii=False)}" for call in case.expected)
    asks = f"asks for {case.ask.tool}.{case.ask.missing}" if case.ask else ""
    does = calls or asks or case.outcome
    return f"{proposal.id}  {state:<9} {proposal.stratum:<24} {last_user_text(case.messages)[:80]!r} → {does}"
