"""Which replicate stands for its architecture in the registry, and what a version says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from digitbench import layout
from digitbench.data.arrays import PixelStatistics
from digitbench.evaluation.choice import best_on_validation, load_curves
from digitbench.evaluation.classification import Scores
from digitbench.evaluation.trained import TrainedModel

_EXAMPLES = 2


@dataclass(frozen=True)
class Candidate:
    """One replicate, and the results of its architecture."""

    model: TrainedModel
    statistics: PixelStatistics
    validation_accuracy: float
    accuracy: Mapping[int, float]  # on the test set, by seed, of every replicate
    images: NDArray[np.uint8]  # the test set, [N, 28, 28]

    @property
    def example(self) -> NDArray[np.float32]:
        """Images [2, 28, 28] as one would send them."""
        return np.array(self.images[:_EXAMPLES], dtype=np.float32)


def nominate(
    trained: Mapping[str, Sequence[TrainedModel]],
    scores: Mapping[str, Mapping[int, Scores]],
    statistics: PixelStatistics,
    images: NDArray[np.uint8],
) -> list[Candidate]:
    """One candidate per architecture, by the curves that training left.

    Raises:
        DigitbenchError: Curves can't be read; the text names the stage to run again.
    """
    found = []
    for name, models in trained.items():
        by_seed = {model.seed: model for model in models}
        choice = best_on_validation(load_curves(layout.CURVES / f"{name}.csv", by_seed.keys()))
        accuracy = {seed: item.headline["accuracy"] for seed, item in scores[name].items()}
        model, validation = by_seed[choice.seed], choice.validation_accuracy
        found.append(Candidate(model, statistics, validation, accuracy, images))
    return found
