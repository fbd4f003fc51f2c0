"""Trained replicates where not all need to be there."""

from dataclasses import dataclass
from pathlib import Path

from digitbench.errors import DigitbenchError
from digitbench.evaluation.trained import TrainedModel
from digitbench.layout import model_file
from digitbench.params import ARCHITECTURES, Params, architecture_params


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
    for name in ARCHITECTURES:
        section = architecture_params(params, name)
        for seed in params.seeds:
            path = model_file(name, seed)
            try:
                weights = path.read_bytes()
            except FileNotFoundError:
                missing.append(path)
            except OSError as error:
                raise DigitbenchError(f"{path}: cannot be read ({error.strerror}).") from None
            else:
                models.setdefault(name, []).append(TrainedModel(name, section, seed, path, weights))
    if not models:
        raise DigitbenchError(
            f"No trained model is there ({missing[0]} and {len(missing) - 1} more are missing). "
            "Train with `dvc repro`, or fetch what was trained with `dvc pull`."
        )
    return Available(models, tuple(missing))
