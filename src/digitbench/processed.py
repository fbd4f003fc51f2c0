"""What ``preprocess`` and ``split`` wrote, read by the stages after them, and held together.

Arrays may be others than they were written: a pull that broke off, a file of another data set, an
editor. What contradicts itself is refused before anything is learned from it or tested on it.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.training import data
from digitbench.training.data import AGAIN, CLASSES, PARTS, PixelStatistics, TrainingData

Images = NDArray[np.uint8]
SIDE = 28


def read_images(part: Path) -> tuple[Images, Images]:
    """Images [N, 28, 28] and labels [N] of the training or the test set.

    Raises:
        DigitbenchError: A file is missing or damaged, or they don't belong together; the text names
            it.
    """
    images, labels = data.load_images(part)
    _held_together(images, labels, part)
    return images, labels


def read_statistics(folder: Path = Path()) -> PixelStatistics:
    """The scale of pixels of the pipeline or the study in a folder; errors as in `read_images`."""
    statistics = data.load_statistics(folder)
    _is_a_scale(statistics, folder / files.SPLIT / "statistics.json")
    return statistics


def read_training_data(root: Path = Path(), folder: Path = Path()) -> TrainingData:
    """All that training may see, never the test set; errors as in `read_images`.

    In memory: replicates are kept under the hash of these data, whatever becomes of the files.

    Args:
        root: Of the main pipeline, which has the images.
        folder: Of the pipeline or the study, which has the split.
    """
    mapped = data.load_training_data(root, folder)
    found = replace(
        mapped,
        images=np.array(mapped.images),
        labels=np.array(mapped.labels),
        train_index=np.array(mapped.train_index),
        validation_index=np.array(mapped.validation_index),
    )
    _held_together(found.images, found.labels, root / files.TRAIN)
    _is_a_scale(found.statistics, folder / files.SPLIT / "statistics.json")
    indices = (found.train_index, found.validation_index)
    for part, index in zip(PARTS, indices, strict=True):
        path = folder / files.SPLIT / f"{part}.npy"
        if index.dtype != np.int64 or index.ndim != 1 or not len(index):
            raise _refused(path, f"it holds {_told(index)} in place of a list of int64")
    # Each image once, in one of the two.
    if not np.array_equal(np.sort(np.concatenate(indices)), np.arange(len(found.labels))):
        problem = f"not each of {len(found.labels):,} images is in it or in validation.npy, once"
        raise _refused(folder / files.SPLIT / "train.npy", problem)
    return found


def _held_together(images: Images, labels: Images, part: Path) -> None:
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE):
        problem = f"it holds {_told(images)} in place of images of {SIDE} x {SIDE} bytes"
        raise _refused(part / "images.npy", problem)
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise _refused(part / "labels.npy", f"it holds {_told(labels)} in place of a list of bytes")
    if not len(labels):
        raise _refused(part / "labels.npy", "it is empty")
    if labels.max() >= CLASSES:
        raise _refused(part / "labels.npy", f"it has the label {labels.max()}, which is no digit")
    if len(images) != len(labels):
        problem = f"it has {len(images):,} images, and labels.npy beside it {len(labels):,} labels"
        raise _refused(part / "images.npy", problem)


def _is_a_scale(statistics: PixelStatistics, path: Path) -> None:
    for key, value in vars(statistics).items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 <= value <= 1:
            raise _refused(path, f"{key}: {str(value)[:80]!r} is not a number from 0 to 1")
    if statistics.std == 0:
        raise _refused(path, "std: 0 scales nothing")


def _told(array: NDArray[np.generic]) -> str:
    return f"an array {list(array.shape)} of {array.dtype}"


def _refused(path: Path, problem: str) -> DigitbenchError:
    return DigitbenchError(f"{path}: cannot be used ({problem}). {AGAIN}")
