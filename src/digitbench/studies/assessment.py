"""What a variant scores, by three protocols: the test set, the validation part, and pooling.

- test: the weights that training kept, on MNIST's test set.
- validation: the same weights on the images held out of training.
- pooled: the validation confusion matrices of all epochs added up, and precision, recall and F1
  taken from the sum, as the public code of `nguyen2026` does. An average over a network that is
  still learning.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitbench.evaluation.classification import (
    Scores,
    score_replicates,
    scores_of_confusion,
    summarise_scores,
)
from digitbench.evaluation.roc import macro_auc
from digitbench.evaluation.summary import Summary, summarise
from digitbench.models import build_model, count_parameters
from digitbench.studies.params import VariantParams
from digitbench.training.trainer import best_epoch


def assess(
    name: str,
    variant: VariantParams,
    probabilities: NDArray[np.float32],
    labels: NDArray[np.uint8],
    confusions: Mapping[int, NDArray[np.int64]],
    losses: Mapping[int, Sequence[float]],
) -> dict[str, Any]:
    """The record of one variant: fractions of 1, counts per seed.

    Args:
        name: The variant.
        variant: Its settings.
        probabilities: On the test set, [S, N, 10].
        labels: Of the test set, [N].
        confusions: By seed, on the validation part after each epoch, [E, 10, 10].
        losses: By seed, the validation loss after each epoch.
    """
    seeds = variant.seeds
    kept = {seed: kept_epoch(losses[seed], variant.patience) for seed in seeds}
    areas = {seed: macro_auc(row, labels) for seed, row in zip(seeds, probabilities, strict=True)}
    last = {seed: scores_of_confusion(confusions[seed][kept[seed] - 1]) for seed in seeds}
    pooled = {seed: scores_of_confusion(confusions[seed].sum(axis=0)) for seed in seeds}
    return {
        "architecture": variant.architecture,
        "parameters": count_parameters(build_model(variant.architecture, variant.model)),
        "seeds": list(seeds),
        "epochs": {
            "run": {str(seed): len(losses[seed]) for seed in seeds},
            "kept": {str(seed): kept[seed] for seed in seeds},
        },
        "protocols": {
            "test": _protocol(
                score_replicates(name, probabilities, labels, seeds), macro_auc=summarise(areas)
            ),
            "validation": _protocol(last),
            "pooled": _protocol(pooled),
        },
    }


def kept_epoch(losses: Sequence[float], patience: int) -> int:
    """The epoch, counted from 1, whose weights training kept."""
    return best_epoch(losses) if patience else len(losses)


def _protocol(scores: Mapping[int, Scores], **further: Summary) -> dict[str, Any]:
    return {
        "images": int(next(iter(scores.values())).confusion.sum()),
        "metrics": {**summarise_scores(scores), **further},
        "confusion": {str(seed): item.confusion.tolist() for seed, item in scores.items()},
    }
