"""The data of training: arrays, how they are split, and the scale of pixels."""

import hashlib
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from digitbench import files
from digitbench.schema import Float, Section, Seed

CLASSES = 10
PARTS = ("train", "validation")
AGAIN = "Run `dvc repro --force --single-item preprocess`."


class SplitParams(Section):
    """Which training images are held out, and how pixels are scaled, in a study."""

    method: Literal["stratified", "random"] = Field(description="stratified or random")
    validation_share: Float = Field(ge=0.01, le=0.9, description="a share from 0.01 to 0.9")
    seed: Seed = Field(description="a whole number from 0 to 4,294,967,295")
    pixels: Literal["unit", "standardised"] = Field(description="unit or standardised")


@dataclass(frozen=True)
class PixelStatistics:
    """Mean and standard deviation of pixels scaled to [0, 1], over the training part."""

    mean: float
    std: float


# Leaves pixels between 0 and 1.
UNIT = PixelStatistics(mean=0.0, std=1.0)


@dataclass(frozen=True)
class Split:
    """Sorted indices of the training and the validation part, and the scale of pixels."""

    train_index: NDArray[np.int64]
    validation_index: NDArray[np.int64]
    statistics: PixelStatistics


@dataclass(frozen=True)
class TrainingData(Split):
    """Training images beside their split; arrays may be memory maps, which processes share."""

    images: NDArray[np.uint8]  # [N, 28, 28]
    labels: NDArray[np.uint8]  # [N]

    @cached_property
    def sha256(self) -> str:
        """Hash of everything above; computed once and carried along to worker processes."""
        digest = hashlib.sha256(repr(self.statistics).encode())
        for array in (self.images, self.labels, self.train_index, self.validation_index):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load_training_data(root: Path = Path(), folder: Path = Path()) -> TrainingData:
    """All that training may see, never the test set.

    Args:
        root: Of the main pipeline, which has the images.
        folder: Of the pipeline or the study, which has the split.
    """
    images, labels = load_images(root / files.TRAIN)
    train, validation = (
        files.read_array(folder / files.SPLIT / f"{part}.npy", AGAIN) for part in PARTS
    )
    return TrainingData(train, validation, load_statistics(folder), images, labels)


def load_images(part: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Images [N, 28, 28] and labels [N] of the training or the test set."""
    images = files.read_array(part / "images.npy", AGAIN)
    return images, files.read_array(part / "labels.npy", AGAIN)


def load_statistics(folder: Path = Path()) -> PixelStatistics:
    """Pixel statistics of the pipeline or the study in a folder."""
    path = folder / files.SPLIT / "statistics.json"
    return files.read(path, lambda _: PixelStatistics(**files.read_json(path, AGAIN)), AGAIN)


def write_images(part: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """What `load_images` reads."""
    files.write_npy(part / "images.npy", images)
    files.write_npy(part / "labels.npy", labels)


def write_split(split: Split, folder: Path = Path()) -> None:
    """What `load_training_data` reads besides the images."""
    files.write_npy(folder / files.SPLIT / "train.npy", split.train_index)
    files.write_npy(folder / files.SPLIT / "validation.npy", split.validation_index)
    files.write_json(folder / files.SPLIT / "statistics.json", asdict(split.statistics))


def split_images(
    images: NDArray[np.uint8], labels: NDArray[np.uint8], params: SplitParams
) -> Split:
    """Split images [N, 28, 28], and scale their pixels by the training part, or not at all."""
    if params.method == "stratified":
        train, validation = stratified_split(labels, params.validation_share, params.seed)
    else:
        train, validation = random_split(len(labels), params.validation_share, params.seed)
    statistics = UNIT if params.pixels == "unit" else pixel_statistics(images[train])
    return Split(train, validation, statistics)


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
    # Costs a second, which training doesn't need to wait for.
    from sklearn.model_selection import train_test_split

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
