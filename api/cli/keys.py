"""`nightschool keys`: API keys."""

from typing import Annotated

import typer

from api.cli.output import AsJson, fail, open_home, show
from core.types.principal import Principal

app = typer.Typer(help="API keys: shown once, stored as hashes.", no_args_is_help=True)


@app.command()
def create(
    person: Annotated[str, typer.Option(help="Who will hold it.")] = "operator",
    role: Annotated[str, typer.Option(help="What they are.")] = "operator",
    as_json: AsJson = False,
) -> None:
    """Make a key and print it once."""
    home = open_home()
    secret = home.keys.create(Principal(tenant=home.settings.tenant, person=person, role=role))
    show({"api_key": secret}, secret, as_json)


@app.command()
def revoke(prefix: str, as_json: AsJson = False) -> None:
    """Revoke a key by its prefix, the eight characters after `ns_`."""
    home = open_home()
    if not home.keys.revoke(prefix.removeprefix("ns_").partition("_")[0], home.settings.tenant):
        fail(f"no valid key has the prefix {prefix!r}; `nightschool keys list` shows them")
    show({"revoked": prefix}, f"Revoked {prefix}.", as_json)


@app.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Show keys, without their secrets."""
    home = open_home()
    infos = home.keys.list(home.settings.tenant)
    lines = [f"{i.prefix}  {i.principal.person}  {i.principal.role}  {'revoked' if i.revoked_at else 'valid'}" for i in infos]
    show([info.model_dump(mode="json") for info in infos], "\n".join(lines) or "No keys.", as_json)
