"""The report of an examination: one HTML file that opens anywhere, with no script and nothing to load."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from core.types.case import Case
from core.types.message import ToolCall
from core.types.prediction import Prediction
from core.types.value import Value
from evals import plots
from evals.intervals import Rate
from evals.scorers.exact import Score
from evals.summary import Summary

SHOWN = 5
"""How many calls the report shows in full."""


class ShownCall(Value):
    """One row to show in full."""

    case: Case
    """The conversation and what is expected."""
    prediction: Prediction | None
    """What came; None where the row errored."""
    failure: str | None = None
    """The class of the mistake; None where the row is exact."""


class _Plot(NamedTuple):
    title: str
    note: str
    svg: Markup


def write_report(
    path: Path,
    title: str,
    summaries: Mapping[str, Summary],
    facts: Mapping[str, str],
    examples: Sequence[ShownCall],
    losses: Sequence[Mapping[str, Any]],
    scores_by_name: Mapping[str, Sequence[Score]],
    failures: Mapping[str, Mapping[str, int]] | None = None,
) -> Path:
    """Write the report; same input, same bytes.

    Args:
        path: The HTML file; its folder is made where it is missing.
        title: The heading.
        summaries: By name of caller, in the order to show.
        facts: What was examined: toolset, release, rows, seconds; shown as they are.
        examples: Rows to show in full; the first five are taken.
        losses: Lines of the training's `progress.jsonl`; empty where nothing was trained, then the plot is left out.
        scores_by_name: Scores by name of caller, for the curves.
        failures: By name of caller, rows by class of mistake (`count_failures`); None leaves the table out.

    Returns:
        `path`.
    """
    page = _TEMPLATE.render(
        title=title,
        facts=facts,
        metrics=[_metric_row(name, summary) for name, summary in summaries.items()],
        shares=_shares(summaries.values()),
        outcomes=_outcome_table(summaries),
        failures=_failure_table(failures or {}),
        plots=_plots(summaries, scores_by_name, losses),
        examples=[_shown(example) for example in examples[:SHOWN]],
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")
    return path


def _plots(
    summaries: Mapping[str, Summary], scores_by_name: Mapping[str, Sequence[Score]], losses: Sequence[Mapping[str, Any]]
) -> list[_Plot]:
    drawn = []
    if summaries:
        drawn.append(_Plot("Exact", "Rows right in every call and in the outcome.", Markup(plots.exact_bars(summaries))))
    if any(scores_by_name.values()):
        note = "Acting on the surest rows only: how many of those are right."
        drawn.append(_Plot("Risk and coverage", note, Markup(plots.risk_coverage_curve(scores_by_name))))
        note = "Ten bins of equally many rows; on the dashed line, confidence is the probability of being exact."
        drawn.append(_Plot("Calibration", note, Markup(plots.reliability_plot(scores_by_name))))
    if any("loss" in line or "eval_loss" in line for line in losses):
        drawn.append(_Plot("Training loss", "Mean over learned tokens.", Markup(plots.loss_curve(losses))))
    return drawn


def _metric_row(name: str, summary: Summary) -> dict[str, Any]:
    rates = [summary.exact, summary.name, summary.no_call, summary.asks_right]
    return {
        "name": name,
        "n": summary.n,
        "errors": summary.errors,
        "rates": [_show_rate(entry) for entry in rates],
        "wrong_writes": f"{summary.wrong_writes_per_100:.1f}",
        "coverage": {
            entry.share: [_show_rate(entry.exact), f"{entry.wrong_writes_per_100:.1f}", f"{entry.threshold:.3f}"]
            for entry in summary.risk_coverage
        },
        "latency": f"{summary.latency_p50_ms:,.0f} / {summary.latency_p95_ms:,.0f}",
    }


def _shares(summaries: Iterable[Summary]) -> list[float]:
    return sorted({entry.share for summary in summaries for entry in summary.risk_coverage})


def _outcome_table(summaries: Mapping[str, Summary]) -> dict[str, list[dict[str, str] | None]]:
    """Exact rates by expected outcome: one row an outcome, one cell a summary."""
    outcomes = dict.fromkeys(outcome for summary in summaries.values() for outcome in summary.by_outcome)
    return {outcome: [_show_rate(summary.by_outcome.get(outcome)) for summary in summaries.values()] for outcome in outcomes}


def _failure_table(failures: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    """One row a class, one column a caller; the classes in order of all their rows."""
    totals: dict[str, int] = {}
    for counts in failures.values():
        for kind, count in counts.items():
            totals[kind] = totals.get(kind, 0) + count
    kinds = sorted(totals, key=lambda kind: (-totals[kind], kind))
    return {"names": list(failures), "rows": {kind: [counts.get(kind, 0) for counts in failures.values()] for kind in kinds}}


def _show_rate(entry: Rate | None) -> dict[str, str] | None:
    if entry is None:
        return None
    return {
        "value": f"{100 * entry.rate:.1f} %",
        "interval": f"{100 * entry.low:.1f} to {100 * entry.high:.1f}",
        "n": str(entry.n),
    }


def _shown(example: ShownCall) -> dict[str, Any]:
    case, prediction = example.case, example.prediction
    expected: dict[str, Any] = {"outcome": case.outcome, "tool_calls": _bare(case.expected)}
    if case.ask is not None:
        expected["ask"] = case.ask.model_dump()
    if case.query is not None:
        expected["query"] = case.query
    return {
        "messages": [
            {"role": m.role, "content": m.content, "calls": [_json(call) for call in _bare(m.tool_calls)]} for m in case.messages
        ],
        "expected": _json(expected),
        "got": "no prediction: the row errored" if prediction is None else _json(_told(prediction)),
        "verdict": example.failure or "exact",
        "exact": example.failure is None,
        "confidence": "–" if prediction is None else f"{prediction.confidence:.3f}",
    }


def _told(prediction: Prediction) -> dict[str, Any]:
    """What the prediction says, without the empty fields and the measurements that stand beside it."""
    row = prediction.to_row()
    kept = ("outcome", "tool_calls", "ask", "query")
    return {key: row[key] for key in kept if row[key] is not None}


def _bare(calls: Sequence[ToolCall]) -> list[dict[str, Any]]:
    return [{"name": call.name, "arguments": call.arguments} for call in calls]


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, indent=2)


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light; --ink: #1c1c1e; --soft: #6a6a70; --line: #e3e3e6; --good: #00704f; --bad: #b04400; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 3rem 1.5rem 5rem; max-width: 62rem; background: #fff; color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1.5rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 3rem 0 .6rem; }
h3 { font-size: 1rem; margin: 0 0 .2rem; }
p.note, figcaption, small { color: var(--soft); font-size: .85rem; }
p.note { margin: 0 0 .8rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.5rem; margin: 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .45rem 1.1rem .45rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--soft); font-weight: 500; font-size: .82rem; }
th:first-child { text-align: left; } tbody th { color: var(--ink); font-size: .92rem; }
td small { display: block; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 2rem; }
figure { margin: 0; } figure svg { width: 100%; height: auto; }
article { border-top: 1px solid var(--line); padding: 1.2rem 0; }
article p { margin: .2rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.role { display: inline-block; min-width: 5.5rem; color: var(--soft); font-size: .85rem; }
.sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; margin-top: .6rem; }
pre { margin: .2rem 0; padding: .7rem .9rem; background: #f7f7f8; border-radius: 6px; overflow-x: auto;
  font: .82rem/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.good { color: var(--good); } .bad { color: var(--bad); }
@media (max-width: 30rem) { .plots { grid-template-columns: 1fr; } }
@media print { body { max-width: none; padding: 0; } article, figure { break-inside: avoid; } }
</style>
</head>
<body>
{% macro cell(entry) %}
<td>{% if entry %}{{ entry.value }}<small>{{ entry.interval }}</small><small>n = {{ entry.n }}</small>{% else %}–{% endif %}</td>
{%- endmacro %}
<h1>{{ title }}</h1>
{% if facts %}
<dl>{% for name, value in facts.items() %}<dt>{{ name }}</dt><dd>{{ value }}</dd>{% endfor %}</dl>
{% endif %}

{% if metrics %}
<h2>Metrics</h2>
<p class="note">Below each rate its 95 % interval (Wilson, clustered where rows share a shape) and the rows it is of.
Latency in milliseconds, median / 95th percentile.</p>
<div class="wide"><table>
<thead><tr><th></th><th>rows</th><th>errored</th><th>exact</th><th>tool names</th><th>no call</th><th>asks right</th>
<th>wrong writes / 100</th><th>latency</th></tr></thead>
<tbody>{% for row in metrics %}
<tr><th>{{ row.name }}</th><td>{{ row.n }}</td><td>{{ row.errors }}</td>{% for entry in row.rates %}{{ cell(entry) }}{% endfor %}
<td>{{ row.wrong_writes }}</td><td>{{ row.latency }}</td></tr>{% endfor %}
</tbody></table></div>
{% endif %}

{% if shares %}
<h2>Among the surest</h2>
<p class="note">Exact rate, wrong writes per 100 of these rows, and the confidence of the least sure one.</p>
<div class="wide"><table>
<thead><tr><th></th>{% for share in shares %}<th>surest {{ (100 * share) | round | int }} %</th><th>wrong writes</th>
<th>threshold</th>{% endfor %}</tr></thead>
<tbody>{% for row in metrics %}
<tr><th>{{ row.name }}</th>{% for share in shares %}{% set entry = row.coverage.get(share) %}{{ cell(entry and entry[0]) }}
<td>{{ entry[1] if entry else "–" }}</td><td>{{ entry[2] if entry else "–" }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table></div>
{% endif %}

{% if outcomes %}
<h2>By expected outcome</h2>
<div class="wide"><table>
<thead><tr><th>exact</th>{% for row in metrics %}<th>{{ row.name }}</th>{% endfor %}</tr></thead>
<tbody>{% for outcome, entries in outcomes.items() %}
<tr><th>{{ outcome }}</th>{% for entry in entries %}{{ cell(entry) }}{% endfor %}</tr>{% endfor %}
</tbody></table></div>
{% endif %}

{% if plots %}
<h2>Pictures</h2>
<div class="plots">{% for plot in plots %}
<figure><h3>{{ plot.title }}</h3>{{ plot.svg }}<figcaption>{{ plot.note }}</figcaption></figure>{% endfor %}
</div>
{% endif %}

{% if failures.rows %}
<h2>Failures</h2>
<p class="note">Rows that are not exact, each counted once, under its gravest mistake.</p>
<div class="wide"><table>
<thead><tr><th></th>{% for name in failures.names %}<th>{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for kind, counts in failures.rows.items() %}
<tr><th>{{ kind }}</th>{% for count in counts %}<td>{{ count }}</td>{% endfor %}</tr>{% endfor %}
</tbody></table></div>
{% endif %}

{% if examples %}
<h2>Calls in full</h2>
{% for example in examples %}
<article>
<h3><span class="{{ 'good' if example.exact else 'bad' }}">{{ example.verdict }}</span> <small>confidence {{ example.confidence }}</small></h3>
{% for message in example.messages %}
<p><span class="role">{{ message.role }}</span> {{ message.content }}</p>
{% for call in message.calls %}<pre>{{ call }}</pre>{% endfor %}
{% endfor %}
<div class="sides"><div><small>expected</small><pre>{{ example.expected }}</pre></div>
<div><small>got</small><pre>{{ example.got }}</pre></div></div>
</article>
{% endfor %}
{% endif %}
</body>
</html>
"""
# Parsed once at import: pure text work, no file is read.
_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True).from_string(_PAGE)
