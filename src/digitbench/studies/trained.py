"""The trained replicates of a study's variants, and how their training went."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digitbench import layout
from digitbench.errors import DigitbenchError
from digitbench.evaluation.trained import TrainedModel, load_replicate
from digitbench.params import PARAMS_FILE
from digitbench.studies.params import load_study


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
            name, variant.architecture, variant.model, seed, folder / layout.model_file(name, seed)
        )
        for seed in variant.seeds
    ]


def load_validation_losses(name: str) -> dict[int, list[float]]:
    """By seed, the validation loss after each epoch, of the study in the working directory."""
    path = layout.CURVES / f"{name}.csv"
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
    path = layout.CONFUSIONS / f"{name}.npz"
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
