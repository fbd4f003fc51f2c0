"""Probability scores and curves, by hand, by counting and against scikit-learn."""

import io

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import log_loss

import figure_data
import readers
from digitbench.errors import DigitbenchError
from digitbench.evaluation.probability import (
    COVERAGES,
    FALSE_POSITIVE_RATES,
    METRICS,
    brier_score,
    coverage_curve,
    expected_calibration_error,
    macro_auc,
    negative_log_likelihood,
    probability_summaries,
    probability_tables,
    reliability_table,
    roc_curve_points,
)
from digitbench.statistics.summary import crossed_share_interval, summarise

SEEDS = (5, 2, 9)
Predictions = tuple[NDArray[np.float32], NDArray[np.int64]]


def random_predictions(seeds: int, images: int, signal: float = 2.0) -> Predictions:
    """Probabilities [S, N, 10], better than chance, and labels [N]."""
    labels = np.arange(images) % 10
    return readers.probabilities(seeds, labels, signal, 5), labels


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    return random_predictions(3, 200)


# --- scores ----------------------------------------------------------------------------------


def test_summaries_are_those_of_every_seed_alone(predictions: Predictions) -> None:
    probabilities, labels = predictions
    summaries = probability_summaries(probabilities, labels, SEEDS)
    assert list(summaries) == list(METRICS)
    for name, metric in METRICS.items():
        values = [metric(single, labels) for single in probabilities]
        assert len(set(values)) == 3, "the seeds can be told apart"
        assert summaries[name] == summarise(dict(zip(SEEDS, values, strict=True)))


def test_scores_agree_with_scikit_learn_and_with_counting(predictions: Predictions) -> None:
    probabilities, labels = predictions
    for single in probabilities:
        exact = single.astype(np.float64)
        exact /= exact.sum(axis=1, keepdims=True)  # scikit-learn insists on sums of 1 in float64
        assert negative_log_likelihood(single, labels) == pytest.approx(log_loss(labels, exact))
        squares = [((p - np.eye(10)[y]) ** 2).sum() for p, y in zip(exact, labels, strict=True)]
        assert brier_score(single, labels) == pytest.approx(np.mean(squares), rel=1e-5)
        # The mean Mann-Whitney probability.
        areas = []
        for k in range(10):
            positive, negative = (
                single[part, k].astype(np.float64) for part in (labels == k, labels != k)
            )
            u = stats.mannwhitneyu(positive, negative).statistic
            areas.append(u / (len(positive) * len(negative)))
        assert macro_auc(single, labels) == pytest.approx(np.mean(areas), abs=1e-12)


