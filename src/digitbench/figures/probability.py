"""Whether confidence can be trusted: reliability, and the errors left when doubt is heeded.

ROC curves of nearly perfect classifiers, magnified where they differ.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from digitbench.figures.style import COLOURS, MUTED, NARROW, WIDTH, legend_below, new_figure
from digitbench.wording import NAMES, decimal

FEW = 30  # predictions in a bin, below which its accuracy is mostly chance


def reliability_diagrams(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Accuracy against confidence per bin (Guo et al. 2017, figure 1), and how full bins are.

    The stem of a dot is the bin's gap to perfect calibration: below the diagonal the network is
    too sure of itself. Bins of fewer than 30 predictions are hollow. Most predictions crowd into
    the last bin, hence counts on a logarithmic axis.

    Args:
        tables: Per architecture bin_low, bin_high, count, confidence, accuracy; empty bins have
            count 0 and NaN.
    """
    figure = new_figure(max(WIDTH / 4 * len(tables), WIDTH / 2), 3.6)
    figure.set_layout_engine("constrained", wspace=0.05)
    panels: Any = figure.subplots(
        2, len(tables), squeeze=False, sharex=True, sharey="row", height_ratios=(3, 1)
    )
    most = max(table["count"].max() for table in tables.values())
    panels[1, 0].set_ylim(0.5, 3 * max(most, 1))
    panels[1, 0].set_yscale("log")
    for (upper, lower), (name, table) in zip(panels.T, tables.items(), strict=True):
        _draw_gaps(upper, table, COLOURS[name])
        upper.set_title(NAMES[name])
        width = 0.9 * (table["bin_high"] - table["bin_low"])
        lower.bar(
            table["bin_low"], table["count"], width, align="edge", color=COLOURS[name], alpha=0.6
        )
    panels[1, 0].set_yticks([1, 100, 10_000], ["1", "100", "10,000"])
    panels[1, 0].set_xlim(-0.03, 1.03)
    panels[0, 0].set_ylim(-0.04, 1.04)
    for lower in panels[1]:
        lower.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        lower.minorticks_off()
        lower.grid(visible=False, axis="x")
    panels[0, 0].text(0.97, 0.04, "too sure", ha="right", fontsize=8, color=MUTED)
    panels[0, 0].text(0.05, 0.9, "too modest", fontsize=8, color=MUTED)
    panels[0, 0].set_ylabel("accuracy")
    panels[1, 0].set_ylabel("predictions")
    figure.align_ylabels(panels[:, 0])
    figure.supxlabel("confidence in the predicted digit", fontsize=9.5)
    return figure


def _draw_gaps(axes: Any, table: pd.DataFrame, colour: str) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    filled = table[table["count"] > 0]
    confidence, accuracy = filled["confidence"], filled["accuracy"]
    axes.vlines(confidence, confidence, accuracy, color=colour, linewidth=2, alpha=0.5)
    for bins, fill in ((filled["count"] >= FEW, colour), (filled["count"] < FEW, "none")):
        axes.scatter(
            confidence[bins], accuracy[bins], s=24, facecolor=fill, edgecolor=colour, zorder=3
        )


