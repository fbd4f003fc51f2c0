"""The shape and range every statistic expects of stored predictions.

Accuracy, precision, recall, F1 and confusion, per replicate and over replicates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from digitbench.errors import DigitbenchError
from digitbench.files import model_file
from digitbench.statistics.summary import SummaryDict as Summary
from digitbench.statistics.summary import summarise

# Softmax in float32 misses 1 by about 1e-7, in bfloat16 by a few 1e-3.
SUM_TOLERANCE = 1e-2


def check_replicate(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> None:
    """Check the predictions of one replicate.

    Args:
        probabilities: Class probabilities, [N, K].
        labels: True classes 0..K-1, [N].

    Raises:
        DigitbenchError: If a shape, a label or a probability breaks the contract.
    """
    _check(probabilities, labels, expected="[N, K]")


def check_replicates(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> None:
    """Check the predictions of all replicates of one architecture.

    Args:
        probabilities: Class probabilities, [S, N, K].
        labels: True classes 0..K-1, [N].

    Raises:
        DigitbenchError: If a shape, a label or a probability breaks the contract.
    """
    _check(probabilities, labels, expected="[S, N, K]")


def _check(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], *, expected: str
) -> None:
    dimensions = expected.count(",") + 1
    if probabilities.ndim != dimensions or probabilities.size == 0:
        raise DigitbenchError(
            f"Predictions must be a non-empty {expected} array, got shape {probabilities.shape}. "
            "Check how the predictions were stacked."
        )
    images, classes = probabilities.shape[-2:]
    if labels.shape != (images,):
        raise DigitbenchError(
            f"Predictions cover {images} images but labels have shape {labels.shape}. "
            "Use the labels of the same test set, in the same order."
        )
    if not np.issubdtype(labels.dtype, np.integer) or labels.min() < 0 or labels.max() >= classes:
        raise DigitbenchError(
            f"Labels must be integers in 0..{classes - 1}, got {labels.dtype} values. "
            "Check which array was passed as labels."
        )
    # NaN fails every comparison, so both tests reject it.
    sums = probabilities.sum(axis=-1, dtype=np.float64)
    if not (probabilities.min() >= 0 and np.all(np.abs(sums - 1) <= SUM_TOLERANCE)):
        raise DigitbenchError(
            "Predictions must be finite, non-negative and sum to 1 for every image. "
            "Pass probabilities, not logits, and check that training did not diverge."
        )


CLASSES = range(10)
HEADLINE = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
PER_CLASS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Scores:
    """One replicate on one set of images; arrays are indexed by class."""

    confusion: NDArray[np.int64]  # [true, predicted]
    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]

    @property
    def headline(self) -> dict[str, float]:
        """The numbers of the comparison table; macro means the plain mean over the ten classes."""
        return {
            "accuracy": float(np.trace(self.confusion) / self.confusion.sum()),
            "macro_precision": float(self.precision.mean()),
            "macro_recall": float(self.recall.mean()),
            "macro_f1": float(self.f1.mean()),
        }


def score(probabilities: NDArray[np.float32], labels: NDArray[np.integer[Any]]) -> Scores:
    """Scores of probabilities [N, 10]; a class never predicted has precision 0."""
    predicted = probabilities.argmax(axis=1)
    return scores_of_confusion(confusion_matrix(labels, predicted, labels=list(CLASSES)))


def scores_of_confusion(counts: NDArray[np.int64]) -> Scores:
    """Scores of confusion counts [true, predicted]; what has no images is 0."""
    right, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    return Scores(
        confusion=counts,
        precision=_ratio(right, predicted),
        recall=_ratio(right, true),
        f1=_ratio(2 * right, true + predicted),
    )


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
    return ratio


def score_replicates(
    architecture: str,
    probabilities: NDArray[np.float32],
    labels: NDArray[np.integer[Any]],
    seeds: Sequence[int],
) -> dict[int, Scores]:
    """Scores per seed of probabilities [S, N, 10].

    Raises:
        DigitbenchError: A prediction is not a number; the text names the model and its stage.
    """
    broken = [seed for row, seed in enumerate(seeds) if not np.isfinite(probabilities[row]).all()]
    if broken:
        raise DigitbenchError(
            f"{model_file(architecture, broken[0])}: its predictions are not numbers. "
            f"Run `dvc repro --force --single-item train_{architecture}`, if need be with a "
            "smaller learning_rate in params.yaml."
        )
    return {seed: score(probabilities[row], labels) for row, seed in enumerate(seeds)}


def summarise_scores(scores: Mapping[int, Scores]) -> dict[str, Summary]:
    """Mean, deviation, interval and per-seed values of every headline metric."""
    return {
        metric: summarise({seed: item.headline[metric] for seed, item in scores.items()})
        for metric in HEADLINE
    }


def per_class_summaries(scores: Mapping[int, Scores], metric: str) -> dict[str, Summary]:
    """The same for one of PER_CLASS, by digit."""
    return {
        str(digit): summarise(
            {seed: float(getattr(item, metric)[digit]) for seed, item in scores.items()}
        )
        for digit in CLASSES
    }


def per_class_table(scores: Mapping[int, Scores]) -> pd.DataFrame:
    """Rows of digit, metric, mean, std and interval."""
    keys = ["mean", "std", "ci95_low", "ci95_high"]
    rows = [
        {"digit": digit, "metric": metric, **item}
        for metric in PER_CLASS
        for digit, item in per_class_summaries(scores, metric).items()
    ]
    return pd.DataFrame(rows)[["digit", "metric", *keys]]


def confusion_table(scores: Mapping[int, Scores]) -> pd.DataFrame:
    """Rows of actual, predicted, count summed over seeds, and rate of the actual class."""
    counts = sum_confusion(list(scores.values()))
    actual, predicted = np.divmod(np.arange(counts.size), len(CLASSES))
    cells = {"count": counts.ravel(), "rate": row_rates(counts).ravel()}
    return pd.DataFrame({"actual": actual, "predicted": predicted, **cells})


def sum_confusion(scores: Sequence[Scores]) -> NDArray[np.int64]:
    """Confusion counts [true, predicted] added up over replicates."""
    total: NDArray[np.int64] = np.sum([item.confusion for item in scores], axis=0)
    return total


def row_rates(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of each true class that went to each prediction; a class without images stays 0."""
    return _ratio(counts, np.broadcast_to(counts.sum(axis=1, keepdims=True), counts.shape))


def most_confused(counts: NDArray[np.int64], how_many: int) -> list[dict[str, Any]]:
    """The pairs of digits most often taken for each other, by count in both directions together.

    Each has the two digits, the count, and both rates: of `first` taken for `second` and back.
    """
    rates = row_rates(counts)
    pairs = [(a, b) for a in CLASSES for b in CLASSES if a < b]
    # Ties are broken by the digits, so that the order is the same everywhere.
    pairs.sort(key=lambda pair: (-int(counts[pair] + counts[pair[::-1]]), pair))
    return [
        {
            "first": a,
            "second": b,
            "count": int(counts[a, b] + counts[b, a]),
            "rate_first_as_second": float(rates[a, b]),
            "rate_second_as_first": float(rates[b, a]),
        }
        for a, b in pairs[:how_many]
        if counts[a, b] + counts[b, a]
    ]