def two_class(confidence: list[float], correct: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """Predict class 0 with the given confidence, [N, 2]; the label is 0 where correct."""
    top = np.array(confidence)
    return np.stack([top, 1 - top], axis=1), np.where(correct, 0, 1)


def test_impossible_label_costs_the_clip_value() -> None:
    probabilities = np.array([[1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    expected = 126 * np.log(2) / 2  # the smallest normal float32 is 2 ** -126
    assert negative_log_likelihood(probabilities, np.array([0, 1])) == pytest.approx(expected)


def test_brier_score_by_hand_leaves_its_input_alone() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
    before = probabilities.copy()
    # (0.3^2 + 0.2^2 + 0.1^2 + 1 + 1) / 2
    assert brier_score(probabilities, np.array([0, 1])) == pytest.approx((0.14 + 2.0) / 2)
    np.testing.assert_array_equal(probabilities, before)


@pytest.mark.parametrize(
    ("confidence", "correct", "error"),
    [
        ([0.75, 0.75, 0.75, 0.75, 1.0, 1.0], [True, True, False, True, True, True], 0),
        # Bins of width 1/15: 0.55 lies in the 9th, 0.9 and 0.92 in the 14th, 1.0 in the last.
        ([0.55, 0.9, 0.92, 1.0, 1.0], [True, True, False, True, False], (0.45 + 0.82 + 1) / 5),
    ],
)
def test_calibration_error_by_hand(
    confidence: list[float], correct: list[bool], error: float
) -> None:
    found = expected_calibration_error(*two_class(confidence, correct))
    assert found == pytest.approx(error, rel=1e-12, abs=0)


def test_calibration_error_ignores_which_wrong_class() -> None:
    probabilities = np.array([[0.5, 0.4, 0.1]])
    errors = {expected_calibration_error(probabilities, np.array([k])) for k in (1, 2)}
    assert errors == {0.5}


# --- reliability and coverage ----------------------------------------------------------------


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


def test_bins_include_their_upper_edge_and_what_is_rounded_above_one() -> None:
    edge = float(np.linspace(0.0, 1.0, 16)[9])
    above = float(np.nextafter(np.float32(1), np.float32(2)))
    for confidence, last in ((edge, edge), (above, 1.0)):
        probabilities, labels = two_class([confidence], [True])
        table = reliability_table(probabilities[np.newaxis], labels)
        assert table.loc[table["count"] > 0, "bin_high"].tolist() == [last]


def test_coverage_curve_by_hand() -> None:
    first, labels = two_class([0.9, 0.6, 0.8, 0.7], [True, False, True, False])
    second, _ = two_class([0.6, 0.9, 0.8, 0.7], [True, False, True, False])
    curve = coverage_curve(np.stack([first, second]), labels, [1.0, 0.7, 0.5, 0.25])
    assert curve["coverage"].tolist() == [1.0, 0.7, 0.5, 0.25]  # keeps 4, 3, 2 and 1 images
    np.testing.assert_allclose(curve["accuracy"], [0.5, 0.5, 0.75, 0.5])
    assert (curve["low"] < curve["accuracy"]).all()
    assert (curve["high"] > curve["accuracy"]).all()


def test_ends_of_the_coverage_curve_are_those_of_the_errors_that_are_left() -> None:
    correct = [False, True, True, True] * 2
    first, labels = two_class([0.9] * 4 + [0.6] * 4, correct)
    second, _ = two_class([0.9, 0.6, 0.6, 0.9, 0.9, 0.9, 0.6, 0.6], correct)
    half = coverage_curve(np.stack([first, second]), labels, [0.5]).iloc[0]
    # Four images are kept, so that each counts for a quarter: 2 of 8.
    wrong = 2.0 * np.array([[1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0]])
    low, high = crossed_share_interval(wrong, 4)
    found = half["accuracy"], half["low"], half["high"]
    assert found == pytest.approx((0.625, 1 - high, 1 - low))


def test_without_an_error_the_interval_is_that_of_so_many_images() -> None:
    probabilities, labels = two_class([0.9] * 20, [True] * 20)
    curve = coverage_curve(np.stack([probabilities] * 2), labels, [1.0, 0.5]).set_index("coverage")
    # Clopper and Pearson: 0.025^(1/20) and, for the ten that are kept, 0.025^(1/10).
    assert curve["low"].tolist() == pytest.approx([0.025 ** (1 / 20), 0.025 ** (1 / 10)])
    assert curve["high"].tolist() == [1.0, 1.0]


def test_equal_confidence_is_kept_in_test_set_order() -> None:
    rng = np.random.default_rng(4)
    correct = (rng.random(400) < 0.5).tolist()
    confidence = rng.choice([0.75, 0.875, 1.0], size=400).tolist()
    probabilities, labels = two_class(confidence, correct)
    curve = coverage_curve(probabilities[np.newaxis], labels, [k / 400 for k in range(1, 401)])
    ranked = [correct[i] for i in sorted(range(400), key=lambda i: -confidence[i])]  # stable
    expected = np.cumsum(ranked) / np.arange(1, 401)
    np.testing.assert_allclose(curve["accuracy"], expected)


# --- ROC -------------------------------------------------------------------------------------


def test_uninformative_scores_have_area_one_half() -> None:
    labels = np.arange(50) % 10
    assert macro_auc(np.full((50, 10), 0.1), labels) == pytest.approx(0.5)


def test_points_match_counting_over_all_thresholds() -> None:
    probabilities, labels = random_predictions(3, 200, signal=1.0)
    exact = probabilities.astype(np.float64)
    exact /= exact.sum(axis=-1, keepdims=True)
    probabilities = np.random.default_rng(6).multinomial(20, exact) / 20  # many ties
    points = roc_curve_points(probabilities, labels).set_index("class")
    grid = FALSE_POSITIVE_RATES
    assert (grid[0], grid[-1]) == (1e-4, 1.0)
    for k in range(10):
        expected = np.zeros((3, len(grid)))
        for s in range(3):
            scores = probabilities[s, :, k]
            for threshold in np.unique(scores):
                called = scores >= threshold
                false_rate, true_rate = called[labels != k].mean(), called[labels == k].mean()
                reached = grid >= false_rate
                expected[s, reached] = np.maximum(expected[s, reached], true_rate)
        np.testing.assert_array_equal(points.loc[k, "false_positive_rate"], grid)
        np.testing.assert_allclose(
            points.loc[k, "true_positive_rate"], expected.mean(axis=0), atol=1e-12
        )


def test_absent_class_is_named() -> None:
    probabilities, labels = random_predictions(1, 100, signal=1.0)
    labels = np.where(labels == 7, 1, labels)
    with pytest.raises(DigitbenchError, match=r"\[7\]"):
        macro_auc(probabilities[0], labels)


# --- what is written -------------------------------------------------------------------------


def test_tables_have_the_columns_that_the_figures_draw(predictions: Predictions) -> None:
    tables = probability_tables(*predictions)
    assert set(tables) == {"roc", "reliability", "coverage"}
    drawn = {
        "roc": figure_data.roc_data(("mlp",))["mlp"],
        "reliability": figure_data.reliability_data([1]),
        "coverage": figure_data.coverage_data([0.1]),
    }
    for kind, example in drawn.items():
        assert set(example.columns) <= set(tables[kind].columns)
    for table in tables.values():
        read_back = pd.read_csv(io.StringIO(table.to_csv(index=False)))
        pd.testing.assert_frame_equal(read_back, table, rtol=0, atol=0)


def test_the_tables_are_those_of_the_predictions(predictions: Predictions) -> None:
    tables = probability_tables(*predictions)
    assert tables["coverage"]["coverage"].tolist() == list(COVERAGES)
    assert (COVERAGES[0], COVERAGES[-1], len(COVERAGES)) == (0.5, 1.0, 51)
    expected = {
        "roc": roc_curve_points(*predictions),
        "reliability": reliability_table(*predictions),
        "coverage": coverage_curve(*predictions, COVERAGES),
    }
    for kind, table in tables.items():
        pd.testing.assert_frame_equal(table, expected[kind], rtol=0, atol=1e-6)
