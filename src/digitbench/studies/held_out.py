"""How far a score on held-out training images would move if other images were held out.

Where a paper drew its own validation images, ours are others. An interval over seeds alone, all
scored on the same images, says nothing about that.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from digitbench.evaluation.classification import scores_of_confusion

TRAINING_IMAGES = 60_000  # of which a part is drawn
NORMAL_QUANTILE = 1.959964
_DRAWS = 1000
Confusion = Mapping[str, Sequence[Sequence[int]]]
Statistic = Callable[[NDArray[np.int64]], float]


def reach_over_images(confusion: Confusion, images: int, statistic: Statistic) -> float:
    """Half of the 95 % interval of a statistic over draws of the held-out images.

    Counts are drawn from a multinomial distribution with the shares of the mean confusion matrix,
    and the error is corrected for drawing from a finite number of images without replacement
    (Cochran 1977, Sampling Techniques, ch. 2).

    Args:
        confusion: Counts [10][10] per seed, rows true digits; of several epochs or of one.
        images: Number of different images that were held out.
        statistic: Of a matrix of counts [10, 10].
    """
    shares = np.sum([np.asarray(counts) for counts in confusion.values()], axis=0).ravel()
    draws = np.random.default_rng(0).multinomial(images, shares / shares.sum(), size=_DRAWS)
    values = [statistic(counts) for counts in draws.reshape(-1, 10, 10)]
    left = 1 - images / TRAINING_IMAGES
    return NORMAL_QUANTILE * float(np.std(values)) * math.sqrt(max(left, 0.0))


def headline_statistic(metric: str) -> Statistic:
    """Accuracy or a macro mean of a confusion matrix."""
    return lambda counts: scores_of_confusion(counts).headline[metric]


def row_rate(true: int, taken_for: int) -> Statistic:
    """Share of the images of one digit taken for another."""
    return lambda counts: float(counts[true, taken_for] / counts[true].sum())
