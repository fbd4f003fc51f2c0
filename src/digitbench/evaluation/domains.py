"""New domains: handwritten digits of other origins, brought to the 28 x 28 field of MNIST.

How small digits are brought to 28 x 28 decides much of a model's accuracy on them, so the mapping
is a factor of the study rather than a detail of loading.

Accuracy away from clean MNIST: corrupted test images, and digits of other origin.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.nn import functional

from digitbench.download import digits
from digitbench.download.digits import VARIANT as USPS
from digitbench.download.digits import load_usps
from digitbench.errors import DigitbenchError
from digitbench.evaluation.corruptions import (
    CORRUPTIONS,
    corrupt,
    robustness_score,
    robustness_table,
)
from digitbench.statistics.summary import summarise

FIELD = 28  # pixels, side of an MNIST image
BOX = 20  # pixels, side of the box that holds the digit in MNIST
WHITE = 255

GreyImages = NDArray[np.uint8] | NDArray[np.floating]
DigitMapping = Callable[[GreyImages], NDArray[np.uint8]]


def _resize(images: GreyImages, side: int) -> NDArray[np.uint8]:
    """Resize [N, h, w] to [N, side, side] by cubic convolution (Keys 1981, a = -0.5)."""
    if images.ndim != 3:
        raise DigitbenchError(f"Images have the shape {images.shape}; give [N, height, width].")
    if images.size and not (images.min() >= 0 and images.max() <= WHITE):
        raise DigitbenchError(
            f"Images hold values from {images.min()} to {images.max()}; "
            f"scale them to grey levels 0..{WHITE}."
        )
    grey = torch.from_numpy(images.astype(np.float32))[:, None]  # [N, 1, h, w]
    # Antialiasing selects a = -0.5, as imaging libraries use; enlarging, it does nothing else.
    resized = functional.interpolate(grey, size=(side, side), mode="bicubic", antialias=True)
    # Cubic interpolation overshoots at sharp edges.
    rounded: NDArray[np.uint8] = resized[:, 0].round().clamp(0, WHITE).to(torch.uint8).numpy()
    return rounded


def stretch(images: GreyImages) -> NDArray[np.uint8]:
    """Resize to the whole field, so that the digit touches the border unlike in MNIST.

    Args:
        images: Grey levels 0..255, uint8 or float, [N, h, w].

    Returns:
        uint8 [N, 28, 28].

    Raises:
        DigitbenchError: The images are not [N, h, w] or not within 0..255.
    """
    return _resize(images, FIELD)


def box20(images: GreyImages) -> NDArray[np.uint8]:
    """Resize to 20 x 20 and surround with 4 black pixels, after the manner of MNIST.

    MNIST's digits were fitted into a 20 x 20 box and then centred by their centre of mass (LeCun
    et al. 1998, section III-A). Here the box itself is centred: the digits of the new domains
    already fill their images, and nothing is estimated from the pixels.

    Args:
        images: Grey levels 0..255, uint8 or float, square: [N, h, h].

    Returns:
        uint8 [N, 28, 28].

    Raises:
        DigitbenchError: The images are not [N, h, h] or not within 0..255.
    """
    if images.ndim == 3 and images.shape[1] != images.shape[2]:
        raise DigitbenchError(
            f"Images of {images.shape[1]} x {images.shape[2]} pixels would be distorted in the "
            f"{BOX} x {BOX} box; pad them with black to a square first."
        )
    margin = (FIELD - BOX) // 2
    return np.pad(_resize(images, BOX), ((0, 0), (margin, margin), (margin, margin)))


MAPPINGS: dict[str, DigitMapping] = {"stretch": stretch, "box": box20}


Images = NDArray[np.uint8]
Labels = NDArray[np.integer[Any]]
Predict = Callable[[Images], Mapping[str, NDArray[np.float32]]]
# Fixed: changing the training seeds must not change the corrupted images.
CORRUPTION_SEED = 0


def random_subset(images: Images, labels: Labels, count: int) -> tuple[Images, Labels]:
    """A fixed random part: the halves of MNIST's test set differ in difficulty."""
    chosen = np.random.default_rng(CORRUPTION_SEED).permutation(len(labels))[:count]
    return images[chosen], labels[chosen]


