"""`nightschool dataset`: which conversations shaped which weights."""

from typing import Annotated

import typer

from api.cli.output import AsJson, Bars, open_home, show
from core.types.example import Example
from core.types.message import ToolCall
from finetune.curation import Passed
from finetune.datasets import Found, all_datasets, build_dataset, difference, find_dataset, rows_of

app = typer.Typer(help="Datasets: frozen, split, named by their content.", no_args_is_help=True)
Seed = Annotated[int, typer.Option(help="Of the split.")]
_SHOWN = 12


@app.command()
def build(toolset: str, seed: Seed = 0, as_json: AsJson = False) -> None:
    """Curate, split and freeze all traces of a toolset, as a night without limits would."""
    home = open_home()
    with Bars() as progress:
        progress.step("harvest and curate")
        found = find_dataset(home, build_dataset(home, toolset, seed, progress))
    show(found.dataset.model_dump(), _line(found), as_json)


@app.command("list")
def list_datasets(toolset: str | None = None, as_json: AsJson = False) -> None:
    """Show datasets and the releases that were trained on them."""
    found = [dataset for dataset in all_datasets(open_home()) if toolset in (None, dataset.toolset)]
    lines = [f"{d.id}  {d.toolset}  {sum(d.rows.values())} conversations  {', '.join(d.releases) or 'no release'}" for d in found]
    show([dataset.model_dump() for dataset in found], "\n".join(lines) or "No datasets.", as_json)


@app.command("show")
def show_dataset(
    dataset: Annotated[str, typer.Argument(help="Its id or its beginning, or a release's.")], as_json: AsJson = False
) -> None:
    """Show one: parts, filters, releases; with --json which trace became which row."""
    found = find_dataset(open_home(), dataset)
    lines = [_line(found), *(f"  {Passed.model_validate(step)}" for step in found.manifest.get("filters", ()))]
    show({**found.dataset.model_dump(), "manifest": found.manifest}, "\n".join(lines), as_json)


@app.command()
def diff(first: str, second: str, as_json: AsJson = False) -> None:
    """Show what the second has that the first has not, and the other way round."""
    home = open_home()
    found = difference(find_dataset(home, first), find_dataset(home, second))
    lines = [f"{len(found.added)} added, {len(found.removed)} removed, {len(found.moved)} moved to another part"]
    lines += [f"  + {trace}" for trace in found.added[:_SHOWN]] + [f"  - {trace}" for trace in found.removed[:_SHOWN]]
    lines += [f"  {count} removed: {reason}" for reason, count in found.removed_for.items()]
    show(found.model_dump(), "\n".join(lines), as_json)


@app.command()
def review(
    dataset: str,
    part: Annotated[str, typer.Option(help="writer, stop, reserved or exam.")] = "writer",
    limit: Annotated[int, typer.Option(min=1)] = 20,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    as_json: AsJson = False,
) -> None:
    """Show conversations of a part, and what each teaches, for people to read."""
    rows = rows_of(find_dataset(open_home(), dataset), part)[offset : offset + limit]
    show([row.model_dump(mode="json") for row in rows], "\n\n".join(map(_conversation, rows)) or "Nothing there.", as_json)


def _line(found: Found) -> str:
    dataset = found.dataset
    parts = ", ".join(f"{count} {part}" for part, count in dataset.rows.items())
    return f"{dataset.id}: {dataset.toolset}; {parts}; {dataset.dropped} left out; {', '.join(dataset.releases) or 'no release'}"


def _conversation(example: Example) -> str:
    taught = {step.position: step for step in example.steps}
    lines = [f"{example.trace_id}  cluster {example.cluster}"]
    for position, message in enumerate(example.messages):
        if position in taught:
            continue
        lines.append(f"  {message.role}: {message.content or _calls(message.tool_calls)}")
    lines += [f"  teaches after {step.position}: {step.outcome} {_calls(step.calls)}{step.query or ''}" for step in example.steps]
    return "\n".join(lines)


def _calls(calls: tuple[ToolCall, ...]) -> str:
    return "; ".join(f"{call.name}({', '.join(f'{k}={v!r}' for k, v in call.arguments.items())})" for call in calls)
