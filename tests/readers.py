"""Stand-ins for trained networks: answers that depend on every pixel and on who gives them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digitbench.evaluation.corruptions import CorruptedAccuracy, Predict, corruption_means

Digits = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # images [N, 28, 28] and labels [N]
Stacks = dict[str, NDArray[np.float32]]  # by name [S, N, 10]
EYE = np.eye(10, dtype=np.float32)


def reading(images: NDArray[np.uint8], name: str, seed: int) -> NDArray[np.int64]:
    """The answers of one network, [N]."""
    weights = np.random.default_rng([seed, *name.encode()]).integers(1, 99, (28, 28))
    answers: NDArray[np.int64] = (images.astype(np.int64) * weights).sum(axis=(1, 2)) % 10
    return answers


def readers(seeds: Mapping[str, Sequence[int]]) -> Predict:
    """Networks of every name, one per seed, sure of their answers."""
    return lambda images: {
        name: np.stack([EYE[reading(images, name, seed)] for seed in own])
        for name, own in seeds.items()
    }


def probabilities(
    replicates: int, labels: NDArray[Any], sharpness: float, *seed: int
) -> NDArray[np.float32]:
    """[replicates, N, 10], the better the sharper."""
    draw = np.random.default_rng(seed)
    odds = np.exp(draw.normal(size=(replicates, len(labels), 10)) + sharpness * EYE[labels])
    share: NDArray[np.float32] = (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32)
    return share


def corrupted(table: pd.DataFrame, images: int = 10) -> CorruptedAccuracy:
    """Accuracies given as a table, every image being read as often as their mean says."""
    shares: dict[str, dict[str, NDArray[np.float64]]] = {}
    for (name, kind), rows in corruption_means(table).groupby(["architecture", "corruption"]):
        shares.setdefault(name, {})[kind] = np.outer(rows["accuracy"], np.ones(images))
    return CorruptedAccuracy(table, shares)