def robustness_accuracies(
    predict: Predict, images: Images, labels: Labels, seeds: Sequence[int]
) -> pd.DataFrame:
    """One row per architecture, seed, corruption and strength, with the accuracy.

    Every model sees the same corrupted images; all conditions are predicted in one go.
    """
    conditions = [
        (corruption.name, strength)
        for corruption in CORRUPTIONS.values()
        for strength in corruption.strengths
    ]
    corrupted = np.concatenate(
        [corrupt(images, name, strength, CORRUPTION_SEED) for name, strength in conditions]
    )
    rows = []
    for architecture, probabilities in predict(corrupted).items():
        answers = probabilities.argmax(axis=2).reshape(len(seeds), len(conditions), len(labels))
        accuracies = (answers == labels).mean(axis=2)  # [S, conditions]
        rows += [
            (architecture, seed, name, strength, accuracies[row, column])
            for row, seed in enumerate(seeds)
            for column, (name, strength) in enumerate(conditions)
        ]
    columns = ["architecture", "seed", "corruption", "strength", "accuracy"]
    return pd.DataFrame(rows, columns=columns)


def robustness_record(accuracies: pd.DataFrame, images: int) -> dict[str, Any]:
    """Per architecture one summary per corruption (mean of its strengths) and their mean."""
    by_corruption, overall = robustness_table(accuracies), robustness_score(accuracies)
    units = {name: corruption.unit for name, corruption in CORRUPTIONS.items()}
    record: dict[str, Any] = {"images": images, "units": units}
    for name, of_architecture in overall.groupby("architecture", sort=False):
        single = by_corruption[by_corruption["architecture"] == name]
        record[str(name)] = {
            "mean": _summary(of_architecture),
            **{str(c): _summary(rows) for c, rows in single.groupby("corruption", sort=False)},
        }
    return record


def _summary(rows: pd.DataFrame) -> Any:
    return summarise(dict(zip(rows["seed"].tolist(), rows["mean_accuracy"].tolist(), strict=True)))


def load_domains(names: Sequence[str], folder: Path) -> dict[str, tuple[Images, Labels]]:
    """Native images and labels by the full name of the domain, its variant included.

    Raises:
        DigitbenchError: The stage `download` didn't leave a domain in the folder.
    """
    loaders: dict[str, tuple[str, Callable[[Path], tuple[Images, Labels]]]] = {
        "optical": (digits.NAME, _load_optical),
        "usps": (USPS, load_usps),
    }
    return {loaders[name][0]: loaders[name][1](folder) for name in names}


def _load_optical(folder: Path) -> tuple[Images, Labels]:
    path = folder / digits.FILE
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return arrays["images"], arrays["labels"]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:
        raise DigitbenchError(
            f"{path}: cannot be read ({error}). Run `dvc repro --force --single-item download`."
        ) from None


def domain_results(
    predict: Predict,
    domains: Mapping[str, tuple[Images, Labels]],
    seeds: Sequence[int],
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Accuracy and confusion on each domain under each mapping to 28x28.

    Returns:
        A record domain -> mapping -> architecture -> summary of the accuracy, and a table with
        the confusion counts (summed over seeds) behind it.
    """
    record: dict[str, Any] = {}
    counts = []
    for domain, (images, labels) in domains.items():
        record[domain] = {"images": len(labels)}
        for mapping, bring in MAPPINGS.items():
            answers = {name: p.argmax(axis=2) for name, p in predict(bring(images)).items()}
            record[domain][mapping] = {
                name: summarise(
                    {seed: float((a[row] == labels).mean()) for row, seed in enumerate(seeds)}
                )
                for name, a in answers.items()
            }
            counts += [_confusion(a, labels, domain, mapping, name) for name, a in answers.items()]
    return record, pd.concat(counts, ignore_index=True)


def _confusion(
    answers: NDArray[np.int64], labels: Labels, domain: str, mapping: str, name: str
) -> pd.DataFrame:
    cells = np.bincount((labels * 10 + answers).ravel(), minlength=100)
    actual, predicted = np.divmod(np.arange(100), 10)
    return pd.DataFrame(
        {
            "domain": domain,
            "mapping": mapping,
            "architecture": name,
            "actual": actual,
            "predicted": predicted,
            "count": cells,
        }
    )
