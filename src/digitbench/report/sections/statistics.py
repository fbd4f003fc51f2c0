"""How sure the differences are."""

from digitbench.document.blocks import Chart, Prose, Section, Table
from digitbench.figures.accuracy import pair_differences
from digitbench.results.collection import Results
from digitbench.statistics.comparison import (
    PairVerdict,
    PairwiseComparison,
    Standing,
    pair_verdicts,
)
from digitbench.statistics.estimates import ALPHA
from digitbench.wording import (
    NAMES,
    decimal,
    difference_numbers,
    difference_sentence,
    p_equals,
    p_value,
    percent,
    points,
    points_interval,
    what_is_found,
    within,
)

POSITION = 20


def section(results: Results) -> Section:
    """Every pair of architectures, with what was tested and what cannot be said."""
    verdicts = judged(results)
    if not verdicts:
        return Section("Statistics", [Prose("One architecture: nothing to compare.")])
    margin = within(verdicts[0].margin)
    limits = sorted({v.pair.limitation for v in verdicts if v.pair.limitation})
    return Section(
        "Statistics",
        [
            Chart(
                "pairs",
                pair_differences(verdicts),
                "Difference in mean accuracy, better minus worse, with the interval of its test.",
                " ".join(map(pair_sentence, verdicts)),
            ),
            Table(
                "Differences in percentage points. Interval and p are of one test, for new seeds "
                "and new images (crossed t-test); the interval is for its pair alone, p is "
                f"adjusted over all pairs (Holm). Same: within {margin}, by two one-sided tests; "
                "no evidence: neither that they differ nor that they are the same. Found: the "
                "smallest difference that such seeds find in four of five comparisons; seeds: how "
                f"many would find {margin} as often (> 1,000: these images hardly suffice), both "
                "to a factor of about two. McNemar: "
                "seeds of all in which the two networks themselves differ at 5 %, unadjusted.",
                [
                    "better − worse",
                    "verdict",
                    "difference",
                    "95 % interval",
                    "p",
                    "found",
                    "seeds",
                    "fewer errors",
                    "McNemar",
                ],
                [_row(verdict) for verdict in verdicts],
            ),
            *map(Prose, limits),
        ],
    )


def judged(results: Results) -> list[PairVerdict]:
    """Every pair with its verdict, the second architecture the one with the higher accuracy."""
    pairs = [pair.oriented for pair in results.comparison.pairs.values()]
    places = {name: place for place, name in enumerate(results.ranking)}
    pairs.sort(key=lambda pair: (places[pair.second], places[pair.first]))
    return pair_verdicts(pairs, results.params.margin / 100)


def pair_sentence(verdict: PairVerdict) -> str:
    """What one comparison of two architectures shows, and how much it could have shown."""
    pair = verdict.pair
    first, second = NAMES[pair.first], NAMES[pair.second]
    numbers = difference_numbers(pair.difference, pair.difference_low, pair.difference_high)
    if verdict.standing is Standing.SAME:
        return f"{second} and {first} are the same within {within(verdict.margin)}: {numbers}."
    numbers = f"{numbers}, {p_equals(pair.p_value_holm)}"
    sentence = difference_sentence(second, first, numbers, evident=pair.is_evident)
    if pair.is_evident or verdict.smallest is None:
        return sentence
    found = what_is_found(
        str(len(pair.seeds)), verdict.smallest, verdict.margin, verdict.seeds_needed
    )
    return f"{sentence} Nor that they are the same within {within(verdict.margin)}: {found}."


def _seeds(verdict: PairVerdict) -> str:
    return "> 1,000" if verdict.seeds_needed is None else f"{verdict.seeds_needed:,}"


def _row(verdict: PairVerdict) -> list[str]:
    pair = verdict.pair
    return [
        f"{NAMES[pair.second]} − {NAMES[pair.first]}",
        verdict.standing,
        points(pair.difference),
        points_interval(pair.difference_low, pair.difference_high),
        p_value(pair.p_value_holm),
        "–" if verdict.smallest is None else decimal(100 * verdict.smallest),
        "–" if verdict.smallest is None else _seeds(verdict),
        _reduction(pair),
        f"{sum(test.p_value < ALPHA for test in pair.mcnemar)} of {len(pair.mcnemar)}",
    ]


def _reduction(pair: PairwiseComparison) -> str:
    if pair.error_reduction is None:
        return "–"
    value = percent(pair.error_reduction, 0)
    low, high = pair.error_reduction_low, pair.error_reduction_high
    if low is not None and high is not None:
        value += f" ({decimal(100 * low, 0)} to {decimal(100 * high, 0)})"
    return value
