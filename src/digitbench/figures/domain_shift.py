"""What architecture, augmentation and alignment do to accuracy on digits of another origin.

Every combination of the study of domain shift, its effects as a forest plot, and what its gaps are
made of.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.figures.style import (
    ACCENT,
    GRID,
    GROUP_LOOKS,
    GROUP_OF,
    INK,
    MUTED,
    WIDTH,
    Look,
    bare,
    draw_range,
    new_figure,
    set_rows,
    write_beside,
)
from digitbench.figures.tiles import on_paper
from digitbench.results.records import DomainShift
from digitbench.statistics.comparison import is_evident
from digitbench.statistics.factorial import Decomposition, Effect, Estimate
from digitbench.statistics.summary import Summary
from digitbench.wording import ENLARGING, FACTORS, decimal, points

# By mapping: marker, whether it is filled, and what it means.
MAPPINGS = {
    "stretch": ("s", False, "stretched to\nthe whole field"),
    "box": ("o", True, "in a 20 px box with a\nmargin, as MNIST was made"),
}
CLEAR = 7  # points between a result and its number


def domain_shift(
    record: Mapping[str, DomainShift],
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


def _set_limits(axes: Any, record: Mapping[str, DomainShift]) -> None:
    lowest = min(cell.accuracy.mean for content in record.values() for cell in content.cells)
    # Room for numbers beside the lowest and the highest result.
    floor = max(10 * int(10 * lowest) - 10, -10)
    axes.set_xlim(floor, 112)
    axes.set_xticks([tick for tick in range(0, 101, 10 if floor > 55 else 20) if tick > floor])


def _draw_panel(axes: Any, content: DomainShift, published: Mapping[str, float]) -> None:
    cells = content.accuracies
    set_rows(axes, [GROUP_LOOKS[name].label for name in GROUP_OF.values()])
    for row, (levels, name) in enumerate(GROUP_OF.items()):
        summaries = {mapping: cells[*levels, mapping] for mapping in MAPPINGS}
        _draw_row(axes, row, summaries, GROUP_LOOKS[name])
        if name in published:
            _draw_published(axes, row, published[name])
    axes.axhline(1.5, color=GRID, linewidth=0.6)
    axes.set_xlabel("accuracy, %")
    axes.set_title(f"{content.name}\n{content.images:,} images", fontsize=9.5)


def _draw_row(axes: Any, row: int, summaries: Mapping[str, Summary], look: Look) -> None:
    means = {mapping: 100 * summary.mean for mapping, summary in summaries.items()}
    axes.hlines(row, min(means.values()), max(means.values()), color=look.colour, lw=1, alpha=0.6)
    for mapping, summary in summaries.items():
        marker, filled, _ = MAPPINGS[mapping]
        ends = (summary.ci95_low, summary.ci95_high)
        draw_range(axes, row, ends, look.colour, 5)
        face = look.colour if filled else "white"
        axes.scatter(
            means[mapping], row, s=34, marker=marker, fc=face, ec=look.colour, lw=1.4, zorder=4
        )
        leftmost = means[mapping] == min(means.values())
        end = ends[0 if leftmost else 1]
        beside = (means[mapping] if end is None else 100 * end, row)
        shift = -CLEAR if leftmost else CLEAR
        write_beside(axes, decimal(means[mapping]), beside, shift, fontsize=9)


def _draw_published(axes: Any, row: int, value: float) -> None:
    axes.scatter(value, row + 0.24, s=26, marker="^", color=INK, lw=0, zorder=5)
    shift = 6 if value < 70 else -6
    write_beside(axes, f"published {value:g}", (value, row + 0.26), shift, fontsize=8)


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


MAIN = {
    "model": "architecture: CNN − MLP",
    "augmentation": "augmentation: with − without",
    "mapping": "alignment: 20 px box − stretched",
}


def effects(record: Mapping[str, DomainShift]) -> Figure:
    """A panel per domain, a row per effect: difference in points and its interval.

    Effects with evidence are black, white on a dark page, the others grey.

    Args:
        record: Per domain name and effects, as the study writes them.
    """
    tables = [content.effects for content in record.values()]
    names = [effect.factors for effect in tables[0]]
    figure = new_figure(WIDTH, 1.1 + 0.33 * len(names))
    panels = _panels(figure, record, [effect_label(factors) for factors in names])
    for axes, table in zip(panels, tables, strict=True):
        for row, effect in enumerate(table):
            _draw_effect(axes, row, effect)
        mains = sum(len(factors) == 1 for factors in names)
        axes.axhline(mains - 0.5, color=GRID, linewidth=0.8)
    _make_room(panels[0])
    figure.supxlabel(
        "difference in accuracy, percentage points; interactions: half the change of one effect by "
        "the other\nblack: Holm's p below 0.05; grey: no evidence",
        fontsize=8.5,
    )
    return figure


def effect_label(factors: Sequence[str]) -> str:
    """A main effect as a difference, an interaction as a product."""
    if len(factors) == 1:
        return MAIN[factors[0]]
    return "all three" if len(factors) == 3 else " × ".join(FACTORS[name] for name in factors)


def _draw_effect(axes: Any, row: int, effect: Effect) -> None:
    estimate = effect.estimate
    ends = (estimate.ci95_low, estimate.ci95_high)
    colour = ACCENT if is_evident(*ends, effect.p_value_holm) else MUTED
    draw_range(axes, row, ends, colour, 3)
    axes.scatter([100 * estimate.value], [row], s=20, color=colour, zorder=3)
    _tell(axes, row, estimate)


def gaps(record: Mapping[str, DomainShift]) -> Figure:
    """A panel per domain: gaps between two cells, and a bar for what each factor adds to them.

    Args:
        record: Per domain name and gaps, as the study writes them.
    """
    tables = [content.gaps for content in record.values()]
    labels: list[str] = []
    for gap in tables[0]:
        labels += [_gap_label(gap), *(FACTORS[name] for name in gap.parts)]
    figure = new_figure(WIDTH, 1.0 + 0.3 * len(labels))
    panels = _panels(figure, record, labels)
    for axes, table in zip(panels, tables, strict=True):
        row = 0
        for gap in table:
            row = _draw_gap(axes, row, gap)
    _make_room(panels[0])
    for tick, label in zip(panels[0].get_yticklabels(), labels, strict=True):
        tick.set_fontweight("normal" if label in FACTORS.values() else "bold")
    figure.supxlabel(
        "percentage points of accuracy; mean contribution over all orders, 95 % interval over "
        "seeds",
        fontsize=8.5,
    )
    return figure


def _gap_label(gap: Decomposition) -> str:
    start, end = gap.start, gap.end
    groups = [GROUP_OF[str(cell["model"]), bool(cell["augmentation"])] for cell in (start, end)]
    first, last = (GROUP_LOOKS[group].label for group in groups)
    before, after = (ENLARGING[str(cell["mapping"])].short for cell in (start, end))
    if before == after:
        return f"{first} → {last}\nboth {after}"
    return f"{first}, {before} →\n{last}, {after}"


def _draw_gap(axes: Any, row: int, gap: Decomposition) -> int:
    """Draw the gap from a row on; returns the row after it."""
    if row:
        axes.axhline(row - 0.5, color=GRID, linewidth=0.8)
    for name, part in {"": gap.gap, **gap.parts}.items():
        axes.barh(row, 100 * part.value, height=0.62, color=MUTED, alpha=0.4 if name else 0.8)
        draw_range(axes, row, (part.ci95_low, part.ci95_high), INK, 1.2)
        _tell(axes, row, part)
        row += 1
    return row


def _panels(figure: Figure, record: Mapping[str, DomainShift], labels: Sequence[str]) -> Any:
    """A panel per domain with the same rows, and a line at 0."""
    layout: Any = figure.get_layout_engine()
    # A wider margin, in inches: letters on paper may be wider than they were laid out.
    layout.set(w_pad=0.15)
    panels: Any = figure.subplots(1, len(record), sharex=True, sharey=True, squeeze=False)[0]
    for axes, content in zip(panels, record.values(), strict=True):
        axes.axvline(0, color=INK, linewidth=1)
        axes.set_title(content.name, fontsize=9.5)
        set_rows(axes, labels, fontsize=8.5)
    return panels


def _tell(axes: Any, row: int, part: Estimate) -> None:
    """The number, to the right of all that is drawn of it."""
    right = 100 * max(part.value, part.ci95_high or part.value, 0)
    write_beside(axes, points(part.value), (right, row), 6, fontsize=8.5)


def _make_room(axes: Any) -> None:
    """Space for the numbers, once all panels that share the axis are drawn."""
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.2 * (high - low))
