import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pytest
from scipy import stats

from digitbench.errors import DigitbenchError
from digitbench.statistics.estimates import crossed
from digitbench.statistics.summary import Summary, share_interval, summarise, summarise_crossed

VALUES = {11: 0.981, 7: 0.979, 23: 0.984, 5: 0.98}


def test_summary_matches_independent_computation() -> None:
    summary = summarise(VALUES)
    sample = list(VALUES.values())
    mean = statistics.mean(sample)
    ends = stats.t.interval(0.95, df=3, loc=mean, scale=stats.sem(sample))
    assert (summary.mean, summary.std) == pytest.approx((mean, statistics.stdev(sample)))
    assert (summary.ci95_low, summary.ci95_high) == pytest.approx(ends)


def test_seeds_keep_their_order() -> None:
    assert list(summarise(VALUES).per_seed.items()) == list(VALUES.items())


def test_interval_is_not_clipped() -> None:
    assert (summarise({0: 1.0, 1: 0.9}).ci95_high or 0) > 1.0


def test_one_seed_has_no_spread() -> None:
    assert summarise({3: 0.5}) == Summary(0.5, None, None, None, {3: 0.5})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "No values"),
        ({1: 0.9, 2: float("nan")}, r"\[2\]"),
        ({1: 0.9, 2: float("inf")}, r"\[2\]"),
    ],
)
def test_what_cannot_be_summarised_is_refused(values: Mapping[int, float], message: str) -> None:
    with pytest.raises(DigitbenchError, match=message):
        summarise(values)


def test_expected_ends_by_hand() -> None:
    summary = summarise({0: 0.97, 1: 0.98, 2: 0.99})
    # std 0.01; t(2) = 4.3027; 4.3027 * 0.01 * sqrt(1 + 1/3) = 0.049683.
    one = summary.expected()
    assert one is not None
    assert one.interval() == pytest.approx((0.98 - 0.049683, 0.98 + 0.049683), abs=1e-6)
    # The mean of three more, other images adding 0.01: variance 1e-4 * 2/3 + 1e-4, known from
    # 2 * (5/2)² = 12.5 degrees of freedom; t(12.5) = 2.16916.
    three = summary.expected(runs=3, further=0.01)
    assert three is not None
    assert three.interval() == pytest.approx((0.98 - 0.028004, 0.98 + 0.028004), abs=1e-6)
    endless = summary.expected(runs=float("inf"))
    assert endless is not None
    assert endless.interval() == pytest.approx((summary.ci95_low, summary.ci95_high))
    assert summarise({0: 0.5}).expected() is None


@pytest.mark.parametrize("name", ["mean", "std", "ci95_low", "ci95_high"])
@pytest.mark.parametrize("value", [0.9811, None])
def test_statistics_that_the_seeds_do_not_give_are_refused(name: str, value: float | None) -> None:
    whole = asdict(summarise(VALUES))
    with pytest.raises(ValueError, match=f"{name} is {value}, but its values per seed give"):
        Summary(**{**whole, name: value})


@pytest.mark.parametrize(
    ("share", "error", "expected"),
    [
        # Clopper and Pearson for 0 and all of 100: 1 - 0.025^(1/100).
        (0.0, 0.0, (0.0, 0.0362167)),
        (1.0, 0.0, (0.9637833, 1.0)),
        # The standard error of 100 independent images, known exactly: 3 of 100.
        (0.03, (0.03 * 0.97 / 100) ** 0.5, (0.0062300, 0.0851760)),
    ],
)
def test_interval_of_a_share_stays_inside(
    share: float, error: float, expected: tuple[float, float]
) -> None:
    assert share_interval(share, error, math.inf, 100) == pytest.approx(expected, abs=1e-6)


def test_few_degrees_of_freedom_widen_the_interval_of_a_share() -> None:
    error = (0.03 * 0.97 / 100) ** 0.5
    (low, high), (sure_low, sure_high) = (
        share_interval(0.03, error, freedom, 100) for freedom in (3, math.inf)
    )
    assert 0 < low < sure_low < sure_high < high < 1


def test_crossed_summary_covers_the_drawing_of_images() -> None:
    table = (np.random.default_rng(0).random((3, 200)) < 0.9).astype(float)
    summary = summarise_crossed(dict(enumerate(table.mean(axis=1).tolist())), table)
    estimate = crossed(table)
    expected = share_interval(summary.mean, estimate.error, estimate.freedom, 200)
    assert (summary.ci95_low, summary.ci95_high) == pytest.approx(expected)
    one = summarise_crossed({0: float(table[0].mean())}, table[:1])
    assert (one.std, one.ci95_low is None) == (None, False)


@pytest.mark.parametrize("error", [0.0, 1e-9, 1e-16])
@pytest.mark.parametrize("share", [0.1, 0.7, 0.9876])
def test_an_interval_holds_its_share_however_small_the_error(share: float, error: float) -> None:
    low, high = share_interval(share, error, 5, 10_000)
    assert low <= share <= high


def test_seeds_that_all_agree_can_be_summarised() -> None:
    table = np.full((3, 5), 0.7) + np.array([0.1, -0.1, 0.2, -0.2, 0.0])
    summary = summarise_crossed(dict(enumerate(table.mean(axis=1).tolist())), table)
    assert summary.ci95_low == pytest.approx(0.7, abs=0.2)
