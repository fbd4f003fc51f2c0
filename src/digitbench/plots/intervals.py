"""The headline figure: every replicate, its mean and its interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from digitbench.plots.style import COLOURS, GRID, INK, NAMES, new_figure


def accuracy_intervals(
    accuracy: Mapping[str, Mapping[str, Any]], published: Mapping[str, Sequence[float]]
) -> Figure:
    """Test accuracy in percent per architecture: replicates, mean, 95 % interval.

    Args:
        accuracy: Per architecture the summary with mean, ci95_low, ci95_high, per_seed.
        published: Per architecture a published value and its spread, in percent.
    """
    figure = new_figure(7.2, 0.9 + 0.62 * len(accuracy))
    axes: Any = figure.subplots()
    for row, (name, summary) in enumerate(accuracy.items()):
        colour = COLOURS[name]
        values = [100 * value for value in summary["per_seed"].values()]
        axes.scatter(values, [row] * len(values), s=26, color=colour, alpha=0.45, lw=0, zorder=3)
        mean = 100 * summary["mean"]
        if summary["ci95_low"] is not None:
            ends = [100 * summary["ci95_low"], 100 * summary["ci95_high"]]
            axes.plot(ends, [row, row], color=colour, linewidth=3, alpha=0.55, zorder=2)
        axes.scatter([mean], [row], s=70, color=colour, marker="D", zorder=4)
        axes.annotate(f"{mean:.2f}", (mean, row), (0, 9), textcoords="offset points", ha="center")
        if name in published:
            value, spread = published[name]
            axes.errorbar(
                [value], [row + 0.3], xerr=[spread], fmt="s", color=INK, ms=4, lw=1, capsize=2
            )
    axes.set_yticks(range(len(accuracy)), [NAMES[name] for name in accuracy])
    axes.set_ylim(len(accuracy) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_color(GRID)
    axes.set_xlabel("test accuracy, %")
    axes.scatter([], [], s=26, color=INK, alpha=0.45, lw=0, label="one replicate")
    axes.scatter([], [], s=50, color=INK, marker="D", label="mean and 95 % interval")
    if published:
        axes.errorbar([], [], xerr=[], fmt="s", color=INK, ms=4, lw=1, label="published, as stated")
    figure.legend(loc="outside lower center", ncols=3)
    return figure
