"""Strict, typed schema of ``params.yaml`` and its only reader.

Every stage starts here: types, ranges and names are checked, and what is wrong is said in one
sentence per key.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from digitbench.errors import DigitbenchError
from digitbench.schema import Float, Int, Rate, Section, Seed, Width, check
from digitbench.strict_yaml import read_mapping

PARAMS_FILE = Path("params.yaml")


class ArchitectureParams(Section):
    """What distinguishes one architecture; the recipe is shared."""


class MlpParams(ArchitectureParams):
    """Multilayer perceptron."""

    hidden: tuple[Width, ...] = Field(
        min_length=1, max_length=16, description="a list of 1 to 16 widths, each from 1 to 65,536"
    )
    dropout_hidden: Rate = Field(description="a probability from 0 to below 1")
    dropout: Rate = Field(description="a probability from 0 to below 1")


class CnnParams(ArchitectureParams):
    """Convolutional network; two poolings at least 7x7 maps, so at most four blocks fit 28x28."""

    channels: tuple[Width, ...] = Field(
        min_length=1, max_length=4, description="a list of 1 to 4 widths, each from 1 to 65,536"
    )
    hidden: Width = Field(description="a whole number from 1 to 65,536")
    dropout_maps: Rate = Field(description="a probability from 0 to below 1")
    dropout: Rate = Field(description="a probability from 0 to below 1")


class RnnParams(ArchitectureParams):
    """Plain recurrent network."""

    hidden: Width = Field(description="a whole number from 1 to 65,536")


class LstmParams(ArchitectureParams):
    """Recurrent network with long short-term memory."""

    hidden: Width = Field(description="a whole number from 1 to 65,536")


class AugmentationParams(Section):
    """Random movements of training images, drawn anew in every epoch; all 0: none.

    No flips: they change what a digit means.
    """

    rotation: Float = Field(ge=0, le=180, description="degrees from 0 to 180")
    shift: Rate = Field(description="a share of the side from 0 to below 1")
    zoom: Rate = Field(description="a share from 0 to below 1")


class RecipeParams(Section):
    """How a replicate is trained; the same for every architecture of a comparison."""

    seeds: tuple[Seed, ...] = Field(
        min_length=1,
        max_length=1_000,
        description="a list of 1 to 1,000 different whole numbers from 0 to 4,294,967,295",
    )
    epochs: Int = Field(ge=1, le=1_000, description="a whole number from 1 to 1,000")
    batch_size: Int = Field(ge=1, le=60_000, description="a whole number from 1 to 60,000")
    learning_rate: Float = Field(gt=0, le=1, description="a number above 0 and at most 1")
    adam_epsilon: Float = Field(gt=0, le=1, description="a number above 0 and at most 1")
    patience: Int = Field(ge=0, le=1_000, description="a whole number from 0 to 1,000")
    initialisation: Literal["he", "torch", "keras"] = Field(description="he, torch or keras")
    augmentation: AugmentationParams = Field(
        description="a section with the keys rotation, shift and zoom"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        description="auto, float32 or bfloat16"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto, cpu or cuda")

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed stands twice")
        return seeds


class DownloadParams(Section):
    """Stage ``download``."""

    timeout_seconds: Float = Field(gt=0, le=600, description="seconds, above 0 and at most 600")


class PreprocessParams(Section):
    """Stage ``preprocess``."""

    split_seed: Seed = Field(description="a whole number from 0 to 4,294,967,295")
    samples_per_class: Int = Field(ge=1, le=50, description="a whole number from 1 to 50")


class EvaluateParams(Section):
    """Stage ``evaluate``."""

    batch_size: Int = Field(ge=1, le=10_000, description="a whole number from 1 to 10,000")
    confused_pairs: Int = Field(ge=1, le=90, description="a whole number from 1 to 90")
    robustness_images: Int = Field(
        ge=100, le=10_000, description="a whole number from 100 to 10,000"
    )
    domains: tuple[Literal["optical", "usps"], ...] = Field(
        min_length=1, description="a list of different names out of optical and usps"
    )

    @field_validator("domains")
    @classmethod
    def _domains_differ(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(domains)) < len(domains):
            raise ValueError("a domain stands twice")
        return domains


class ReportParams(Section):
    """Stage ``report``."""

    title: str = Field(min_length=1, max_length=200, description="a text of 1 to 200 characters")


class Params(RecipeParams):
    """The whole file of the main pipeline."""

    validation_share: Float = Field(ge=0.01, le=0.9, description="a share from 0.01 to 0.9")
    mlp: MlpParams = Field(description="a section with the keys of the MLP")
    cnn: CnnParams = Field(description="a section with the keys of the CNN")
    rnn: RnnParams = Field(description="a section with the keys of the RNN")
    lstm: LstmParams = Field(description="a section with the keys of the LSTM")
    download: DownloadParams = Field(description="a section with the keys of the stage")
    preprocess: PreprocessParams = Field(description="a section with the keys of the stage")
    evaluate: EvaluateParams = Field(description="a section with the keys of the stage")
    report: ReportParams = Field(description="a section with the keys of the stage")


ARCHITECTURES: tuple[str, ...] = tuple(
    name
    for name, field in Params.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, ArchitectureParams)
)


def architecture_params(params: Params, architecture: str) -> ArchitectureParams:
    """The section of one architecture.

    Raises:
        DigitbenchError: There is no such architecture.
    """
    if architecture not in ARCHITECTURES:
        raise DigitbenchError(
            f"{architecture!r} is not an architecture; known are {', '.join(ARCHITECTURES)}."
        )
    section: ArchitectureParams = getattr(params, architecture)
    return section


def load_params(path: Path = PARAMS_FILE) -> Params:
    """Read and check the parameters.

    Raises:
        DigitbenchError: The file can't be read, or a key is unknown, missing or has a value that
            is not allowed; the text names file, key, value and what is allowed.
    """
    return check(read_mapping(path), Params, path)
