"""ROC curves of nearly perfect classifiers, magnified where they differ."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from digitbench.plots.style import COLOURS, NAMES, WIDTH, new_figure

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
        label = f"{NAMES[name]}  {area_text(auc[name])}"
        overview.step(mean.index, mean, where="post", color=COLOURS[name], label=label)
    overview.set_title("mean over classes")
    overview.set_ylabel("true-positive rate")
    overview.legend(loc="lower right", title="area under the curve")
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
    figure.supxlabel("false-positive rate (logarithmic)", fontsize=9.5)
    return figure


def area_text(area: float) -> str:
    """Five digits, and never 1 for what is below 1."""
    return "> 0.99999" if 0.999995 <= area < 1 else f"{area:.5f}"


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
