"""Scores against plain counting and scikit-learn's own averages."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from digitbench.errors import DigitbenchError
from digitbench.evaluation.scores import (
    Scores,
    confusion_table,
    most_confused,
    per_class_summaries,
    per_class_table,
    row_rates,
    score,
    score_replicates,
    sum_confusion,
    summarise_scores,
)
from digitbench.files import model_file
from digitbench.statistics.summary import summarise

ALL = list(range(10))


def probabilities_of(predicted: NDArray[Any]) -> NDArray[np.float32]:
    """Probabilities [N, 10] whose largest stands at the prediction, but is not 1."""
    rng = np.random.default_rng(len(predicted))
    noise = rng.random((len(predicted), 10))
    noise[np.arange(len(predicted)), predicted] += 1
    noise /= noise.sum(axis=1, keepdims=True)
    return noise.astype(np.float32)


def cases() -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    rng = np.random.default_rng(4)
    labels = rng.integers(0, 10, 500)
    mostly = np.where(rng.random(500) < 0.8, labels, rng.integers(0, 10, 500))
    return {
        "random": (labels, rng.integers(0, 10, 500)),
        "mostly right": (labels, mostly),
        "7 never predicted": (labels, np.where(mostly == 7, 1, mostly)),
        "3 has no images": (np.where(labels == 3, 5, labels), mostly),
        "4 in neither": (np.where(labels == 4, 5, labels), np.where(mostly == 4, 9, mostly)),
        "always 0": (labels, np.zeros(500, dtype=int)),
        "all right": (labels, labels),
        "all wrong": (labels, (labels + 1) % 10),
        "one image": (np.array([2]), np.array([2])),
    }


CASES = cases()
NAMES = list(CASES)


def replicates() -> dict[int, Scores]:
    labels, _ = CASES["random"]
    predictions = [CASES[name][1] for name in ("random", "mostly right", "7 never predicted")]
    stack = np.stack([probabilities_of(predicted) for predicted in predictions])
    return score_replicates("mlp", stack, labels, (11, 5, 7))


def confusion_of(pairs: dict[tuple[int, int], int]) -> NDArray[np.int64]:
    counts = np.diag(np.full(10, 100)).astype(np.int64)
    for pair, count in pairs.items():
        counts[pair] = count
    return counts


# --- one replicate ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_headline_is_that_of_scikit_learn(name: str) -> None:
    labels, predicted = CASES[name]
    headline = score(probabilities_of(predicted), labels.astype(np.uint8)).headline
    macro = {"labels": ALL, "average": "macro", "zero_division": 0.0}
    assert headline == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(labels, predicted),
            "macro_precision": metrics.precision_score(labels, predicted, **macro),
            "macro_recall": metrics.recall_score(labels, predicted, **macro),
            "macro_f1": metrics.f1_score(labels, predicted, **macro),
        },
        rel=1e-12,
    )
    assert {type(value) for value in headline.values()} == {float}


@pytest.mark.parametrize("name", NAMES)
def test_per_class_scores_are_those_of_counting(name: str) -> None:
    labels, predicted = CASES[name]
    scores = score(probabilities_of(predicted), labels)
    for digit in ALL:
        hits = int(((labels == digit) & (predicted == digit)).sum())
        said, there = int((predicted == digit).sum()), int((labels == digit).sum())
        assert scores.precision[digit] == pytest.approx(hits / said if said else 0)
        assert scores.recall[digit] == pytest.approx(hits / there if there else 0)
        assert scores.f1[digit] == pytest.approx(2 * hits / max(said + there, 1))
        for other in ALL:
            together = int(((labels == digit) & (predicted == other)).sum())
            assert scores.confusion[digit, other] == together


def test_three_images_by_hand() -> None:
    # 0 taken for 0, 0 taken for 1, 1 taken for 1; the other eight classes count as 0.
    scores = score(probabilities_of(np.array([0, 1, 1])), np.array([0, 0, 1]))
    assert scores.headline == pytest.approx(
        {
            "accuracy": 2 / 3,
            "macro_precision": (1 + 1 / 2) / 10,
            "macro_recall": (1 / 2 + 1) / 10,
            "macro_f1": (2 / 3 + 2 / 3) / 10,
        }
    )


@pytest.mark.filterwarnings("error")
def test_class_never_predicted_counts_as_zero_without_a_warning() -> None:
    labels, predicted = CASES["7 never predicted"]
    scores = score(probabilities_of(predicted), labels)
    assert scores.precision[7] == scores.recall[7] == scores.f1[7] == 0
    assert scores.confusion[:, 7].sum() == 0
    assert scores.confusion[7].sum() == (labels == 7).sum() > 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (499, 9)])
def test_values_that_are_no_numbers_are_refused_by_model(
    value: float, place: tuple[int, int]
) -> None:
    labels, predicted = CASES["random"]
    stack = np.stack([probabilities_of(predicted)] * 3)
    stack[1][place] = value
    with pytest.raises(DigitbenchError, match="not numbers") as caught:
        score_replicates("cnn", stack, labels, (4, 23, 8))
    assert str(caught.value).startswith(f"{model_file('cnn', 23)}: ")
    assert "train_cnn`" in str(caught.value)
    assert score_replicates("cnn", stack[[0, 2]], labels, (4, 8)).keys() == {4, 8}


# --- over replicates -------------------------------------------------------------------------


def test_every_seed_gets_its_own_row() -> None:
    labels, _ = CASES["random"]
    scores = replicates()
    assert list(scores) == [11, 5, 7]
    for seed, name in zip(scores, ("random", "mostly right", "7 never predicted"), strict=True):
        expected = metrics.accuracy_score(labels, CASES[name][1])
        assert scores[seed].headline["accuracy"] == pytest.approx(expected)


def test_summary_has_the_four_metrics_of_every_seed() -> None:
    scores = replicates()
    summaries = summarise_scores(scores)
    assert list(summaries) == ["accuracy", "macro_precision", "macro_recall", "macro_f1"]
    for metric, summary in summaries.items():
        values = {seed: item.headline[metric] for seed, item in scores.items()}
        assert summary == summarise(values)
        assert summary["per_seed"] == {str(seed): value for seed, value in values.items()}


@pytest.mark.parametrize("metric", ["precision", "recall", "f1"])
def test_per_class_summaries_are_of_the_class(metric: str) -> None:
    scores = replicates()
    summaries = per_class_summaries(scores, metric)
    assert list(summaries) == [str(digit) for digit in ALL]
    for digit in ALL:
        values = [getattr(item, metric)[digit] for item in scores.values()]
        assert summaries[str(digit)]["mean"] == pytest.approx(np.mean(values))
        assert summaries[str(digit)]["std"] == pytest.approx(np.std(values, ddof=1))


def test_per_class_table_has_every_digit_and_metric_once() -> None:
    scores = replicates()
    table = per_class_table(scores)
    assert list(table) == ["digit", "metric", "mean", "std", "ci95_low", "ci95_high"]
    assert sorted((metric, int(digit)) for digit, metric in table[["digit", "metric"]].values) == (
        sorted((metric, digit) for metric in ("precision", "recall", "f1") for digit in ALL)
    )
    for digit, metric, *numbers in table.itertuples(index=False):
        summary: Mapping[str, Any] = per_class_summaries(scores, metric)[str(digit)]
        assert numbers == [summary[key] for key in ("mean", "std", "ci95_low", "ci95_high")]


def test_per_class_table_of_one_seed_has_no_spread() -> None:
    table = per_class_table({5: replicates()[5]})
    assert table["mean"].notna().all()
    assert table[["std", "ci95_low", "ci95_high"]].isna().all(axis=None)


# --- confusion -------------------------------------------------------------------------------


def test_confusion_table_adds_up() -> None:
    labels, _ = CASES["random"]
    scores = replicates()
    table = confusion_table(scores)
    assert list(table) == ["actual", "predicted", "count", "rate"]
    places = list(zip(table["actual"], table["predicted"], strict=True))
    assert places == [(a, b) for a in ALL for b in ALL]
    counts = table["count"].to_numpy().reshape(10, 10)
    rates = table["rate"].to_numpy().reshape(10, 10)
    by_hand = sum(
        metrics.confusion_matrix(labels, CASES[name][1], labels=ALL)
        for name in ("random", "mostly right", "7 never predicted")
    )
    np.testing.assert_array_equal(counts, by_hand)
    assert counts.sum() == 3 * len(labels)
    np.testing.assert_allclose(rates.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(rates * counts.sum(axis=1, keepdims=True), counts, rtol=1e-12)


def test_confusion_of_one_replicate_is_its_own() -> None:
    item = replicates()[5]
    np.testing.assert_array_equal(sum_confusion([item]), item.confusion)


@pytest.mark.filterwarnings("error")
def test_rates_of_a_row_sum_to_one_unless_it_has_no_images() -> None:
    counts = np.random.default_rng(0).integers(0, 9, (10, 10))
    counts[3] = 0
    sums = row_rates(counts).sum(axis=1)
    assert sums[3] == 0
    np.testing.assert_allclose(np.delete(sums, 3), 1, rtol=1e-12)


def test_most_confused_counts_both_directions_and_breaks_ties_by_digit() -> None:
    counts = confusion_of({(4, 9): 3, (9, 4): 5, (2, 7): 6, (3, 5): 2, (5, 3): 4, (1, 8): 6})
    pairs = most_confused(counts, 5)
    found = [(pair["first"], pair["second"], pair["count"]) for pair in pairs]
    assert found == [(4, 9, 8), (1, 8, 6), (2, 7, 6), (3, 5, 6)]  # the rest were never confused
    assert pairs[0] == {
        "first": 4,
        "second": 9,
        "count": 8,
        "rate_first_as_second": pytest.approx(3 / 103),
        "rate_second_as_first": pytest.approx(5 / 105),
    }
    assert pairs[1]["rate_second_as_first"] == 0
    assert most_confused(counts, 2) == pairs[:2]


def test_right_answers_are_no_confusion() -> None:
    assert most_confused(confusion_of({}), 90) == []


def test_every_pair_of_digits_can_be_listed() -> None:
    pairs = most_confused(np.ones((10, 10), dtype=np.int64), 90)
    assert [(pair["first"], pair["second"]) for pair in pairs] == [
        (a, b) for a in ALL for b in range(a + 1, 10)
    ]
