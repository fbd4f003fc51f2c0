"""The record of one architecture: every number by hand or by scikit-learn."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score

from architectures import FULL as PARAMS
from digitbench.evaluation.examples import DISPUTED
from digitbench.evaluation.outputs import architecture_record, summary_record
from digitbench.evaluation.predictions import TrainedModel
from digitbench.evaluation.scores import score_replicates

# Parameters and multiply-accumulates of one 28x28 image, worked out by hand.
SIZES = {
    "mlp": (785 * 256 + 257 * 128 + 129 * 10, 784 * 256 + 256 * 128 + 128 * 10),
    "cnn": (
        10 * 32 + 289 * 64 + 3137 * 128 + 129 * 10,
        784 * 9 * 32 + 196 * 9 * 32 * 64 + 49 * 64 * 128 + 128 * 10,
    ),
    "rnn": ((28 + 128 + 2) * 128 + 129 * 10, 28 * (28 + 128) * 128 + 128 * 10),
    "lstm": (4 * (28 + 128 + 2) * 128 + 129 * 10, 4 * 28 * (28 + 128) * 128 + 128 * 10),
}
METRICS = (
    *("accuracy", "macro_precision", "macro_recall", "macro_f1", "macro_auc"),
    *("nll", "brier", "ece", "errors", "errors_disputed"),
)
SEEDS = (2, 0, 7)
COUNT = 3000


def predictions(replicates: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Probabilities [S, N, 10] with some errors, and labels [N]."""
    draw = np.random.default_rng(0)
    labels = (np.arange(COUNT) % 10).astype(np.uint8)
    odds = np.exp(draw.normal(size=(replicates, COUNT, 10)) + 4 * np.eye(10)[labels])
    return (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32), labels


def record_of(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.uint8],
    seeds: Sequence[int],
    architecture: str = "mlp",
) -> dict[str, Any]:
    models = [
        TrainedModel(architecture, PARAMS[architecture], seed, Path(f"models/{seed}"), b"x" * 99)
        for seed in seeds
    ]
    scores = score_replicates(architecture, probabilities, labels, seeds)
    return architecture_record(models, scores, probabilities, labels)


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    return record_of(*predictions(3), SEEDS)


def test_every_metric_has_its_mean_spread_interval_and_seeds(record: dict[str, Any]) -> None:
    for metric in METRICS:
        summary = record[metric]
        assert list(summary["per_seed"]) == ["2", "0", "7"]
        values = list(summary["per_seed"].values())
        assert summary["mean"] == pytest.approx(sum(values) / 3)
        assert summary["std"] == pytest.approx(np.std(values, ddof=1))
        if summary["std"] == 0:
            assert summary["ci95_low"] == summary["ci95_high"] == summary["mean"]
            continue
        ends = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
        assert (summary["ci95_low"], summary["ci95_high"]) == pytest.approx(ends)


def test_the_metrics_agree_with_scikit_learn(record: dict[str, Any]) -> None:
    probabilities, labels = predictions(3)
    for row, seed in enumerate(SEEDS):
        answers = probabilities[row].argmax(axis=1)
        mine = {metric: record[metric]["per_seed"][str(seed)] for metric in METRICS}
        assert mine["accuracy"] == pytest.approx(accuracy_score(labels, answers))
        assert mine["errors"] == (answers != labels).sum()
        for name, metric in (
            ("macro_precision", precision_score),
            ("macro_recall", recall_score),
            ("macro_f1", f1_score),
        ):
            assert mine[name] == pytest.approx(metric(labels, answers, average="macro"))
        for name, metric in (
            ("precision", precision_score),
            ("recall", recall_score),
            ("f1", f1_score),
        ):
            by_digit = [record["per_class"][name][str(d)]["per_seed"][str(seed)] for d in range(10)]
            assert by_digit == pytest.approx(metric(labels, answers, average=None).tolist())
        areas = [roc_auc_score(labels == d, probabilities[row, :, d]) for d in range(10)]
        assert mine["macro_auc"] == pytest.approx(np.mean(areas))


