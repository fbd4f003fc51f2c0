import re

import numpy as np
import pytest
from scipy import stats

from digitbench.statistics.estimates import Difference, crossed, crossed_ratio
from worlds import SEEDS, WORLDS, coverage

RUNS = 500


def test_interval_and_p_value_are_those_of_students_t() -> None:
    sample = np.array([0.3, -0.1, 0.4, 0.2])
    estimate = Difference(float(sample.mean()), float(stats.sem(sample)), 3)
    expected = stats.ttest_1samp(sample, 0.0)
    assert estimate.p_value == pytest.approx(expected.pvalue)
    ends = expected.confidence_interval()
    assert estimate.interval() == pytest.approx((ends.low, ends.high))
    assert ends.low < estimate.interval(0.9)[0] < estimate.interval(0.9)[1] < ends.high


def test_within_a_margin_is_the_larger_of_two_one_sided_tests() -> None:
    sample = np.array([0.3, -0.1, 0.4, 0.2])
    estimate = Difference(float(sample.mean()), float(stats.sem(sample)), 3)
    above = stats.ttest_1samp(sample, -0.7, alternative="greater").pvalue
    below = stats.ttest_1samp(sample, 0.7, alternative="less").pvalue
    assert estimate.p_within(0.7) == pytest.approx(max(above, below))
    # Just when the 90 % interval is inside: its upper end is the limit.
    end = estimate.interval(0.9)[1]
    assert estimate.p_within(end) == pytest.approx(0.05)


@pytest.mark.parametrize(("value", "p"), [(0.1, 0.0), (0.2, 1.0), (-0.3, 1.0)])
def test_without_error_a_value_is_inside_or_not(value: float, p: float) -> None:
    assert Difference(value, 0.0, 3).p_within(0.2) == p


def test_seeds_do_not_vary_by_less_than_nothing() -> None:
    """Equal means over seeds are luck: the residual still makes them uncertain."""
    table = np.zeros((2, 8))
    table[0, :2], table[1, 2:4] = 1, 1
    estimate = crossed(table)
    # Squares: 3 in all, 0 of seeds, 1 of images, so 2 over 1 * 7 of the residual, above 1/7.
    assert estimate.error == pytest.approx(np.sqrt(2 / 7 / 16))
    assert estimate.freedom == pytest.approx(5)


def test_ratio_of_constant_parts_by_hand() -> None:
    """One seed pair of equal twins: Fieller's quadratic for a z-test over images, solved."""
    rng = np.random.default_rng(5)
    one, other = rng.random((2, 400)) < np.array([[0.2], [0.3]])
    low, high = crossed_ratio(*(np.tile(row, (2, 1)).astype(float) for row in (one, other))) or (
        np.nan,
        np.nan,
    )
    z2 = stats.norm.ppf(0.975) ** 2 / 400
    covariance = np.cov(one, other)
    a = other.mean() ** 2 - z2 * covariance[1, 1]
    b = one.mean() * other.mean() - z2 * covariance[0, 1]
    c = one.mean() ** 2 - z2 * covariance[0, 0]
    root = np.sqrt(b**2 - a * c)
    assert (low, high) == pytest.approx(((b - root) / a, (b + root) / a), rel=1e-6)


def test_ratio_has_no_limit_where_the_denominator_may_be_zero() -> None:
    denominator = np.zeros((2, 50))
    denominator[:, 0] = 1
    numerator = np.zeros((2, 50))
    numerator[:, 1:9] = 1
    assert crossed_ratio(numerator, denominator) is None


def stated_coverage() -> dict[int, list[float]]:
    """The table in the docstring of `crossed`: per number of seeds, D and R of every world."""
    rows = re.findall(r"^ +(\d+)((?: +\d+\.\d){10})$", crossed.__doc__ or "", re.MULTILINE)
    return {int(seeds): [float(cell) / 100 for cell in cells.split()] for seeds, cells in rows}


def test_coverage_from_three_seeds_on_is_near_what_is_said() -> None:
    stated = stated_coverage()
    assert list(stated) == list(SEEDS)
    cells = [share for seeds in SEEDS[1:] for share in stated[seeds]]
    # 4,000 runs know a share of 95 % to 0.7 points.
    assert min(cells) >= 0.935 - 0.007
    assert max(cells) <= 0.97 + 0.01


@pytest.mark.parametrize("place", range(len(WORLDS)))
@pytest.mark.parametrize("seeds", [3, 4, 10])
def test_intervals_cover_the_truth_as_often_as_the_docstring_says(seeds: int, place: int) -> None:
    stated = stated_coverage()[seeds][2 * place : 2 * place + 2]
    for found, share in zip(coverage(WORLDS[place], seeds, RUNS), stated, strict=True):
        # 99.9 % of counts of that many runs.
        low, high = stats.binom.ppf([0.0005, 0.9995], RUNS, share)
        assert low <= RUNS * found <= high
