"""`nightschool harvest`: what a night would learn from."""

from typing import Annotated

import typer

from api.cli.output import As, AsJson, Bars, open_home, read_object, show, speaker
from core.types.case import read_case
from core.types.message import last_user_text, write_messages
from finetune.audit_sample import AuditSample
from finetune.inspection import FEW, Inspection, inspect_harvest

app = typer.Typer(help="Harvest: which conversations tonight would teach, and which not.", no_args_is_help=True)
_REASONS = 8


@app.command()
def inspect(toolset: str, as_json: AsJson = False) -> None:
    """Show what would be used, what would be left out and why, and which tools lack conversations; no model is needed."""
    with Bars() as progress:
        found = inspect_harvest(open_home(), toolset, progress)
    show(found.model_dump(mode="json"), _text(found), as_json)


@app.command()
def sample(toolset: str, as_json: AsJson = False) -> None:
    """Show what of the audit sample waits to be judged, without what was done: one accepted turn of fifty is drawn by lot."""
    home = open_home()
    known = home.registry.get(toolset)
    waiting = AuditSample(home.database, home.settings.tenant).waiting(home.traces.all(toolset), known)
    document = [{"trace": drawn.trace, "messages": write_messages(drawn.case.messages)} for drawn in waiting]
    lines = [f"{drawn.trace}  {last_user_text(drawn.case.messages)!r}" for drawn in waiting]
    show(document, "\n".join(lines) or "Nothing waits to be judged.", as_json)


@app.command()
def judge(
    toolset: str,
    trace: Annotated[str, typer.Argument(help="Its id, as `harvest sample` lists it.")],
    case: Annotated[str, typer.Option(help="What is right at that step, as JSON: outcome, expected, ask.")],
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Say what is right at a step of the audit sample; then it is told whether that is what was done."""
    home = open_home()
    known, found = home.registry.get(toolset), home.traces.get(trace)
    asked = [message for message in found.messages if message.role == "user"]
    right = read_case({**read_object(case, "--case"), "messages": write_messages(asked[-1:])})
    as_done = AuditSample(home.database, home.settings.tenant).judge(found, known, right, speaker(home, person))
    text = "the same was done" if as_done else "something else was done: the turn does not teach"
    show({"trace": trace, "right": as_done}, f"{trace}: {text}", as_json)


def _text(found: Inspection) -> str:
    lines = [
        f"{found.toolset}: {found.traces} traces, {found.harvested} of them teach something; {found.kept} would be used,"
        f" {found.new} of them new to the champion"
    ]
    lines += [f"  {step}" for step in found.filters]
    lines += [f"  {count:>7}  {reason}" for reason, count in list(found.reasons.items())[:_REASONS]]
    lines.append("what they teach, before and after:")
    names = dict.fromkeys((*found.taught, *found.taught_before))
    lines += [f"  {name:<28} {found.taught_before.get(name, 0):>6} {found.taught.get(name, 0):>6}" for name in names]
    if found.audit.waiting or found.audit.false.n:
        lines.append(f"audit sample: {found.audit}")
    if found.lacking:
        lines.append(f"fewer than {FEW} conversations: {', '.join(found.lacking)}")
    return "\n".join(lines)
