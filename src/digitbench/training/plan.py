"""What a training stage is asked for, in the main pipeline and in a study alike."""

from dataclasses import dataclass
from pathlib import Path

from digitbench import layout
from digitbench.errors import DigitbenchError
from digitbench.params import (
    PARAMS_FILE,
    ArchitectureParams,
    RecipeParams,
    architecture_params,
    load_params,
)
from digitbench.strict_yaml import read_mapping
from digitbench.studies.params import load_study


@dataclass(frozen=True)
class Plan:
    """One architecture with its recipe; in a study several may share an architecture."""

    study: str  # empty in the main pipeline
    name: str
    architecture: str
    params: ArchitectureParams
    recipe: RecipeParams
    processed: Path  # folder of the training images


def load_plan(name: str, path: Path = PARAMS_FILE) -> Plan:
    """The plan of that name: a variant in the folder of a study, an architecture elsewhere.

    Raises:
        DigitbenchError: The parameters are wrong, or there is nothing of that name.
    """
    if "variants" not in read_mapping(path):
        params = load_params(path)
        section = architecture_params(params, name)
        return Plan("", name, name, section, params, layout.PROCESSED)
    study = load_study(path)
    if name not in study.variants:
        raise DigitbenchError(
            f"{path}: {name!r} is not a variant of this study; "
            f"known are {', '.join(study.variants)}."
        )
    variant = study.variants[name]
    return Plan(
        path.resolve().parent.name,
        name,
        variant.architecture,
        variant.model,
        variant,
        study.processed,
    )
