import numpy as np
import pytest
from scipy import stats

from digitbench.errors import DigitbenchError
from digitbench.evaluation.probability import FALSE_POSITIVE_RATES, macro_auc, roc_curve_points


def random_predictions(seeds: int, images: int, signal: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    labels = np.arange(images) % 10
    logits = rng.normal(size=(seeds, images, 10))
    logits[:, np.arange(images), labels] += signal
    odds = np.exp(logits)
    return (odds / odds.sum(axis=-1, keepdims=True)).astype(np.float32), labels


def test_macro_auc_is_the_mean_mann_whitney_probability() -> None:
    probabilities, labels = random_predictions(1, 400, signal=1.0)
    areas = []
    for k in range(10):
        positive = probabilities[0, labels == k, k].astype(np.float64)
        negative = probabilities[0, labels != k, k].astype(np.float64)
        u = stats.mannwhitneyu(positive, negative).statistic
        areas.append(u / (len(positive) * len(negative)))
    assert macro_auc(probabilities[0], labels) == pytest.approx(np.mean(areas), abs=1e-12)


def test_uninformative_scores_have_area_one_half() -> None:
    labels = np.arange(50) % 10
    assert macro_auc(np.full((50, 10), 0.1), labels) == pytest.approx(0.5)


def test_perfect_scores_reach_the_corner_everywhere() -> None:
    labels = np.arange(50) % 10
    points = roc_curve_points(np.eye(10)[labels][np.newaxis], labels)
    assert (points["true_positive_rate"] == 1.0).all()


def test_grid_and_shape() -> None:
    probabilities, labels = random_predictions(2, 200, signal=1.0)
    points = roc_curve_points(probabilities, labels)
    assert points.groupby("class").size().tolist() == [len(FALSE_POSITIVE_RATES)] * 10
    for _, curve in points.groupby("class"):
        assert curve["false_positive_rate"].iloc[[0, -1]].tolist() == [1e-4, 1.0]
        assert curve["true_positive_rate"].is_monotonic_increasing
        assert curve["true_positive_rate"].iloc[-1] == 1.0


def test_points_match_counting_over_all_thresholds() -> None:
    probabilities, labels = random_predictions(3, 200, signal=1.0)
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=-1, keepdims=True)
    probabilities = np.random.default_rng(6).multinomial(20, exact) / 20  # many ties
    points = roc_curve_points(probabilities, labels)
    k, grid = 4, FALSE_POSITIVE_RATES
    expected = np.zeros((3, len(grid)))
    for s in range(3):
        scores = probabilities[s, :, k]
        for threshold in np.unique(scores):
            called = scores >= threshold
            false_rate, true_rate = called[labels != k].mean(), called[labels == k].mean()
            reached = grid >= false_rate
            expected[s, reached] = np.maximum(expected[s, reached], true_rate)
    actual = points.loc[points["class"] == k, "true_positive_rate"]
    np.testing.assert_allclose(actual, expected.mean(axis=0), atol=1e-12)


def test_absent_class_is_named() -> None:
    probabilities, labels = random_predictions(1, 100, signal=1.0)
    labels = np.where(labels == 7, 1, labels)
    with pytest.raises(DigitbenchError, match=r"\[7\]"):
        macro_auc(probabilities[0], labels)
    with pytest.raises(DigitbenchError, match=r"\[7\]"):
        roc_curve_points(probabilities, labels)
