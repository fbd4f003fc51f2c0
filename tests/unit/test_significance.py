from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from digitbench.errors import DigitbenchError
from digitbench.statistics.comparison import (
    PairwiseComparison,
    Standing,
    compare_all,
    holm,
    is_evident,
    pair_verdicts,
)
from digitbench.statistics.estimates import crossed


def simulate(
    rng: np.random.Generator, *, seeds: int, images: int, skills: tuple[float, ...], drift: float
) -> np.ndarray:
    """Draw correctness [A, S, N]: skill + training effect + image difficulty + noise > 0."""
    shape = (len(skills), seeds, images)
    training = drift * rng.normal(size=(len(skills), seeds, 1))
    noise = 0.3 * rng.normal(size=shape)
    skill = np.reshape(skills, (-1, 1, 1))
    return skill + training + rng.normal(size=images) + noise > 0


def compare_pair(first: np.ndarray, second: np.ndarray, seeds: Sequence[int]) -> PairwiseComparison:
    """A family of one pair."""
    (pair,) = compare_all({"a": first, "b": second}, seeds)
    return pair


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
    result = compare_pair(first, second, (3, 9))
    assert result.difference == pytest.approx(2 / 8)
    assert result.error_reduction == pytest.approx(1 - 3 / 5)
    assert [(t.seed, t.n10, t.n01) for t in result.mcnemar] == [(3, 0, 1), (9, 1, 2)]
    estimate = crossed(second.astype(float) - first)
    assert result.p_value == pytest.approx(estimate.p_value)
    assert (result.difference_low, result.difference_high) == pytest.approx(estimate.interval())
    assert result.estimate == estimate
    assert result.limitation is None


def test_every_pair_is_compared_in_the_given_order_and_adjusted_together() -> None:
    correct = three_architectures()
    results = compare_all(correct, (0, 1, 2, 3))
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


def test_reversing_a_pair_mirrors_the_difference() -> None:
    correct = three_architectures()
    forward = compare_pair(correct["mlp"], correct["cnn"], range(4))
    backward = compare_pair(correct["cnn"], correct["mlp"], range(4))
    assert forward.difference == pytest.approx(-backward.difference)
    assert forward.p_value == pytest.approx(backward.p_value)
    assert forward.difference_low == pytest.approx(-backward.difference_high)
    assert forward.error_reduction_low == pytest.approx(backward.oriented.error_reduction_low)


def test_identical_architectures_do_not_differ() -> None:
    correct = three_architectures()["mlp"]
    result = compare_pair(correct, correct, range(4))
    assert (result.difference_low, result.difference, result.difference_high) == (0, 0, 0)
    assert not result.is_evident
    assert result.p_value == 1.0


def test_difference_without_any_variation_falls_back_to_mcnemar() -> None:
    worst, best = np.zeros((3, 8), dtype=bool), np.ones((3, 8), dtype=bool)
    result = compare_pair(worst, best, range(3))
    assert result.p_value == pytest.approx(2 / 2**8)
    assert result.p_value_method == "exact McNemar test"
    # Clopper and Pearson's lower end of 8 of 8: 0.025^(1/8).
    assert result.difference_low == pytest.approx(2 * 0.025 ** (1 / 8) - 1)
    assert (result.difference_high, result.estimate, result.noise) == (1.0, None, None)


def test_error_reduction_is_undefined_without_errors_of_the_first() -> None:
    flawless = np.ones((2, 6), dtype=bool)
    other = flawless.copy()
    other[:, 0] = False
    result = compare_pair(flawless, other, (0, 1))
    assert (result.error_reduction, result.error_reduction_low) == (None, None)
    backward = compare_pair(other, flawless, (0, 1))
    # One difficult image of six: whether there are any is not certain, so the ratio has no limit.
    assert (backward.error_reduction, backward.error_reduction_low) == (1.0, None)


def test_error_reduction_and_difference_are_of_one_test() -> None:
    """Fieller's interval leaves out a reduction of 0 just when p is below 0.05."""
    rng = np.random.default_rng(3)
    evident = 0
    for _ in range(40):
        first, second = simulate(rng, seeds=4, images=300, skills=(1.0, 1.2), drift=0.1)
        pair = compare_pair(first, second, range(4))
        assert pair.error_reduction_low is not None
        assert pair.error_reduction_high is not None
        assert (pair.error_reduction_low <= 0 <= pair.error_reduction_high) == (
            pair.p_value >= 0.05
        )
        assert (pair.difference_low <= 0 <= pair.difference_high) == (pair.p_value >= 0.05)
        evident += pair.p_value < 0.05
    assert 5 < evident < 35


def test_one_seed_still_compares_and_says_what_it_cannot() -> None:
    correct = three_architectures()
    result = compare_pair(correct["mlp"][:1], correct["cnn"][:1], (42,))
    (test,) = result.mcnemar
    assert result.p_value == test.p_value
    assert result.p_value_method == "exact McNemar test"
    assert result.limitation is not None
    assert "trained again" in result.limitation
    ends = stats.binomtest(test.n01, test.n01 + test.n10).proportion_ci(method="exact")
    scale = (test.n01 + test.n10) / 300
    expected = [(2 * end - 1) * scale for end in (ends.low, ends.high)]
    assert [result.difference_low, result.difference_high] == pytest.approx(expected)
    assert result.difference_low < result.difference < result.difference_high


def pair_of(difference: float, error: float, p: float, seeds: int = 4) -> PairwiseComparison:
    base = compare_pair(*list(three_architectures().values())[:2], range(4))
    low, high = difference - 3 * error, difference + 3 * error
    return replace(
        base,
        difference=difference,
        difference_low=low,
        difference_high=high,
        standard_error=error,
        degrees_of_freedom=3.0,
        seed_variance=seeds * error**2,
        p_value=p,
        p_value_holm=p,
    )


@pytest.mark.parametrize(
    ("difference", "error", "p", "standing"),
    [
        (0.01, 0.001, 0.001, Standing.HIGHER),
        (-0.01, 0.001, 0.001, Standing.LOWER),
        # t of 2.353 is the limit with 3 degrees of freedom: (0.002 - 0.0002) / 2.353 = 0.000765.
        (0.0002, 0.00076, 0.8, Standing.SAME),
        (0.0002, 0.00077, 0.8, Standing.NO_EVIDENCE),
        (-0.0002, 0.00076, 0.8, Standing.SAME),
        (0.0001, 0.00001, 0.01, Standing.HIGHER),  # evident, however small
    ],
)
def test_standing_of_a_pair(difference: float, error: float, p: float, standing: Standing) -> None:
    (verdict,) = pair_verdicts([pair_of(difference, error, p)], margin=0.002)
    assert verdict.standing == standing


def test_sameness_is_adjusted_over_the_pairs_and_power_is_for_the_strictest_step() -> None:
    same = pair_of(0.0002, 0.00076, 0.8)
    alone, (first, second) = pair_verdicts([same], 0.002), pair_verdicts([same, same], 0.002)
    assert alone[0].p_same is not None
    assert first.p_same is not None
    assert first.p_same == pytest.approx(2 * alone[0].p_same)
    assert (first.standing, second.standing) == (Standing.NO_EVIDENCE,) * 2
    assert first.smallest is not None
    assert alone[0].smallest is not None
    assert first.smallest > alone[0].smallest
    assert first.seeds_needed is not None
    assert alone[0].seeds_needed is not None
    assert first.seeds_needed >= alone[0].seeds_needed


def test_one_architecture_has_no_pair() -> None:
    assert compare_all({"mlp": np.ones((2, 5), dtype=bool)}, (0, 1)) == []


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
