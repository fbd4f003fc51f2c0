"""Strict, typed schema of ``params.yaml`` and its only reader.

Every stage starts here: types, ranges and names are checked, and what is wrong is said in one
sentence per key.

Schema of a study's ``params.yaml``: a recipe, and variants that may depart from it.

What a training stage is asked for, in the main pipeline and in a study alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.schema import Float, Int, Rate, Section, Seed, Width, check, read_mapping

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


class SplitParams(Section):
    """Stage ``split``: which training images are held out, and how pixels are scaled."""

    method: Literal["stratified", "random"] = Field(description="stratified or random")
    validation_share: Float = Field(ge=0.01, le=0.9, description="a share from 0.01 to 0.9")
    seed: Seed = Field(description="a whole number from 0 to 4,294,967,295")
    pixels: Literal["unit", "standardised"] = Field(description="unit or standardised")


class VariantParams(RecipeParams):
    """One architecture of a study, with the study's recipe where it has no other."""

    mlp: MlpParams | None = Field(None, description="a section with the keys of the MLP")
    cnn: CnnParams | None = Field(None, description="a section with the keys of the CNN")
    rnn: RnnParams | None = Field(None, description="a section with the keys of the RNN")
    lstm: LstmParams | None = Field(None, description="a section with the keys of the LSTM")

    @model_validator(mode="after")
    def _one_architecture(self) -> "VariantParams":
        if len(self._sections()) != 1:
            raise ValueError("not one architecture")
        return self

    def _sections(self) -> dict[str, ArchitectureParams]:
        sections = {name: getattr(self, name) for name in ARCHITECTURES}
        return {name: section for name, section in sections.items() if section is not None}

    @property
    def architecture(self) -> str:
        """Its name."""
        return next(iter(self._sections()))

    @property
    def model(self) -> ArchitectureParams:
        """Its section."""
        return next(iter(self._sections().values()))


class StudyParams(RecipeParams):
    """The whole file of a study."""

    # Where the main pipeline keeps the processed arrays, seen from the study's folder.
    processed: Path = Field(description="the folder of the processed arrays")
    split: SplitParams = Field(description="a section with the keys of the stage")
    variants: dict[str, VariantParams] = Field(
        min_length=1,
        description=f"names, each with one section out of {', '.join(ARCHITECTURES)} and the keys "
        "of the recipe in which it departs from the study",
    )

    @model_validator(mode="before")
    @classmethod
    def _hand_down_the_recipe(cls, content: Any) -> Any:
        if not isinstance(content, Mapping) or not isinstance(content.get("variants"), Mapping):
            return content
        recipe = {key: content[key] for key in RecipeParams.model_fields if key in content}
        variants = {
            name: {**recipe, **variant} if isinstance(variant, Mapping) else variant
            for name, variant in content["variants"].items()
        }
        return {**content, "variants": variants}


def load_study(path: Path) -> StudyParams:
    """Read and check the parameters of a study.

    Raises:
        DigitbenchError: The file can't be read, or a key is wrong; the text says which and how.
    """
    return check(read_mapping(path), StudyParams, path)


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
        return Plan("", name, name, section, params, files.PROCESSED)
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
