import numpy as np
import pytest
from sklearn.metrics import log_loss

from digitbench.errors import DigitbenchError
from digitbench.evaluation.probability import (
    brier_score,
    coverage_curve,
    expected_calibration_error,
    negative_log_likelihood,
    reliability_table,
)


def random_predictions(seeds: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 10, size=images)
    logits = rng.normal(size=(seeds, images, 10))
    logits[:, np.arange(images), labels] += 2.0
    odds = np.exp(logits)
    return (odds / odds.sum(axis=-1, keepdims=True)).astype(np.float32), labels


def two_class(confidence: list[float], correct: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Predict class 0 with the given confidence, [N, 2]; the label is 0 where correct."""
    top = np.array(confidence)
    return np.stack([top, 1 - top], axis=1), np.where(correct, 0, 1)


def test_negative_log_likelihood_matches_scikit_learn() -> None:
    probabilities, labels = random_predictions(1, 500)
    exact = probabilities[0].astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)  # scikit-learn insists on sums of 1 in float64
    expected = log_loss(labels, exact, labels=list(range(10)))
    assert negative_log_likelihood(probabilities[0], labels) == pytest.approx(expected, rel=1e-6)


def test_impossible_label_costs_the_clip_value() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    expected = 126 * np.log(2) / 2  # the smallest normal float32 is 2 ** -126
    assert negative_log_likelihood(probabilities, np.array([0, 1])) == pytest.approx(expected)


def test_brier_score_by_hand() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
    # (0.3^2 + 0.2^2 + 0.1^2 + 1 + 1) / 2
    assert brier_score(probabilities, np.array([0, 1])) == pytest.approx((0.14 + 2.0) / 2)


def test_brier_score_leaves_its_input_alone() -> None:
    probabilities = np.array([[0.7, 0.3]])
    brier_score(probabilities, np.array([0]))
    assert probabilities.tolist() == [[0.7, 0.3]]


def test_perfect_calibration_gives_exactly_zero() -> None:
    probabilities, labels = two_class(
        [0.75, 0.75, 0.75, 0.75, 1.0, 1.0], [True, True, False, True, True, True]
    )
    assert expected_calibration_error(probabilities, labels) == 0.0


def test_calibration_error_by_hand() -> None:
    # Bins of width 1/15: 0.55 lies in the 9th, 0.9 and 0.92 in the 14th, 1.0 in the last.
    probabilities, labels = two_class([0.55, 0.9, 0.92, 1.0, 1.0], [True, True, False, True, False])
    gaps = [abs(1 - 0.55), abs(1 - (0.9 + 0.92)), abs(1 - 2.0)]
    assert expected_calibration_error(probabilities, labels) == pytest.approx(sum(gaps) / 5)


def test_calibration_error_ignores_which_wrong_class() -> None:
    probabilities = np.array([[0.5, 0.4, 0.1]])
    errors = {expected_calibration_error(probabilities, np.array([k])) for k in (1, 2)}
    assert errors == {0.5}


def test_reliability_table_pools_replicates_and_keeps_empty_bins() -> None:
    first, labels = two_class([0.75, 1.0], [True, False])
    second, _ = two_class([0.75, 0.875], [True, False])
    table = reliability_table(np.stack([first, second]), labels)
    assert len(table) == 15
    assert table["count"].tolist() == [0] * 11 + [2, 0, 1, 1]
    means = table[["confidence", "accuracy"]].to_numpy()
    assert means[[11, 13, 14]].tolist() == [[0.75, 1.0], [0.875, 0.0], [1.0, 0.0]]
    assert np.isnan(means[table["count"] == 0]).all()
    np.testing.assert_allclose(table["bin_high"] - table["bin_low"], 1 / 15)


def test_reliability_table_reproduces_the_calibration_error() -> None:
    probabilities, labels = random_predictions(1, 800)
    table = reliability_table(probabilities, labels).dropna()
    gap = (table["accuracy"] - table["confidence"]).abs()
    expected = (gap * table["count"]).sum() / 800
    assert expected_calibration_error(probabilities[0], labels) == pytest.approx(expected)


def test_bins_include_their_upper_edge() -> None:
    edge = float(np.linspace(0.0, 1.0, 16)[9])
    probabilities, labels = two_class([edge], [True])
    table = reliability_table(probabilities[np.newaxis], labels)
    assert table.loc[table["count"] > 0, "bin_high"].tolist() == [edge]


def test_confidence_rounded_above_one_stays_in_the_last_bin() -> None:
    probabilities = np.array([[np.nextafter(np.float32(1), np.float32(2)), 0.0]], dtype=np.float32)
    assert reliability_table(probabilities[np.newaxis], np.array([0]))["count"].iloc[-1] == 1


def test_coverage_curve_by_hand() -> None:
    first, labels = two_class([0.9, 0.6, 0.8, 0.7], [True, False, True, False])
    second, _ = two_class([0.6, 0.9, 0.8, 0.7], [True, False, True, False])
    curve = coverage_curve(np.stack([first, second]), labels, [1.0, 0.7, 0.5, 0.25])
    assert curve["coverage"].tolist() == [1.0, 0.7, 0.5, 0.25]  # keeps 4, 3, 2 and 1 images
    np.testing.assert_allclose(curve["accuracy"], [0.5, 0.5, 0.75, 0.5])
    np.testing.assert_allclose(curve["low"], [0.5, 1 / 3, 0.5, 0.0])
    np.testing.assert_allclose(curve["high"], [0.5, 2 / 3, 1.0, 1.0])


def test_equal_confidence_is_kept_in_test_set_order() -> None:
    rng = np.random.default_rng(4)
    correct = (rng.random(400) < 0.5).tolist()
    confidence = rng.choice([0.75, 0.875, 1.0], size=400).tolist()
    probabilities, labels = two_class(confidence, correct)
    curve = coverage_curve(probabilities[np.newaxis], labels, [k / 400 for k in range(1, 401)])
    ranked = [correct[i] for i in sorted(range(400), key=lambda i: -confidence[i])]  # stable
    expected = np.cumsum(ranked) / np.arange(1, 401)
    np.testing.assert_allclose(curve["accuracy"], expected)


@pytest.mark.parametrize("coverage", [0.0, 1.1, float("nan")])
def test_coverage_out_of_range_is_refused(coverage: float) -> None:
    probabilities, labels = random_predictions(1, 10)
    with pytest.raises(DigitbenchError, match="Coverages"):
        coverage_curve(probabilities, labels, [0.5, coverage])
