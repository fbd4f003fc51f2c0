"""How far predicted probabilities can be trusted: proper scores, calibration, coverage.

Throughout, S is the number of replicates, N of test images and K of classes (10 digits);
the confidence of a prediction is its highest class probability. Scores take the probabilities of
one replicate [N, K], tables and curves those of all [S, N, K], and both the true classes [N]; they
are what `check_predictions` lets pass.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from digitbench.errors import DigitbenchError
from digitbench.evaluation.scores import Labels
from digitbench.statistics.summary import Summary, crossed_share_interval, summarise

Floats = NDArray[np.floating[Any]]
BINS = 15


def negative_log_likelihood(probabilities: Floats, labels: Labels) -> float:
    """Mean negative log-likelihood of the true class, in nats (0 is best, no upper bound).

    Probabilities are clipped from below at the smallest normal float32 (about 1.2e-38), so one
    image whose true class was given probability 0 costs 87.3 nats rather than infinity.
    """
    of_true_class = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_true_class, np.finfo(np.float32).tiny)).mean())


def brier_score(probabilities: Floats, labels: Labels) -> float:
    """Multi-class Brier score: squared error summed over classes, averaged over images.

    This is the original form (Brier 1950), which lies in 0..2 with 0 best; some libraries halve
    it or average over classes.
    """
    errors = probabilities.astype(np.float64)  # [N, K], a copy
    errors[np.arange(len(labels)), labels] -= 1.0
    return float(np.square(errors).sum(axis=1).mean())


def expected_calibration_error(probabilities: Floats, labels: Labels) -> float:
    """Expected calibration error of the predicted class, in 0..1 with 0 best.

    The binned plug-in estimator of Naeini et al. (2015) as used by Guo et al. (2017, eq. 3):
    15 equal-width confidence bins (low, high], gaps between accuracy and mean confidence
    weighted by the share of images in the bin. It looks at the top label only, is biased
    upwards for small N, and depends on the number of bins.
    """
    count, confidence_sum, correct_sum = _bin_sums(probabilities[np.newaxis], labels)
    return float(np.abs(correct_sum - confidence_sum).sum() / count.sum())


def reliability_table(probabilities: Floats, labels: Labels) -> pd.DataFrame:
    """Accuracy against confidence in the bins of the expected calibration error.

    Predictions of all replicates are pooled. The error computed from this table is therefore
    that of the pool, which is at most the mean of the per-replicate errors.

    Returns:
        One row per bin (low, high]: bin_low, bin_high, count (of S * N predictions), mean
        confidence and accuracy. Empty bins stay, with count 0 and NaN.
    """
    count, confidence_sum, correct_sum = _bin_sums(probabilities, labels)
    divisor = np.where(count > 0, count, np.nan)
    edges = np.linspace(0.0, 1.0, BINS + 1)
    return pd.DataFrame(
        {
            "bin_low": edges[:-1],
            "bin_high": edges[1:],
            "count": count,
            "confidence": confidence_sum / divisor,
            "accuracy": correct_sum / divisor,
        }
    )


def coverage_curve(
    probabilities: Floats,
    labels: Labels,
    coverages: Sequence[float],
) -> pd.DataFrame:
    """Accuracy on the most confident images when the rest are left to a human.

    At coverage c each replicate keeps its round(c * N) most confident images, at least one.
    Images of equal confidence (many saturate at 1 in float32) are kept in test-set order.

    Returns:
        One row per coverage, in the given order: coverage, accuracy (mean over replicates), low
        and high (its 95 % interval over fresh seeds and fresh images; the confidence above which
        an image is kept counts as known).
    """
    shares = np.asarray(coverages, dtype=np.float64)
    confidence, correct = _top_label(probabilities, labels)
    order = np.argsort(-confidence, axis=1, kind="stable")  # [S, N]
    hits = np.cumsum(np.take_along_axis(correct, order, axis=1), axis=1)
    kept = np.maximum(np.rint(shares * len(labels)).astype(np.int64), 1)  # [C]
    accuracy = hits[:, kept - 1] / kept  # [S, C]
    rank = np.argsort(order, axis=1)  # [S, N]
    ends = [_ends_of_accuracy(~correct & (rank < count), int(count)) for count in kept]
    return pd.DataFrame(
        {
            "coverage": shares,
            "accuracy": accuracy.mean(axis=0),
            "low": [low for low, _ in ends],
            "high": [high for _, high in ends],
        }
    )


def _ends_of_accuracy(wrong: NDArray[np.bool_], kept: int) -> tuple[float, float]:
    """The interval of the accuracy on kept images, from the errors among them [S, N]."""
    low, high = crossed_share_interval(wrong * (wrong.shape[1] / kept), kept)
    return 1 - high, 1 - low


def _top_label(
    probabilities: Floats, labels: Labels
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return confidence and correctness of the predicted class, both [S, N]."""
    confidence = probabilities.max(axis=-1).astype(np.float64)
    return confidence, probabilities.argmax(axis=-1) == labels


