"""Groups of trained networks that are shown the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitbench.data.arrays import PixelStatistics
from digitbench.evaluation.predict import predict_all
from digitbench.evaluation.trained import TrainedModel


@dataclass(frozen=True)
class NetworkGroup:
    """Replicates of one recipe, and the statistics of the pixels that they were trained on."""

    models: Sequence[TrainedModel]
    statistics: PixelStatistics

    @property
    def seeds(self) -> list[int]:
        """In the order of the replicates."""
        return [model.seed for model in self.models]


def predict_groups(
    groups: Mapping[str, NetworkGroup], images: NDArray[np.uint8], batch_size: int
) -> dict[str, NDArray[np.float32]]:
    """Probabilities [S, N, 10] of images [N, 28, 28] per group, S of its own."""
    stacks: dict[str, NDArray[np.float32]] = {}
    for name, group in groups.items():
        stacks |= predict_all({name: group.models}, images, group.statistics, batch_size)
    return stacks
