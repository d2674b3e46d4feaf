"""`nightschool plans`: one operation over many records, decided once."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from agents.actions import Actions
from agents.home import Home
from agents.planning import Planning, ShownRow, Source, document
from api.cli.output import As, AsJson, Bars, open_home, read_object, show, speaker
from core.errors import BadInput
from tools.plans import Plan

app = typer.Typer(help="One operation over many records, decided once.", no_args_is_help=True)
_Identity = Annotated[str, typer.Argument(help="Id of the plan.")]


@app.command()
def make(
    tool: Annotated[str, typer.Argument(help="What to call for each record.")],
    over: Annotated[str, typer.Option(help='The read that finds them, `list_overdue {"min_days": 30}`.')],
    rows: Annotated[str, typer.Option(help="Field of its result that lists them.")],
    take: Annotated[list[str], typer.Option(help="ARGUMENT=FIELD of an entry; or one name for both.")],
    why: Annotated[str, typer.Option(help="What it is for.")] = "",
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Have a plan wait: one row for each record that a read finds."""
    reader, _, said = over.partition(" ")
    pairs = dict(_pair(one) for one in take)
    source = Source(tool=reader, arguments=read_object(said or "{}"), rows=rows, take=pairs)
    home = open_home()
    who = speaker(home, person)
    with _open(home) as planning:
        plan = planning.make_over(tool, source, who, why)
        _tell(plan, planning.table(plan.id, who), as_json)


@app.command("list")
def list_plans(as_json: AsJson = False) -> None:
    """The newest first."""
    plans = open_home().plans.newest()
    lines = [f"{plan.id}  {plan.state:<9} {len(plan.rows):>4} rows  {plan.tool}  {plan.why}" for plan in plans]
    show([document(plan, ()) for plan in plans], "\n".join(lines) or "There are no plans.", as_json)


@app.command("show")
def show_plan(identity: _Identity, person: As = None, as_json: AsJson = False) -> None:
    """A plan with its rows as they stand."""
    home = open_home()
    with _open(home) as planning:
        _tell(home.plans.get(identity), planning.table(identity, speaker(home, person)), as_json)


@app.command()
def approve(
    identity: _Identity,
    leave_out: Annotated[str, typer.Option(help="Rows that are not wanted, `2,5`.")] = "",
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Let it be done, without the rows left out."""
    try:
        without = [int(part) for part in leave_out.split(",") if part.strip()]
    except ValueError as error:
        raise BadInput(f"--leave-out {leave_out!r}: numbers of rows, with commas between them") from error
    home = open_home()
    who = speaker(home, person)
    with _open(home) as planning, Bars() as bars:
        bars.step(f"plan {identity}")
        plan = planning.approve(identity, who, without)
        bars.update(1, 1)
        _tell(plan, planning.table(identity, who), as_json)


@app.command()
def reject(
    identity: _Identity,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Do none of it."""
    home = open_home()
    with _open(home) as planning:
        plan = planning.reject(identity, speaker(home, person), reason)
    show(document(plan, ()), f"{identity}: not done.", as_json)


@app.command()
def resume(as_json: AsJson = False) -> None:
    """Go on with every approved plan that a crash stopped."""
    with _open(open_home()) as planning:
        plans = planning.resume()
    show([document(plan, ()) for plan in plans], "\n".join(plan.id for plan in plans) or "None was stopped.", as_json)


@contextmanager
def _open(home: Home) -> Iterator[Planning]:
    actions = Actions(home)
    try:
        yield Planning(actions, home.plans)
    finally:
        actions.close()


def _pair(text: str) -> tuple[str, str]:
    argument, _, field = text.partition("=")
    return argument, field or argument


def _tell(plan: Plan, rows: Sequence[ShownRow], as_json: bool) -> None:
    lines = [f"{plan.id}: {plan.tool}, {len(rows)} rows, {plan.state}. {plan.why}".rstrip()]
    lines += [f"{row.row:>4}  {row.state:<8} {json.dumps(row.arguments, ensure_ascii=False)}  {row.text}" for row in rows]
    show(document(plan, rows), "\n".join(lines), as_json)
