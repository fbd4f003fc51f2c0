"""The review as a document: outcome, comparisons, what was changed, what it costs."""

from collections.abc import Container, Iterable, Mapping, Sequence

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
from digitbench.results.metrics import Metric
from digitbench.review.quality import (
    Changes,
    CostChange,
    Quality,
    Row,
    StageChange,
    ValueChange,
)
from digitbench.review.revisions import Snapshot
from digitbench.statistics.seeds import Change, Method, Verdict
from digitbench.statistics.summary import summarise
from digitbench.wording import (
    NAMES,
    count,
    decimal,
    listing,
    p_value,
    percent,
    points,
    seed_names,
    what_is_found,
    within,
)

NOTHING = "—"
# The verdict and what it rests on first: a narrow screen cuts the rest off.
CELLS = ("verdict", "difference", "95 % interval", "before", "after", "adjusted p")
# A table with more rows than this is folded; a list with more paths is cut.
LONG = 12
PATHS_SHOWN = 3
UNCHANGED = "Unchanged in both revisions, to the last digit."
NOTHING_IN_COMMON = "Nothing can be compared: the two revisions have no architecture in common."
CLOSING = (
    "How to read this: every architecture is trained with several seeds, whose results differ by "
    "luck alone; “better” and “worse” mean that a change is larger than this luck explains, by a "
    "t-test over the seeds (within each seed that both revisions have), adjusted for the number "
    "of comparisons (Holm) so that a change without effect gets such a verdict in at most 5 % of "
    "reviews. “Same within” a margin means that a change of accuracy as large as the margin is "
    "ruled out as surely (two one-sided t-tests); the project chooses it (margin in params.yaml, "
    "or --margin), and no other metric has one. “No evidence” means neither, and not “no effect”: "
    "the 95 % interval shows what remains possible, though each interval stands for itself and may "
    "leave out zero where all comparisons together are no evidence. Verdicts are about training "
    "anew and testing on these same images; robustness and new domains are looked at apart, each "
    "with its own 5 %."
)


def compose(before: Snapshot, after: Snapshot, quality: Quality, changes: Changes) -> Document:
    """The whole review of one change."""
    return Document(
        title=f"Review of results: {before.label} → {after.label}",
        lead=_outcome(before, after, quality),
        remarks=[*_warnings(before, after, quality), *_remarks(quality)],
        sections=[
            *_headline(before, after, quality),
            *change_parts(changes),
            cost_part(changes),
            _conditions("Robustness", "corruption", quality.robustness),
            _conditions("New domains", "domain", quality.domains),
        ],
        closing=CLOSING,
    )


# --- sentences about results -----------------------------------------------------------------


def _outcome(before: Snapshot, after: Snapshot, quality: Quality) -> str:
    """What came out, worst first, for someone who reads nothing else."""
    if not quality.accuracy:
        return NOTHING_IN_COMMON
    if quality.identical:
        return f"{_names(quality.accuracy)}: all results unchanged, to the last digit."
    sentences = [
        f"{NAMES[row.architecture]}: {row.change.verdict} on {row.metric.title} "
        f"({_signed(row.metric, row.change.difference)} points, 95 % interval {_interval(row)})."
        for verdict in (Verdict.WORSE, Verdict.BETTER)
        for row in _with(verdict, quality.accuracy)
    ]
    none, same = (_with(each, quality.accuracy) for each in (Verdict.NO_EVIDENCE, Verdict.SAME))
    for rows, said in (
        (none, "no evidence either way on accuracy"),
        (_moved(same), f"the same accuracy within {within(quality.margin)}"),
        ([row for row in same if row.change.unchanged], "accuracy unchanged"),
    ):
        sentences += [f"{_names(rows)}: {said}."] if rows else []
    sentences += _unknown(quality.accuracy)
    for where, family in (
        ("Beyond accuracy", quality.others),
        ("Robustness", quality.robustness),
        ("New domains", quality.domains),
    ):
        found = _found(family or ())
        sentences += [f"{where}: {found}."] if found else []
    if quality.removed:
        sentences.append(f"{_listed(quality.removed)}: no results any more.")
    sides = before.metrics, after.metrics
    for seeds, rows in _grouped((_seeds_moved(row), row) for row in quality.accuracy).items():
        means = [
            f"{NAMES[row.architecture]} "
            + " → ".join(percent(side[row.architecture].accuracy.mean) for side in sides)
            for row in rows
        ]
        sentences += [f"Seeds {seeds}; mean over all of them: {listing(means)}."] if seeds else []
    return " ".join(sentences)


def _seeds_moved(row: Row) -> str:
    moved = ((row.change.only_before, "dropped"), (row.change.only_after, "added"))
    return listing([f"{seed_names(seeds)} {how}" for seeds, how in moved if seeds])


