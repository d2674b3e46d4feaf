"""`nightschool retention`: how long data is kept."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from agents.retention import forget
from api.cli.output import AsJson, open_home, show

app = typer.Typer(help="How long data is kept: by the policy, class by class.", no_args_is_help=True)


@app.command("show")
def show_rules(as_json: AsJson = False) -> None:
    """The days of each class, and how much is due now."""
    home = open_home()
    days, due = home.policy().retention.model_dump(), forget(home, datetime.now(UTC), pretend=True)
    lines = [f"{name:<10} {f'{kept} days, {due[name]} due' if kept else 'for good'}" for name, kept in days.items()]
    show({"days": days, "due": due}, "\n".join(lines), as_json)


@app.command()
def apply(dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False, as_json: AsJson = False) -> None:
    """Forget what is older than it may be; `serve` does so every hour."""
    gone = forget(open_home(), datetime.now(UTC), dry_run)
    text = ", ".join(f"{count} {name}" for name, count in gone.items()) or "Everything is kept for good."
    show({"forgotten": gone, "dry_run": dry_run}, text, as_json)
