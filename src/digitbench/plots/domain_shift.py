"""What architecture, augmentation and alignment do to accuracy on digits of another origin."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.plots.looks import GROUP_LOOKS, GROUP_OF, Look
from digitbench.plots.style import GRID, INK, MUTED, WIDTH, bare, new_figure
from digitbench.plots.tiles import on_paper

# By mapping: marker, whether it is filled, and what it means.
MAPPINGS = {
    "stretch": ("s", False, "stretched to\nthe whole field"),
    "box": ("o", True, "in a 20 px box with a\nmargin, as MNIST was made"),
}
CLEAR = 7  # points between a result and its number


def domain_shift(
    record: Mapping[str, Any],
    published: Mapping[str, Mapping[str, float]],
    examples: Mapping[str, NDArray[np.uint8]],
) -> Figure:
    """A panel per domain, a row per group of networks: how far each mapping takes it.

    Args:
        record: Per domain name, images and cells, as the study writes them.
        published: Per domain and group a published accuracy in percent.
        examples: One digit [28, 28] per mapping, shown beside its marker.
    """
    figure = new_figure(WIDTH, 4.7)
    layout: Any = figure.get_layout_engine()
    layout.set(w_pad=0.1)  # inches; letters on paper may be wider than laid out
    parts: Any = figure.subfigures(2, 1, height_ratios=(6, 1))
    above, below = parts
    above.suptitle(
        "Trained on MNIST, shown digits of another origin\n"
        "augmented: trained on digits turned, shifted and zoomed at random",
        fontsize=9.5,
    )
    panels: Any = above.subplots(1, len(record), sharex=True, sharey=True, squeeze=False)[0]
    for axes, (domain, content) in zip(panels, record.items(), strict=True):
        _draw_panel(axes, content, published.get(domain, {}))
    _set_limits(panels[0], record)
    _draw_legend(below.subplots(), examples)
    return figure


def _set_limits(axes: Any, record: Mapping[str, Any]) -> None:
    lowest = min(cell["accuracy"]["mean"] for c in record.values() for cell in c["cells"])
    # Room for numbers beside the lowest and the highest result.
    floor = max(10 * int(10 * lowest) - 10, -10)
    axes.set_xlim(floor, 112)
    axes.set_xticks([tick for tick in range(0, 101, 10 if floor > 55 else 20) if tick > floor])
    axes.set_yticks(range(len(GROUP_OF)), [GROUP_LOOKS[name].label for name in GROUP_OF.values()])
    axes.set_ylim(len(GROUP_OF) - 0.45, -0.55)


def _draw_panel(axes: Any, content: Mapping[str, Any], published: Mapping[str, float]) -> None:
    cells = {(c["model"], c["augmentation"], c["mapping"]): c["accuracy"] for c in content["cells"]}
    for row, (levels, name) in enumerate(GROUP_OF.items()):
        summaries = {mapping: cells[*levels, mapping] for mapping in MAPPINGS}
        _draw_row(axes, row, summaries, GROUP_LOOKS[name])
        if name in published:
            _draw_published(axes, row, published[name])
    axes.axhline(1.5, color=GRID, linewidth=0.6)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("accuracy, %")
    axes.set_title(f"{content['name']}\n{content['images']:,} images", fontsize=9.5)


def _draw_row(axes: Any, row: int, summaries: Mapping[str, Any], look: Look) -> None:
    means = {mapping: 100 * summary["mean"] for mapping, summary in summaries.items()}
    axes.hlines(row, min(means.values()), max(means.values()), color=look.colour, lw=1, alpha=0.6)
    for mapping, summary in summaries.items():
        marker, filled, _ = MAPPINGS[mapping]
        low, high = means[mapping], means[mapping]
        if summary["ci95_low"] is not None:
            low, high = 100 * summary["ci95_low"], 100 * summary["ci95_high"]
            axes.hlines(row, low, high, color=look.colour, linewidth=5, alpha=0.4)
        face = look.colour if filled else "white"
        axes.scatter(
            means[mapping], row, s=34, marker=marker, fc=face, ec=look.colour, lw=1.4, zorder=4
        )
        leftmost = means[mapping] == min(means.values())
        axes.annotate(
            f"{means[mapping]:.1f}",
            (low if leftmost else high, row),
            (-CLEAR if leftmost else CLEAR, 0),
            textcoords="offset points",
            ha="right" if leftmost else "left",
            va="center",
            fontsize=9,
        )


def _draw_published(axes: Any, row: int, value: float) -> None:
    axes.scatter(value, row + 0.24, s=26, marker="^", color=INK, lw=0, zorder=5)
    on_the_right = value < 70
    axes.annotate(
        f"published {value:g}",
        (value, row + 0.26),
        (6 if on_the_right else -6, 0),
        textcoords="offset points",
        ha="left" if on_the_right else "right",
        va="center",
        fontsize=8,
    )


def _draw_legend(axes: Any, examples: Mapping[str, NDArray[np.uint8]]) -> None:
    """Markers with an example each; x and y in shares of the strip."""
    bare(axes)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    for left, (mapping, (marker, filled, meaning)) in zip((0, 0.3), MAPPINGS.items(), strict=True):
        if mapping in examples:
            picture = axes.inset_axes((left, 0.0, 0.075, 1.0))
            picture.imshow(on_paper(examples[mapping]), cmap="gray", vmin=0, vmax=255)
            bare(picture)
        face = MUTED if filled else "white"
        axes.scatter(left + 0.1, 0.5, s=40, marker=marker, fc=face, ec=MUTED, lw=1.4)
        axes.text(left + 0.12, 0.5, meaning, va="center", fontsize=8.5)
    axes.scatter(0.695, 0.75, s=30, marker="^", color=INK, lw=0)
    axes.text(0.72, 0.75, "published, mapping not stated", va="center", fontsize=8.5)
    axes.hlines(0.25, 0.68, 0.71, color=MUTED, linewidth=5, alpha=0.5)
    axes.text(0.72, 0.25, "95 % interval over seeds", va="center", fontsize=8.5)
