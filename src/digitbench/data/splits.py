"""Train/validation split and the pixel statistics of the training part."""

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from digitbench.data.arrays import PixelStatistics

CLASSES = 10


def stratified_split(
    labels: NDArray[np.uint8], validation_share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sorted indices of the training and the validation part, shares equal within every class.

    Args:
        labels: Labels, shape [N].
        validation_share: Share of the N images held out.
        seed: Fixes the split.

    Returns:
        Two disjoint sorted index arrays that together cover 0..N-1.
    """
    train, validation = train_test_split(
        np.arange(len(labels)), test_size=validation_share, random_state=seed, stratify=labels
    )
    return np.sort(train).astype(np.int64), np.sort(validation).astype(np.int64)


def random_split(
    count: int, validation_share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Sorted indices of two parts drawn without regard to class."""
    order = np.random.default_rng(seed).permutation(count)
    held_out = round(count * validation_share)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def pixel_statistics(images: NDArray[np.uint8]) -> PixelStatistics:
    """Mean and (population) standard deviation over all pixels, from exact integer sums.

    A histogram of the 256 grey levels makes the result independent of the order of summation,
    and so of the machine.
    """
    counts = np.bincount(images.ravel(), minlength=256).astype(np.int64)
    levels = np.arange(256, dtype=np.int64)
    total = int(counts.sum())
    first = int((counts * levels).sum())
    second = int((counts * levels**2).sum())
    # Var = E[x^2] - E[x]^2, kept in integers until the last division.
    variance = (second * total - first * first) / (total * total)
    return PixelStatistics(mean=first / total / 255, std=variance**0.5 / 255)


def class_counts(labels: NDArray[np.uint8]) -> list[int]:
    """How many images each of the ten classes has."""
    return [int(count) for count in np.bincount(labels, minlength=CLASSES)]
