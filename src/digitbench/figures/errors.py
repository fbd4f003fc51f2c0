"""The digits behind the numbers: what is misread, by whom, and how surely."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from digitbench.figures.style import COLOURS, INK, WRONG
from digitbench.figures.tiles import (
    SIDE,
    Grid,
    annotate_empty,
    compose,
    fitting,
    in_order,
    sheet,
)
from digitbench.results.sheets import AlwaysWrong, Disagreements, Mistakes, Sample
from digitbench.wording import NAMES, percent

CLASSES = 10
COLUMNS = 10
DISPUTED = "#e69f00"  # orange of Okabe and Ito (2008), taken by no architecture

_ERROR_GRID = Grid(CLASSES, CLASSES, above=6, between=2)


def error_grid(shown: Mistakes) -> Figure:
    """Every kind of mistake in its true row and predicted column, and over it how many."""
    places = list(zip(shown.labels.tolist(), shown.answers.tolist(), strict=True))
    raster = compose(shown.images, places, _ERROR_GRID)
    figure, axes = sheet(raster, width=5.8, side=0.5, rim=0.4)
    for place, count in zip(places, shown.counts, strict=True):
        top, left = _ERROR_GRID.corner(*place)
        axes.text(left + SIDE, top - 1, f"{count}", ha="right", fontsize=7.5)
    corners = np.array([_ERROR_GRID.corner(digit, digit) for digit in range(CLASSES)])
    digits = [str(digit) for digit in range(CLASSES)]
    axes.set_yticks(corners[:, 0] + SIDE / 2, digits)
    axes.set_xticks(corners[:, 1] + SIDE / 2, digits)
    axes.tick_params(length=0, labelsize=10.5, top=False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    annotate_empty(axes, shown.images, "no mistakes")
    return figure


def disagreements(shown: Disagreements, order: Sequence[str]) -> Figure:
    """Images with the answer of every architecture under them; wrong answers are filled.

    Args:
        shown: The images and answers.
        order: Names of all architectures, from above.
    """
    line = 11  # pixels
    grid = fitting(len(shown.images), 12, above=line, below=line * len(shown.answers) + 10)
    figure, axes, corners = in_order(shown.images, grid, side=0.6)
    middle = corners[:, 1] + SIDE / 2
    for x, top, label in zip(middle, corners[:, 0], shown.labels, strict=True):
        axes.text(x, top - 7, f"{label}", ha="center", va="center", fontweight="bold")
    tops = [grid.corner(row, 0)[0] for row in range(grid.rows)]
    for top in tops:
        axes.text(-3, top - 7, "label", ha="right", va="center", fontweight="bold")
    answers = dict(zip(shown.architectures.tolist(), shown.answers, strict=True))
    for place, name in enumerate(order):
        given, drop = answers[name], SIDE + line * (place + 0.5) + 4
        for top in tops:
            axes.text(-3, top + drop, NAMES[name], ha="right", va="center_baseline")
        wrong, colour = given != shown.labels, COLOURS[name]
        axes.scatter(middle[wrong], corners[wrong, 0] + drop, s=150, marker="s", color=colour, lw=0)
        for x, top, answer, fails in zip(middle, corners[:, 0], given, wrong, strict=True):
            style = {"color": _on(colour), "fontweight": "bold"} if fails else {"color": INK}
            axes.text(x, top + drop, f"{answer}", ha="center", va="center_baseline", **style)
    annotate_empty(axes, shown.images, "no disagreement")
    return figure


def _on(colour: str) -> str:
    """White or near-black, whichever reads better on a colour (WCAG 2.2 relative luminance)."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return "#ffffff" if linear @ (0.2126, 0.7152, 0.0722) < 0.19 else "#111111"


def always_wrong(shown: AlwaysWrong) -> Figure:
    """Images that nobody reads as labelled; those with a disputed label are framed."""
    grid = fitting(len(shown.images), COLUMNS, below=11)
    frames = [DISPUTED if doubt else None for doubt in shown.disputed]
    figure, axes, corners = in_order(shown.images, grid, frames, rim=0.25)
    for corner, label, answer, doubt in zip(
        corners, shown.labels, shown.answers, shown.disputed, strict=True
    ):
        _caption(axes, corner, f"{label}{'?' if doubt else ''} → {answer}", fontsize=9)
    annotate_empty(axes, shown.images, "none")
    axes.set_xlabel("label → answer of most; framed and with ?: the label is disputed")
    return figure


def random_predictions(shown: Sample) -> Figure:
    """Digits with the answer and how sure it is; wrong ones in red, with the label."""
    grid = fitting(len(shown.images), COLUMNS, below=18)
    wrong = shown.answers != shown.labels
    frames = [WRONG if fails else None for fails in wrong]
    figure, axes, corners = in_order(shown.images, grid, frames)
    for corner, label, answer, sure, fails in zip(
        corners, shown.labels, shown.answers, shown.confidence, wrong, strict=True
    ):
        text = f"{answer}, not {label}" if fails else f"{answer}"
        _caption(axes, corner, text, color=WRONG if fails else INK, fontweight="bold")
        _caption(axes, corner + np.array([8, 0]), _sure(sure), fontsize=7.5)
    annotate_empty(axes, shown.images, "none")
    return figure


def _caption(axes: Any, corner: Any, text: str, **style: Any) -> None:
    """A line under the tile whose top and left are given."""
    top, left = corner
    axes.text(left + SIDE / 2, top + SIDE + 7, text, ha="center", va="center", **style)


def _sure(probability: float) -> str:
    """Percent, and never 100 for what is less."""
    return "> 99.9 %" if 0.9995 <= probability < 1 else percent(probability, 1)
