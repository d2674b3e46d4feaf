"""The report's pictures: scores and losses as SVG text to stand inside a page, drawn by matplotlib without a display."""

import io
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from evals.intervals import rate
from evals.scorers.exact import Score
from evals.summary import Summary, by_confidence

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#555555")
"""Okabe and Ito's palette, told apart by colour-blind readers too."""
_BINS = 10


def exact_bars(summaries: Mapping[str, Summary]) -> str:
    """Exact rate of each summary as a horizontal bar with its 95 % interval, first on top."""
    names = list(summaries)
    rates = [summaries[name].exact for name in names]
    with _style():
        figure, axes = _figure(height=0.9 + 0.42 * max(1, len(names)))
        places = np.arange(len(names))
        shares = np.array([entry.rate for entry in rates])
        reach = np.array([[entry.rate - entry.low for entry in rates], [entry.high - entry.rate for entry in rates]])
        axes.barh(places, shares, height=0.56, color=_COLOURS[0], alpha=0.85)
        axes.errorbar(shares, places, xerr=np.maximum(reach, 0), fmt="none", ecolor="#222222", elinewidth=1.2, capsize=3)
        axes.set_yticks(places, names)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(0, 1)
        axes.grid(axis="y", visible=False)
        axes.set_xlabel("exact rate, 95 % interval")
        return _svg(figure, "exact", "Exact rate with intervals")


def risk_coverage_curve(scores_by_name: Mapping[str, Sequence[Score]]) -> str:
    """Exact rate among the surest rows, against how many rows are acted on."""
    with _style():
        figure, axes = _figure()
        for index, (name, scores) in enumerate(_scored(scores_by_name)):
            right = np.cumsum([score.exact for score in by_confidence(scores)]) / np.arange(1, len(scores) + 1)
            share = np.arange(1, len(scores) + 1) / len(scores)
            # Below a twentieth of the rows, or five of them, the curve is noise.
            start = min(len(scores) - 1, max(4, len(scores) // 20))
            axes.plot(share[start:], right[start:], color=_colour(index), label=name, linewidth=1.6)
        axes.set_xlim(0, 1)
        axes.set_ylim(top=1.01)
        axes.set_xlabel("share of rows acted on, surest first")
        axes.set_ylabel("exact rate among them")
        _legend(axes)
        return _svg(figure, "coverage", "Risk-coverage curve")


def reliability_plot(scores_by_name: Mapping[str, Sequence[Score]]) -> str:
    """Predicted confidence against the exact rate, in up to ten bins of equally many rows; on the diagonal is calibrated."""
    with _style():
        figure, axes = _figure()
        axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--")
        for index, (name, scores) in enumerate(_scored(scores_by_name)):
            confidence, share, reach = _bins(scores)
            axes.errorbar(
                confidence,
                share,
                yerr=reach,
                color=_colour(index),
                label=name,
                marker="o",
                markersize=4,
                linewidth=1.2,
                capsize=2,
            )
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("confidence")
        axes.set_ylabel("exact rate")
        _legend(axes)
        return _svg(figure, "reliability", "Reliability of the confidence")


def loss_curve(losses: Sequence[Mapping[str, Any]]) -> str:
    """Training and validation loss by step.

    Args:
        losses: Lines of a training's `progress.jsonl`: `step` with `loss` or `eval_loss`; other lines are passed over.
    """
    with _style():
        figure, axes = _figure()
        for index, (key, label, marker) in enumerate((("loss", "training", ""), ("eval_loss", "validation", "o"))):
            points = [(line["step"], line[key]) for line in losses if key in line and "step" in line]
            if points:
                steps, values = zip(*points, strict=True)
                axes.plot(steps, values, color=_colour(index), label=label, marker=marker, markersize=4, linewidth=1.4)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("step")
        axes.set_ylabel("cross entropy per learned token")
        _legend(axes)
        return _svg(figure, "loss", "Training loss")


def _bins(scores: Sequence[Score]) -> tuple[list[float], list[float], list[list[float]]]:
    """Mean confidence, exact rate, and the interval's reach below and above, (2, bins), of equally filled bins."""
    ranked = by_confidence(scores)[::-1]
    chunks = [chunk for chunk in np.array_split(np.arange(len(ranked)), min(_BINS, len(ranked))) if len(chunk)]
    rates = [rate([ranked[i].exact for i in chunk], [ranked[i].cluster for i in chunk]) for chunk in chunks]
    confidence = [float(np.mean([ranked[i].confidence for i in chunk])) for chunk in chunks]
    reach = [[entry.rate - entry.low for entry in rates], [entry.high - entry.rate for entry in rates]]
    return confidence, [entry.rate for entry in rates], reach


def _scored(scores_by_name: Mapping[str, Sequence[Score]]) -> list[tuple[str, Sequence[Score]]]:
    return [(name, scores) for name, scores in scores_by_name.items() if scores]


def _style() -> AbstractContextManager[None]:
    """Text stays text, ids are the same each time, and a `$` in a name is not a formula."""
    return matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "nightschool",
            "text.parse_math": False,
            "font.size": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#888888",
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#e6e6e6",
        }
    )


def _figure(height: float = 3.4) -> tuple[Figure, Axes]:
    """A figure of its own, not pyplot's: nothing global is kept and no display is opened. Height in inches."""
    figure = Figure(figsize=(6.4, height), layout="constrained")
    return figure, figure.add_subplot()


def _colour(index: int) -> str:
    return _COLOURS[index % len(_COLOURS)]


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=9)


def _svg(figure: Figure, name: str, label: str) -> str:
    """The figure as an `<svg>` element for HTML: no prologue, no namespaces, ids that no other figure of the page has."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r' xmlns(?::\w+)?="[^"]*"', "", text)
    for mark in ('id="', "url(#", 'href="#'):
        text = text.replace(mark, f"{mark}{name}-")
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1).strip()
