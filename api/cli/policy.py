"""`nightschool policy`: who may do what."""

from typing import Annotated

import typer

from agents.actions import Actions
from api.cli.output import As, AsJson, open_home, read_object, show, speaker

app = typer.Typer(help="Who may do what: rules in a file.", no_args_is_help=True)
_SIGNS = {"allow": "+", "ask": "?", "deny": "-"}


@app.command()
def explain(
    tool: Annotated[str, typer.Argument(help="Tool to call.")],
    arguments: Annotated[str, typer.Argument(help="JSON object, values as people say them.")],
    person: As = None,
    as_json: AsJson = False,
) -> None:
    """Say what every rule makes of a call, and what follows; nothing is done."""
    home = open_home()
    who = home.policy().known(speaker(home, person))
    decision = Actions(home).judge(tool, read_object(arguments), who)
    lines = [f"{_SIGNS[f.verdict]} {f.rule:<28} {f.why}" for f in decision.findings]
    verdict = {"allow": "allowed", "ask": "a person is asked first", "deny": "refused"}[decision.verdict]
    eyes = ", another one than who asks" if decision.verdict == "ask" and decision.four_eyes else ""
    document = {"person": who.person, "role": who.role, **decision.model_dump(mode="json")}
    show(document, "\n".join([f"{who.person} as {who.role or 'nobody'}: {verdict}{eyes}", *lines]), as_json)


@app.command("show")
def show_policy(as_json: AsJson = False) -> None:
    """Print the policy that holds, and where it stands."""
    home = open_home()
    file, policy = home.policy.path, home.policy()
    document = {"file": str(file), **policy.model_dump(mode="json")}
    show(document, f"# {file}\n{file.read_text(encoding='utf-8').rstrip()}", as_json)