def test_confusion_adds_up_over_replicates(record: dict[str, Any]) -> None:
    counts, rates = (np.array(record["confusion"][key]) for key in ("counts", "rates"))
    assert counts.sum() == 3 * COUNT
    assert counts.sum() - np.trace(counts) == sum(record["errors"]["per_seed"].values())
    np.testing.assert_array_equal(counts.sum(axis=1), 3 * COUNT // 10)
    np.testing.assert_allclose(rates, counts / (3 * COUNT / 10))


@pytest.mark.parametrize("architecture", PARAMS)
def test_sizes_are_those_counted_by_hand(architecture: str) -> None:
    record = record_of(*predictions(1), (0,), architecture)
    assert (record["parameters"], record["macs"]) == SIZES[architecture]
    assert (record["architecture"], record["bytes"]) == (architecture, 99)
    for total in ("parameters", "macs"):
        assert sum(layer[total] for layer in record["layers"]) == record[total]


def perfect(count: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    labels = (np.arange(count) % 10).astype(np.uint8)
    return np.eye(10, dtype=np.float32)[labels][np.newaxis].repeat(2, axis=0), labels


def misread(
    stack: NDArray[np.float32], labels: NDArray[np.uint8], replicate: int, *images: int
) -> None:
    for image in images:
        stack[replicate, image] = np.eye(10)[(labels[image] + 1) % 10]


def test_errors_on_disputed_labels_by_hand() -> None:
    stack, labels = perfect(10_000)
    first, second, last = DISPUTED[0], DISPUTED[1], DISPUTED[-1]
    misread(stack, labels, 0, first, last, 3, 4)
    misread(stack, labels, 1, second, first + 1, last - 1)
    record = record_of(stack, labels, (5, 6))
    assert record["errors"]["per_seed"] == {"5": 4, "6": 3}
    assert record["errors_disputed"]["per_seed"] == {"5": 2, "6": 1}
    assert record["errors_disputed"]["mean"] == 1.5


def test_disputed_images_beyond_the_set_dont_count() -> None:
    for count, expected in ((DISPUTED[1], 1), (DISPUTED[1] + 1, 2)):
        stack, labels = perfect(count)
        stack = np.roll(stack, 1, axis=2)  # everything is wrong
        record = record_of(stack, labels, (0, 1))
        assert record["errors_disputed"]["per_seed"] == {"0": expected, "1": expected}


def numbers(value: Any) -> list[float]:
    if isinstance(value, dict | list | tuple):
        parts = value.values() if isinstance(value, dict) else value
        return [number for part in parts for number in numbers(part)]
    return [value] if isinstance(value, int | float) else []


def test_the_record_is_json_without_gaps(record: dict[str, Any]) -> None:
    flawless, single = record_of(*perfect(20), (0, 1)), record_of(*predictions(1), (0,))
    for item in (record, flawless, single):
        text = json.dumps(item, allow_nan=False)
        assert numbers(json.loads(text)) == numbers(item)
        assert all(math.isfinite(number) for number in numbers(item))


def test_one_seed_has_a_mean_and_no_spread() -> None:
    record = record_of(*predictions(1), (4,))
    for metric in METRICS:
        summary = record[metric]
        assert summary["per_seed"] == {"4": summary["mean"]}
        assert [summary[key] for key in ("std", "ci95_low", "ci95_high")] == [None] * 3
    headline = summary_record(record)
    assert [headline[key] for key in ("std", "ci95_low", "ci95_high")] == [None] * 3
    assert headline["seeds"] == 1


def test_the_headline_is_the_record_rounded(record: dict[str, Any]) -> None:
    headline = summary_record(record)
    json.dumps(headline, allow_nan=False)
    pairs = {
        "accuracy": record["accuracy"]["mean"],
        "std": record["accuracy"]["std"],
        "ci95_low": record["accuracy"]["ci95_low"],
        "ci95_high": record["accuracy"]["ci95_high"],
        "macro_f1": record["macro_f1"]["mean"],
        "nll": record["nll"]["mean"],
        "ece": record["ece"]["mean"],
    }
    for key, value in pairs.items():
        assert headline[key] == pytest.approx(value, abs=0.5e-5)
        assert len(str(headline[key]).partition(".")[2]) <= 5
    assert (headline["seeds"], headline["parameters"]) == (3, SIZES["mlp"][0])
    assert set(headline) == {*pairs, "seeds", "parameters"}
