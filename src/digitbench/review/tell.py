"""The sentences and cells of a review; each wording stands here once.

What was changed and what it costs, as tables and sentences.

The review as a document: outcome, comparisons, what was changed, what it costs.
"""

from collections.abc import Sequence

from digitbench import files
from digitbench.document.blocks import (
    Block,
    Code,
    Document,
    Interval,
    Intervals,
    Prose,
    Section,
    Table,
)
from digitbench.review.quality import (
    Changes,
    CostChange,
    Metric,
    Quality,
    Row,
    StageChange,
    ValueChange,
)
from digitbench.review.revisions import Snapshot
from digitbench.statistics.seeds import Method, Verdict
from digitbench.statistics.summary import summarise
from digitbench.wording import NAMES, listing, p_value, percent, points

NOTHING = "—"
MANY_SEEDS = 10
UNCHANGED = "Unchanged in both revisions, to the last digit."
NOTHING_IN_COMMON = "Nothing can be compared: the two revisions have no architecture in common."
CLOSING = (
    "How to read this: every architecture is trained with several seeds, whose results differ by "
    "luck alone; “better” and “worse” mean that a change is larger than this luck explains, by a "
    "t-test over the seeds (within each seed that both revisions have), adjusted for the number "
    "of comparisons (Holm) so that a change without effect gets such a verdict in at most 5 % of "
    "reviews. “No evidence” does not mean “no effect”: the 95 % interval shows what remains "
    "possible, though each interval stands for itself and may leave out zero where all "
    "comparisons together are no evidence. Verdicts are about training anew and testing on these "
    "same images; robustness and new domains are looked at apart, each with its own 5 %."
)


def name_of(architecture: str) -> str:
    """An architecture as people call it."""
    return NAMES.get(architecture, architecture)


def condition(row: Row) -> str:
    """What the images were put through; empty for clean test images."""
    return "mean of all" if row.condition == "mean" else row.condition


def value(metric: Metric, number: float | None) -> str:
    """A value of a metric."""
    if number is None:
        return NOTHING
    return percent(number) if metric.is_share else f"{number:.4f}"


def signed(metric: Metric, number: float | None) -> str:
    """A difference: percentage points for shares, else in the metric's own unit."""
    if number is None:
        return NOTHING
    # Adding 0 makes +0 of -0.
    text = points(number) if metric.is_share else f"{round(number, 4) + 0:+.4f}"
    return text.replace("-", "−")


def interval(row: Row) -> str:
    """The 95 % interval of a difference."""
    low, high = row.change.difference_low, row.change.difference_high
    if low is None or high is None:
        return NOTHING
    return f"{signed(row.metric, low)} to {signed(row.metric, high)}"


def cells(row: Row) -> list[str]:
    """Before, after, difference, interval, p, verdict."""
    change = row.change
    return [
        value(row.metric, change.before),
        value(row.metric, change.after),
        "unchanged" if change.unchanged else signed(row.metric, change.difference),
        interval(row),
        NOTHING if change.p_value_holm is None else p_value(change.p_value_holm),
        change.verdict.value,
    ]


CELL_TITLES = ("before", "after", "difference", "95 % interval", "adjusted p", "verdict")


def outcome(quality: Quality) -> str:
    """What came out, worst first, for someone who reads nothing else."""
    if not quality.accuracy:
        return NOTHING_IN_COMMON
    if all(row.change.unchanged for row in quality.headline):
        return f"{_names(quality.accuracy)}: all results unchanged, to the last digit."
    sentences = [
        _told(row)
        for verdict in (Verdict.WORSE, Verdict.BETTER)
        for row in quality.accuracy
        if row.change.verdict is verdict
    ]
    none = [row for row in quality.accuracy if row.change.verdict is Verdict.NO_EVIDENCE]
    for rows, said in (
        ([row for row in none if not row.change.unchanged], "no evidence of a change in accuracy"),
        ([row for row in none if row.change.unchanged], "accuracy unchanged"),
    ):
        if rows:
            sentences.append(f"{_names(rows)}: {said}.")
    sentences += unknown_sentences(quality.accuracy)
    beyond = _found(quality.others)
    if beyond:
        sentences.append(f"Beyond accuracy: {beyond}.")
    return " ".join(sentences)


def unknown_sentences(rows: Sequence[Row]) -> list[str]:
    """Why there is no verdict, architectures with the same reason together."""
    reasons: dict[str, list[Row]] = {}
    for row in rows:
        if row.change.verdict is Verdict.UNKNOWN:
            reasons.setdefault(row.change.reason, []).append(row)
    return [f"{_names(same)}: unknown ({reason})." for reason, same in reasons.items()]


