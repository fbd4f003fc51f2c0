"""Accuracy, precision, recall, F1 and confusion, per replicate and over replicates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from digitbench.errors import DigitbenchError
from digitbench.files import model_file
from digitbench.results.records import ConfusedPair
from digitbench.statistics.summary import Summary, summarise

Labels = NDArray[np.integer[Any]]
# Softmax in float32 misses 1 by about 1e-7, in bfloat16 by a few 1e-3.
SUM_TOLERANCE = 1e-2


def check_predictions(probabilities: NDArray[np.floating], labels: Labels) -> None:
    """Check what every statistic expects of the predictions of one architecture's replicates.

    Args:
        probabilities: Class probabilities, [S, N, K].
        labels: True classes 0..K-1, [N].

    Raises:
        DigitbenchError: If a shape, a label or a probability breaks the contract.
    """
    if probabilities.ndim != 3 or probabilities.size == 0:
        raise DigitbenchError(
            f"Predictions must be a non-empty [S, N, K] array, got shape {probabilities.shape}. "
            "Check how the predictions were stacked."
        )
    _, images, classes = probabilities.shape
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


def score(probabilities: NDArray[np.float32], labels: Labels) -> Scores:
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
    labels: Labels,
    seeds: Sequence[int],
) -> dict[int, Scores]:
    """Scores per seed of probabilities [S, N, 10].

    Raises:
        DigitbenchError: A prediction is not a number, and the text names the model and its stage;
            or predictions break the contract.
    """
    broken = [seed for row, seed in enumerate(seeds) if not np.isfinite(probabilities[row]).all()]
    if broken:
        raise DigitbenchError(
            f"{model_file(architecture, broken[0])}: its predictions are not numbers. "
            f"Run `dvc repro --force --single-item train_{architecture}`, if need be with a "
            "smaller learning_rate in params.yaml."
        )
    check_predictions(probabilities, labels)
    return {seed: score(probabilities[row], labels) for row, seed in enumerate(seeds)}


def summarise_scores(scores: Mapping[int, Scores]) -> dict[str, Summary]:
    """Every headline metric over the seeds."""
    headlines = {seed: item.headline for seed, item in scores.items()}
    return {
        metric: summarise({seed: headline[metric] for seed, headline in headlines.items()})
        for metric in next(iter(headlines.values()))
    }


def per_class_summaries(scores: Mapping[int, Scores]) -> dict[str, dict[int, Summary]]:
    """PER_CLASS over the seeds, by metric and digit."""
    return {
        metric: {
            digit: summarise(
                {seed: float(getattr(item, metric)[digit]) for seed, item in scores.items()}
            )
            for digit in CLASSES
        }
        for metric in PER_CLASS
    }


def per_class_table(scores: Mapping[int, Scores]) -> pd.DataFrame:
    """Rows of digit, metric, mean, std and interval."""
    rows = [
        (digit, metric, item.mean, item.std, item.ci95_low, item.ci95_high)
        for metric, by_digit in per_class_summaries(scores).items()
        for digit, item in by_digit.items()
    ]
    return pd.DataFrame(rows, columns=["digit", "metric", "mean", "std", "ci95_low", "ci95_high"])


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


def most_confused(counts: NDArray[np.int64], how_many: int) -> tuple[ConfusedPair, ...]:
    """The pairs of digits most often taken for each other, by count in both directions together."""
    rates = row_rates(counts)
    pairs = [(a, b) for a in CLASSES for b in CLASSES if a < b]
    # Ties are broken by the digits, so that the order is the same everywhere.
    pairs.sort(key=lambda pair: (-int(counts[pair] + counts[pair[::-1]]), pair))
    return tuple(
        ConfusedPair(
            first=a,
            second=b,
            count=int(counts[a, b] + counts[b, a]),
            rate_first_as_second=float(rates[a, b]),
            rate_second_as_first=float(rates[b, a]),
        )
        for a, b in pairs[:how_many]
        if counts[a, b] + counts[b, a]
    )
