"""The processed arrays as stages read them, memory-mapped and checked."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitbench import layout
from digitbench.errors import DigitbenchError


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


def load_training_data(processed: Path = layout.PROCESSED) -> TrainingData:
    """All that training may see, never the test set; images and labels from the given folder.

    The split and the statistics are those of the working directory: a study has its own.
    """
    return TrainingData(
        images=load_array(processed / layout.TRAIN_IMAGES.name),
        labels=load_array(processed / layout.TRAIN_LABELS.name),
        train_index=load_array(layout.TRAIN_INDEX),
        validation_index=load_array(layout.VALIDATION_INDEX),
        statistics=load_statistics(),
    )


def load_statistics(path: Path = layout.STATISTICS) -> PixelStatistics:
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
