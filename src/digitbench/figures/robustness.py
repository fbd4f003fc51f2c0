"""Accuracy under graded corruption, and what the corruptions look like."""

import textwrap
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from digitbench.figures.style import COLOURS, MUTED, WIDTH, Look, new_figure
from digitbench.figures.tiles import SIDE, Grid, compose, sheet
from digitbench.results.sheets import Corrupted
from digitbench.wording import NAMES

CHANCE = 10.0  # percent, of ten classes


def robustness_curves(
    results: pd.DataFrame, units: Mapping[str, str], looks: Mapping[str, Look] | None = None
) -> Figure:
    """A panel per corruption: accuracy against strength, with bands over all seeds.

    Args:
        results: One row per architecture, seed, corruption and strength, with accuracy as share.
        units: Per corruption what a strength counts.
        looks: Per group of networks how it is drawn; architectures have their own.
    """
    names = list(dict.fromkeys(results["corruption"]))
    cells = len(names) + 1  # the last one holds the legend
    columns = min(3, cells)
    rows = -(-cells // columns)
    figure = new_figure(WIDTH / 3 * columns, 2.15 * rows)
    panels: Any = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for axes, name in zip(panels.flat, names, strict=False):
        _draw(axes, results[results["corruption"] == name], looks or {})
        axes.set_title(name)
        axes.set_xlabel(textwrap.fill(units[name], 26), fontsize=8.5)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[0, 0].set_ylim(0, 102)
    panels[0, 0].set_yticks(range(0, 101, 25))
    for row in panels:
        row[0].set_ylabel("accuracy, %")
    for axes in panels.flat[len(names) :]:
        axes.set_axis_off()
    handles, labels = panels.flat[0].get_legend_handles_labels()
    panels.flat[len(names)].legend(handles, labels, loc="center")
    return figure


def _draw(axes: Any, results: pd.DataFrame, looks: Mapping[str, Look]) -> None:
    for architecture, frame in results.groupby("architecture", sort=False):
        by_strength = 100 * frame.groupby("strength")["accuracy"].agg(["mean", "min", "max"])
        own = str(architecture)
        look = looks.get(own) or Look(COLOURS[own], NAMES[own])
        strength = by_strength.index
        axes.plot(
            strength,
            by_strength["mean"],
            color=look.colour,
            linestyle=look.line,
            marker="o",
            ms=3,
            label=look.label,
        )
        axes.fill_between(
            strength, by_strength["min"], by_strength["max"], color=look.colour, alpha=0.18, lw=0
        )
    axes.axhline(CHANCE, color=MUTED, linewidth=1, linestyle=(0, (2, 2)), label="guessing")


def corruption_examples(shown: Corrupted, units: Mapping[str, str]) -> Figure:
    """A row per corruption: one digit at every strength, which stands over it.

    Args:
        shown: The digit, corrupted.
        units: Per corruption what a strength counts.
    """
    rows = Counter(shown.corruptions.tolist())  # in the order of the images
    grid = Grid(len(rows), max(rows.values()), above=6)
    places = [(row, k) for row, length in enumerate(rows.values()) for k in range(length)]
    figure, axes = sheet(compose(shown.images, places, grid), width=6.6, side=1.9)
    for place, strength in zip(places, shown.strengths, strict=True):
        top, left = grid.corner(*place)
        axes.text(left + SIDE / 2, top - 2, f"{strength:g}", ha="center", fontsize=8)
    for row, name in enumerate(rows):
        top, _ = grid.corner(row, 0)
        axes.text(-3, top + 8, name, ha="right", va="center", fontweight="bold")
        axes.text(-3, top + 13, textwrap.fill(units[name], 20), ha="right", va="top", fontsize=7.5)
    return figure
