import statistics

import pytest
from scipy import stats

from digitbench.errors import DigitbenchError
from digitbench.statistics.summary import summarise

VALUES = {11: 0.981, 7: 0.979, 23: 0.984, 5: 0.98}


@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_summary_matches_independent_computation(confidence: float) -> None:
    summary = summarise(VALUES, confidence)
    sample = list(VALUES.values())
    low, high = stats.t.interval(
        confidence, df=3, loc=statistics.mean(sample), scale=stats.sem(sample)
    )
    assert summary["mean"] == pytest.approx(statistics.mean(sample))
    assert summary["std"] == pytest.approx(statistics.stdev(sample))
    assert summary["ci95_low"] == pytest.approx(low)
    assert summary["ci95_high"] == pytest.approx(high)


def test_keys_are_exact_and_seeds_keep_their_order() -> None:
    summary = summarise(VALUES)
    assert set(summary) == {"mean", "std", "ci95_low", "ci95_high", "per_seed"}
    assert list(summary["per_seed"].items()) == [
        ("11", 0.981),
        ("7", 0.979),
        ("23", 0.984),
        ("5", 0.98),
    ]


def test_interval_is_not_clipped() -> None:
    summary = summarise({0: 1.0, 1: 0.9})
    assert summary["ci95_high"] is not None
    assert summary["ci95_high"] > 1.0


def test_one_seed_has_no_spread() -> None:
    assert summarise({3: 0.5}) == {
        "mean": 0.5,
        "std": None,
        "ci95_low": None,
        "ci95_high": None,
        "per_seed": {"3": 0.5},
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_value_that_is_not_finite_is_named(value: float) -> None:
    with pytest.raises(DigitbenchError, match=r"\[2\]"):
        summarise({1: 0.9, 2: value})


def test_nothing_to_summarise_is_refused() -> None:
    with pytest.raises(DigitbenchError, match="No values"):
        summarise({})


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0])
def test_confidence_out_of_range_is_refused(confidence: float) -> None:
    with pytest.raises(DigitbenchError, match="Confidence"):
        summarise(VALUES, confidence)
