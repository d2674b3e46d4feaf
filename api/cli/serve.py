"""`nightschool serve`: the HTTP service, on loopback unless told otherwise."""

from typing import Annotated

import typer

from api.cli.output import open_home


def serve(
    host: Annotated[str, typer.Option(help="Address to bind; anything but loopback belongs behind TLS.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8642,
) -> None:
    """Serve champions over an OpenAI-compatible API; every request needs a key."""
    import uvicorn

    from api.app import create_app
    from api.fleet import HomeCallers

    home = open_home()
    uvicorn.run(create_app(home.keys, HomeCallers(home)), host=host, port=port, log_level="info")
