"""Sentences must say no more than the numbers do."""

import re
from dataclasses import asdict, replace

import numpy as np
import pytest

import figure_data
from digitbench.report.sections.statistics import pair_sentence
from digitbench.statistics.comparison import PairwiseComparison, pair_verdicts
from digitbench.statistics.summary import CrossedSummary, summarise
from digitbench.wording import (
    at_once,
    count,
    decimal,
    in_common,
    interval,
    listing,
    model_label,
    p_equals,
    p_value,
    percent,
    points,
    seed_names,
    within,
)


def pair(difference: float, low: float, high: float, p: float) -> PairwiseComparison:
    """CNN against MLP: a positive difference means that the CNN is better."""
    found = figure_data.pair("mlp", "cnn", difference, 0.0, p)
    return replace(found, difference_low=low, difference_high=high, standard_error=None)


def random_pairs() -> list[PairwiseComparison]:
    rng = np.random.default_rng(3)
    pairs = []
    for _ in range(400):
        difference = rng.normal(0, 0.01)
        below, above = rng.exponential(0.008, 2)
        p = rng.choice([0.0, 1e-9, 0.0004, 0.02, 0.0499, 0.05, 0.3, 1.0])
        pairs.append(pair(difference, difference - below, difference + above, float(p)))
    return pairs


# At the limits, p is not below and an end of the interval is zero.
PAIRS = [*random_pairs(), pair(0.01, 0.002, 0.02, 0.05), pair(0.01, 0.0, 0.02, 0.001)]


# --- comparisons -----------------------------------------------------------------------------


def told(item: PairwiseComparison) -> str:
    return pair_sentence(*pair_verdicts([item.oriented], 0.002))


NUMBER = r"([+−]\d+\.\d\d)"


def test_every_sentence_says_what_its_pair_does() -> None:
    seen = set()
    for item in PAIRS:
        covers, p = item.difference_low <= 0 <= item.difference_high, item.p_value_holm
        seen.add((covers, p < 0.05))
        # Evidence needs both a small p and an interval without zero.
        assert item.is_evident == (p < 0.05 and not covers)
        better, worse = ("CNN", "MLP") if item.difference > 0 else ("MLP", "CNN")
        start = f"No evidence of a difference between {worse} and {better}"
        found = re.fullmatch(
            (f"{better} beats {worse}" if item.is_evident else start)
            + rf": {NUMBER} points of accuracy, 95 % interval {NUMBER} to {NUMBER}, p "
            + re.escape(p_equals(p).removeprefix("p "))
            + r"\.",
            told(item),
        )
        assert found
        difference, low, high = (float(text.replace("−", "-")) for text in found.groups())
        assert difference >= 0
        assert low <= difference <= high
        assert difference == pytest.approx(100 * abs(item.difference), abs=0.0051)
        ends = sorted((abs(low), abs(high)))
        expected = sorted(100 * abs(end) for end in (item.difference_low, item.difference_high))
        assert ends == pytest.approx(expected, abs=0.0051)
    assert len(seen) == 4, "all four combinations occur above"


@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        (
            pair(0.0178, 0.0147, 0.0211, 0.0123),
            "CNN beats MLP: +1.78 points of accuracy, 95 % interval +1.47 to +2.11, p = 0.012.",
        ),
        (
            replace(pair(-0.0178, -0.0211, -0.0147, 0.0123), first="cnn", second="mlp"),
            "CNN beats MLP: +1.78 points of accuracy, 95 % interval +1.47 to +2.11, p = 0.012.",
        ),
        (
            pair(-0.01, -0.015, -0.002, 0.0001),
            "MLP beats CNN: +1.00 points of accuracy, 95 % interval +0.20 to +1.50, p < 0.001.",
        ),
        (
            pair(-0.01, -0.025, 0.005, 0.3),
            "No evidence of a difference between CNN and MLP: "
            "+1.00 points of accuracy, 95 % interval −0.50 to +2.50, p = 0.300.",
        ),
        (
            pair(0.0, 0.0, 0.0, 1.0),
            "No evidence of a difference between MLP and CNN: "
            "+0.00 points of accuracy, 95 % interval +0.00 to +0.00, p = 1.000.",
        ),
    ],
)
def test_a_sentence_tells_the_difference_from_the_side_of_the_better(
    item: PairwiseComparison, sentence: str
) -> None:
    assert told(item) == sentence


