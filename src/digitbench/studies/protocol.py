"""What a variant scores, by three protocols: the test set, the validation part, and pooling.

- test: the weights that training kept, on MNIST's test set.
- validation: the same weights on the images held out of training.
- pooled: the validation confusion matrices of all epochs added up, and precision, recall and F1
  taken from the sum, as the public code of `nguyen2026` does. An average over a network that is
  still learning.

The trained replicates of a study's variants, and how their training went.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import TrainedModel, load_replicate
from digitbench.evaluation.probability import macro_auc
from digitbench.evaluation.scores import (
    Scores,
    score_replicates,
    scores_of_confusion,
    summarise_scores,
)
from digitbench.params import PARAMS_FILE, VariantParams, load_study
from digitbench.statistics.summary import SummaryDict as Summary
from digitbench.statistics.summary import summarise
from digitbench.training.model import build_model, count_parameters
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


def load_variant(folder: Path, name: str) -> list[TrainedModel]:
    """One model per seed of a variant of the study in a folder.

    Raises:
        DigitbenchError: There is no such variant, or a file is missing.
    """
    study = load_study(folder / PARAMS_FILE)
    if name not in study.variants:
        raise DigitbenchError(
            f"{folder / PARAMS_FILE}: {name!r} is not a variant of this study; "
            f"known are {', '.join(study.variants)}."
        )
    variant = study.variants[name]
    return [
        load_replicate(
            name, variant.architecture, variant.model, seed, folder / files.model_file(name, seed)
        )
        for seed in variant.seeds
    ]


def load_validation_losses(name: str) -> dict[int, list[float]]:
    """By seed, the validation loss after each epoch, of the study in the working directory."""
    path = files.CURVES / f"{name}.csv"
    try:
        curves = pd.read_csv(path, float_precision="round_trip")
    except OSError as error:
        raise _missing(path, name, error) from None
    return {
        int(str(seed)): group.sort_values("epoch")["validation_loss"].tolist()
        for seed, group in curves.groupby("seed")
    }


def load_confusions(name: str) -> dict[int, NDArray[np.int64]]:
    """By seed, the validation confusion matrices after each epoch [E, 10, 10]."""
    path = files.CONFUSIONS / f"{name}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {int(key.removeprefix("seed-")): arrays[key] for key in arrays.files}
    except OSError as error:
        raise _missing(path, name, error) from None


def _missing(path: Path, name: str, error: OSError) -> DigitbenchError:
    return DigitbenchError(
        f"{path}: cannot be read ({error.strerror}). "
        f"Run `dvc repro --force --single-item train_{name}` in the study's folder."
    )
