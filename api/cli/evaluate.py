"""`nightschool evaluate`: a release on a file of cases."""

from pathlib import Path
from typing import Annotated

import typer

from agents.serving import CHAMPION, Loader
from api.cli.output import AsJson, Bars, open_home, show
from api.cli.predict import read_steps
from evals.failures import count_failures
from evals.golden_sets import read_cases
from evals.suite import examine
from evals.summary import Summary


def evaluate(
    toolset: str,
    file: Annotated[Path, typer.Argument(help="JSON Lines of cases.")],
    release: Annotated[str, typer.Option(help="A release id, champion or base.")] = CHAMPION,
    without: Annotated[str, typer.Option(help="Steps to switch off: mentions,picker,reviewer,second.")] = "",
    base: Annotated[str, typer.Option(help="Which base `--release base` means.")] = "small",
    as_json: AsJson = False,
) -> None:
    """Score a release: exact, name, no-call, asks, wrong writes, risk-coverage, with intervals."""
    cases = read_cases(file)
    loaded = Loader(open_home()).load(toolset, release, read_steps(without), base)
    with Bars() as bars:
        bars.step(f"evaluate {loaded.release_id}")
        examination = examine(cases, loaded, loaded.toolset, bars.update)
    loaded.close()
    failures = count_failures(cases, examination.predictions, loaded.toolset)
    document = {"release": loaded.release_id, **examination.summary.to_json(), "failures": failures}
    show(document, summary_text(loaded.release_id, examination.summary, failures), as_json)


def summary_text(name: str, summary: Summary, failures: dict[str, int]) -> str:
    """A summary for people."""
    lines = [f"{name}: {summary.n} cases, {summary.errors} errors"]
    for label, rate in {
        "exact": summary.exact, "name": summary.name, "no call": summary.no_call, "asks right": summary.asks_right,
    }.items():  # fmt: skip
        if rate is not None:
            lines.append(f"  {label:<12} {rate.rate:.3f} [{rate.low:.3f}, {rate.high:.3f}]  n={rate.n}")
    lines.append(f"  wrong writes {summary.wrong_writes_per_100:.2f} per 100")
    lines.extend(
        f"  surest {c.share:.0%}   exact {c.exact.rate:.3f} [{c.exact.low:.3f}, {c.exact.high:.3f}], wrong writes"
        f" {c.wrong_writes_per_100:.2f} per 100"
        for c in summary.risk_coverage
    )
    lines.append(f"  latency      p50 {summary.latency_p50_ms:.0f} ms, p95 {summary.latency_p95_ms:.0f} ms")
    lines.extend(f"  failed: {name} {count}" for name, count in failures.items() if count)
    return "\n".join(lines)
