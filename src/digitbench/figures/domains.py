"""Accuracy on digits of other origin, and how far it falls from that at home."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from digitbench.figures.style import COLOURS, GRID, INK, NARROW, legend_below, new_figure, set_rows
from digitbench.wording import NAMES

SPACING = 0.17  # of a row, between architectures


def domain_accuracy(scores: pd.DataFrame, home: Mapping[str, float]) -> Figure:
    """A row per domain and mapping: a dot and interval per architecture, and where it came from.

    Args:
        scores: One row per architecture, domain and mapping: architecture, domain, mapping (the
            last two as they should read), accuracy, low, high as shares (low and high NaN where
            there is no interval).
        home: Per architecture the accuracy on MNIST's test set, as a share.
    """
    rows = list(dict.fromkeys(zip(scores["domain"], scores["mapping"], strict=True)))
    names = list(dict.fromkeys(scores["architecture"]))
    figure = new_figure(NARROW, 0.9 + 0.72 * len(rows))
    axes: Any = figure.subplots()
    for place, name in enumerate(names):
        offset = SPACING * (place - (len(names) - 1) / 2)
        own = scores[scores["architecture"] == name]
        heights = [
            rows.index(key) + offset for key in zip(own["domain"], own["mapping"], strict=True)
        ]
        _draw(axes, own, heights, home[name], name)
    set_rows(axes, [f"{domain}\n{mapping}" for domain, mapping in rows])
    for border in range(1, len(rows)):
        axes.axhline(border - 0.5, color=GRID, linewidth=0.6)
    axes.set_xlabel("accuracy, %")
    axes.scatter([], [], s=46, marker="|", color=INK, label="on MNIST's test set")
    legend_below(figure, len(names) + 1)
    return figure


def _draw(axes: Any, own: pd.DataFrame, heights: list[float], home: float, name: str) -> None:
    colour = COLOURS[name]
    percent = 100 * own[["accuracy", "low", "high"]]
    axes.hlines(heights, percent["accuracy"], 100 * home, color=colour, linewidth=0.8, alpha=0.4)
    axes.hlines(heights, percent["low"], percent["high"], color=colour, linewidth=3, alpha=0.5)
    axes.scatter([100 * home] * len(heights), heights, s=46, marker="|", color=colour, zorder=3)
    axes.scatter(percent["accuracy"], heights, s=30, color=colour, zorder=4, label=NAMES[name])
