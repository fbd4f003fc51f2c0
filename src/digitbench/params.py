"""Strict, typed schema of ``params.yaml`` and its only reader.

DVC hands over whatever ``-S key=value`` says (``epochs=abc`` is accepted, ``epochs=1e1`` becomes
``10.0``), and PyYAML reads ``1e-3`` as a string. So every stage starts here: types, ranges and
names are checked, and what is wrong is said in one sentence per key.
"""

import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from digitbench.errors import DigitbenchError
from digitbench.strict_yaml import read_mapping

PARAMS_FILE = Path("params.yaml")


def _number(value: object) -> object:
    """Turn text such as ``1e-3`` into a number; refuse true and false, which Python calls ints."""
    if isinstance(value, bool):
        raise ValueError("true and false are not numbers")
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise ValueError("not a number") from None


Int = Annotated[int, BeforeValidator(_number)]
Float = Annotated[float, BeforeValidator(_number), Field(allow_inf_nan=False)]
Seed = Annotated[Int, Field(ge=0, lt=2**32)]
Width = Annotated[Int, Field(ge=1, le=65_536)]
Rate = Annotated[Float, Field(ge=0, lt=1)]


class Section(BaseModel):
    """A part of the file: immutable, and closed to keys it doesn't know.

    The description of a field is what an error message says is allowed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)


class ArchitectureParams(Section):
    """What distinguishes one architecture; the recipe is shared."""


class MlpParams(ArchitectureParams):
    """Multilayer perceptron."""

    hidden: tuple[Width, ...] = Field(
        min_length=1, max_length=16, description="a list of 1 to 16 widths, each from 1 to 65,536"
    )
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


class Params(Section):
    """The whole file."""

    seeds: tuple[Seed, ...] = Field(
        min_length=1,
        max_length=1_000,
        description="a list of 1 to 1,000 different whole numbers from 0 to 4,294,967,295",
    )
    epochs: Int = Field(ge=1, le=1_000, description="a whole number from 1 to 1,000")
    batch_size: Int = Field(ge=1, le=60_000, description="a whole number from 1 to 60,000")
    learning_rate: Float = Field(gt=0, le=1, description="a number above 0 and at most 1")
    validation_share: Float = Field(ge=0.01, le=0.9, description="a share from 0.01 to 0.9")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        description="auto, float32 or bfloat16"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto, cpu or cuda")
    mlp: MlpParams = Field(description="a section with the keys of the MLP")
    cnn: CnnParams = Field(description="a section with the keys of the CNN")
    rnn: RnnParams = Field(description="a section with the keys of the RNN")
    lstm: LstmParams = Field(description="a section with the keys of the LSTM")
    download: DownloadParams = Field(description="a section with the keys of the stage")
    preprocess: PreprocessParams = Field(description="a section with the keys of the stage")
    evaluate: EvaluateParams = Field(description="a section with the keys of the stage")
    report: ReportParams = Field(description="a section with the keys of the stage")

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed stands twice")
        return seeds


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
    content = read_mapping(path)
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        raise DigitbenchError("\n".join(_sentences(path, error))) from None


def _sentences(path: Path, error: ValidationError) -> Iterator[str]:
    for item in error.errors():
        loc = item["loc"]
        key = ".".join(str(part) for part in loc)
        section, field, allowed = _locate(loc)
        if item["type"] == "invalid_key":
            # YAML reads 1, on and ~ as a number, a truth value and nothing.
            yield f"{path}: the key {item['input']!r} is not a name; put it in quotes if it is."
        elif item["type"] == "extra_forbidden":
            yield f"{path}: {key}: unknown key; {_known_names(str(loc[-1]), section)}"
        elif item["type"] == "missing":
            yield f"{path}: {key}: missing; it must be {allowed}."
        else:
            yield f"{path}: {key}: {item['input']!r} is not allowed; {field} must be {allowed}."


def _locate(loc: tuple[int | str, ...]) -> tuple[type[Section], str, str]:
    """The innermost section around a place, the key there, and what is allowed at that key."""
    section: type[Section] = Params
    names: list[str] = []
    allowed = ""
    for part in loc:
        field = section.model_fields.get(str(part))
        if field is None:
            break
        names.append(str(part))
        allowed = field.description or ""
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section):
            section = field.annotation
    return section, ".".join(names), allowed


def _known_names(key: str, section: type[Section]) -> str:
    near = difflib.get_close_matches(key, list(section.model_fields), n=1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]!r}?"
    return f"known here are {', '.join(section.model_fields)}."
