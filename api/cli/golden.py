"""`nightschool golden`: verified cases no training row may resemble."""

import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from agents.home import Home
from api.cli.output import As, AsJson, open_home, read_object, show, speaker
from core.errors import BadInput
from core.types.case import PARTS, Case, read_case, write_case
from core.types.message import last_user_text
from evals.golden_proposals import Proposal, ProposalState, ProposalStore
from evals.golden_sets import add_golden, freeze_golden, golden_cases, golden_versions
from evals.slices import slice_of
from finetune.propose import halved, met_by_releases, propose

app = typer.Typer(help="Golden sets: the exam of a toolset.", no_args_is_help=True)
ENOUGH = 60
"""Cases of a tool below which its slice tells little."""


@app.command()
def add(toolset: str, file: Path, as_json: AsJson = False) -> None:
    """Make a file of cases the golden set of a toolset."""
    home = open_home()
    home.registry.get(toolset)
    count = add_golden(home.settings.home, toolset, file)
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
    home = open_home()
    store, known = _store(home), home.registry.get(toolset)
    right = None if reject else _right(store.get(toolset, proposal), case)
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
    cases = halved([proposal.right() for proposal in verified], golden_cases(home.settings.home, toolset))
    version = freeze_golden(home.settings.home, toolset, cases)
    store.freeze(toolset, [proposal.id for proposal in verified], version.version)
    text = f"{toolset}: version {version.version}, {version.cases} cases, {len(verified)} of them new, SHA-256 {version.sha256}"
    show({"toolset": toolset, **version.model_dump(mode="json"), "new": len(verified)}, text, as_json)


@app.command()
def status(toolset: str, as_json: AsJson = False) -> None:
    """How many golden cases a toolset has, of which sort, what waits, and what is lacking."""
    home = open_home()
    cases, versions = golden_cases(home.settings.home, toolset), golden_versions(home.settings.home, toolset)
    known = home.registry.get(toolset)
    states = Counter(proposal.state(known) for proposal in _store(home).all(toolset))
    sorts = Counter(slice_of(case) for case in cases)
    lacking = [tool for tool in known.by_name if sorts[tool] < ENOUGH]
    parts = {part: sum(case.part == part for case in cases) for part in PARTS}
    document = {
        "toolset": toolset, "cases": len(cases), "parts": parts, "slices": dict(sorts.most_common()), "proposals": dict(states),
        "lacking": lacking, "versions": [version.model_dump(mode="json") for version in versions],
    }  # fmt: skip
    halves, waits = (", ".join(f"{n} {name}" for name, n in counts.items()) for counts in (parts, states))
    lines = [f"{toolset}: {len(cases)} golden cases ({halves}), version {versions[-1].version if versions else 'unnumbered'}"]
    lines += [f"  {count:>5}  {name}" for name, count in sorts.most_common()]
    lines += [f"proposals: {waits}"] if states else []
    lines += [f"warning: fewer than {ENOUGH} cases of {', '.join(lacking)}"] if lacking else []
    show(document, "\n".join(lines), as_json)


def _store(home: Home) -> ProposalStore:
    return ProposalStore(home.database, home.settings.tenant)


def _right(proposal: Proposal, said: str | None) -> Case:
    """The case as somebody says it is right; without a word as it was done.

    Raises:
        BadInput: Not JSON, or no case.
    """
    if said is None:
        return proposal.case
    document = read_object(said, "--case")
    asked = write_case(proposal.case)
    return read_case({"messages": asked["messages"], "shape": asked["shape"], **document})


def _line(proposal: Proposal, state: ProposalState) -> str:
    case = proposal.case
    calls = "; ".join(f"{call.name} {json.dumps(call.arguments, ensure_ascii=False)}" for call in case.expected)
    asks = f"asks for {case.ask.tool}.{case.ask.missing}" if case.ask else ""
    does = calls or asks or case.outcome
    return f"{proposal.id}  {state:<9} {proposal.stratum:<24} {last_user_text(case.messages)[:80]!r} → {does}"
