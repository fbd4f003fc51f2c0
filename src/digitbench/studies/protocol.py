"""What a variant scores, by three protocols: the test set, the validation part, and pooling.

- test: the weights that training kept, on MNIST's test set.
- validation: the same weights on the images held out of training.
- pooled: the validation confusion matrices of all epochs added up, and precision, recall and F1
  taken from the sum, as the public code of `nguyen2026` does. An average over a network that is
  still learning.

The trained replicates of a study's variants, and how their training went.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitbench import files
from digitbench.evaluation.probability import macro_auc
from digitbench.evaluation.scores import (
    Scores,
    score_replicates,
    scores_of_confusion,
    summarise_scores,
)
from digitbench.statistics.summary import SummaryDict as Summary
from digitbench.statistics.summary import summarise
from digitbench.training.model import build_model, count_parameters
from digitbench.training.recipe import Plan
from digitbench.training.trainer import best_epoch


def assess(
    plan: Plan,
    probabilities: NDArray[np.float32],
    labels: NDArray[np.uint8],
    confusions: Mapping[int, NDArray[np.int64]],
    losses: Mapping[int, Sequence[float]],
) -> dict[str, Any]:
    """The record of one variant: fractions of 1, counts per seed.

    Args:
        plan: The variant.
        probabilities: On the test set, [S, N, 10].
        labels: Of the test set, [N].
        confusions: By seed, on the validation part after each epoch, [E, 10, 10].
        losses: By seed, the validation loss after each epoch.
    """
    seeds = plan.recipe.seeds
    kept = {seed: kept_epoch(losses[seed], plan.recipe.patience) for seed in seeds}
    on_test = score_replicates(plan.name, probabilities, labels, seeds)
    areas = {seed: macro_auc(row, labels) for seed, row in zip(seeds, probabilities, strict=True)}
    last = {seed: scores_of_confusion(confusions[seed][kept[seed] - 1]) for seed in seeds}
    pooled = {seed: scores_of_confusion(confusions[seed].sum(axis=0)) for seed in seeds}
    return {
        "architecture": plan.architecture,
        "parameters": count_parameters(build_model(plan.architecture, plan.params)),
        "seeds": list(seeds),
        "epochs": {
            "run": {str(seed): len(losses[seed]) for seed in seeds},
            "kept": {str(seed): kept[seed] for seed in seeds},
        },
        "protocols": {
            "test": _protocol(on_test, macro_auc=summarise(areas)),
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


def load_validation_losses(plan: Plan) -> dict[int, list[float]]:
    """By seed, the validation loss after each epoch."""
    curves = files.read_csv(plan.folder / files.CURVES / f"{plan.name}.csv", plan.remedy)
    return {
        int(str(seed)): group.sort_values("epoch")["validation_loss"].tolist()
        for seed, group in curves.groupby("seed")
    }


def load_confusions(plan: Plan) -> dict[int, NDArray[np.int64]]:
    """By seed, the validation confusion matrices after each epoch [E, 10, 10]."""
    path = plan.folder / files.CONFUSIONS / f"{plan.name}.npz"
    arrays = files.read_arrays(path, plan.remedy)
    return {int(key.removeprefix("seed-")): array for key, array in arrays.items()}
