"""The shape and range every statistic expects of stored predictions."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from digitbench.errors import DigitbenchError

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


def check_correctness(correct: Mapping[str, NDArray[np.bool_]], seeds: Sequence[int]) -> None:
    """Check that architectures can be compared seed by seed and image by image.

    Args:
        correct: By architecture, whether each image was classified correctly, [S, N], N >= 2.
        seeds: The S distinct seeds.

    Raises:
        DigitbenchError: If seeds repeat, or arrays are not boolean, differ in shape or do not
            match the seeds.
    """
    if not seeds or len(set(seeds)) != len(seeds):
        raise DigitbenchError(
            f"Seeds must be distinct and at least one, got {list(seeds)}. Check the seed list."
        )
    shapes = {name: array.shape for name, array in correct.items()}
    if len(set(shapes.values())) > 1:
        raise DigitbenchError(
            f"Architectures differ in seeds or test images: {shapes}. "
            "Train every architecture with the same seeds and evaluate on the same images."
        )
    for name, array in correct.items():
        if array.dtype != np.bool_ or array.ndim != 2 or array.shape[1] < 2:
            raise DigitbenchError(
                f"Correctness of {name!r} must be boolean with shape [seeds, images >= 2], got "
                f"{array.dtype} {array.shape}. Pass predicted == labels."
            )
        if array.shape[0] != len(seeds):
            raise DigitbenchError(
                f"Correctness of {name!r} has {array.shape[0]} replicates but there are "
                f"{len(seeds)} seeds. Pass the seeds of the stored predictions."
            )


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
