"""The processed arrays as stages read them, memory-mapped and checked.

Train/validation split and the pixel statistics of the training part.

The split of a study: as its paper held images out and scaled pixels.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.params import SplitParams


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of pixels scaled to [0, 1], over the training part."""

    mean: float
    std: float


@dataclass(frozen=True)
class TrainingData:
    """Training images and their split; arrays may be memory maps, which processes share."""

    images: NDArray[np.uint8]  # [N, 28, 28]
    labels: NDArray[np.uint8]  # [N]
    train_index: NDArray[np.int64]
    validation_index: NDArray[np.int64]
    statistics: PixelStatistics

    @cached_property
    def sha256(self) -> str:
        """Hash of everything above; computed once and carried along to worker processes."""
        digest = hashlib.sha256(repr(self.statistics).encode())
        for array in (self.images, self.labels, self.train_index, self.validation_index):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load_training_data(processed: Path = files.PROCESSED) -> TrainingData:
    """All that training may see, never the test set; images and labels from the given folder.

    The split and the statistics are those of the working directory: a study has its own.
    """
    return TrainingData(
        images=load_array(processed / files.TRAIN_IMAGES.name),
        labels=load_array(processed / files.TRAIN_LABELS.name),
        train_index=load_array(files.TRAIN_INDEX),
        validation_index=load_array(files.VALIDATION_INDEX),
        statistics=load_statistics(),
    )


def load_statistics(path: Path = files.STATISTICS) -> PixelStatistics:
    """Pixel statistics that `preprocess`, or a study's `split`, wrote."""
    try:
        return PixelStatistics(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from None


def load_array(path: Path) -> NDArray[Any]:
    """A memory-mapped, read-only array.

    Raises:
        DigitbenchError: The file is missing or damaged.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)  # type: ignore[no-any-return]
    except (OSError, ValueError, EOFError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DigitbenchError:
    return DigitbenchError(
        f"{path}: cannot be read ({error}). Run `dvc repro --force --single-item preprocess`."
    )


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


# Leaves pixels between 0 and 1.
_UNIT = PixelStatistics(mean=0.0, std=1.0)


def split_and_scale(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], params: SplitParams
) -> tuple[NDArray[np.int64], NDArray[np.int64], PixelStatistics]:
    """Sorted training and validation indices of images [N, 28, 28], and the scale of pixels."""
    if params.method == "stratified":
        train, validation = stratified_split(labels, params.validation_share, params.seed)
    else:
        train, validation = random_split(len(labels), params.validation_share, params.seed)
    if params.pixels == "unit":
        return train, validation, _UNIT
    return train, validation, pixel_statistics(images[train])
