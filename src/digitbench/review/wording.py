"""The sentences and cells of a review; each wording stands here once."""

from collections.abc import Sequence

from digitbench.plots.style import NAMES
from digitbench.reporting.wording import listing, p_value, percent, points
from digitbench.review.quality import Metric, Quality, Row
from digitbench.review.verdicts import Method, Verdict

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


def _seeds(seeds: Sequence[str]) -> str:
    if len(seeds) > MANY_SEEDS:
        return f"{seeds[0]} to {seeds[-1]} ({len(seeds)} seeds)"
    return listing(seeds)


def _names(rows: Sequence[Row]) -> str:
    return _listed([row.architecture for row in rows])


def _listed(architectures: Sequence[str]) -> str:
    return listing([name_of(name) for name in architectures])
