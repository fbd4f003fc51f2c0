"""The headline figure: every replicate, its mean and its interval.

Differences between architectures as a forest plot.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from digitbench.figures.style import (
    COLOURS,
    INK,
    MUTED,
    NARROW,
    draw_range,
    legend_below,
    new_figure,
    set_rows,
)
from digitbench.statistics.comparison import PairVerdict
from digitbench.statistics.summary import Summary
from digitbench.wording import NAMES, decimal, p_equals, points, within


def accuracy_intervals(
    accuracy: Mapping[str, Summary], published: Mapping[str, Sequence[float]]
) -> Figure:
    """Test accuracy in percent per architecture: replicates, mean, 95 % interval.

    Args:
        accuracy: Per architecture over its seeds.
        published: Per architecture a published value and its spread, in percent.
    """
    figure = new_figure(NARROW, 0.9 + 0.62 * len(accuracy))
    axes: Any = figure.subplots()
    for row, (name, summary) in enumerate(accuracy.items()):
        colour = COLOURS[name]
        values = [100 * value for value in summary.per_seed.values()]
        axes.scatter(values, [row] * len(values), s=26, color=colour, alpha=0.45, lw=0, zorder=3)
        mean = 100 * summary.mean
        draw_range(axes, row, (summary.ci95_low, summary.ci95_high), colour, 3)
        axes.scatter([mean], [row], s=70, color=colour, marker="D", zorder=4)
        axes.annotate(decimal(mean), (mean, row), (0, 9), textcoords="offset points", ha="center")
        if name in published:
            value, spread = published[name]
            axes.errorbar(
                [value], [row + 0.3], xerr=[spread], fmt="s", color=INK, ms=4, lw=1, capsize=2
            )
    set_rows(axes, [NAMES[name] for name in accuracy])
    axes.set_xlabel("test accuracy, %")
    axes.scatter([], [], s=26, color=INK, alpha=0.45, lw=0, label="one replicate")
    axes.scatter([], [], s=50, color=INK, marker="D", label="mean and 95 % interval")
    if published:
        axes.errorbar([], [], xerr=[], fmt="s", color=INK, ms=4, lw=1, label="published, as stated")
    legend_below(figure, 3)
    return figure


def pair_differences(verdicts: Sequence[PairVerdict]) -> Figure:
    """Difference in accuracy of every pair, second minus first, with the interval of its test.

    Pairs with evidence take the colour of the better architecture, the others are grey; the band
    is the margin.
    """
    figure = new_figure(NARROW, 1.1 + 0.38 * max(len(verdicts), 1))
    axes: Any = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    for row, verdict in enumerate(verdicts):
        _draw(axes, row, verdict)
    set_rows(
        axes,
        [f"{NAMES[v.pair.second]} − {NAMES[v.pair.first]}: {v.standing}" for v in verdicts],
    )
    legend = "colour: the better one; grey: no evidence"
    for margin in {verdict.margin for verdict in verdicts}:
        axes.axvspan(-100 * margin, 100 * margin, color=MUTED, alpha=0.2, lw=0)
        legend += f"; band: {within(margin)}"
    axes.set_xlabel(f"difference in accuracy, percentage points\n{legend}")
    return figure


def _draw(axes: Any, row: int, verdict: PairVerdict) -> None:
    pair = verdict.pair
    better = pair.second if pair.difference > 0 else pair.first
    colour = COLOURS[better] if pair.is_evident else MUTED
    draw_range(axes, row, (pair.difference_low, pair.difference_high), colour, 3)
    axes.scatter([100 * pair.difference], [row], s=50, marker="D", color=colour, zorder=3)
    # Beyond the right edge, whatever the data: x in shares of the axes, y in rows.
    texts = ((38, "right", points(pair.difference)), (44, "left", p_equals(pair.p_value_holm)))
    for shift, alignment, text in texts:
        axes.annotate(
            text,
            (1, row),
            (shift, 0),
            xycoords=axes.get_yaxis_transform(),
            textcoords="offset points",
            ha=alignment,
            va="center",
            fontsize=8.5,
            color=INK if pair.is_evident else MUTED,
        )
