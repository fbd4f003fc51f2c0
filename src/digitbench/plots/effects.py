"""Effects of the study of domain shift as a forest plot, and what its gaps are made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from digitbench.evidence import is_significant
from digitbench.plots.looks import GROUP_LOOKS, GROUP_OF
from digitbench.plots.style import ACCENT, GRID, INK, MUTED, WIDTH, new_figure
from digitbench.reporting.wording import points

MAIN = {
    "model": "architecture: CNN − MLP",
    "augmentation": "augmentation: with − without",
    "mapping": "alignment: 20 px box − stretched",
}
FACTORS = {"model": "architecture", "augmentation": "augmentation", "mapping": "alignment"}
# Okabe and Ito (2008), apart from the colours of the networks.
PART_COLOURS = {"model": "#e69f00", "augmentation": "#56b4e9", "mapping": "#009e73"}
SHOWN = {"stretch": "stretched", "box": "20 px box"}


def effects(record: Mapping[str, Any]) -> Figure:
    """A panel per domain, a row per effect: difference in points and its interval.

    Effects with evidence are coloured, the others grey.

    Args:
        record: Per domain name and effects, as the study writes them.
    """
    tables = [content["effects"] for content in record.values()]
    names = [tuple(effect["factors"]) for effect in tables[0]]
    figure = new_figure(WIDTH, 1.1 + 0.33 * len(names))
    _keep_clear(figure)
    panels: Any = figure.subplots(1, len(tables), sharex=True, sharey=True, squeeze=False)[0]
    for axes, content, table in zip(panels, record.values(), tables, strict=True):
        for row, effect in enumerate(table):
            _draw_effect(axes, row, effect)
        _finish(axes, content["name"], len(names))
        mains = sum(len(factors) == 1 for factors in names)
        axes.axhline(mains - 0.5, color=GRID, linewidth=0.8)
    _make_room(panels[0])
    panels[0].set_yticks(
        range(len(names)), [effect_label(factors) for factors in names], fontsize=9
    )
    figure.supxlabel(
        "difference in accuracy, percentage points; interactions: half the change of one effect by "
        "the other\ncoloured: Holm's p below 0.05; grey: no evidence",
        fontsize=8.5,
    )
    return figure


def effect_label(factors: Sequence[str]) -> str:
    """A main effect as a difference, an interaction as a product."""
    if len(factors) == 1:
        return MAIN[factors[0]]
    return "all three" if len(factors) == 3 else " × ".join(FACTORS[name] for name in factors)


def _draw_effect(axes: Any, row: int, effect: Mapping[str, Any]) -> None:
    value, low, high = effect["effect"], effect["ci95_low"], effect["ci95_high"]
    colour = ACCENT if _has_evidence(effect) else MUTED
    if low is not None:
        axes.hlines(row, 100 * low, 100 * high, color=colour, linewidth=3, alpha=0.55)
    axes.scatter([100 * value], [row], s=20, color=colour, zorder=3)
    _tell(axes, row, value, high)


def _has_evidence(effect: Mapping[str, Any]) -> bool:
    if effect["p_value_holm"] is None:
        return False
    return is_significant(
        {
            "difference_low": effect["ci95_low"],
            "difference_high": effect["ci95_high"],
            "p_value_holm": effect["p_value_holm"],
        }
    )


def gaps(record: Mapping[str, Any]) -> Figure:
    """A panel per domain: gaps between two cells, and a bar for what each factor adds to them.

    Args:
        record: Per domain name and gaps, as the study writes them.
    """
    tables = [content["gaps"] for content in record.values()]
    labels: list[str] = []
    for gap in tables[0]:
        labels += [_gap_label(gap), *(FACTORS[name] for name in gap["parts"])]
    figure = new_figure(WIDTH, 1.0 + 0.3 * len(labels))
    _keep_clear(figure)
    panels: Any = figure.subplots(1, len(tables), sharex=True, sharey=True, squeeze=False)[0]
    for axes, content, table in zip(panels, record.values(), tables, strict=True):
        row = 0
        for gap in table:
            row = _draw_gap(axes, row, gap)
        _finish(axes, content["name"], len(labels))
    _make_room(panels[0])
    panels[0].set_yticks(range(len(labels)), labels, fontsize=8.5)
    for tick, label in zip(panels[0].get_yticklabels(), labels, strict=True):
        tick.set_fontweight("normal" if label in FACTORS.values() else "bold")
    figure.supxlabel(
        "percentage points of accuracy; mean contribution over all orders, 95 % interval over "
        "seeds",
        fontsize=8.5,
    )
    return figure


def _gap_label(gap: Mapping[str, Any]) -> str:
    start, end = gap["start"], gap["end"]
    groups = [GROUP_OF[cell["model"], cell["augmentation"]] for cell in (start, end)]
    first, last = (GROUP_LOOKS[group].label for group in groups)
    if start["mapping"] == end["mapping"]:
        return f"{first} → {last}\nboth {SHOWN[end['mapping']]}"
    return f"{first}, {SHOWN[start['mapping']]} →\n{last}, {SHOWN[end['mapping']]}"


def _draw_gap(axes: Any, row: int, gap: Mapping[str, Any]) -> int:
    """Draw the gap from a row on; returns the row after it."""
    if row:
        axes.axhline(row - 0.5, color=GRID, linewidth=0.8)
    for name, part in {"": gap["gap"], **gap["parts"]}.items():
        axes.barh(row, 100 * part["value"], height=0.62, color=PART_COLOURS.get(name, MUTED))
        low, high = part["ci95_low"], part["ci95_high"]
        if low is not None:
            axes.hlines(row, 100 * low, 100 * high, color=INK, linewidth=1.2)
        _tell(axes, row, part["value"], high)
        row += 1
    return row


def _keep_clear(figure: Figure) -> None:
    """Widen the margin: letters on paper may be wider than they were laid out."""
    layout: Any = figure.get_layout_engine()
    layout.set(w_pad=0.15)  # inches


def _tell(axes: Any, row: int, value: float, high: float | None) -> None:
    """The number, to the right of all that is drawn of it."""
    right = max(100 * value, 100 * (value if high is None else high), 0)
    axes.annotate(
        points(value), (right, row), (6, 0), textcoords="offset points", va="center", fontsize=8.5
    )


def _finish(axes: Any, name: str, rows: int) -> None:
    axes.axvline(0, color=INK, linewidth=1)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_title(name, fontsize=9.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _make_room(axes: Any) -> None:
    """Space for the numbers, once all panels that share the axis are drawn."""
    low, high = axes.get_xlim()
    axes.set_xlim(low, high + 0.2 * (high - low))
