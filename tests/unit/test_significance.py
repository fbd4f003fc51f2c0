from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from digitbench.errors import DigitbenchError
from digitbench.statistics.comparison import (
    PairwiseComparison,
    compare_all,
    crossed_t_test,
    holm,
    is_evident,
)

SIMULATIONS = 200


def simulate(
    rng: np.random.Generator, *, seeds: int, images: int, skills: tuple[float, ...], drift: float
) -> np.ndarray:
    """Draw correctness [A, S, N]: skill + training effect + image difficulty + noise > 0."""
    shape = (len(skills), seeds, images)
    training = drift * rng.normal(size=(len(skills), seeds, 1))
    noise = 0.3 * rng.normal(size=shape)
    skill = np.reshape(skills, (-1, 1, 1))
    return skill + training + rng.normal(size=images) + noise > 0


def compare_pair(
    first: np.ndarray, second: np.ndarray, seeds: Sequence[int], **how: Any
) -> PairwiseComparison:
    """A family of one pair."""
    (pair,) = compare_all({"a": first, "b": second}, seeds, **how)
    return pair


def expected_accuracy(skill: float, drift: float) -> float:
    return float(stats.norm.cdf(skill / np.sqrt(1 + drift**2 + 0.3**2)))


def three_architectures() -> dict[str, np.ndarray]:
    correct = simulate(
        np.random.default_rng(0), seeds=4, images=300, skills=(1.0, 1.5, 1.6), drift=0.1
    )
    return dict(zip(("mlp", "rnn", "cnn"), correct, strict=True))


@pytest.mark.parametrize("p_values", [[0.04, 0.01, 0.03, 0.2], [0.5, 0.5, 0.9], [0.02], []])
def test_holm_matches_statsmodels(p_values: list[float]) -> None:
    expected = multipletests(p_values, method="holm")[1] if p_values else []
    np.testing.assert_allclose(holm(p_values), expected)


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])


@pytest.mark.parametrize("p_values", [[0.5, 1.1], [-0.1], [float("nan")], [[0.1]]])
def test_holm_refuses_what_is_no_p_value(p_values: list[float]) -> None:
    with pytest.raises(DigitbenchError, match="P-values"):
        holm(p_values)


