"""Confusion matrices in which the mistakes can be seen."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.figures.style import COLOURS, WIDTH, bare, new_figure
from digitbench.wording import NAMES, decimal


def confusion_matrices(rates: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Row-normalised matrices side by side; colour shows mistakes alone, on one common scale.

    The diagonal, a hundred times larger than the rest, would otherwise leave everything else
    white; it is given as text.
    """
    rows, columns = (len(rates) + 1) // 2, min(len(rates), 2)
    figure = new_figure(WIDTH / 2 * columns, WIDTH / 2 * rows)
    panels: Any = figure.subplots(rows, columns, squeeze=False)
    mistakes = {name: matrix * (1 - np.eye(len(matrix))) for name, matrix in rates.items()}
    top = max(float(matrix.max()) for matrix in mistakes.values()) or 1.0
    for axes in panels.flat:
        bare(axes)
    for axes, (name, matrix) in zip(panels.flat, rates.items(), strict=False):
        colour = COLOURS[name]
        # From transparent to the architecture's colour: right on light and dark pages alike.
        shades = LinearSegmentedColormap.from_list(name, [to_rgba(colour, 0), to_rgba(colour, 0.9)])
        axes.pcolormesh(mistakes[name], cmap=shades, vmin=0, vmax=top)
        axes.invert_yaxis()
        axes.set_aspect("equal")
        _label(axes, matrix)
        axes.set_title(f"{NAMES[name]}, % of each true digit")
    return figure


def _label(axes: Any, matrix: NDArray[np.float64]) -> None:
    digits = range(len(matrix))
    for true in digits:
        for predicted in digits:
            percent = 100 * matrix[true, predicted]
            if percent < 0.05:
                continue
            weight = "bold" if true == predicted else "normal"
            axes.text(
                predicted + 0.5,
                true + 0.5,
                decimal(percent, 1),
                ha="center",
                va="center",
                fontsize=7,
                fontweight=weight,
            )
    axes.set_xticks([digit + 0.5 for digit in digits], [str(digit) for digit in digits])
    axes.set_yticks([digit + 0.5 for digit in digits], [str(digit) for digit in digits])
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
