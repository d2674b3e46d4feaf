"""`nightschool bench`: the measurements the documentation quotes."""

import typer

app = typer.Typer(help="Benchmarks: resumable, long.", no_args_is_help=True)
