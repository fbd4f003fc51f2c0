"""Learning curves."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from digitbench.figures.style import COLOURS, INK, WIDTH, legend_below, new_figure
from digitbench.wording import NAMES


def learning_curves(curves: Mapping[str, pd.DataFrame]) -> Figure:
    """Loss and accuracy against epochs, training dashed, validation solid; bands span the seeds."""
    figure = new_figure(WIDTH, 3.2)
    panels: Any = figure.subplots(1, 2)
    for axes, quantity in zip(panels, ("loss", "accuracy"), strict=True):
        for architecture, frame in curves.items():
            for part, line in (("train", "--"), ("validation", "-")):
                _draw(axes, frame, f"{part}_{quantity}", COLOURS[architecture], line)
        axes.set_xlabel("epoch")
        axes.set_title(quantity)
        axes.xaxis.get_major_locator().set_params(integer=True)
    panels[0].set_yscale("log")
    for architecture in curves:
        panels[0].plot([], [], color=COLOURS[architecture], label=NAMES[architecture])
    panels[0].plot([], [], color=INK, label="validation")
    panels[0].plot([], [], color=INK, linestyle="--", label="training")
    legend_below(figure, len(curves) + 2)
    return figure


def _draw(axes: Any, frame: pd.DataFrame, column: str, colour: str, line: str) -> None:
    by_epoch = frame.groupby("epoch")[column]
    mean = by_epoch.mean()
    marker = "o" if len(mean) == 1 else None
    axes.plot(mean.index, mean, color=colour, linestyle=line, marker=marker)
    axes.fill_between(mean.index, by_epoch.min(), by_epoch.max(), color=colour, alpha=0.15, lw=0)