def remarks(quality: Quality) -> list[str]:
    """What a reader must know before the numbers: seeds, and what has no counterpart."""
    said: list[str] = []
    if quality.added:
        said.append(f"Only after the change: {_listed(quality.added)}, not compared.")
    if quality.removed:
        said.append(f"Only before the change: {_listed(quality.removed)}, not compared.")
    by_text: dict[str, list[Row]] = {}
    for row in quality.accuracy:
        by_text.setdefault(_seed_remark(row), []).append(row)
    said += [f"{_names(rows)}: {text}." for text, rows in by_text.items() if text]
    for metric in dict.fromkeys(row.metric for row in quality.others):
        missing = [
            row
            for row in quality.others
            if row.metric == metric and row.change.reason.startswith("not measured")
        ]
        said += [f"{metric.title}, {text}" for text in unknown_sentences(missing)]
    return said


def pairing(rows: Sequence[Row]) -> str:
    """How all these rows were compared, if it is the same for all; else empty."""
    seeds = {row.change.shared for row in rows}
    if len(seeds) != 1 or any(_seed_remark(row) for row in rows):
        return ""
    shared = next(iter(seeds))
    return f"paired by seed ({_seeds(shared)})" if len(shared) > 1 else ""


def summary(title: str, rows: Sequence[Row]) -> str:
    """One line that stands for a folded table."""
    counts = [
        f"{verdict.value} in {count}"
        for verdict in Verdict
        if (count := sum(row.change.verdict is verdict for row in rows))
    ]
    found = _found(rows)
    which = f" ({found})" if found else ""
    return f"{title}: {', '.join(counts)} of {len(rows)} comparisons{which}"


def _found(rows: Sequence[Row]) -> str:
    """`LSTM worse on log loss; CNN better on macro F1`, worst first; empty without evidence."""
    groups: dict[tuple[str, str], list[str]] = {}
    for verdict in (Verdict.WORSE, Verdict.BETTER):
        for row in rows:
            if row.change.verdict is verdict:
                key = (row.architecture, verdict.value)
                groups.setdefault(key, []).append(condition(row) or row.metric.title)
    return "; ".join(
        f"{name_of(architecture)} {verdict} on {listing(titles)}"
        for (architecture, verdict), titles in groups.items()
    )


def _told(row: Row) -> str:
    return (
        f"{name_of(row.architecture)}: {row.change.verdict.value} on {row.metric.title} "
        f"({signed(row.metric, row.change.difference)} points, 95 % interval {interval(row)})."
    )


def _seed_remark(row: Row) -> str:
    change = row.change
    left_out = [
        f"{_seeds(seeds)} {side}"
        for seeds, side in ((change.only_before, "before"), (change.only_after, "after"))
        if seeds
    ]
    if change.method is Method.INDEPENDENT:
        shared = f"; {_seeds(change.shared)} on both sides" if change.shared else ""
        return f"different seeds, compared as independent samples ({'; '.join(left_out)}{shared})"
    if left_out and change.shared:
        seeds = "seed" if len(change.shared) == 1 else "seeds"
        shared = f"compared on the shared {seeds} {_seeds(change.shared)}"
        return f"{shared}; left out: {listing(left_out)}"
    return ""


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) > MANY_SEEDS:
        return f"{seeds[0]} to {seeds[-1]} ({len(seeds)} seeds)"
    return listing([str(seed) for seed in seeds])


def _names(rows: Sequence[Row]) -> str:
    return _listed([row.architecture for row in rows])


def _listed(architectures: Sequence[str]) -> str:
    return listing([name_of(name) for name in architectures])


# A table with more rows than this is folded; a list with more paths is cut.
LONG = 12
PATHS_SHOWN = 3


def change_parts(changes: Changes) -> list[Section]:
    """Parameters, stages (code and data), packages: a table of each that has changed."""
    found = {
        "Parameters": _values_table("parameter", changes.params),
        "Stages": _stages_table(changes.stages),
        "Packages": _values_table("package", changes.packages),
    }
    parts = [_part(heading, table) for heading, table in found.items() if table and table.rows]
    same = [heading.lower() for heading, table in found.items() if table and not table.rows]
    missing = [heading.lower() for heading, table in found.items() if table is None]
    if same:
        parts.append(Section("Not changed", [Prose(f"The same in both revisions: {_list(same)}.")]))
    if missing:
        text = f"Not recorded in both revisions: {_list(missing)}."
        parts.append(Section("Not compared", [Prose(text)]))
    return parts


def _list(headings: Sequence[str]) -> str:
    return listing([f"the {heading}" for heading in headings])


def cost_part(changes: Changes) -> Section:
    """Sizes and times, apart from quality."""
    blocks: list[Block] = []
    rows = [_cost_row(change, digits=0) for change in changes.sizes]
    if not rows:
        blocks.append(Prose("Parameters, multiply-accumulates and bytes are unchanged."))
    rows += [_cost_row(change, digits=1) for change in changes.times]
    if rows:
        header = ["architecture", "cost", "before", "after", "change"]
        blocks.append(Table("", header, rows))
    blocks.append(Prose(_hardware(changes)))
    return Section("Cost", blocks)


