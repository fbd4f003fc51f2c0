"""Sentences must say no more than the numbers do."""

import re
from typing import Any

import numpy as np
import pytest

from digitbench.statistics.comparison import is_significant
from digitbench.wording import (
    interval,
    listing,
    oriented,
    p_value,
    pair_of,
    pair_sentence,
    percent,
    points,
)


def pair(difference: float, low: float, high: float, p: float) -> dict[str, Any]:
    """CNN against MLP: a positive difference means that the CNN is better."""
    return {
        "first": "mlp",
        "second": "cnn",
        "difference": difference,
        "difference_low": low,
        "difference_high": high,
        "error_reduction": None,
        "error_reduction_low": None,
        "error_reduction_high": None,
        "p_value_holm": p,
    }


def sentence(item: dict[str, Any]) -> str:
    return pair_sentence(item, evident=is_significant(item))


def random_pairs() -> list[dict[str, Any]]:
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
        covers = item["difference_low"] <= 0 <= item["difference_high"]
        evident = item["p_value_holm"] < 0.05 and not covers
        seen.add((covers, item["p_value_holm"] < 0.05))
        assert is_significant(item) == evident
        told = sentence(item)
        assert told.startswith("No evidence of a difference between ") != evident
        assert (" beats " in told) == evident
    assert len(seen) == 4, "all four combinations occur above"


def test_better_one_comes_first_and_the_numbers_are_its_own() -> None:
    for item in filter(is_significant, PAIRS):
        found = re.match(r"(\w+) beats (\w+): ", sentence(item))
        assert found
        better, worse = ("CNN", "MLP") if item["difference"] > 0 else ("MLP", "CNN")
        assert found.groups() == (better, worse)


def test_numbers_are_positive_ordered_and_of_the_pair() -> None:
    number = r"([+−]\d+\.\d\d)"
    for item in PAIRS:
        found = re.search(
            rf": {number} points of accuracy, 95 % interval {number} to {number}, p",
            sentence(item),
        )
        assert found
        difference, low, high = (float(text.replace("−", "-")) for text in found.groups())
        assert difference >= 0
        assert low <= difference <= high
        assert difference == pytest.approx(100 * abs(item["difference"]), abs=0.0051)
        ends = sorted((abs(low), abs(high)))
        expected = sorted(100 * abs(item[key]) for key in ("difference_low", "difference_high"))
        assert ends == pytest.approx(expected, abs=0.0051)


@pytest.mark.parametrize("swapped", [False, True])
def test_sentence_does_not_depend_on_which_was_first(swapped: bool) -> None:
    item = pair(0.0178, 0.0147, 0.0211, 0.0123)
    if swapped:
        item = pair(-0.0178, -0.0211, -0.0147, 0.0123) | {"first": "cnn", "second": "mlp"}
    assert sentence(item) == (
        "CNN beats MLP: +1.78 points of accuracy, 95 % interval +1.47 to +2.11, p = 0.012."
    )


def test_negative_difference_is_told_from_the_other_side() -> None:
    assert sentence(pair(-0.01, -0.015, -0.002, 0.0001)) == (
        "MLP beats CNN: +1.00 points of accuracy, 95 % interval +0.20 to +1.50, p < 0.001."
    )
    assert sentence(pair(-0.01, -0.025, 0.005, 0.3)) == (
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
    assert sentence(pair(0.01, low, high, p)).startswith("No evidence of a difference")


def test_identical_results_are_no_evidence() -> None:
    assert sentence(pair(0.0, 0.0, 0.0, 1.0)) == (
        "No evidence of a difference between MLP and CNN: "
        "+0.00 points of accuracy, 95 % interval +0.00 to +0.00, p = 1.000."
    )


def test_p_value_is_written_once_and_right_in_every_sentence() -> None:
    for item in PAIRS:
        p = item["p_value_holm"]
        end = ", p < 0.001." if p < 0.001 else f", p = {p:.3f}."
        assert sentence(item).endswith(end)


def compared(first: str, errors: float, second: str, others: float) -> dict[str, Any]:
    """The comparison of two error rates, with ends of intervals where each halves and doubles."""
    ratios = [others / errors, others / (2 * errors), 2 * others / errors]
    keys = ("error_reduction", "error_reduction_high", "error_reduction_low")
    return {
        **pair(errors - others, errors / 2 - others * 2, errors * 2 - others / 2, 0.01),
        **dict(zip(keys, (1 - ratio for ratio in ratios), strict=True)),
        "first": first,
        "second": second,
    }


def test_turned_comparison_is_the_one_made_the_other_way_round() -> None:
    worse_second = compared("cnn", 0.01, "mlp", 0.03)
    better_second = compared("mlp", 0.03, "cnn", 0.01)
    assert oriented(worse_second) == pytest.approx(better_second)
    assert oriented(better_second) == better_second
    assert oriented(oriented(worse_second)) == oriented(worse_second)
    assert better_second["error_reduction"] == pytest.approx(2 / 3)


def test_turned_comparison_leaves_out_what_is_undefined() -> None:
    # The first made no error in some resample, or the second made none.
    undefined = {"error_reduction_low": None, "error_reduction_high": 1.0}
    turned = oriented(compared("cnn", 0.01, "mlp", 0.03) | undefined)
    assert turned["error_reduction"] == pytest.approx(2 / 3)
    assert turned["error_reduction_low"] is turned["error_reduction_high"] is None


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
    assert interval({"ci95_low": 0.9812, "ci95_high": 1.00126}) == "98.12 to 100.13"
    assert interval({"ci95_low": 0.0, "ci95_high": 0.5}) == "0.00 to 50.00"


def test_one_seed_has_no_interval() -> None:
    assert interval({"ci95_low": None, "ci95_high": None}) == "one seed"


@pytest.mark.parametrize(
    ("items", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")],
)
def test_listing(items: list[str], text: str) -> None:
    assert listing(items) == text


# --- looking up ------------------------------------------------------------------------------


def test_pair_is_found_whichever_way_round() -> None:
    other = pair(0.1, 0.1, 0.1, 1.0) | {"first": "rnn", "second": "mlp"}
    comparison = {"pairs": {"x": other, "cnn_minus_mlp": PAIRS[0]}}
    assert pair_of(comparison, "mlp", "cnn") is PAIRS[0]
    assert pair_of(comparison, "cnn", "mlp") is PAIRS[0]
    assert pair_of(comparison, "mlp", "rnn") is other
    with pytest.raises(KeyError, match="cnn and rnn were not compared"):
        pair_of(comparison, "cnn", "rnn")
