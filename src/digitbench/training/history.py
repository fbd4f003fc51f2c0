"""What training leaves on paper: curves, which repeat to the byte, and timings, which don't."""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitbench.training.replicates import Replicate
from digitbench.training.trainer import CLASSES

CURVE_COLUMNS = (
    "seed",
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
)


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


def timing(
    replicates: Sequence[Replicate],
    jobs: int,
    stage_seconds: float,
    precision: str,
    environment: Mapping[str, str],
) -> dict[str, Any]:
    """Median seconds per epoch, of all and of each seed; seconds of the stage; where and how."""
    seconds = {r.seed: median(epoch.seconds for epoch in r.history) for r in replicates}
    every = [epoch.seconds for r in replicates for epoch in r.history]
    return {
        "seconds_per_epoch": {
            "median": round(median(every), 3),
            "per_seed": {str(seed): round(value, 3) for seed, value in seconds.items()},
        },
        "stage_seconds": round(stage_seconds, 1),
        "replicates_at_once": jobs,
        "precision": precision,
        "environment": dict(environment),
    }