def _bin_sums(
    probabilities: Floats, labels: Labels
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return count, summed confidence and number correct per confidence bin, each [BINS]."""
    confidence, correct = _top_label(probabilities, labels)
    inner_edges = np.linspace(0.0, 1.0, BINS + 1)[1:-1]
    # Only inner edges: a confidence that rounding lifted above 1 still falls in the last bin.
    bins = np.digitize(confidence.ravel(), inner_edges, right=True)
    count = np.bincount(bins, minlength=BINS)
    confidence_sum = np.bincount(bins, weights=confidence.ravel(), minlength=BINS)
    correct_sum = np.bincount(bins, weights=correct.ravel(), minlength=BINS)
    return count.astype(np.int64), confidence_sum.astype(np.float64), correct_sum.astype(np.float64)


# 15 points per decade. A class of the MNIST test set has about 9,000 negatives, so the first
# points lie below one false positive and show the sensitivity reached with none.
FALSE_POSITIVE_RATES: NDArray[np.float64] = np.geomspace(1e-4, 1.0, 61)


def macro_auc(probabilities: Floats, labels: Labels) -> float:
    """Area under the one-vs-rest ROC curve, averaged over classes with equal weight.

    Raises:
        DigitbenchError: If a class has no test image.
    """
    classes = range(probabilities.shape[1])
    missing = sorted(set(classes) - set(np.unique(labels).tolist()))
    if missing:
        raise DigitbenchError(
            "A ROC curve needs test images of every class; "
            f"missing: {missing}. Use a larger or stratified test subset."
        )
    areas = [roc_auc_score(labels == k, probabilities[:, k]) for k in classes]
    return float(np.mean(areas))


def roc_curve_points(probabilities: Floats, labels: Labels) -> pd.DataFrame:
    """One-vs-rest ROC curve of every class, averaged over replicates.

    Vertical averaging (Fawcett 2006, section 8.1): the true-positive rates of the replicates
    are averaged at fixed false-positive rates, here log-spaced so that curves near the corner
    stay visible. The rate read from each curve is the highest one attained without exceeding
    the false-positive rate; nothing is interpolated between thresholds.

    Returns:
        One row per class and grid point: class, false_positive_rate, true_positive_rate.
    """
    classes = probabilities.shape[2]
    curves = [
        np.mean([_sensitivity(labels == k, scores) for scores in probabilities[:, :, k]], axis=0)
        for k in range(classes)
    ]
    return pd.DataFrame(
        {
            "class": np.repeat(np.arange(classes), len(FALSE_POSITIVE_RATES)),
            "false_positive_rate": np.tile(FALSE_POSITIVE_RATES, classes),
            "true_positive_rate": np.concatenate(curves),
        }
    )


def _sensitivity(positive: NDArray[np.bool_], scores: Floats) -> NDArray[np.float64]:
    """Return the true-positive rate of one curve at every grid point, [61]."""
    false_positive_rate, true_positive_rate, _ = roc_curve(
        positive, scores, drop_intermediate=False
    )
    # Both rates rise along the curve, so the last point at or below the grid value is the best.
    last = np.searchsorted(false_positive_rate, FALSE_POSITIVE_RATES, side="right") - 1
    return np.asarray(true_positive_rate[last], dtype=np.float64)


METRICS: dict[str, Callable[[Floats, Labels], float]] = {
    "macro_auc": macro_auc,
    "nll": negative_log_likelihood,
    "brier": brier_score,
    "ece": expected_calibration_error,
}
# Shares of the images that the model answers itself; the least confident go to a human.
COVERAGES = tuple(np.round(np.arange(0.5, 1.0001, 0.01), 2).tolist())


def probability_summaries(
    probabilities: Floats, labels: Labels, seeds: Sequence[int]
) -> dict[str, Summary]:
    """METRICS over the seeds, from probabilities [S, N, 10]."""
    by_seed = list(zip(seeds, probabilities, strict=True))
    return {
        name: summarise({seed: metric(single, labels) for seed, single in by_seed})
        for name, metric in METRICS.items()
    }


def probability_tables(probabilities: Floats, labels: Labels) -> dict[str, pd.DataFrame]:
    """Data of the ROC, reliability and coverage figures, rounded to what can be drawn."""
    return {
        "roc": roc_curve_points(probabilities, labels).round(6),
        "reliability": reliability_table(probabilities, labels).round(6),
        "coverage": coverage_curve(probabilities, labels, COVERAGES).round(6),
    }
