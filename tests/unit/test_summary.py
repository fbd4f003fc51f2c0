import statistics
from collections.abc import Mapping

import pytest
from scipy import stats

from digitbench.errors import DigitbenchError
from digitbench.statistics.summary import Summary, summarise

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
