"""The console script `nightschool`."""

import os
import sys
from typing import NoReturn

import typer

from api.cli import (
    actions,
    approvals,
    artefacts,
    audit,
    bench,
    chat,
    dataset,
    demo,
    doctor,
    erp,
    evaluate,
    exam,
    golden,
    harvest,
    history,
    init,
    keys,
    knowledge,
    night,
    plans,
    policy,
    predict,
    releases,
    retention,
    router,
    serve,
    starter,
    toolset,
    tour,
    traces,
    train,
)
from api.cli.output import USAGE
from core.errors import NightschoolError

app = typer.Typer(
    name="nightschool",
    help="Agents work by day and go to school at night.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (
    init.init,
    doctor.doctor,
    demo.demo,
    starter.starter,
    tour.tour,
    chat.chat,
    serve.serve,
    night.night,
    train.train,
    predict.predict,
    evaluate.evaluate,
):
    app.command()(command)
app.command("resolve")(erp.resolve_text)
erp.app.command()(exam.exam)
for name, nouns in {
    "keys": keys.app,
    "toolset": toolset.app,
    "traces": traces.app,
    "releases": releases.app,
    "golden": golden.app,
    "harvest": harvest.app,
    "history": history.app,
    "dataset": dataset.app,
    "artefacts": artefacts.app,
    "bench": bench.app,
    "erp": erp.app,
    "policy": policy.app,
    "approvals": approvals.app,
    "plans": plans.app,
    "retention": retention.app,
    "actions": actions.app,
    "audit": audit.app,
    "knowledge": knowledge.app,
    "router": router.app,
}.items():
    app.add_typer(nouns, name=name)


def main() -> None:
    """Run the command line; the product's own errors become one line on stderr and exit code 2."""
    # Nothing leaves this machine unless asked: the libraries read these when they are first imported, which is later.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("LANGGRAPH_STRICT_MSGPACK", "true")  # a checkpoint never rebuilds classes
    try:
        app()
    except NightschoolError as error:
        _say(str(error))
    except Exception as error:
        if not _is_of_the_surroundings(error):
            raise
        _say(" ".join(str(error).split()))


def _say(message: str) -> NoReturn:
    sys.stderr.write(f"nightschool: {message}\n")
    sys.exit(USAGE)


def _is_of_the_surroundings(error: Exception) -> bool:
    """Whether files, settings or the database are to blame, which whoever runs this can mend."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

    settings = isinstance(error, ValidationError) and error.title == "Settings"
    return settings or isinstance(error, OSError | SettingsError | ArgumentError | NoSuchModuleError | OperationalError)


if __name__ == "__main__":
    main()
