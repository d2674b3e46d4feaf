"""`nightschool harvest`: what a night would learn from."""

import typer

from api.cli.output import AsJson, Bars, open_home, show
from finetune.inspection import FEW, Inspection, inspect_harvest

app = typer.Typer(help="Harvest: which conversations tonight would teach, and which not.", no_args_is_help=True)
_REASONS = 8


@app.command()
def inspect(toolset: str, as_json: AsJson = False) -> None:
    """Show what would be used, what would be left out and why, and which tools lack conversations; no model is needed."""
    with Bars() as progress:
        found = inspect_harvest(open_home(), toolset, progress)
    show(found.model_dump(mode="json"), _text(found), as_json)


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
    if found.lacking:
        lines.append(f"fewer than {FEW} conversations: {', '.join(found.lacking)}")
    return "\n".join(lines)