def compared(first: str, errors: float, second: str, others: float) -> PairwiseComparison:
    """The comparison of two error rates, with ends of intervals where each halves and doubles."""
    difference = errors - others
    found = pair(difference, errors / 2 - others * 2, errors * 2 - others / 2, 0.01)
    return replace(
        found,
        first=first,
        second=second,
        error_reduction=1 - others / errors,
        error_reduction_high=1 - others / (2 * errors),
        error_reduction_low=1 - 2 * others / errors,
    )


def test_turned_comparison_is_the_one_made_the_other_way_round() -> None:
    worse_second = compared("cnn", 0.01, "mlp", 0.03)
    better_second = compared("mlp", 0.03, "cnn", 0.01)
    found, wanted = (
        {key: value for key, value in asdict(pair).items() if isinstance(value, float)}
        for pair in (worse_second.oriented, better_second)
    )
    assert found == pytest.approx(wanted)
    assert (worse_second.oriented.first, worse_second.oriented.second) == ("mlp", "cnn")
    assert better_second.oriented is better_second
    assert worse_second.oriented.oriented == worse_second.oriented
    assert better_second.error_reduction == pytest.approx(2 / 3)


def test_turned_comparison_leaves_out_what_is_undefined() -> None:
    # The first made no error in some resample, or the second made none.
    found = compared("cnn", 0.01, "mlp", 0.03)
    turned = replace(found, error_reduction_low=None, error_reduction_high=1.0).oriented
    assert turned.error_reduction == pytest.approx(2 / 3)
    assert turned.error_reduction_low is turned.error_reduction_high is None


# --- numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (percent(0.98765, 2), "98.77 %"),
        (percent(0.98765, 1), "98.8 %"),
        (percent(1.0), "100.00 %"),
        (percent(0.0, 0), "0 %"),
        (points(0.0123), "+1.23"),
        (points(-0.0123), "−1.23"),
        (points(0.5), "+50.00"),
        (points(-0.00126), "−0.13"),
        (points(0.0), "+0.00"),
        (points(-0.0), "+0.00"),  # as turning an interval round makes it of 0.0
        (p_value(0.0), "< 0.001"),
        (p_value(0.00099), "< 0.001"),
        (p_value(0.001), "0.001"),
        (p_value(0.0504), "0.050"),
        (p_value(1.0), "1.000"),
        (p_value(0.0497), "0.04970"),
        # Halves go up, whatever is behind the twelfth decimal.
        (decimal(97.605), "97.61"),
        (decimal(97.615), "97.62"),
        (decimal(97.635), "97.64"),
        (decimal(100 * 0.97615), "97.62"),
        (decimal(-0.125, 2, "+"), "−0.13"),
        (decimal(-0.001, 2, "+"), "−0.00"),
        (decimal(-0.0, 2, "+"), "+0.00"),
        (interval(CrossedSummary(0.99, None, 0.9812, 1.00126, {0: 0.99})), "98.12 to 100.13"),
        (interval(CrossedSummary(0.2, None, 0.0, 0.5, {0: 0.2})), "0.00 to 50.00"),
        (interval(summarise({0: 0.9})), "one seed"),
        (count(1, "seed"), "1 seed"),
        (count(0, "seed"), "0 seeds"),
        (count(1797, "image"), "1,797 images"),
        (count(1, "study", "studies"), "1 study"),
        (count(2, "study", "studies"), "2 studies"),
        (at_once([1, 1]), "1 replicate at once"),
        (at_once([4, 1, 4]), "1 and 4 replicates at once"),
        (seed_names([3]), "3"),
        (seed_names([3, 1, 2]), "3, 1 and 2"),
        (seed_names(range(30)), "0 to 29 (30 seeds)"),
        (in_common({"cnn": "5", "mlp": "5"}), "5"),
        (in_common({"cnn": "5", "mlp": "6"}), "CNN 5 and MLP 6"),
        (within(0.01), "±1 point"),
        (within(0.002), "±0.2 points"),
        (model_label("cnn_1"), "CNN, 1 epoch"),
        (model_label("cnn_15"), "CNN, 15 epochs"),
        (listing([]), ""),
        (listing(["a"]), "a"),
        (listing(["a", "b"]), "a and b"),
        (listing(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_and_lists_as_they_are_written(written: str, text: str) -> None:
    assert written == text
