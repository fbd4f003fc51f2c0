"""The headline figure: every replicate, its mean and its interval.

Differences between architectures as a forest plot.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from digitbench.figures.style import COLOURS, GRID, INK, MUTED, WIDTH, new_figure
from digitbench.statistics.comparison import PairwiseComparison
from digitbench.statistics.summary import Summary
from digitbench.wording import NAMES, p_value, points


def accuracy_intervals(
    accuracy: Mapping[str, Summary], published: Mapping[str, Sequence[float]]
) -> Figure:
    """Test accuracy in percent per architecture: replicates, mean, 95 % interval.

    Args:
        accuracy: Per architecture over its seeds.
        published: Per architecture a published value and its spread, in percent.
    """
    figure = new_figure(7.2, 0.9 + 0.62 * len(accuracy))
    axes: Any = figure.subplots()
    for row, (name, summary) in enumerate(accuracy.items()):
        colour = COLOURS[name]
        values = [100 * value for value in summary.per_seed.values()]
        axes.scatter(values, [row] * len(values), s=26, color=colour, alpha=0.45, lw=0, zorder=3)
        mean = 100 * summary.mean
        if summary.ci95_low is not None and summary.ci95_high is not None:
            ends = [100 * summary.ci95_low, 100 * summary.ci95_high]
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


def pair_differences(pairs: Sequence[PairwiseComparison]) -> Figure:
    """Difference in accuracy of every pair, second minus first, with its interval.

    Pairs with evidence take the colour of the better architecture, the others are grey.
    """
    figure = new_figure(WIDTH, 0.95 + 0.38 * max(len(pairs), 1))
    axes: Any = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    for row, pair in enumerate(pairs):
        _draw(axes, row, pair)
    labels = [f"{NAMES[pair.second]} − {NAMES[pair.first]}" for pair in pairs]
    axes.set_yticks(range(len(pairs)), labels)
    axes.set_ylim(max(len(pairs), 1) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        "difference in accuracy, percentage points\ncolour: the better one; grey: no evidence"
    )
    return figure


def _draw(axes: Any, row: int, pair: PairwiseComparison) -> None:
    better = pair.second if pair.difference > 0 else pair.first
    colour = COLOURS[better] if pair.is_evident else MUTED
    low, high = 100 * pair.difference_low, 100 * pair.difference_high
    axes.hlines(row, low, high, color=colour, linewidth=3, alpha=0.55)
    axes.scatter([100 * pair.difference], [row], s=50, marker="D", color=colour, zorder=3)
    sign = "" if pair.p_value_holm < 0.001 else "= "
    texts = {
        "right": points(pair.difference),
        "left": f"p {sign}{p_value(pair.p_value_holm)}",
    }
    for alignment, text in texts.items():
        # Beyond the right edge, whatever the data: x in shares of the axes, y in rows.
        axes.text(
            1.11 if alignment == "right" else 1.14,
            row,
            text,
            transform=axes.get_yaxis_transform(),
            ha=alignment,
            va="center",
            fontsize=8.5,
            color=INK if pair.is_evident else MUTED,
        )
