"""Whether a version may become champion: not if it is significantly worse on the test set."""

from collections.abc import Mapping
from dataclasses import dataclass

from digitbench.reporting.wording import p_value, points
from digitbench.review.verdicts import Change, Method, Verdict, compare, judge
from digitbench.tracking.registry import Version


@dataclass(frozen=True)
class Decision:
    """Whether the alias moves, and the sentence that says why."""

    promote: bool
    reason: str


def decide(champion: Version | None, version: Version) -> Decision:
    """Compare test accuracies over seeds, by the statistics of ``digitbench review``.

    Worse is refused, and so is what cannot be told: a single seed, or other test images.
    """
    if champion is None:
        return Decision(True, "There was no champion.")
    if champion.test_images != version.test_images:
        return Decision(
            False,
            f"They were tested on different images: {champion.test_images:,} and "
            f"{version.test_images:,}.",
        )
    change = compare(_seeded(champion.accuracy), _seeded(version.accuracy), version.test_images)
    (change,) = judge({0: change}, {0: True}).values()
    return Decision(change.verdict in (Verdict.BETTER, Verdict.NO_EVIDENCE), _sentence(change))


def _seeded(accuracy: Mapping[int, float]) -> dict[str, float]:
    return {str(seed): value for seed, value in accuracy.items()}


def _sentence(change: Change) -> str:
    if change.unchanged:
        return "Their accuracies are the same for every shared seed."
    difference = points(change.difference or 0.0)
    low, high, p = change.difference_low, change.difference_high, change.p_value
    if low is None or high is None or p is None:
        return (
            f"A single seed cannot tell whether the difference of {difference} points is luck; "
            "train more seeds."
        )
    sign = p_value(p) if p < 0.001 else f"= {p_value(p)}"
    finding = {
        Verdict.BETTER: "Significantly better",
        Verdict.WORSE: "Significantly worse",
        Verdict.NO_EVIDENCE: "No evidence of a difference",
    }[change.verdict]
    pairs = len(change.shared) if change.method is Method.PAIRED else 0
    seeds = f"{pairs} shared seeds" if pairs else "different seeds"
    return (
        f"{finding}: {difference} points of accuracy, 95 % interval {points(low)} to "
        f"{points(high)}, p {sign} ({change.method} over {seeds})."
    )
