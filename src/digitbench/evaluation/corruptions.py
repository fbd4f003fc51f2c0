"""Accuracy on corrupted test images: the robustness that is often only claimed.

Every corruption draws from a generator that depends on the seed, the corruption's name and its
strength alone, so every architecture and every training seed is shown the same corrupted images.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional
from torchvision.transforms.v2 import functional as vision

from digitbench.evaluation.scores import Labels
from digitbench.results.records import RobustnessRecord
from digitbench.statistics.summary import CrossedSummary, Summary, summarise, summarise_crossed

Images = NDArray[np.uint8]
Predict = Callable[[Images], Mapping[str, NDArray[np.float32]]]
# Fixed: changing the training seeds must not change the corrupted images.
CORRUPTION_SEED = 0
COLUMNS = ["architecture", "seed", "corruption", "strength", "accuracy"]
SIDE = 28  # pixels
WHITE = 255.0

# (down, right) in steps: the four axis directions and the four diagonals.
_DIRECTIONS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))


@dataclass(frozen=True)
class Corruption:
    """One way of spoiling an image.

    Attributes:
        unit: What a strength counts, for the axis of a plot.
        strengths: The strengths to evaluate, ascending; the first is 0, the clean image.
        apply: Maps grey levels 0..255 (float [N, 1, 28, 28]), a non-zero strength and a generator
            to corrupted grey levels of the same shape, not yet rounded or clipped.
    """

    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[Tensor, float, Generator], Tensor]


def _random_signs(count: int, generator: Generator) -> Tensor:
    """Draw -1 or +1 per image: float [count]."""
    return torch.randint(2, (count,), generator=generator).float() * 2 - 1


def _warp(images: Tensor, matrices: Tensor) -> Tensor:
    """Resample bilinearly about the centre of the field, with black outside it.

    `matrices` [N, 2, 2] take (x, y) of the output to (x, y) of the input. They act on coordinates
    that run from -1 to 1 between the outer edges of the field, which is why they fit square
    images alone.
    """
    theta = functional.pad(matrices, (0, 1))  # no translation: [N, 2, 3]
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="zeros", align_corners=False
    )


def _shift(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Move along each axis involved, in one of eight directions drawn per image.

    The digit keeps a margin of about 4 pixels, so beyond that it is cut.
    """
    pixels = int(strength)
    directions = torch.randint(len(_DIRECTIONS), (len(images),), generator=generator)
    padded = functional.pad(images, (pixels,) * 4)
    shifted = torch.empty_like(images)
    for index, (down, right) in enumerate(_DIRECTIONS):
        chosen = directions == index
        top, left = pixels * (1 - down), pixels * (1 - right)
        shifted[chosen] = padded[chosen, :, top : top + SIDE, left : left + SIDE]
    return shifted