def _warnings(before: Snapshot, after: Snapshot, quality: Quality) -> list[str]:
    """What somebody has to do, or to explain."""
    said = [
        f"{side.label}: {_some(side.astray)} not what dvc.lock records there: edited, lost, or not "
        "committed together. Run `dvc repro` and commit what it changes."
        for side in (before, after)
        if side.astray
    ]
    said += [
        f"{side.label}: the results were made with other values of {_some(side.not_run)} than its "
        "params.yaml has. Run `dvc repro` and commit what it changes."
        for side in (before, after)
        if side.not_run
    ]
    families = (quality.headline, quality.robustness or (), quality.domains or ())
    if any(_with(Verdict.WORSE, rows) for rows in families):
        said.append("Something is worse: write in the pull request why the change is worth it.")
    if lost := _lost(_measured(before), _measured(after)):
        said.append(f"Only before the change: {_some(lost)}.")
    return said


def _measured(snapshot: Snapshot) -> dict[str, dict[str, None]]:
    """What was measured beyond clean test images: conditions and networks, by place."""
    corrupted = {} if snapshot.robustness is None else {"robustness": snapshot.robustness}
    return {
        place: {f"on {kind}": None for kind in part.accuracy}
        | {f"of {NAMES[name]}": None for networks in part.accuracy.values() for name in networks}
        for place, part in (corrupted | dict(snapshot.domains or {})).items()
    }


def _lost(before: Mapping[str, Iterable[str]], after: Mapping[str, Container[str]]) -> list[str]:
    return [
        lost
        for place, parts in before.items()
        for lost in (
            [f"{place} {part}" for part in parts if part not in after[place]]
            if place in after
            else [place]
        )
    ]


def _remarks(quality: Quality) -> list[str]:
    """What a reader must know before the numbers: seeds, and what has no counterpart."""
    sides = (("Only after the change", quality.added), ("Only before the change", quality.removed))
    said = [f"{side}: {_listed(names)}, not compared." for side, names in sides if names]
    by_text = _grouped((_seed_remark(row), row) for row in quality.accuracy)
    said += [f"{_names(rows)}: {text}." for text, rows in by_text.items() if text]
    for row in _with(Verdict.NO_EVIDENCE, quality.accuracy):
        smallest, needed = row.change.smallest, row.change.seeds_needed
        if smallest is not None:
            found = what_is_found(_seed_count(row.change), smallest, quality.margin, needed)
            said.append(f"{NAMES[row.architecture]}: {found}.")
    missing = [row for row in quality.others if row.change.reason.startswith("not measured")]
    for title, rows in _grouped((row.metric.title, row) for row in missing).items():
        said += [f"{title}, {text}" for text in _unknown(rows)]
    return said


def _unknown(rows: Sequence[Row]) -> list[str]:
    """Why there is no verdict, architectures with the same reason together."""
    reasons = _grouped((row.change.reason, row) for row in _with(Verdict.UNKNOWN, rows))
    return [f"{_names(same)}: unknown ({reason})." for reason, same in reasons.items()]


def _found(rows: Sequence[Row]) -> str:
    """`LSTM worse on log loss; CNN better on macro F1`, worst first; empty without evidence."""
    groups = _grouped(
        (f"{NAMES[row.architecture]} {verdict}", row)
        for verdict in (Verdict.WORSE, Verdict.BETTER)
        for row in _with(verdict, rows)
    )
    return "; ".join(
        f"{who} on {listing([_condition(row) or row.metric.title for row in found])}"
        for who, found in groups.items()
    )


def _pairing(rows: Sequence[Row]) -> str:
    """How all these rows were compared, if it is the same for all; else empty."""
    seeds = {row.change.shared for row in rows}
    if len(seeds) != 1 or any(_seed_remark(row) for row in rows):
        return ""
    (shared,) = seeds
    return f"; paired by seed ({seed_names(shared)})" if len(shared) > 1 else ""


def _seed_remark(row: Row) -> str:
    change = row.change
    sides = ((change.only_before, "before"), (change.only_after, "after"))
    left_out = [f"{seed_names(seeds)} {side}" for seeds, side in sides if seeds]
    if change.method is Method.INDEPENDENT:
        shared = f"; {seed_names(change.shared)} on both sides" if change.shared else ""
        return f"different seeds, compared as independent samples ({'; '.join(left_out)}{shared})"
    if left_out and change.shared:
        seeds = "seed" if len(change.shared) == 1 else "seeds"
        shared = f"compared on the shared {seeds} {seed_names(change.shared)}"
        return f"{shared}; left out: {listing(left_out)}"
    return ""


