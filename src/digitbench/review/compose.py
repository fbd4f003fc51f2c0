"""The review as a document: outcome, comparisons, what was changed, what it costs."""

from collections.abc import Sequence

from digitbench.evaluation.summary import summarise
from digitbench.reporting.document import Prose, Table
from digitbench.reporting.wording import listing
from digitbench.review.changes import Changes
from digitbench.review.document import Block, Interval, Intervals, Part, Review
from digitbench.review.narrate import change_parts, cost_part
from digitbench.review.quality import Quality, Row
from digitbench.review.snapshot import Snapshot
from digitbench.review.verdicts import Method
from digitbench.review.wording import (
    CELL_TITLES,
    CLOSING,
    UNCHANGED,
    cells,
    condition,
    name_of,
    outcome,
    pairing,
    remarks,
    summary,
    unknown_sentences,
)


def compose(before: Snapshot, after: Snapshot, quality: Quality, changes: Changes) -> Review:
    """The whole review of one change."""
    return Review(
        title=f"Review of results: {before.label} → {after.label}",
        outcome=outcome(quality),
        remarks=remarks(quality),
        parts=[
            *_quality_parts(before, after, quality),
            *change_parts(changes),
            cost_part(changes),
            _conditions("Robustness", "corruption", quality.robustness),
            _conditions("New domains", "domain", quality.domains),
        ],
        closing=CLOSING,
    )


def _quality_parts(before: Snapshot, after: Snapshot, quality: Quality) -> list[Part]:
    if not quality.accuracy:
        return []
    accuracy = Table(
        _caption(after, quality.accuracy),
        ["architecture", *CELL_TITLES],
        [[name_of(row.architecture), *cells(row)] for row in quality.accuracy],
    )
    return [
        Part("Accuracy", [accuracy, *_figures(before, after, quality.accuracy)]),
        Part("Other headline metrics", [_others(quality.others)]),
    ]


def _others(rows: Sequence[Row]) -> Block:
    if all(row.change.unchanged for row in rows):
        return Prose(UNCHANGED)
    return Table(
        "Macro F1: differences in percentage points. Log loss, Brier score and calibration error: "
        "lower is better.",
        ["architecture", "metric", *CELL_TITLES],
        [[name_of(row.architecture), row.metric.title, *cells(row)] for row in rows],
    )


def _caption(after: Snapshot, rows: Sequence[Row]) -> str:
    images = listing(sorted({f"{after.metrics[row.architecture].images:,}" for row in rows}))
    how = pairing(rows)
    return f"{images} test images; differences in percentage points{how and f'; {how}'}."


def _figures(before: Snapshot, after: Snapshot, rows: Sequence[Row]) -> list[Block]:
    """The values on one scale, then their differences around zero; nothing without a change."""
    moved = [row for row in rows if not row.change.unchanged]
    if not moved:
        return []
    sides = [
        _side(row, snapshot, label)
        for row in rows
        for snapshot, label in ((before, "before"), (after, "after"))
    ]
    return [
        Intervals(
            "Accuracy: mean over seeds and its 95 % interval, before (○) and after (●).",
            "%",
            sides,
            zero=False,
        ),
        Intervals(
            "Difference in accuracy with its 95 % interval; zero means no change.",
            "points",
            [_difference(row) for row in moved],
            zero=True,
        ),
    ]


def _side(row: Row, snapshot: Snapshot, label: str) -> Interval:
    per_seed = snapshot.metrics[row.architecture].accuracy.per_seed
    independent = row.change.method is Method.INDEPENDENT
    compared = per_seed if independent else row.change.shared or per_seed
    values = [value for seed, value in per_seed.items() if seed in compared]
    spread = summarise({index: 100 * value for index, value in enumerate(values)})
    return Interval(
        row.architecture,
        f"{name_of(row.architecture)} {label}",
        spread["mean"],
        spread["ci95_low"],
        spread["ci95_high"],
        tuple(spread["per_seed"].values()),
        is_reference=label == "before",
    )


def _difference(row: Row) -> Interval:
    change = row.change
    low, high = change.difference_low, change.difference_high
    return Interval(
        row.architecture,
        name_of(row.architecture),
        100 * (change.difference or 0.0),
        None if low is None else 100 * low,
        None if high is None else 100 * high,
    )


def _conditions(heading: str, first: str, rows: Sequence[Row] | None) -> Part:
    """Folded, because it is long; its own family of comparisons."""
    if rows is None:
        return Part(heading, [Prose("Cannot be compared: not measured in both revisions.")])
    if not rows:
        return Part(heading, [Prose("Nothing in common to compare.")])
    if all(row.change.unchanged for row in rows):
        return Part(heading, [Prose(UNCHANGED)])
    how = pairing(rows)
    tested = sum(row.change.p_value is not None for row in rows)
    table = Table(
        f"Accuracy; differences in percentage points{how and f'; {how}'}. A family of its own: "
        f"p is adjusted over those {tested} of these comparisons that have a test.",
        [first, "architecture", *CELL_TITLES],
        [[condition(row), name_of(row.architecture), *cells(row)] for row in rows],
    )
    unknown = [Prose(text) for text in unknown_sentences(rows)]
    return Part(heading, [*unknown, table], summary(heading, rows))
