"""What accuracy costs, and how cost grows with the image."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullLocator
from numpy.typing import ArrayLike, NDArray

from digitbench.figures.style import COLOURS, MUTED, WIDTH, new_figure
from digitbench.wording import NAMES

_COSTS = {
    "multiply_accumulates": "multiply-accumulates per image",
    "seconds_per_epoch": "seconds per epoch of training",
}
_SIZES = {
    "parameters": "parameters",
    "multiply_accumulates": "multiply-accumulates per image",
}


def pareto_front(cost: ArrayLike, error: ArrayLike) -> NDArray[np.intp]:
    """Points that no other point matches or beats in both respects, beating it in one.

    Args:
        cost: [N], less is better.
        error: [N], less is better.

    Returns:
        Indices of the front, from the cheapest to the most accurate; equal points are all on it.
    """
    costs, errors = np.asarray(cost, dtype=np.float64), np.asarray(error, dtype=np.float64)
    front: list[int] = []
    best = np.inf
    for index in np.lexsort((errors, costs)):  # by cost, then by error
        twin = bool(front) and (costs[index], errors[index]) == (costs[front[-1]], best)
        if errors[index] < best or twin:
            front.append(int(index))
            best = errors[index]
    return np.array(front, dtype=np.intp)


def error_against_cost(points: pd.DataFrame) -> Figure:
    """Test error against computation and against time, with the Pareto front of each.

    Args:
        points: One row per architecture: architecture; error, error_low, error_high as shares
            (the last two NaN where there is no interval); multiply_accumulates per image;
            seconds_per_epoch.
    """
    figure = new_figure(WIDTH, 3.5)
    panels: Any = figure.subplots(1, 2, sharey=True)
    percent = 100 * points[["error", "error_low", "error_high"]]
    top = 1.12 * float(percent.max().max())
    for axes, (column, title) in zip(panels, _COSTS.items(), strict=True):
        costs = points[column].to_numpy(dtype=np.float64)
        axes.set_xscale("log")
        axes.set_xlim(costs.min() / 2.2, costs.max() * 3)
        axes.set_ylim(0, top or 1)
        _draw_front(axes, costs, percent["error"].to_numpy())
        for name, cost, error, low, high in zip(
            points["architecture"], costs, *percent.to_numpy().T, strict=True
        ):
            axes.vlines(cost, low, high, color=COLOURS[name], linewidth=3, alpha=0.5)
            axes.scatter([cost], [error], s=46, color=COLOURS[name], zorder=3, label=NAMES[name])
            axes.annotate(NAMES[name], (cost, error), (7, 5), textcoords="offset points")
        axes.set_xlabel(f"{title} (logarithmic)")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(EngFormatter())
    panels[0].set_ylabel("test error and 95 % interval, %")
    return figure


def _draw_front(axes: Any, costs: NDArray[np.float64], errors: NDArray[np.float64]) -> None:
    """The least error that each budget buys, as steps from edge to edge of the panel."""
    front = pareto_front(costs, errors)
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    along = [costs[front[0]], *costs[front], right]
    up = [top, *errors[front], errors[front[-1]]]
    axes.step(along, up, where="post", color=MUTED, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1)


def growth_exponent(sides: ArrayLike, quantity: ArrayLike) -> float | None:
    """Slope b of the least-squares line log(quantity) = a + b log(side); None with one side."""
    logs = np.log(np.asarray(sides, dtype=np.float64))
    if len(np.unique(logs)) < 2:
        return None
    return float(np.polyfit(logs, np.log(np.asarray(quantity, dtype=np.float64)), 1)[0])


def growth(sizes: pd.DataFrame) -> Figure:
    """How parameters and computation grow with the image; the slope is the exponent.

    Args:
        sizes: One row per architecture and side: architecture, side (pixels), parameters,
            multiply_accumulates (per image), all positive.
    """
    figure = new_figure(WIDTH, 3.9)
    panels: Any = figure.subplots(1, 2)
    sides = sorted(set(sizes["side"]))
    for axes, (column, title) in zip(panels, _SIZES.items(), strict=True):
        for name, frame in sizes.groupby("architecture", sort=False):
            label = _slope_label(NAMES[str(name)], frame["side"], frame[column])
            ordered = frame.sort_values("side")
            axes.plot(
                ordered["side"],
                ordered[column],
                color=COLOURS[str(name)],
                marker="o",
                ms=5,
                label=label,
            )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(sides, [f"{side} × {side}" for side in sides])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(EngFormatter())
        axes.set_title(title)
        axes.set_xlabel("image, pixels")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return figure


def _slope_label(name: str, sides: ArrayLike, quantity: ArrayLike) -> str:
    slope = growth_exponent(sides, quantity)
    return name if slope is None else f"{name}, slope {slope:.1f}"