def test_estimates_by_hand() -> None:
    first = np.array([[1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)  # 5 errors of 8
    second = np.array([[1, 1, 1, 0], [0, 1, 1, 0]], dtype=bool)  # 3 errors of 8
    result = compare_pair(first, second, (3, 9), resamples=50)
    assert result.difference == pytest.approx(2 / 8)
    assert result.error_reduction == pytest.approx(1 - 3 / 5)
    assert [(t.seed, t.n10, t.n01) for t in result.mcnemar] == [(3, 0, 1), (9, 1, 2)]
    assert result.p_value == pytest.approx(crossed_t_test(first, second).p_value)
    assert result.limitation is None


def test_every_pair_is_compared_in_the_given_order_and_adjusted_together() -> None:
    correct = three_architectures()
    results = compare_all(correct, (0, 1, 2, 3), resamples=200)
    assert [(r.first, r.second) for r in results] == [
        ("mlp", "rnn"),
        ("mlp", "cnn"),
        ("rnn", "cnn"),
    ]
    expected = multipletests([r.p_value for r in results], method="holm")[1]
    np.testing.assert_allclose([r.p_value_holm for r in results], expected)
    for result in results:
        means = correct[result.first].mean(), correct[result.second].mean()
        assert result.difference == pytest.approx(means[1] - means[0])
        assert result.difference_low < result.difference < result.difference_high


def test_interval_is_wider_at_higher_confidence() -> None:
    correct = three_architectures()
    narrow, wide = (
        compare_pair(correct["mlp"], correct["rnn"], range(4), resamples=500, confidence=level)
        for level in (0.8, 0.99)
    )
    assert wide.difference_low < narrow.difference_low
    assert narrow.difference_high < wide.difference_high


def test_same_seed_gives_identical_comparisons() -> None:
    correct = three_architectures()
    first, second, other = (
        compare_all(correct, (0, 1, 2, 3), resamples=300, seed=seed) for seed in (7, 7, 8)
    )
    assert first == second
    assert first != other


def test_reversing_a_pair_mirrors_the_difference() -> None:
    correct = three_architectures()
    forward = compare_pair(correct["mlp"], correct["cnn"], range(4), resamples=4000)
    backward = compare_pair(correct["cnn"], correct["mlp"], range(4), resamples=4000)
    assert forward.difference == pytest.approx(-backward.difference)
    assert forward.p_value == pytest.approx(backward.p_value)
    assert forward.difference_low == pytest.approx(-backward.difference_high, abs=0.005)


def test_identical_architectures_do_not_differ() -> None:
    correct = three_architectures()["mlp"]
    result = compare_pair(correct, correct, range(4), resamples=200)
    assert (result.difference_low, result.difference, result.difference_high) == (0, 0, 0)
    assert not result.is_evident
    assert result.p_value == 1.0


def test_difference_without_any_variation_falls_back_to_mcnemar() -> None:
    worst, best = np.zeros((3, 8), dtype=bool), np.ones((3, 8), dtype=bool)
    result = compare_pair(worst, best, range(3), resamples=50)
    assert result.p_value == pytest.approx(2 / 2**8)
    assert result.p_value_method == "exact McNemar test"


def test_fallback_takes_the_most_cautious_replicate() -> None:
    # Both replicates gain 6 images net, on images apart from each other, so that the estimated
    # variance is zero although the replicates are not equally convincing: 6 to 0 and 7 to 1.
    first, second = np.zeros((2, 2, 13), dtype=bool)
    second[0, :6] = True
    first[1, 0] = True
    second[1, 6:] = True
    assert crossed_t_test(first, second).standard_error == 0
    result = compare_pair(first, second, (0, 1), resamples=50)
    assert [test.p_value for test in result.mcnemar] == pytest.approx([2 / 2**6, 18 / 2**8])
    assert result.p_value == pytest.approx(18 / 2**8)


def test_error_reduction_is_undefined_without_errors_of_the_first() -> None:
    flawless = np.ones((2, 6), dtype=bool)
    other = flawless.copy()
    other[:, 0] = False
    result = compare_pair(flawless, other, (0, 1), resamples=50)
    assert result.error_reduction is None
    backward = compare_pair(other, flawless, (0, 1), resamples=50)
    assert backward.error_reduction == 1.0
    # About a third of the resamples miss the only difficult image.
    assert (backward.error_reduction_low, backward.error_reduction_high) == (None, None)


def test_one_seed_still_compares_and_says_what_it_cannot() -> None:
    correct = three_architectures()
    result = compare_pair(correct["mlp"][:1], correct["cnn"][:1], (42,), resamples=4000)
    assert result.p_value == result.mcnemar[0].p_value
    assert result.p_value_method == "exact McNemar test"
    assert result.limitation is not None
    assert "trained again" in result.limitation
    # The bootstrap over images alone approaches the normal interval of the paired difference.
    paired = correct["cnn"][0].astype(float) - correct["mlp"][0]
    half_width = 1.96 * stats.sem(paired)
    assert result.difference_low == pytest.approx(result.difference - half_width, abs=0.008)
    assert result.difference_high == pytest.approx(result.difference + half_width, abs=0.008)


def test_one_architecture_has_no_pair() -> None:
    assert compare_all({"mlp": np.ones((2, 5), dtype=bool)}, (0, 1)) == []


@pytest.mark.parametrize(("resamples", "confidence"), [(0, 0.95), (10, 0.0), (10, 95.0)])
def test_senseless_settings_are_refused(resamples: int, confidence: float) -> None:
    with pytest.raises(DigitbenchError, match="resamples"):
        compare_all(three_architectures(), range(4), resamples, confidence)


CORRECT = np.array([[True, False, True], [True, True, False]])


@pytest.mark.parametrize(
    ("second", "seeds", "message"),
    [
        (CORRECT[:, :2], (1, 2), "differ in seeds or test images"),
        (CORRECT[:1], (1, 2), "differ in seeds or test images"),
        (CORRECT.astype(int), (1, 2), "must be boolean"),
        (CORRECT, (1, 2, 3), "3 seeds"),
        (CORRECT, (1, 1), "distinct"),
        (CORRECT, (), "distinct"),
    ],
)
def test_incomparable_architectures_are_named(
    second: np.ndarray, seeds: tuple[int, ...], message: str
) -> None:
    with pytest.raises(DigitbenchError, match=message):
        compare_all({"mlp": CORRECT, "cnn": second}, seeds)
    with pytest.raises(DigitbenchError, match="images >= 2"):
        compare_all({"mlp": CORRECT[:, :1]}, (1, 2))


@pytest.mark.parametrize(
    ("low", "high", "p", "evident"),
    [
        (0.1, 0.2, 0.049, True),
        (-0.2, -0.1, 0.0, True),
        (0.1, 0.2, 0.05, False),
        (0.0, 0.2, 0.001, False),  # the ends of the interval belong to it
        (-0.2, 0.0, 0.001, False),
        (None, None, 0.001, False),
        (0.1, 0.2, None, False),
    ],
)
def test_evidence_needs_a_small_p_and_an_interval_without_zero(
    low: float | None, high: float | None, p: float | None, evident: bool
) -> None:
    assert is_evident(low, high, p) == evident


def coverage(*, seeds: int, drift: float) -> tuple[float, float]:
    """Share of simulations whose interval covers the true difference and error reduction."""
    rng = np.random.default_rng(20)
    error_a, error_b = (1 - expected_accuracy(skill, drift) for skill in (1.0, 1.3))
    difference, reduction = error_a - error_b, 1 - error_b / error_a
    covered = np.zeros(2)
    for _ in range(SIMULATIONS):
        first, second = simulate(rng, seeds=seeds, images=300, skills=(1.0, 1.3), drift=drift)
        result = compare_pair(first, second, range(seeds), resamples=400)
        assert result.error_reduction_low is not None
        assert result.error_reduction_high is not None
        covered += [
            result.difference_low <= difference <= result.difference_high,
            result.error_reduction_low <= reduction <= result.error_reduction_high,
        ]
    share = covered / SIMULATIONS
    return float(share[0]), float(share[1])


def test_interval_covers_the_truth_at_about_the_nominal_rate() -> None:
    # Binomial 99.9 % limits around 0.95; the upper one is open, as the bootstrap is conservative.
    lowest = stats.binom.ppf(0.001, SIMULATIONS, 0.95) / SIMULATIONS
    difference, reduction = coverage(seeds=10, drift=0.1)
    assert lowest <= difference < 1.0
    assert lowest <= reduction < 1.0


def test_one_seed_misses_the_variation_of_training() -> None:
    difference, _ = coverage(seeds=1, drift=0.2)
    assert difference < 0.7


def test_p_value_keeps_its_level_under_variation_between_seeds() -> None:
    rng = np.random.default_rng(30)
    false_positives = 0
    for _ in range(1000):
        first, second = simulate(rng, seeds=5, images=300, skills=(1.2, 1.2), drift=0.1)
        false_positives += crossed_t_test(first, second).p_value < 0.05
    limits = stats.binom.ppf([0.001, 0.999], 1000, 0.05)
    assert limits[0] <= false_positives <= limits[1]
