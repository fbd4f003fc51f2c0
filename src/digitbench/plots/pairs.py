"""Differences between architectures as a forest plot."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from digitbench.evidence import is_significant
from digitbench.plots.style import COLOURS, INK, MUTED, NAMES, WIDTH, new_figure
from digitbench.reporting.wording import p_value, points


def pair_differences(pairs: Sequence[Mapping[str, Any]]) -> Figure:
    """Difference in accuracy of every pair, second minus first, with its interval.

    Pairs with evidence take the colour of the better architecture, the others are grey.

    Args:
        pairs: first, second, difference, difference_low, difference_high (shares) and
            p_value_holm.
    """
    figure = new_figure(WIDTH, 0.95 + 0.38 * max(len(pairs), 1))
    axes: Any = figure.subplots()
    axes.axvline(0, color=INK, linewidth=1)
    for row, pair in enumerate(pairs):
        _draw(axes, row, pair)
    labels = [f"{NAMES[pair['second']]} − {NAMES[pair['first']]}" for pair in pairs]
    axes.set_yticks(range(len(pairs)), labels)
    axes.set_ylim(max(len(pairs), 1) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        "difference in accuracy, percentage points\ncolour: the better one; grey: no evidence"
    )
    return figure


def _draw(axes: Any, row: int, pair: Mapping[str, Any]) -> None:
    better = pair["second"] if pair["difference"] > 0 else pair["first"]
    colour = COLOURS[better] if is_significant(pair) else MUTED
    low, middle, high = (
        100 * pair[key] for key in ("difference_low", "difference", "difference_high")
    )
    axes.hlines(row, low, high, color=colour, linewidth=3, alpha=0.55)
    axes.scatter([middle], [row], s=50, marker="D", color=colour, zorder=3)
    sign = "" if pair["p_value_holm"] < 0.001 else "= "
    texts = {
        "right": points(pair["difference"]),
        "left": f"p {sign}{p_value(pair['p_value_holm'])}",
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
            color=INK if is_significant(pair) else MUTED,
        )
