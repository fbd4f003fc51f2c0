"""Schema of a study's ``params.yaml``: a recipe, and variants that may depart from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from digitbench.params import (
    ARCHITECTURES,
    ArchitectureParams,
    CnnParams,
    LstmParams,
    MlpParams,
    RecipeParams,
    RnnParams,
)
from digitbench.schema import Float, Section, Seed, check
from digitbench.strict_yaml import read_mapping


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
