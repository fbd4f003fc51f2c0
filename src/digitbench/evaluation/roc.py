"""One-vs-rest receiver operating characteristics of the ten digits."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score, roc_curve

from digitbench.errors import DigitbenchError
from digitbench.evaluation.contract import check_replicate, check_replicates

# 15 points per decade. A class of the MNIST test set has about 9,000 negatives, so the first
# points lie below one false positive and show the sensitivity reached with none.
FALSE_POSITIVE_RATES: NDArray[np.float64] = np.geomspace(1e-4, 1.0, 61)


def macro_auc(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Area under the one-vs-rest ROC curve, averaged over classes with equal weight.

    Args:
        probabilities: Class probabilities of one replicate, [N, K].
        labels: True classes, [N].

    Raises:
        DigitbenchError: If the predictions break the contract or a class has no test image.
    """
    check_replicate(probabilities, labels)
    _check_every_class_present(labels, classes=probabilities.shape[1])
    areas = [roc_auc_score(labels == k, probabilities[:, k]) for k in range(probabilities.shape[1])]
    return float(np.mean(areas))


def roc_curve_points(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer]
) -> pd.DataFrame:
    """One-vs-rest ROC curve of every class, averaged over replicates.

    Vertical averaging (Fawcett 2006, section 8.1): the true-positive rates of the replicates
    are averaged at fixed false-positive rates, here log-spaced so that curves near the corner
    stay visible. The rate read from each curve is the highest one attained without exceeding
    the false-positive rate; nothing is interpolated between thresholds.

    Args:
        probabilities: Class probabilities, [S, N, K].
        labels: True classes, [N].

    Returns:
        One row per class and grid point: class, false_positive_rate, true_positive_rate.

    Raises:
        DigitbenchError: If the predictions break the contract or a class has no test image.
    """
    check_replicates(probabilities, labels)
    classes = probabilities.shape[2]
    _check_every_class_present(labels, classes=classes)
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


def _sensitivity(positive: NDArray[np.bool_], scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the true-positive rate of one curve at every grid point, [61]."""
    false_positive_rate, true_positive_rate, _ = roc_curve(
        positive, scores, drop_intermediate=False
    )
    # Both rates rise along the curve, so the last point at or below the grid value is the best.
    last = np.searchsorted(false_positive_rate, FALSE_POSITIVE_RATES, side="right") - 1
    return np.asarray(true_positive_rate[last], dtype=np.float64)


def _check_every_class_present(labels: NDArray[np.integer], *, classes: int) -> None:
    missing = sorted(set(range(classes)) - set(np.unique(labels).tolist()))
    if missing or classes < 2:
        raise DigitbenchError(
            f"A ROC curve needs test images of at least two classes and of every class; "
            f"missing: {missing}. Use a larger or stratified test subset."
        )
