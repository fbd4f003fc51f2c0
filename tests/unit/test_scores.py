"""Scores against scikit-learn's and by hand."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from digitbench.errors import DigitbenchError
from digitbench.evaluation.scores import (
    PER_CLASS,
    Scores,
    check_predictions,
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
from digitbench.results.records import ConfusedPair
from digitbench.statistics.summary import summarise

ALL = list(range(10))


def probabilities_of(predicted: NDArray[Any]) -> NDArray[np.float32]:
    """Probabilities [N, 10] whose largest stands at the prediction, but is not 1."""
    noise = np.random.default_rng(len(predicted)).random((len(predicted), 10))
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
TRAINED = {11: "random", 5: "mostly right", 7: "7 never predicted"}


def replicates() -> dict[int, Scores]:
    labels, _ = CASES["random"]
    stack = np.stack([probabilities_of(CASES[name][1]) for name in TRAINED.values()])
    return score_replicates("mlp", stack, labels, list(TRAINED))


# --- one replicate ---------------------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", CASES)
def test_scores_are_those_of_scikit_learn(name: str) -> None:
    labels, predicted = CASES[name]
    scores = score(probabilities_of(predicted), labels.astype(np.uint8))
    each = {"labels": ALL, "zero_division": 0.0}
    expected = metrics.precision_recall_fscore_support(labels, predicted, **each)[:3]
    np.testing.assert_allclose((scores.precision, scores.recall, scores.f1), expected, rtol=1e-12)
    mean = metrics.precision_recall_fscore_support(labels, predicted, average="macro", **each)
    assert scores.headline == pytest.approx(
        {
            "accuracy": metrics.accuracy_score(labels, predicted),
            **dict(zip(("macro_precision", "macro_recall", "macro_f1"), mean, strict=False)),
        },
        rel=1e-12,
    )
    assert {type(value) for value in scores.headline.values()} == {float}
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (labels, predicted), 1)
    np.testing.assert_array_equal(scores.confusion, counts)


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


# --- what is refused -------------------------------------------------------------------------


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


VALID = np.array([[[0.75, 0.25], [0.5, 0.5], [0.0, 1.0]]], dtype=np.float32)  # [1, 3, 2]
LABELS = np.array([0, 1, 1])


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        (VALID[0], LABELS, r"\[S, N, K\]"),
        (VALID[:, :0], LABELS[:0], "non-empty"),
        (VALID, LABELS[:2], "3 images"),
        (VALID, np.array([0, 1, 2]), r"0\.\.1"),
        (VALID, np.array([0, 1, -1]), r"0\.\.1"),
        (VALID, LABELS.astype(float), r"0\.\.1"),
        (VALID * 2, LABELS, "not logits"),
        (np.array([[[1.5, -0.5]]]), np.array([0]), "not logits"),
        (np.array([[[np.nan, 1.0]]]), np.array([0]), "not logits"),
    ],
)
def test_broken_predictions_are_named(
    probabilities: NDArray[Any], labels: NDArray[Any], message: str
) -> None:
    check_predictions(VALID, LABELS)
    with pytest.raises(DigitbenchError, match=message):
        check_predictions(probabilities, labels)


# --- over replicates -------------------------------------------------------------------------


def test_every_seed_gets_its_own_row_and_value() -> None:
    labels, _ = CASES["random"]
    scores = replicates()
    summaries = summarise_scores(scores)
    assert list(summaries) == ["accuracy", "macro_precision", "macro_recall", "macro_f1"]
    for metric, summary in summaries.items():
        assert summary == summarise({seed: s.headline[metric] for seed, s in scores.items()})
    for seed, name in TRAINED.items():
        expected = metrics.accuracy_score(labels, CASES[name][1])
        assert summaries["accuracy"].per_seed[seed] == pytest.approx(expected)


def test_classes_are_told_by_digit_and_metric() -> None:
    scores = replicates()
    summaries, table = per_class_summaries(scores), per_class_table(scores)
    assert list(table) == ["digit", "metric", "mean", "std", "ci95_low", "ci95_high"]
    assert len(table) == len(ALL) * len(PER_CLASS)
    for metric in PER_CLASS:
        assert list(summaries[metric]) == ALL
        for digit, summary in summaries[metric].items():
            values = [getattr(item, metric)[digit] for item in scores.values()]
            assert summary.mean == pytest.approx(np.mean(values))
            assert summary.std == pytest.approx(np.std(values, ddof=1))
            ((_, _, *numbers),) = table.query(f"digit == {digit} and metric == '{metric}'").values
            assert numbers == [summary.mean, summary.std, summary.ci95_low, summary.ci95_high]
    single = per_class_table({5: scores[5]})
    assert single["mean"].notna().all()
    assert single[["std", "ci95_low", "ci95_high"]].isna().all(axis=None)


# --- confusion -------------------------------------------------------------------------------


def test_confusion_table_adds_up() -> None:
    labels, _ = CASES["random"]
    scores = replicates()
    table = confusion_table(scores)
    places = list(zip(table["actual"], table["predicted"], strict=True))
    assert places == [(a, b) for a in ALL for b in ALL]
    counts = table["count"].to_numpy().reshape(10, 10)
    rates = table["rate"].to_numpy().reshape(10, 10)
    by_hand = sum(
        metrics.confusion_matrix(labels, CASES[name][1], labels=ALL) for name in TRAINED.values()
    )
    np.testing.assert_array_equal(counts, by_hand)
    np.testing.assert_allclose(rates.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(rates * counts.sum(axis=1, keepdims=True), counts, rtol=1e-12)
    np.testing.assert_array_equal(sum_confusion([scores[5]]), scores[5].confusion)


@pytest.mark.filterwarnings("error")
def test_rates_of_a_class_without_images_stay_0() -> None:
    counts = np.random.default_rng(0).integers(1, 9, (10, 10))
    counts[3] = 0
    assert row_rates(counts).sum(axis=1) == pytest.approx([1, 1, 1, 0, 1, 1, 1, 1, 1, 1])


def test_most_confused_counts_both_directions_and_breaks_ties_by_digit() -> None:
    counts = np.diag(np.full(10, 100)).astype(np.int64)
    assert most_confused(counts, 90) == (), "right answers are no confusion"
    taken = {(4, 9): 3, (9, 4): 5, (2, 7): 6, (3, 5): 2, (5, 3): 4, (1, 8): 6}
    for pair, count in taken.items():
        counts[pair] = count
    pairs = most_confused(counts, 5)
    found = [(pair.first, pair.second, pair.count) for pair in pairs]
    assert found == [(4, 9, 8), (1, 8, 6), (2, 7, 6), (3, 5, 6)]  # the rest were never confused
    assert pairs[0] == ConfusedPair(
        first=4,
        second=9,
        count=8,
        rate_first_as_second=3 / 103,
        rate_second_as_first=5 / 105,
    )
    assert pairs[1].rate_second_as_first == 0
    assert most_confused(counts, 2) == pairs[:2]
    every = most_confused(np.ones((10, 10), dtype=np.int64), 90)
    assert [(p.first, p.second) for p in every] == [(a, b) for a in ALL for b in range(a + 1, 10)]
