"""Estimates with intervals as a few lines of text, or as a small drawing."""

from typing import Any

from matplotlib.figure import Figure

from digitbench.document.blocks import Interval, Intervals
from digitbench.errors import legible
from digitbench.figures.style import ACCENT, COLOURS, INK, NARROW, new_figure, set_rows
from digitbench.wording import decimal

COLUMNS = 46


def text_figure(intervals: Intervals) -> str:
    """One line per estimate on a shared scale, for places that show no pictures.

    A circle is the estimate (hollow before the change), a line its interval, a dotted column
    zero. The ends of the scale stand below.
    """
    low, high = limits(intervals)
    labels = [" ".join(legible(row.label).split()) for row in intervals.rows]
    width = max(map(len, labels))
    lines = [
        f"{label:<{width}}  {_track(row, low, high, zero=intervals.zero)}  "
        f"{_number(row.value, intervals)}"
        for label, row in zip(labels, intervals.rows, strict=True)
    ]
    ends = [_number(end, intervals) for end in (low, high)]
    lines.append(f"{'':<{width}}  {ends[0]}{ends[1]:>{COLUMNS - len(ends[0])}}  {intervals.unit}")
    return "\n".join(line.rstrip() for line in lines)


def drawing(intervals: Intervals) -> Figure:
    """The same with every replicate, for a page."""
    figure = new_figure(NARROW, 0.62 + 0.3 * len(intervals.rows))
    axes: Any = figure.subplots()
    if intervals.zero:
        axes.axvline(0, color=INK, linewidth=1, linestyle=(0, (2, 2)), zorder=1)
    for position, row in enumerate(intervals.rows):
        colour = COLOURS.get(row.architecture, ACCENT)
        seeds = [position] * len(row.replicates)
        axes.scatter(row.replicates, seeds, s=14, color=colour, alpha=0.4, lw=0, zorder=3)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [position] * 2, color=colour, lw=2.4, alpha=0.55)
        face = "none" if row.is_reference else colour
        axes.scatter([row.value], [position], s=46, facecolor=face, edgecolor=colour, zorder=4)
    set_rows(axes, [row.label for row in intervals.rows])
    axes.set_xlim(*limits(intervals))
    axes.set_xlabel(intervals.unit)
    return figure


def limits(intervals: Intervals) -> tuple[float, float]:
    """Ends of the scale: everything that is drawn, and a margin."""
    drawn = [
        number
        for row in intervals.rows
        for number in (row.value, row.low, row.high, *row.replicates)
        if number is not None
    ]
    drawn += [0.0] if intervals.zero else []
    margin = 0.04 * (max(drawn) - min(drawn)) or 0.01
    return min(drawn) - margin, max(drawn) + margin


def _track(row: Interval, low: float, high: float, *, zero: bool) -> str:
    def column(value: float) -> int:
        return round((value - low) / (high - low) * (COLUMNS - 1))

    marks = [" "] * COLUMNS
    if zero:
        marks[column(0.0)] = "┊"
    if row.low is not None and row.high is not None:
        start, end = column(row.low), column(row.high)
        marks[start : end + 1] = "─" * (end - start + 1)
        marks[start], marks[end] = "├", "┤"
    marks[column(row.value)] = "○" if row.is_reference else "●"
    return "".join(marks)


def _number(value: float, intervals: Intervals) -> str:
    return decimal(value, sign="+" if intervals.zero else "")
