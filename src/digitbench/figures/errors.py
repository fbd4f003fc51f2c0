"""The digits behind the numbers: what is misread, by whom, and how surely."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.figures.style import COLOURS, INK, WRONG
from digitbench.figures.tiles import SIDE, Grid, compose, fitting, say, sheet
from digitbench.wording import NAMES

CLASSES = 10
COLUMNS = 10
DISPUTED = "#e69f00"  # orange of Okabe and Ito (2008), taken by no architecture

_ERROR_GRID = Grid(CLASSES, CLASSES, above=6, between=2)

Images = NDArray[np.uint8]
Digits = NDArray[np.integer]


@dataclass(frozen=True)
class Mistakes:
    """The mistakes of one kind: a true digit read as another.

    Attributes:
        example: Index of the mistake made with most confidence.
        count: How many there are.
    """

    example: int
    count: int


def mistakes_by_kind(
    true: Digits, predicted: Digits, confidence: NDArray[np.floating]
) -> dict[tuple[int, int], Mistakes]:
    """Mistakes by true and predicted digit; kinds that don't occur are left out.

    Args:
        true: True classes [N].
        predicted: Predicted classes [N].
        confidence: Probability of the predicted class [N]; the first of equals is the example.
    """
    kinds = {}
    for row in range(CLASSES):
        for column in range(CLASSES):
            found = np.flatnonzero((true == row) & (predicted == column))
            if row != column and len(found):
                example = int(found[np.argmax(confidence[found])])
                kinds[row, column] = Mistakes(example, len(found))
    return kinds


def error_sheet(images: Images, kinds: Mapping[tuple[int, int], Mistakes]) -> NDArray[np.uint8]:
    """Examples at their true (row) and predicted (column) digit, RGBA, other cells transparent."""
    chosen = [kind.example for kind in kinds.values()]
    return compose(images[chosen], list(kinds), _ERROR_GRID)


def error_grid(
    images: Images, true: Digits, predicted: Digits, confidence: NDArray[np.floating]
) -> Figure:
    """Every kind of mistake: its most confident example, and over it how many there are.

    Args:
        images: [N, 28, 28], one per prediction; right ones may be among them and don't show.
        true: True classes [N].
        predicted: Predicted classes [N].
        confidence: Probability of the predicted class [N].
    """
    kinds = mistakes_by_kind(true, predicted, confidence)
    figure, axes = sheet(error_sheet(images, kinds), width=5.8, side=0.5, rim=0.4)
    for (row, column), kind in kinds.items():
        top, left = _ERROR_GRID.corner(row, column)
        axes.text(left + SIDE, top - 1, f"{kind.count}", ha="right", fontsize=7.5)
    corners = np.array([_ERROR_GRID.corner(digit, digit) for digit in range(CLASSES)])
    digits = [str(digit) for digit in range(CLASSES)]
    axes.set_yticks(corners[:, 0] + SIDE / 2, digits)
    axes.set_xticks(corners[:, 1] + SIDE / 2, digits)
    axes.tick_params(length=0, labelsize=10.5, top=False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if not kinds:
        say(axes, "no mistakes")
    return figure


def disagreements(images: Images, labels: Digits, answers: Mapping[str, Digits]) -> Figure:
    """Images with the answer of every architecture under them; wrong answers are filled.

    Args:
        images: [N, 28, 28], N of a few dozen at most.
        labels: True classes [N].
        answers: Per architecture its answer to each image [N].
    """
    line = 11  # pixels
    grid = fitting(len(images), 12, above=line, below=line * len(answers) + 10)
    places = [grid.place(index) for index in range(len(images))]
    figure, axes = sheet(compose(images, places, grid), side=0.6)
    corners = np.array([grid.corner(*place) for place in places]).reshape(-1, 2)  # (top, left)
    middle = corners[:, 1] + SIDE / 2
    for x, top, label in zip(middle, corners[:, 0], labels, strict=True):
        axes.text(x, top - 7, f"{label}", ha="center", va="center", fontweight="bold")
    tops = [grid.corner(row, 0)[0] for row in range(grid.rows)]
    for top in tops:
        axes.text(-3, top - 7, "label", ha="right", va="center", fontweight="bold")
    for order, (name, given) in enumerate(answers.items()):
        drop = SIDE + line * (order + 0.5) + 4
        for top in tops:
            axes.text(-3, top + drop, NAMES[name], ha="right", va="center_baseline")
        wrong = given != labels
        axes.scatter(
            middle[wrong], corners[wrong, 0] + drop, s=150, marker="s", color=COLOURS[name], lw=0
        )
        for x, top, answer, fails in zip(middle, corners[:, 0], given, wrong, strict=True):
            _answer(axes, (x, top + drop), f"{answer}", COLOURS[name] if fails else None)
    if not len(images):
        say(axes, "no disagreement")
    return figure


def _answer(axes: Any, place: tuple[float, float], text: str, filling: str | None) -> None:
    style = {"color": INK} if filling is None else {"color": _on(filling), "fontweight": "bold"}
    axes.text(*place, text, ha="center", va="center_baseline", **style)


def _on(colour: str) -> str:
    """White or near-black, whichever reads better on a colour (WCAG 2.2 relative luminance)."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return "#ffffff" if linear @ (0.2126, 0.7152, 0.0722) < 0.19 else "#111111"