def risk_coverage(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Errors among the images answered, when the least confident are left to a person.

    Error rather than accuracy, and logarithmic, for the interest is in whether 1 % becomes 0.1 %.
    Below the smallest error that occurs the axis is linear, so that 0 has a place.

    Args:
        curves: Per architecture coverage, accuracy, low, high, all as shares.
    """
    figure = new_figure(NARROW, 3.4)
    axes: Any = figure.subplots()
    positive = [1.0]
    for name, curve in curves.items():
        ordered = curve.sort_values("coverage")
        percent = 100 * ordered["coverage"]
        error, least, most = (100 * (1 - ordered[key]) for key in ("accuracy", "high", "low"))
        marker = "o" if len(ordered) == 1 else None
        axes.plot(percent, error, color=COLOURS[name], label=NAMES[name], marker=marker)
        axes.fill_between(percent, least, most, color=COLOURS[name], alpha=0.15, lw=0)
        positive += error[error > 1e-9].tolist()
    # Decades, the lowest at or below the smallest error; rounding forgives 0.01 stored as 0.00999.
    threshold = 10.0 ** np.floor(np.log10(min(positive)) + 1e-6)
    axes.set_yscale("symlog", linthresh=threshold, linscale=0.4)
    axes.set_ylim(0, max(axes.get_ylim()[1], threshold))
    axes.minorticks_off()
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_major_formatter(PercentFormatter(decimals=0, symbol=" %"))
    axes.set_xlabel("images answered, most confident first")
    axes.set_ylabel("errors among these, %")
    legend_below(figure, len(curves))
    return figure


LOWEST_FALSE_POSITIVE_RATE = 1e-4


def roc_curves(curves: Mapping[str, pd.DataFrame], auc: Mapping[str, float]) -> Figure:
    """Mean curve per architecture above, the curves of the single classes below.

    Steps, for a rate holds from its false-positive rate until the next one given.

    Args:
        curves: Per architecture class, false_positive_rate, true_positive_rate, all classes on
            the same false-positive rates.
        auc: Per architecture the area under the curve, averaged over classes.
    """
    figure = new_figure(WIDTH, 5.6)
    grid = figure.add_gridspec(2, len(curves), height_ratios=(1.6, 1))
    overview: Any = figure.add_subplot(grid[0, :])
    visible = {name: _visible(frame) for name, frame in curves.items()}
    means = {name: _mean(frame) for name, frame in visible.items()}
    for name, mean in means.items():
        label = f"{NAMES[name]}, area {area_text(auc[name])}"
        overview.step(mean.index, mean, where="post", color=COLOURS[name], label=label)
    overview.set_title("mean over classes")
    overview.set_ylabel("true-positive rate")
    _zoom(overview, min(mean.min() for mean in means.values()))
    lowest = min(frame["true_positive_rate"].min() for frame in visible.values())
    first: Any = None
    for column, (name, frame) in enumerate(visible.items()):
        axes: Any = figure.add_subplot(grid[1, column], sharey=first)
        _draw_classes(axes, frame, means[name], COLOURS[name])
        axes.set_title(f"{NAMES[name]} by class")
        _zoom(axes, lowest)
        axes.set_xticks([1e-4, 1e-2, 1], ["0.0001", "0.01", "1"])
        axes.tick_params(labelleft=first is None)
        first = first or axes
    first.set_ylabel("true-positive rate")
    legend_below(figure, 2)
    figure.supxlabel("false-positive rate (logarithmic)", fontsize=9.5)
    return figure


def area_text(area: float) -> str:
    """Five digits, and never 1 for what is below 1."""
    return "> 0.99999" if 0.999995 <= area < 1 else decimal(area, 5)


def _visible(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["false_positive_rate"] >= LOWEST_FALSE_POSITIVE_RATE]


def _mean(frame: pd.DataFrame) -> "pd.Series[float]":
    return frame.groupby("false_positive_rate")["true_positive_rate"].mean()


def _draw_classes(axes: Any, frame: pd.DataFrame, mean: "pd.Series[float]", colour: str) -> None:
    """Thin lines, of which the one that starts lowest is named."""
    starts: dict[int, tuple[float, float]] = {}
    for digit, curve in frame.groupby("class"):
        rates, hits = curve["false_positive_rate"], curve["true_positive_rate"]
        axes.step(rates, hits, where="post", color=colour, linewidth=0.8, alpha=0.6)
        starts[int(str(digit))] = (float(hits.iloc[0]), float(rates.iloc[0]))
    axes.step(mean.index, mean, where="post", color=colour)
    worst = min(starts, key=lambda digit: starts[digit])
    height, rate = starts[worst]
    axes.annotate(
        f"digit {worst}", (rate, height), (4, -1), textcoords="offset points", fontsize=8, va="top"
    )


def _zoom(axes: Any, lowest: float) -> None:
    """Leave out what is empty: the axis starts a little below the lowest rate, at 0.8 at most."""
    axes.set_xscale("log")
    axes.set_xlim(LOWEST_FALSE_POSITIVE_RATE, 1)
    axes.set_ylim(min(0.8, np.floor(20 * (lowest - 0.02)) / 20), 1.003)
    axes.set_xticks([1e-4, 1e-3, 1e-2, 1e-1, 1], ["0.0001", "0.001", "0.01", "0.1", "1"])
    axes.minorticks_off()