def _rotate(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Turn about the centre, clockwise or anticlockwise as drawn per image."""
    angles = math.radians(strength) * _random_signs(len(images), generator)
    cos, sin = angles.cos(), angles.sin()
    return _warp(images, torch.stack([cos, -sin, sin, cos], dim=1).view(-1, 2, 2))


def _shrink(images: Tensor, strength: float, _generator: Generator) -> Tensor:
    """Shrink about the centre to (1 - strength) times the size."""
    matrix = torch.eye(2) / (1 - strength)
    return _warp(images, matrix.expand(len(images), 2, 2))


def _shear(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Lean upright strokes by this angle, to the left or to the right as drawn per image."""
    slopes = math.tan(math.radians(strength)) * _random_signs(len(images), generator)
    matrices = torch.eye(2).repeat(len(images), 1, 1)
    matrices[:, 0, 1] = slopes  # x moves in proportion to y: rows slide sideways
    return _warp(images, matrices)


def _add_noise(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """Independent Gaussian noise; clipped, the black ground shows only the positive half of it."""
    return images + strength * WHITE * torch.randn(images.shape, generator=generator)


def _blur(images: Tensor, strength: float, _generator: Generator) -> Tensor:
    # Three standard deviations to either side hold 99.7 % of a Gaussian.
    kernel_size = 2 * math.ceil(3 * strength) + 1
    blurred: Tensor = vision.gaussian_blur(images, [kernel_size, kernel_size], [strength, strength])
    return blurred


def _flatten(images: Tensor, strength: float, _generator: Generator) -> Tensor:
    """Every pixel moves towards the mean grey of its image."""
    means = images.mean(dim=(1, 2, 3), keepdim=True)  # [N, 1, 1, 1]
    return means + (1 - strength) * (images - means)


def _occlude(images: Tensor, strength: float, generator: Generator) -> Tensor:
    """A black square, wholly inside the field at a position drawn per image."""
    side = int(strength)
    corners = torch.randint(SIDE - side + 1, (len(images), 2, 1), generator=generator)
    offsets = torch.arange(SIDE) - corners  # distance from the square's first row and column
    inside = (offsets >= 0) & (offsets < side)  # [N, 2, 28]
    covered = inside[:, 0, :, None] & inside[:, 1, None, :]  # [N, 28, 28]
    return images.masked_fill(covered[:, None], 0.0)


CORRUPTIONS = {
    "shift": Corruption("pixels", (0, 1, 2, 3, 4, 6, 8), _shift),
    "rotation": Corruption("degrees", (0, 10, 20, 30, 45, 60), _rotate),
    "scaling": Corruption("share of the side lost", (0, 0.1, 0.2, 0.3, 0.4, 0.5), _shrink),
    "shear": Corruption("degrees", (0, 10, 20, 30, 40), _shear),
    "noise": Corruption(
        "standard deviation, share of white", (0, 0.1, 0.2, 0.3, 0.4, 0.5), _add_noise
    ),
    "blur": Corruption("standard deviation, pixels", (0, 0.5, 1, 1.5, 2, 2.5), _blur),
    "contrast": Corruption("share of contrast lost", (0, 0.2, 0.4, 0.6, 0.8, 0.9), _flatten),
    "occlusion": Corruption("side of the square, pixels", (0, 4, 6, 8, 10, 12), _occlude),
}


def _generator_for(seed: int, name: str, strength: float) -> Generator:
    # The strength's value stands in for its index, so adding a strength leaves the others as is.
    digest = hashlib.sha256(f"{seed}/{name}/{float(strength)!r}".encode()).digest()
    return Generator().manual_seed(int.from_bytes(digest[:4], "big"))


def corrupt(images: Images, name: str, strength: float, seed: int) -> Images:
    """A corrupted copy of the images [N, 28, 28], rounded and clipped to 0..255.

    The draws for an image depend on its position in the batch, not on the batch's length: the
    first images of a longer batch are corrupted as they would be alone.

    Args:
        images: White digit on black.
        name: A key of `CORRUPTIONS`.
        strength: From 0 (an exact copy) to the corruption's largest strength, in its unit; whole
            pixels for shift and occlusion.
        seed: Seed of the corruption, to be the same for all models that are compared.
    """
    if strength == 0:
        return images.copy()
    grey = torch.from_numpy(images.astype(np.float32))[:, None]  # [N, 1, 28, 28]
    corrupted = CORRUPTIONS[name].apply(grey, strength, _generator_for(seed, name, strength))
    rounded: Images = corrupted[:, 0].round().clamp(0, WHITE).to(torch.uint8).numpy()
    return rounded


def random_subset(images: Images, labels: Labels, count: int) -> tuple[Images, Labels]:
    """A fixed random part: the halves of MNIST's test set differ in difficulty."""
    chosen = np.random.default_rng(CORRUPTION_SEED).permutation(len(labels))[:count]
    return images[chosen], labels[chosen]


@dataclass(frozen=True)
class CorruptedAccuracy:
    """What networks get right of corrupted images.

    Attributes:
        table: One row per architecture, seed, corruption and strength, with the accuracy.
        shares: By architecture and corruption, at how many of its strengths above 0 each network
            reads each image, as a share [S, N]; `mean` is that over all corruptions.
    """

    table: pd.DataFrame
    shares: Mapping[str, Mapping[str, NDArray[np.float64]]]


def corrupted_accuracy(
    predict: Predict, images: Images, labels: Labels, seeds: Sequence[int]
) -> CorruptedAccuracy:
    """Show every model the same corrupted images; all conditions are predicted in one go."""
    conditions = [
        (name, strength)
        for name, corruption in CORRUPTIONS.items()
        for strength in corruption.strengths
    ]
    corrupted = np.concatenate(
        [corrupt(images, name, strength, CORRUPTION_SEED) for name, strength in conditions]
    )
    rows, shares = [], {}
    for architecture, probabilities in predict(corrupted).items():
        answers = probabilities.argmax(axis=2).reshape(len(seeds), len(conditions), len(labels))
        correct = answers == labels  # [S, conditions, N]
        accuracies = correct.mean(axis=2)  # [S, conditions]
        rows += [
            (architecture, seed, name, strength, accuracies[row, column])
            for row, seed in enumerate(seeds)
            for column, (name, strength) in enumerate(conditions)
        ]
        single = {
            kind: correct[:, [name == kind and s != 0 for name, s in conditions]].mean(axis=1)
            for kind in CORRUPTIONS
        }
        shares[architecture] = {"mean": np.mean(list(single.values()), axis=0), **single}
    return CorruptedAccuracy(pd.DataFrame(rows, columns=COLUMNS), shares)


def corruption_means(accuracies: pd.DataFrame) -> pd.DataFrame:
    """Accuracy averaged over the strengths above 0 of each corruption, and over these.

    The second weighs every corruption alike, however many strengths it has.

    Args:
        accuracies: The table of `corrupted_accuracy`.

    Returns:
        Rows of architecture, seed, corruption (`mean` first: that of all) and accuracy: the sample
        over seeds that an interval is made of.
    """
    model = ["architecture", "seed"]
    corrupted = accuracies[accuracies["strength"] != 0]
    single = _mean_by(corrupted, [*model, "corruption"])
    overall = _mean_by(single, model).assign(corruption="mean")
    return pd.concat([overall, single], ignore_index=True)


def _mean_by(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    grouped = rows.groupby(keys, as_index=False, sort=False, observed=True)
    return grouped.agg(accuracy=("accuracy", "mean"))


def robustness_record(corrupted: CorruptedAccuracy, images: int) -> RobustnessRecord:
    """Per architecture one summary per corruption (mean of its strengths) and their mean."""
    over_seeds = summarise_by(corruption_means(corrupted.table), "architecture", "corruption")
    accuracy: dict[str, dict[str, CrossedSummary]] = {
        name: {
            kind: summarise_crossed(summary.per_seed, corrupted.shares[name][kind])
            for kind, summary in summaries.items()
        }
        for name, summaries in over_seeds.items()
    }
    return RobustnessRecord(
        images=images,
        units={name: corruption.unit for name, corruption in CORRUPTIONS.items()},
        accuracy=accuracy,
    )


def summarise_by(rows: pd.DataFrame, outer: str, inner: str) -> dict[str, dict[str, Summary]]:
    """Accuracy over the seeds by the values of two columns."""
    summaries: dict[str, dict[str, Summary]] = {}
    place: Any
    for place, group in rows.groupby([outer, inner], sort=False):
        by_seed = dict(zip(group["seed"].tolist(), group["accuracy"].tolist(), strict=True))
        summaries.setdefault(place[0], {})[place[1]] = summarise(by_seed)
    return summaries