def always_wrong(
    images: Images, labels: Digits, answers: Digits, disputed: NDArray[np.bool_]
) -> Figure:
    """Images that every replicate of every architecture misreads; disputed labels are framed.

    Args:
        images: [N, 28, 28].
        labels: Labels as given [N].
        answers: The answer most replicates give [N].
        disputed: Whether the label itself is in doubt [N].
    """
    grid = fitting(len(images), COLUMNS, below=11)
    places = [grid.place(index) for index in range(len(images))]
    frames = [DISPUTED if doubt else None for doubt in disputed]
    figure, axes = sheet(compose(images, places, grid, frames), rim=0.25)
    for place, label, answer, doubt in zip(places, labels, answers, disputed, strict=True):
        top, left = grid.corner(*place)
        text = f"{label}{'?' if doubt else ''} → {answer}"
        axes.text(left + SIDE / 2, top + SIDE + 7, text, ha="center", va="center", fontsize=9)
    if not len(images):
        say(axes, "none")
    axes.set_xlabel("label → answer of most; framed and with ?: the label is disputed")
    return figure


def random_predictions(
    images: Images, labels: Digits, predicted: Digits, confidence: NDArray[np.floating]
) -> Figure:
    """Digits with the answer and how sure it is; wrong ones in red, with the label.

    Args:
        images: [N, 28, 28].
        labels: True classes [N].
        predicted: Predicted classes [N].
        confidence: Probability of the predicted class [N].
    """
    grid = fitting(len(images), COLUMNS, below=18)
    places = [grid.place(index) for index in range(len(images))]
    wrong = predicted != labels
    frames = [WRONG if fails else None for fails in wrong]
    figure, axes = sheet(compose(images, places, grid, frames))
    for index, place in enumerate(places):
        top, left = grid.corner(*place)
        colour = WRONG if wrong[index] else INK
        text = f"{predicted[index]}, not {labels[index]}" if wrong[index] else f"{predicted[index]}"
        x, y = left + SIDE / 2, top + SIDE + 7
        axes.text(x, y, text, ha="center", va="center", color=colour, fontweight="bold")
        axes.text(x, y + 8, _sure(confidence[index]), ha="center", va="center", fontsize=7.5)
    if not len(images):
        say(axes, "none")
    return figure


def _sure(probability: float) -> str:
    """Percent, and never 100 for what is less."""
    return "> 99.9 %" if 0.9995 <= probability < 1 else f"{100 * probability:.1f} %"
