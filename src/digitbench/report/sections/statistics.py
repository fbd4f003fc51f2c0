"""How sure the differences are."""

from collections.abc import Sequence

from digitbench.document.blocks import Block, Chart, Prose, Section, Table
from digitbench.figures.accuracy import pair_differences
from digitbench.results.collection import Results
from digitbench.statistics.comparison import PairwiseComparison
from digitbench.statistics.estimates import ALPHA
from digitbench.wording import (
    NAMES,
    difference_numbers,
    difference_sentence,
    listing,
    p_equals,
    p_value,
    points,
    points_interval,
)

POSITION = 20


def section(results: Results) -> Section:
    """Every pair of architectures, with what was tested and what cannot be said."""
    pairs = [pair.oriented for pair in results.comparison.pairs.values()]
    if not pairs:
        return Section("Statistics", [Prose("One architecture: nothing to compare.")])
    blocks: list[Block] = [
        Chart(
            "pairs",
            pair_differences(pairs),
            "Difference in mean accuracy, better minus worse. Without evidence grey: "
            "the data don't tell which of the two is better.",
            " ".join(map(pair_sentence, pairs)),
        ),
        Table(
            "Differences in percentage points. Interval and p are of one test, for new seeds and "
            "new images (crossed t-test); the interval is for its pair alone, p is adjusted over "
            "all pairs (Holm). McNemar: seeds of all in which the two "
            "networks themselves differ at 5 %, exact test, unadjusted.",
            ["pair", "difference", "95 % interval", "p", "fewer errors", "McNemar"],
            [_row(pair) for pair in pairs],
        ),
        Prose(" ".join(map(pair_sentence, pairs))),
    ]
    limits = sorted({pair.limitation for pair in pairs if pair.limitation})
    if limits:
        blocks.append(Prose(" ".join(limits)))
    else:
        blocks.append(Prose(_meaning(pairs)))
    return Section("Statistics", blocks)


def pair_sentence(pair: PairwiseComparison) -> str:
    """What one comparison of two architectures shows, in one sentence."""
    pair = pair.oriented
    numbers = difference_numbers(pair.difference, pair.difference_low, pair.difference_high)
    return difference_sentence(
        NAMES[pair.second],
        NAMES[pair.first],
        f"{numbers}, {p_equals(pair.p_value_holm)}",
        evident=pair.is_evident,
    )


def _row(pair: PairwiseComparison) -> list[str]:
    return [
        f"{NAMES[pair.second]} − {NAMES[pair.first]}",
        points(pair.difference),
        points_interval(pair.difference_low, pair.difference_high),
        p_value(pair.p_value_holm),
        _reduction(pair),
        f"{sum(test.p_value < ALPHA for test in pair.mcnemar)} of {len(pair.mcnemar)}",
    ]


def _reduction(pair: PairwiseComparison) -> str:
    if pair.error_reduction is None:
        return "undefined"
    value = f"{100 * pair.error_reduction:.0f} %"
    low, high = pair.error_reduction_low, pair.error_reduction_high
    if low is not None and high is not None:
        value += f" ({100 * low:.0f} to {100 * high:.0f})"
    return value.replace("-", "−")


def _meaning(pairs: Sequence[PairwiseComparison]) -> str:
    open_pairs = [
        f"{NAMES[pair.first]} and {NAMES[pair.second]}" for pair in pairs if not pair.is_evident
    ]
    caution = "Interval and p allow for the few seeds by their degrees of freedom."
    if not open_pairs:
        return f"Every pair differs. {caution}"
    return f"Undecided: {listing(open_pairs)}. {caution}"
