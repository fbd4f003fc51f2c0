"""Sentences must say no more than the numbers do."""

import re
from dataclasses import asdict, replace

import numpy as np
import pytest

import figure_data
from digitbench.report.sections.statistics import pair_sentence
from digitbench.statistics.comparison import PairwiseComparison
from digitbench.statistics.summary import Summary
from digitbench.wording import interval, listing, p_value, percent, points


def pair(difference: float, low: float, high: float, p: float) -> PairwiseComparison:
    """CNN against MLP: a positive difference means that the CNN is better."""
    found = figure_data.pair("mlp", "cnn", difference, 0.0, p)
    return replace(found, difference_low=low, difference_high=high)


def random_pairs() -> list[PairwiseComparison]:
    rng = np.random.default_rng(3)
    pairs = []
    for _ in range(400):
        difference = rng.normal(0, 0.01)
        below, above = rng.exponential(0.008, 2)
        p = rng.choice([0.0, 1e-9, 0.0004, 0.02, 0.0499, 0.05, 0.3, 1.0])
        pairs.append(pair(difference, difference - below, difference + above, float(p)))
    return pairs


PAIRS = random_pairs()


# --- comparisons -----------------------------------------------------------------------------


def test_evidence_needs_both_a_small_p_and_an_interval_without_zero() -> None:
    seen = set()
    for item in PAIRS:
        covers = item.difference_low <= 0 <= item.difference_high
        evident = item.p_value_holm < 0.05 and not covers
        seen.add((covers, item.p_value_holm < 0.05))
        assert item.is_evident == evident
        told = pair_sentence(item)
        assert told.startswith("No evidence of a difference between ") != evident
        assert (" beats " in told) == evident
    assert len(seen) == 4, "all four combinations occur above"


def test_better_one_comes_first_and_the_numbers_are_its_own() -> None:
    for item in (item for item in PAIRS if item.is_evident):
        found = re.match(r"(\w+) beats (\w+): ", pair_sentence(item))
        assert found
        better, worse = ("CNN", "MLP") if item.difference > 0 else ("MLP", "CNN")
        assert found.groups() == (better, worse)


def test_numbers_are_positive_ordered_and_of_the_pair() -> None:
    number = r"([+−]\d+\.\d\d)"
    for item in PAIRS:
        found = re.search(
            rf": {number} points of accuracy, 95 % interval {number} to {number}, p",
            pair_sentence(item),
        )
        assert found
        difference, low, high = (float(text.replace("−", "-")) for text in found.groups())
        assert difference >= 0
        assert low <= difference <= high
        assert difference == pytest.approx(100 * abs(item.difference), abs=0.0051)
        ends = sorted((abs(low), abs(high)))
        expected = sorted(100 * abs(end) for end in (item.difference_low, item.difference_high))
        assert ends == pytest.approx(expected, abs=0.0051)


@pytest.mark.parametrize("swapped", [False, True])
def test_sentence_does_not_depend_on_which_was_first(swapped: bool) -> None:
    item = pair(0.0178, 0.0147, 0.0211, 0.0123)
    if swapped:
        item = pair(-0.0178, -0.0211, -0.0147, 0.0123)
        item = replace(item, first="cnn", second="mlp")
    assert pair_sentence(item) == (
        "CNN beats MLP: +1.78 points of accuracy, 95 % interval +1.47 to +2.11, p = 0.012."
    )


def test_negative_difference_is_told_from_the_other_side() -> None:
    assert pair_sentence(pair(-0.01, -0.015, -0.002, 0.0001)) == (
        "MLP beats CNN: +1.00 points of accuracy, 95 % interval +0.20 to +1.50, p < 0.001."
    )
    assert pair_sentence(pair(-0.01, -0.025, 0.005, 0.3)) == (
        "No evidence of a difference between CNN and MLP: "
        "+1.00 points of accuracy, 95 % interval −0.50 to +2.50, p = 0.300."
    )


@pytest.mark.parametrize(
    ("low", "high", "p"),
    [
        (0.002, 0.02, 0.05),  # p is not below the limit
        (0.002, 0.02, 1.0),
        (0.0, 0.02, 0.001),  # an end of the interval is zero
        (-0.001, 0.02, 0.001),
    ],
)
def test_no_evidence_at_the_limits(low: float, high: float, p: float) -> None:
    assert pair_sentence(pair(0.01, low, high, p)).startswith("No evidence of a difference")


def test_identical_results_are_no_evidence() -> None:
    assert pair_sentence(pair(0.0, 0.0, 0.0, 1.0)) == (
        "No evidence of a difference between MLP and CNN: "
        "+0.00 points of accuracy, 95 % interval +0.00 to +0.00, p = 1.000."
    )


def test_p_value_is_written_once_and_right_in_every_sentence() -> None:
    for item in PAIRS:
        p = item.p_value_holm
        end = ", p < 0.001." if p < 0.001 else f", p = {p:.3f}."
        assert pair_sentence(item).endswith(end)


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
    ("value", "digits", "text"),
    [
        (0.98765, 2, "98.77 %"),
        (0.98765, 1, "98.8 %"),
        (1.0, 2, "100.00 %"),
        (0.0, 0, "0 %"),
    ],
)
def test_percent(value: float, digits: int, text: str) -> None:
    assert percent(value, digits) == text


def test_percent_has_two_digits_unless_told() -> None:
    assert percent(0.5) == "50.00 %"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0123, "+1.23"), (-0.0123, "−1.23"), (0.5, "+50.00"), (-0.00126, "−0.13"), (0.0, "+0.00")],
)
def test_points_have_a_sign(value: float, text: str) -> None:
    assert points(value) == text


def test_zero_has_one_spelling() -> None:
    # Turning an interval round makes -0.0 of 0.0.
    assert points(-0.0) == points(0.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "< 0.001"), (0.00099, "< 0.001"), (0.001, "0.001"), (0.0504, "0.050"), (1.0, "1.000")],
)
def test_p_value(value: float, text: str) -> None:
    assert p_value(value) == text


def test_interval_is_in_percent_and_may_leave_the_range() -> None:
    assert interval(Summary(0.99, 0.1, 0.9812, 1.00126, {})) == "98.12 to 100.13"
    assert interval(Summary(0.2, 0.1, 0.0, 0.5, {})) == "0.00 to 50.00"


def test_one_seed_has_no_interval() -> None:
    assert interval(Summary(0.9, None, None, None, {})) == "one seed"


@pytest.mark.parametrize(
    ("items", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_listing(items: list[str], text: str) -> None:
    assert listing(items) == text