def _part(heading: str, table: Table) -> Section:
    if len(table.rows) <= LONG:
        return Section(heading, [table])
    return Section(heading, [table], summary=f"{heading}: {len(table.rows)} have changed")


def _values_table(title: str, changes: Sequence[ValueChange] | None) -> Table | None:
    if changes is None:
        return None
    rows = [[Code(change.name), _code(change.before), _code(change.after)] for change in changes]
    return Table("", [title, "before", "after"], rows)


def _code(text: str | None) -> str:
    return NOTHING if text is None else Code(text)


def _stages_table(changes: Sequence[StageChange] | None) -> Table | None:
    if changes is None:
        return None
    rows = [[Code(change.stage), _changed(change)] for change in changes]
    return Table("", ["stage", "changed"], rows)


def _changed(change: StageChange) -> str:
    if change.presence:
        return f"the stage itself: {change.presence}"
    causes = [
        f"{kind}: {_some(names)}"
        for kind, names in (
            ("code", change.code),
            ("data", change.data),
            ("parameters", change.params),
        )
        if names
    ]
    if change.command:
        causes.append("command")
    # Every rerun takes other times; only other results deserve a name.
    results = [path for path in change.outputs if not path.startswith(files.TIMING.as_posix())]
    if results:
        same = "" if causes else " (same inputs, other results)"
        causes.append(f"outputs: {_some(results)}{same}")
    elif change.outputs:
        causes.append("times")
    return "; ".join(causes)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:PATHS_SHOWN])
    more = len(names) - PATHS_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _cost_row(change: CostChange, digits: int) -> list[str]:
    ratio = f"{100 * (change.after / change.before - 1):+.1f} %" if change.before else NOTHING
    return [
        name_of(change.architecture),
        change.quantity,
        f"{change.before:,.{digits}f}",
        f"{change.after:,.{digits}f}",
        ratio.replace("-", "−"),
    ]


def _hardware(changes: Changes) -> str:
    before, after = changes.hardware
    if not before or not after:
        return "Times cannot be compared: they are not recorded in both revisions."
    if before != after:
        return (
            f"Seconds cannot be compared: measured on {listing(before)} before, and on "
            f"{listing(after)} after."
        )
    if not changes.times:
        return "Training times are the same record in both revisions."
    return (
        f"Seconds were measured once per revision, on {listing(before)} both times, and get no "
        "verdict."
    )


def compose(before: Snapshot, after: Snapshot, quality: Quality, changes: Changes) -> Document:
    """The whole review of one change."""
    return Document(
        title=f"Review of results: {before.label} → {after.label}",
        lead=outcome(quality),
        remarks=remarks(quality),
        sections=[
            *_quality_parts(before, after, quality),
            *change_parts(changes),
            cost_part(changes),
            _conditions("Robustness", "corruption", quality.robustness),
            _conditions("New domains", "domain", quality.domains),
        ],
        closing=CLOSING,
    )


def _quality_parts(before: Snapshot, after: Snapshot, quality: Quality) -> list[Section]:
    if not quality.accuracy:
        return []
    accuracy = Table(
        _caption(after, quality.accuracy),
        ["architecture", *CELL_TITLES],
        [[name_of(row.architecture), *cells(row)] for row in quality.accuracy],
    )
    return [
        Section("Accuracy", [accuracy, *_figures(before, after, quality.accuracy)]),
        Section("Other headline metrics", [_others(quality.others)]),
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
    every = [int(seed) for seed in per_seed]
    compared = every if independent else row.change.shared or every
    values = [value for seed, value in per_seed.items() if int(seed) in compared]
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


def _conditions(heading: str, first: str, rows: Sequence[Row] | None) -> Section:
    """Folded, because it is long; its own family of comparisons."""
    if rows is None:
        return Section(heading, [Prose("Cannot be compared: not measured in both revisions.")])
    if not rows:
        return Section(heading, [Prose("Nothing in common to compare.")])
    if all(row.change.unchanged for row in rows):
        return Section(heading, [Prose(UNCHANGED)])
    how = pairing(rows)
    tested = sum(row.change.p_value is not None for row in rows)
    table = Table(
        f"Accuracy; differences in percentage points{how and f'; {how}'}. A family of its own: "
        f"p is adjusted over those {tested} of these comparisons that have a test.",
        [first, "architecture", *CELL_TITLES],
        [[condition(row), name_of(row.architecture), *cells(row)] for row in rows],
    )
    unknown = [Prose(text) for text in unknown_sentences(rows)]
    return Section(heading, [*unknown, table], summary=summary(heading, rows))
