"""How sure the differences are."""

from collections.abc import Mapping, Sequence
from typing import Any

from digitbench.document.blocks import Block, Chart, Prose, Section, Table
from digitbench.figures.accuracy import pair_differences
from digitbench.results.records import Results
from digitbench.statistics.comparison import is_significant
from digitbench.wording import NAMES, listing, oriented, p_value, pair_sentence, points

POSITION = 20


def section(results: Results) -> Section:
    """Every pair of architectures, with what was tested and what cannot be said."""
    pairs = [oriented(pair) for pair in results.comparison["pairs"].values()]
    if not pairs:
        return Section("Statistics", [Prose("One architecture: nothing to compare.")])
    blocks: list[Block] = [
        Chart(
            "pairs",
            pair_differences(pairs),
            "Difference in mean accuracy, better minus worse. Without evidence grey: "
            "the data don't tell which of the two is better.",
            " ".join(pair_sentence(pair, evident=is_significant(pair)) for pair in pairs),
        ),
        Table(
            "Differences in percentage points. The interval resamples seeds and test images "
            f"together ({pairs[0]['resamples']:,} times); p tests the difference for new seeds and "
            "new images, adjusted over all pairs (Holm). McNemar: seeds of all in which the two "
            "networks themselves differ at 5 %, exact test, unadjusted.",
            ["pair", "difference", "95 % interval", "p", "fewer errors", "McNemar"],
            [_row(pair) for pair in pairs],
        ),
        Prose(" ".join(pair_sentence(pair, evident=is_significant(pair)) for pair in pairs)),
    ]
    limits = sorted({pair["limitation"] for pair in pairs} - {None})
    if limits:
        blocks.append(Prose(" ".join(limits)))
    else:
        blocks.append(Prose(_meaning(pairs)))
    return Section("Statistics", blocks)


def _row(pair: Mapping[str, Any]) -> list[str]:
    tests = pair["mcnemar"].values()
    return [
        f"{NAMES[pair['second']]} − {NAMES[pair['first']]}",
        points(pair["difference"]),
        f"{points(pair['difference_low'])} to {points(pair['difference_high'])}",
        p_value(pair["p_value_holm"]),
        _reduction(pair),
        f"{sum(test['p_value'] < 0.05 for test in tests)} of {len(tests)}",
    ]


def _reduction(pair: Mapping[str, Any]) -> str:
    if pair["error_reduction"] is None:
        return "undefined"
    value = f"{100 * pair['error_reduction']:.0f} %".replace("-", "−")
    if pair["error_reduction_low"] is None:
        return value
    low, high = (100 * pair[f"error_reduction_{end}"] for end in ("low", "high"))
    return f"{value} ({low:.0f} to {high:.0f})".replace("-", "−")


def _meaning(pairs: Sequence[Mapping[str, Any]]) -> str:
    open_pairs = [
        f"{NAMES[pair['first']]} and {NAMES[pair['second']]}"
        for pair in pairs
        if not is_significant(pair)
    ]
    caution = (
        "With few seeds the bootstrap interval is too narrow where trainings vary a lot; the "
        "p-value allows for that, and decides."
    )
    if not open_pairs:
        return f"Every pair differs. {caution}"
    return f"Undecided: {listing(open_pairs)}. {caution}"
