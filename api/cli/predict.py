"""`nightschool predict`: the next step of many conversations, nothing executed."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from agents.caller import Steps
from agents.serving import CHAMPION, Loaded, Loader
from api.cli.output import BAD_ROWS, AsJson, Bars, fail, open_home, show
from core.errors import BadInput, NightschoolError
from core.types.message import read_messages
from core.types.prediction import Ask, Prediction
from core.whole import opened_whole
from tools.importers.jsonl import read_lines

_STEPS = ("mentions", "picker", "reviewer", "second")


def predict(
    toolset: str,
    file: Annotated[Path, typer.Argument(metavar="IN", help="JSON Lines of requests.")],
    out: Annotated[Path, typer.Option(help="Where predictions go, one line for each line of IN.")],
    release: Annotated[str, typer.Option(help="A release id, champion or base.")] = CHAMPION,
    without: Annotated[str, typer.Option(help="Steps to switch off: mentions,picker,reviewer,second.")] = "",
    threshold: Annotated[float | None, typer.Option(min=0, max=1, help="Writes less sure than this become questions.")] = None,
    base: Annotated[str, typer.Option(help="Which base `--release base` means.")] = "small",
    as_json: AsJson = False,
) -> None:
    """Predict the next step for each request, in order. Rows that cannot be read give an error in their place (exit 4)."""
    rows = list(read_lines(file, with_empty=True))
    loaded = Loader(open_home()).load(toolset, release, read_steps(without), base)
    errors = 0
    with Bars() as bars, opened_whole(out) as sink:
        bars.step(f"predict with {loaded.release_id}")
        for done, (line, document) in enumerate(rows, start=1):
            answer = _answer(loaded, document, f"{file.name}:{line}", threshold)
            errors += "error" in answer
            sink.write(json.dumps(answer, ensure_ascii=False) + "\n")
            bars.update(done, len(rows))
    loaded.close()
    document = {"rows": len(rows), "errors": errors, "release": loaded.release_id, "out": str(out)}
    show(document, f"{len(rows)} predictions by {loaded.release_id} in {out}, {errors} rows could not be read", as_json)
    if errors:
        raise typer.Exit(BAD_ROWS)


def read_steps(without: str) -> Steps:
    """The caller's steps, those named switched off."""
    off = {name.strip() for name in without.split(",") if name.strip()}
    if unknown := off - set(_STEPS):
        fail(f"--without: unknown step {sorted(unknown)[0]!r}; known: {', '.join(_STEPS)}")
    return Steps(**{name: name not in off for name in _STEPS if name in Steps.model_fields})


def _answer(loaded: Loaded, document: Any, where: str, threshold: float | None) -> dict[str, Any]:
    try:
        if isinstance(document, BadInput):
            raise document
        if not isinstance(document, dict):
            raise BadInput("expected an object with messages", code="bad_row")
        prediction = loaded.predict(read_messages(document.get("messages")))
        return (prediction if threshold is None else _hesitant(prediction, loaded, threshold)).to_row()
    except NightschoolError as error:
        return {"error": {"code": error.code, "message": f"{where}: {str(error).removeprefix(where + ': ')}"}}


def _hesitant(prediction: Prediction, loaded: Loaded, threshold: float) -> Prediction:
    """Turn an unsure write into a question for confirmation."""
    tools = loaded.toolset.by_name
    writes = [call for call in prediction.tool_calls if tools[call.name].risk != "read"]
    if not writes or prediction.confidence >= threshold:
        return prediction
    ask = Ask(tool=writes[0].name, missing="confirmation", arguments=writes[0].arguments)
    return prediction.model_copy(update={"outcome": "ask", "tool_calls": (), "ask": ask})
