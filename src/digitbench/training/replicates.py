"""What one architecture is trained with, and what its replicates leave."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitbench.training.data import CLASSES, TrainingData
from digitbench.training.recipe import Plan
from digitbench.training.trainer import Epoch

CURVE_COLUMNS = (
    "seed",
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
)


@dataclass(frozen=True)
class Job(Plan):
    """A plan with its data; the recipe is resolved."""

    data: TrainingData


def account(job: Job) -> dict[str, Any]:
    """What the replicates of a job learn with and from, nothing left to be chosen here."""
    return {
        "schema": 1,
        "architecture": job.architecture,
        "network": job.params.model_dump(mode="json"),
        "recipe": job.recipe.model_dump(mode="json"),
        "data": {
            "sha256": job.data.sha256,
            "train_images": len(job.data.train_index),
            "validation_images": len(job.data.validation_index),
        },
    }


@dataclass(frozen=True)
class Replicate:
    """A finished training."""

    seed: int
    weights: bytes  # safetensors
    history: tuple[Epoch, ...]


def curve_rows(replicates: Sequence[Replicate]) -> Iterator[tuple[float, ...]]:
    """One row per seed and epoch, in the order of CURVE_COLUMNS."""
    for replicate in replicates:
        for epoch in replicate.history:
            yield tuple(getattr(epoch, column) for column in CURVE_COLUMNS)


def confusions(replicates: Sequence[Replicate]) -> dict[str, NDArray[np.int64]]:
    """By seed, the confusion matrices of the validation part after every epoch [E, 10, 10]."""
    return {
        f"seed-{replicate.seed}": np.array(
            [epoch.validation_confusion for epoch in replicate.history], dtype=np.int64
        ).reshape(len(replicate.history), CLASSES, CLASSES)
        for replicate in replicates
    }
