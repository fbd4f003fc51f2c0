"""The trained replicates as evaluation finds them on disk."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from digitbench.errors import DigitbenchError
from digitbench.layout import model_file
from digitbench.params import ARCHITECTURES, ArchitectureParams, Params, architecture_params


@dataclass(frozen=True)
class TrainedModel:
    """Weights of one replicate and what is needed to use them."""

    architecture: str
    params: ArchitectureParams
    seed: int
    path: Path
    weights: bytes  # safetensors

    @property
    def sha256(self) -> str:
        """Hash of the weights' file, by which runs and registered versions are found."""
        return hashlib.sha256(self.weights).hexdigest()


def load_trained(params: Params) -> dict[str, list[TrainedModel]]:
    """Per architecture one model per seed, in the order of the seeds.

    Raises:
        DigitbenchError: A file is missing; the text names it and the stage to run again.
    """
    return {
        name: [
            load_replicate(
                name, name, architecture_params(params, name), seed, model_file(name, seed)
            )
            for seed in params.seeds
        ]
        for name in ARCHITECTURES
    }


def load_replicate(
    name: str, architecture: str, params: ArchitectureParams, seed: int, path: Path
) -> TrainedModel:
    """One model of what the training stage of that name wrote.

    Raises:
        DigitbenchError: The file is missing; the text names it and the stage to run again.
    """
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise DigitbenchError(
            f"{path}: the model of seed {seed} cannot be read ({error.strerror}). "
            f"Run `dvc repro --force --single-item train_{name}`."
        ) from None
    return TrainedModel(architecture, params, seed, path, weights)
