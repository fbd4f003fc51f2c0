"""Accuracy on new domains: handwritten digits of other origins in the 28 x 28 field of MNIST.

How small digits are brought to 28 x 28 decides much of a model's accuracy on them, so the mapping
is a factor of the study rather than a detail of loading.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch.nn import functional

from digitbench.download.digits import DOMAINS
from digitbench.errors import DigitbenchError
from digitbench.evaluation.corruptions import Images, Predict
from digitbench.evaluation.scores import Labels
from digitbench.results.records import DomainAccuracy, DomainsRecord
from digitbench.statistics.summary import Summary, summarise

FIELD = 28  # pixels, side of an MNIST image
BOX = 20  # pixels, side of the box that holds the digit in MNIST
WHITE = 255

GreyImages = NDArray[np.uint8] | NDArray[np.floating]  # [N, h, w], 0..255, white on black


def _resize(images: GreyImages, side: int) -> Images:
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
    rounded: Images = resized[:, 0].round().clamp(0, WHITE).to(torch.uint8).numpy()
    return rounded


def stretch(images: GreyImages) -> Images:
    """Resize [N, h, w] to the whole field, so that the digit touches the border unlike in MNIST.

    Raises:
        DigitbenchError: The images are not [N, h, w] or not within 0..255.
    """
    return _resize(images, FIELD)


def box20(images: GreyImages) -> Images:
    """Resize to 20 x 20 and surround with 4 black pixels, after the manner of MNIST.

    MNIST's digits were fitted into a 20 x 20 box and then centred by their centre of mass (LeCun
    et al. 1998, section III-A). Here the box itself is centred: the digits of the new domains
    already fill their images, and nothing is estimated from the pixels.

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


MAPPINGS: dict[str, Callable[[GreyImages], Images]] = {"stretch": stretch, "box": box20}


def load_domains(names: Sequence[str], folder: Path) -> dict[str, tuple[Images, Labels]]:
    """Native images and labels by the full name of the domain, its variant included.

    Raises:
        DigitbenchError: The stage `download` didn't leave a domain in the folder.
    """
    return {DOMAINS[key].name: DOMAINS[key].load(folder) for key in names}


def domain_results(
    predict: Predict, domains: Mapping[str, tuple[Images, Labels]], seeds: Sequence[int]
) -> tuple[DomainsRecord, pd.DataFrame]:
    """Accuracy on each domain under each mapping to 28 x 28.

    Returns:
        The record, and a table with the confusion counts (summed over seeds) behind it.
    """
    record: dict[str, DomainAccuracy] = {}
    counts = []
    for domain, (images, labels) in domains.items():
        accuracy: dict[str, dict[str, Summary]] = {}
        for mapping, resize in MAPPINGS.items():
            answers = {name: p.argmax(axis=2) for name, p in predict(resize(images)).items()}
            accuracy[mapping] = {
                name: summarise(
                    dict(zip(seeds, (given == labels).mean(axis=1).tolist(), strict=True))
                )
                for name, given in answers.items()
            }
            counts += [_confusion(a, labels, domain, mapping, name) for name, a in answers.items()]
        record[domain] = DomainAccuracy(images=len(labels), accuracy=accuracy)
    return DomainsRecord(domains=record), pd.concat(counts, ignore_index=True)


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