def _seed_count(change: Change) -> str:
    """`4`, or `4 and 8` where the sides differ."""
    if change.method is Method.PAIRED:
        return str(len(change.shared))
    sides = (change.only_before, change.only_after)
    return listing(list(dict.fromkeys(str(len({*change.shared, *side})) for side in sides)))


def _with(verdict: Verdict, rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.change.verdict is verdict]


def _moved(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if not row.change.unchanged]


def _untouched(row: Row) -> bool:
    return row.change.unchanged and not _seeds_moved(row)


def _grouped(rows: Iterable[tuple[str, Row]]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for text, row in rows:
        groups.setdefault(text, []).append(row)
    return groups


def _names(rows: Sequence[Row]) -> str:
    return _listed([row.architecture for row in rows])


def _listed(architectures: Sequence[str]) -> str:
    return listing([NAMES[name] for name in architectures])


# --- tables and figures of results -----------------------------------------------------------


def _headline(before: Snapshot, after: Snapshot, quality: Quality) -> list[Section]:
    rows = quality.accuracy
    if not rows:
        return []
    images = sorted({f"{after.metrics[row.architecture].test.images:,}" for row in rows})
    accuracy = Table(
        f"{listing(images)} test images; differences in percentage points{_pairing(rows)}.",
        ["architecture", *CELLS],
        [[NAMES[row.architecture], *_cells(row)] for row in rows],
    )
    others: Block = Prose(UNCHANGED)
    if not all(map(_untouched, quality.others)):
        metrics = dict.fromkeys(row.metric for row in quality.others)
        shares = listing([metric.title for metric in metrics if metric.is_share])
        lower = listing([metric.title for metric in metrics if not metric.higher_is_better])
        others = Table(
            f"{shares[:1].upper()}{shares[1:]}: differences in percentage points. "
            f"{lower[:1].upper()}{lower[1:]}: lower is better.",
            ["architecture", "metric", *CELLS],
            [[NAMES[row.architecture], row.metric.title, *_cells(row)] for row in quality.others],
        )
    return [
        Section("Accuracy", [accuracy, *_figures(before, after, rows)]),
        Section("Other headline metrics", [others]),
    ]


def _conditions(heading: str, kind: str, rows: Sequence[Row] | None) -> Section:
    """Folded, because it is long; its own family of comparisons."""
    if rows is None:
        return Section(heading, [Prose("Cannot be compared: not measured in both revisions.")])
    if not rows:
        return Section(heading, [Prose("Nothing in common to compare.")])
    if all(map(_untouched, rows)):
        return Section(heading, [Prose(UNCHANGED)])
    tested = sum(row.change.p_value is not None for row in rows)
    table = Table(
        f"Accuracy; differences in percentage points{_pairing(rows)}. A family of its own: "
        f"p is adjusted over the comparisons that have a test: {tested}.",
        [kind, "architecture", *CELLS],
        [[_condition(row), NAMES[row.architecture], *_cells(row)] for row in rows],
    )
    counts = [
        f"{said} in {len(some)}"
        for verdict in Verdict
        for said, some in _grouped((_verdict(row), row) for row in _with(verdict, rows)).items()
    ]
    found = _found(rows)
    of = count(len(rows), "comparison")
    summary = f"{heading}: {', '.join(counts)} of {of}{found and f' ({found})'}"
    return Section(heading, [*map(Prose, _unknown(rows)), table], summary=summary)


def _cells(row: Row) -> list[str]:
    change = row.change
    return [
        _verdict(row),
        "0" if change.unchanged else _signed(row.metric, change.difference),
        _interval(row),
        _value(row.metric, change.before),
        _value(row.metric, change.after),
        NOTHING if change.p_value_holm is None else p_value(change.p_value_holm),
    ]


def _verdict(row: Row) -> str:
    change = row.change
    if change.unchanged:
        return "unchanged"
    if change.verdict is Verdict.SAME and change.margin is not None:
        return f"same within {within(change.margin)}"
    return change.verdict


def _condition(row: Row) -> str:
    return "mean of all" if row.condition == "mean" else row.condition


def _value(metric: Metric, number: float | None) -> str:
    if number is None:
        return NOTHING
    return percent(number) if metric.is_share else decimal(number, metric.digits)


def _signed(metric: Metric, number: float | None) -> str:
    """A difference: percentage points for shares, else in the metric's own unit."""
    if number is None:
        return NOTHING
    return points(number) if metric.is_share else decimal(number, metric.digits, "+")


def _interval(row: Row) -> str:
    low, high = row.change.difference_low, row.change.difference_high
    if low is None or high is None:
        return NOTHING
    return f"{_signed(row.metric, low)} to {_signed(row.metric, high)}"


def _figures(before: Snapshot, after: Snapshot, rows: Sequence[Row]) -> list[Block]:
    """The values on one scale, then their differences around zero; nothing without a change."""
    moved = _moved(rows)
    if not moved:
        return []
    labelled = ((before, "before"), (after, "after"))
    sides = [_side(row, snapshot, label) for row in rows for snapshot, label in labelled]
    values = "Accuracy: mean over seeds and its 95 % interval, before (○) and after (●)."
    differences = "Difference in accuracy with its 95 % interval; zero means no change."
    return [
        Intervals(values, "%", sides, zero=False),
        Intervals(differences, "points", [_difference(row) for row in moved], zero=True),
    ]


def _side(row: Row, snapshot: Snapshot, label: str) -> Interval:
    per_seed = snapshot.metrics[row.architecture].accuracy.per_seed
    independent = row.change.method is Method.INDEPENDENT
    compared = per_seed if independent else row.change.shared or per_seed
    spread = summarise({seed: 100 * per_seed[seed] for seed in per_seed if seed in compared})
    return Interval(
        row.architecture,
        f"{NAMES[row.architecture]} {label}",
        spread.mean,
        spread.ci95_low,
        spread.ci95_high,
        tuple(spread.per_seed.values()),
        is_reference=label == "before",
    )


def _difference(row: Row) -> Interval:
    change = row.change
    value, low, high = (
        None if number is None else 100 * number
        for number in (change.difference, change.difference_low, change.difference_high)
    )
    return Interval(row.architecture, NAMES[row.architecture], value or 0.0, low, high)


# --- what was changed, and what it costs -----------------------------------------------------


def change_parts(changes: Changes) -> list[Section]:
    """Parameters, stages (code and data), packages: a table of each that has changed."""
    parts: list[Section] = []
    same: list[str] = []
    missing: list[str] = []
    for heading, header, rows in (
        ("Parameters", ["parameter", "before", "after"], _value_rows(changes.params)),
        ("Stages", ["stage", "changed"], _stage_rows(changes.stages)),
        ("Packages", ["package", "before", "after"], _value_rows(changes.packages)),
    ):
        if rows:
            folded = f"{heading}: {len(rows)} have changed" if len(rows) > LONG else ""
            parts.append(Section(heading, [Table("", header, rows)], summary=folded))
        else:
            (missing if rows is None else same).append(f"the {heading.lower()}")
    if same:
        text = f"The same in both revisions: {listing(same)}."
        parts.append(Section("Not changed", [Prose(text)]))
    if missing:
        text = f"Not recorded in both revisions: {listing(missing)}."
        parts.append(Section("Not compared", [Prose(text)]))
    return parts


def cost_part(changes: Changes) -> Section:
    """Sizes and times, apart from quality."""
    blocks: list[Block] = []
    if not changes.sizes:
        blocks.append(Prose("Parameters, multiply-accumulates and bytes are unchanged."))
    rows = [_cost(change, digits=0) for change in changes.sizes]
    rows += [_cost(change, digits=1) for change in changes.times]
    if rows:
        blocks.append(Table("", ["architecture", "cost", "before", "after", "change"], rows))
    return Section("Cost", [*blocks, Prose(_hardware(changes))])


def _value_rows(changes: Sequence[ValueChange] | None) -> list[list[str]] | None:
    if changes is None:
        return None
    return [
        [Code(each.name)]
        + [NOTHING if text is None else Code(text) for text in (each.before, each.after)]
        for each in changes
    ]


def _stage_rows(changes: Sequence[StageChange] | None) -> list[list[str]] | None:
    return None if changes is None else [[Code(each.stage), _changed(each)] for each in changes]


def _changed(change: StageChange) -> str:
    if change.presence:
        return f"the stage itself: {change.presence}"
    kinds = (("code", change.code), ("data", change.data), ("parameters", change.params))
    causes = [f"{kind}: {_some(names)}" for kind, names in kinds if names]
    if change.command:
        causes.append("command")
    if change.regrouped:
        causes.append("files listed as folders or folders as files")
    # Every rerun takes other times; only other results deserve a name.
    results = [path for path in change.outputs if not path.startswith(files.TIMING.as_posix())]
    if results:
        same = "" if causes else " (same inputs, other results)"
        causes.append(f"outputs: {_some(results)}{same}")
    elif change.outputs:
        causes.append("times")
    return "; ".join(causes)


def _some(names: Sequence[str]) -> str:
    more = len(names) - PATHS_SHOWN
    return ", ".join(names[:PATHS_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _cost(change: CostChange, digits: int) -> list[str]:
    ratio = NOTHING
    if change.before:
        ratio = f"{decimal(100 * (change.after / change.before - 1), 1, '+')} %"
    sides = [f"{cost:,.{digits}f}" for cost in (change.before, change.after)]
    return [NAMES[change.architecture], change.quantity, *sides, ratio]


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
