"""What a variant scores, by three protocols: the test set, the validation part, and pooling.

- test: the weights that training kept, on MNIST's test set.
- validation: the same weights on the images held out of training.
- pooled: the validation confusion matrices of all epochs added up, and precision, recall and F1
  taken from the sum, as the public code of `nguyen2026` does. An average over a network that is
  still learning.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.evaluation.probability import macro_auc
from digitbench.evaluation.scores import (
    Scores,
    score_replicates,
    scores_of_confusion,
    summarise_scores,
)
from digitbench.results.plot_data import CURVES, read_table
from digitbench.results.records import MOST_IMAGES, TEST, Assessment, Confusion, Epochs, ModelRecord
from digitbench.statistics.summary import Summary, summarise
from digitbench.training.data import CLASSES
from digitbench.training.model import build_model, count_parameters
from digitbench.training.recipe import Plan
from digitbench.training.trainer import best_epoch


def assess(
    plan: Plan,
    probabilities: NDArray[np.float32],
    labels: NDArray[np.uint8],
    confusions: Mapping[int, NDArray[np.int64]],
    losses: Mapping[int, Sequence[float]],
) -> ModelRecord:
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
    test = _assessment(on_test, macro_auc=summarise(areas))
    return ModelRecord(
        architecture=plan.architecture,
        parameters=count_parameters(build_model(plan.architecture, plan.params)),
        seeds=seeds,
        epochs=Epochs(run={seed: len(losses[seed]) for seed in seeds}, kept=kept),
        protocols={TEST: test, "validation": _assessment(last), "pooled": _assessment(pooled)},
    )


def kept_epoch(losses: Sequence[float], patience: int) -> int:
    """The epoch, counted from 1, whose weights training kept."""
    return best_epoch(losses) if patience else len(losses)


def _assessment(scores: Mapping[int, Scores], **further: Summary) -> Assessment:
    counts = {seed: item.confusion.tolist() for seed, item in scores.items()}
    return Assessment(
        images=int(next(iter(scores.values())).confusion.sum()),
        metrics={**summarise_scores(scores), **further},
        confusion=Confusion(per_seed=counts),
    )


def load_validation_losses(plan: Plan) -> dict[int, list[float]]:
    """By seed, the validation loss after each epoch.

    Raises:
        DigitbenchError: The curves can't be read, or aren't those of the plan.
    """
    path = plan.folder / files.CURVES / f"{plan.name}.csv"
    curves = read_table(path, CURVES, plan.remedy)
    losses: dict[int, list[float]] = {}
    columns = (curves[name].tolist() for name in ("seed", "epoch", "validation_loss"))
    for seed, epoch, loss in zip(*columns, strict=True):
        losses.setdefault(int(seed), []).append(float(loss))
        if len(losses[int(seed)]) != epoch:
            raise DigitbenchError(f"{path}: epochs of seed {seed} are not in order. {plan.remedy}")
    if not losses.keys() >= set(plan.recipe.seeds):
        raise DigitbenchError(f"{path}: curves of other seeds. {plan.remedy}")
    return losses


def load_confusions(
    plan: Plan, losses: Mapping[int, Sequence[float]]
) -> dict[int, NDArray[np.int64]]:
    """By seed, the validation confusion matrices after each epoch [E, 10, 10].

    Args:
        plan: The variant.
        losses: By seed, the validation loss after each epoch.

    Raises:
        DigitbenchError: They can't be read, or aren't those of the plan and the losses.
    """
    path = plan.folder / files.CONFUSIONS / f"{plan.name}.npz"
    arrays = files.read_arrays(path, plan.remedy)
    names = {f"seed-{seed}": seed for seed in losses}
    if arrays.keys() != names.keys():
        raise DigitbenchError(f"{path}: matrices of other seeds than the curves. {plan.remedy}")
    for name, array in arrays.items():
        expected = (len(losses[names[name]]), CLASSES, CLASSES)
        if array.dtype != np.int64 or array.shape != expected or array.min() < 0:
            raise DigitbenchError(
                f"{path}: {name} is not counts {list(expected)}, as the curves have epochs. "
                f"{plan.remedy}"
            )
        images = array.sum(axis=(1, 2))
        if images[0] not in range(1, MOST_IMAGES) or (images != images[0]).any():
            raise DigitbenchError(
                f"{path}: {name} counts other images in every epoch. {plan.remedy}"
            )
    return {names[name]: array for name, array in arrays.items()}
