"""Trained replicates as they are found on disk, and their class probabilities of images."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import joblib
import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from digitbench.errors import DigitbenchError
from digitbench.files import TRAININGS, model_file, read_bytes
from digitbench.params import Params, main_plans
from digitbench.results.records import TrainingRecord
from digitbench.schema import Section, check
from digitbench.training.data import PixelStatistics
from digitbench.training.model import load_weights
from digitbench.training.pixels import standardise
from digitbench.training.recipe import Plan, Recipe


@dataclass(frozen=True)
class TrainedModel:
    """Weights of one replicate and what is needed to use them."""

    architecture: str
    params: Section
    seed: int
    path: Path
    weights: bytes  # safetensors

    @property
    def sha256(self) -> str:
        """Hash of the weights' file, by which runs and registered versions are found."""
        return hashlib.sha256(self.weights).hexdigest()


def as_trained(plan: Plan) -> Plan:
    """The plan with the network and the recipe that its models were trained with.

    They are others than those of the parameters where a training is frozen. Seeds stay those asked
    for.

    Raises:
        DigitbenchError: The record of the training is missing, or no network of this code.
    """
    path = plan.folder / TRAININGS / f"{plan.name}.json"
    record = TrainingRecord.parse(read_bytes(path, plan.remedy), str(path))
    used = record.recipe.model_dump() | {"seeds": plan.recipe.seeds}
    network = check(record.network, type(plan.params), path)
    return replace(plan, params=network, recipe=check(used, Recipe, path))


def load_models(plan: Plan) -> list[TrainedModel]:
    """One model per seed of a plan, in the order of the seeds.

    Raises:
        DigitbenchError: A file is missing or damaged, or holds other than finite float32; the text
            names it and the stage to run again.
    """
    return [_load(plan, seed, path) for seed, path in _paths(plan).items()]


def _paths(plan: Plan) -> dict[int, Path]:
    return {seed: plan.folder / model_file(plan.name, seed) for seed in plan.recipe.seeds}


def _load(plan: Plan, seed: int, path: Path) -> TrainedModel:
    weights = read_bytes(path, plan.remedy)
    if problem := _unusable(weights):
        raise DigitbenchError(f"{path}: cannot be used ({problem}). {plan.remedy}")
    return TrainedModel(plan.architecture, plan.params, seed, path, weights)


def _unusable(weights: bytes) -> str:
    """Why a network would take them and answer nonsense; empty if it wouldn't."""
    try:
        tensors = safetensors.torch.load(weights)
    except Exception as error:  # a library's own kinds, and whatever a header makes it raise
        return f"not whole: {str(error).partition(chr(10))[0] or type(error).__name__}"
    for name, tensor in tensors.items():
        # Loading them into a network would turn other numbers into these without a word.
        if tensor.dtype != torch.float32:
            return f"{name} holds {tensor.dtype} in place of torch.float32"
        if not tensor.isfinite().all():
            return f"{name} holds what is no number (NaN) or endless"
    return ""


@dataclass(frozen=True)
class Available:
    """What `params.yaml` names, as far as it was trained."""

    models: dict[str, list[TrainedModel]]  # by architecture, none of them empty, by seed
    missing: tuple[Path, ...]


def load_available(params: Params) -> Available:
    """The models that are there, architectures and seeds in the order of the parameters.

    Raises:
        DigitbenchError: None is there, or one that is there cannot be read.
    """
    models: dict[str, list[TrainedModel]] = {}
    missing: list[Path] = []
    for name, plan in main_plans(params).items():
        for seed, path in _paths(plan).items():
            if path.exists():
                models.setdefault(name, []).append(_load(plan, seed, path))
            else:
                missing.append(path)
    if not models:
        raise DigitbenchError(
            f"No trained model is there ({missing[0]} and {len(missing) - 1} more are missing). "
            "Train with `dvc repro`, or fetch what was trained with `dvc pull`."
        )
    return Available(models, tuple(missing))


def predict_all(
    trained: Mapping[str, Sequence[TrainedModel]],
    images: NDArray[np.uint8],
    statistics: PixelStatistics,
    batch_size: int,
) -> dict[str, NDArray[np.float32]]:
    """Probabilities [S, N, 10] per architecture, replicates in the given order.

    Threads, not processes: torch lets go of the interpreter while it computes.
    """
    models = [model for replicates in trained.values() for model in replicates]
    rows = iter(
        joblib.Parallel(n_jobs=min(len(models), joblib.cpu_count()), backend="threading")(
            joblib.delayed(_predict)(model, images, statistics, batch_size) for model in models
        )
    )
    return {name: np.stack([next(rows) for _ in group]) for name, group in trained.items()}


@torch.no_grad()
def _predict(
    model: TrainedModel, images: NDArray[np.uint8], statistics: PixelStatistics, batch_size: int
) -> NDArray[np.float32]:
    """Probabilities [N, 10] of bytes [N, 28, 28], in float32 on one thread of the CPU.

    Always the same device and arithmetic, whatever the model was trained with: an architecture
    must not win because it was measured elsewhere.
    """
    torch.set_num_threads(1)
    network = load_weights(model.architecture, model.params, model.weights, str(model.path))
    batches = torch.split(torch.from_numpy(np.array(images)), batch_size)
    logits = [network(standardise(batch, statistics)) for batch in batches]
    probabilities: NDArray[np.float32] = torch.cat(logits).softmax(dim=1).numpy()
    # Weights may be numbers, and yet so large that what they add up to is none.
    if not np.isfinite(probabilities).all():
        raise DigitbenchError(
            f"{model.path}: the answers of this network are no numbers. Run `dvc repro --force "
            f"--single-item train_{model.architecture}`."
        )
    return probabilities
