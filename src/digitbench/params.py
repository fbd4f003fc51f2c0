"""The parameter files as a whole: `params.yaml` of the main pipeline, and that of a study.

A group of settings stands beside the code that it decides: the recipe in `training/recipe.py`, an
architecture's section in `models/<name>.py`. Here are the keys of stages, and the files around all
of them. Every stage starts here, and what is wrong is said in one sentence per key.
"""

import importlib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Self, cast

from pydantic import AfterValidator, Field, create_model, field_validator, model_validator

from digitbench.download.digits import DOMAINS
from digitbench.errors import DigitbenchError
from digitbench.schema import (
    Float,
    Int,
    Line,
    Name,
    Section,
    Seed,
    check,
    read_mapping,
    refuse_unknown,
)
from digitbench.training.data import SplitParams
from digitbench.training.recipe import Plan, Recipe
from digitbench.wording import listing

PARAMS_FILE = Path("params.yaml")
# Found by name. Tables and tests keep the order of the comparison; others follow by name.
_ORDER = ("mlp", "cnn", "rnn", "lstm")
_FOUND = {path.stem for path in Path(__file__).parent.glob("models/[a-z]*.py")}
ARCHITECTURES = tuple(name for name in _ORDER if name in _FOUND) + tuple(
    sorted(_FOUND - set(_ORDER))
)


class DownloadParams(Section):
    """Stage ``download``."""

    timeout_seconds: Float = Field(gt=0, le=600, description="seconds, above 0 and at most 600")


class PreprocessParams(Section):
    """Stage ``preprocess``."""

    split_seed: Seed = Field(description="a whole number from 0 to 4,294,967,295")
    samples_per_class: Int = Field(ge=1, le=50, description="a whole number from 1 to 50")


def _known_domain(name: str) -> str:
    if name not in DOMAINS:
        raise ValueError("no domain of that name")
    return name


Domain = Annotated[str, AfterValidator(_known_domain)]


class EvaluateParams(Section):
    """Stage ``evaluate``."""

    batch_size: Int = Field(ge=1, le=10_000, description="a whole number from 1 to 10,000")
    confused_pairs: Int = Field(ge=1, le=90, description="a whole number from 1 to 90")
    robustness_images: Int = Field(
        ge=100, le=10_000, description="a whole number from 100 to 10,000"
    )
    domains: tuple[Domain, ...] = Field(
        min_length=1, description=f"a list of different names out of {listing(list(DOMAINS))}"
    )

    @field_validator("domains")
    @classmethod
    def _domains_differ(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(domains)) < len(domains):
            raise ValueError("a domain stands twice")
        return domains


class ReportParams(Section):
    """Stage ``report``."""

    title: Line = Field(max_length=200, description="a text of 1 to 200 characters, on one line")


class ChecksParams(Section):
    """What report and `digitbench check` leave out."""

    mute: tuple[Annotated[str, Field(pattern=r"^DB\d{3}$")], ...] = Field(
        description="a list of codes such as DB005"
    )


class Params(Recipe):
    """The whole file of the main pipeline; `_with_networks` adds the sections of architectures."""

    validation_share: Float = Field(ge=0.01, le=0.9, description="a share from 0.01 to 0.9")
    margin: Float = Field(gt=0, le=100, description="points of accuracy above 0, at most 100")
    download: DownloadParams = Field(description="a section with the keys of the stage")
    preprocess: PreprocessParams = Field(description="a section with the keys of the stage")
    evaluate: EvaluateParams = Field(description="a section with the keys of the stage")
    checks: ChecksParams = Field(description="a section with the keys of the checks")
    report: ReportParams = Field(description="a section with the keys of the stage")

    def network(self, name: str) -> Section:
        """The section of one architecture.

        Raises:
            DigitbenchError: There is no such architecture.
        """
        return cast(Section, getattr(self, known_architecture(name)))


def known_architecture(name: str) -> str:
    """The name itself.

    Raises:
        DigitbenchError: There is no such architecture.
    """
    if name not in ARCHITECTURES:
        raise DigitbenchError(
            f"{name!r} is not an architecture; known are {', '.join(ARCHITECTURES)}."
        )
    return name


def load_params(path: Path = PARAMS_FILE, networks: Sequence[str] = ARCHITECTURES) -> Params:
    """Read and check the parameters.

    Args:
        path: The file.
        networks: Architectures whose sections are checked, by the class in `models/<name>.py`; the
            others are not looked into. None: torch is not loaded.

    Raises:
        DigitbenchError: The file can't be read, or a key is unknown, missing or has a value that
            is not allowed; the text names file, key, value and what is allowed.
    """
    return check(read_mapping(path), _main_schema(tuple(networks)), path)


def refuse_unknown_params(content: Mapping[Any, Any], path: Path) -> None:
    """Refuse keys of `params.yaml` that this code doesn't know; missing ones are let pass.

    Raises:
        DigitbenchError: There are some; the text names them.
    """
    refuse_unknown(content, _main_schema(()), path)


class VariantParams(Recipe):
    """One architecture of a study, with the study's recipe where it has no other."""

    @model_validator(mode="after")
    def _one_architecture(self) -> Self:
        if len(self._named()) != 1:
            raise ValueError("not one architecture")
        return self

    def _named(self) -> list[str]:
        return [name for name in ARCHITECTURES if getattr(self, name, None) is not None]

    @property
    def architecture(self) -> str:
        """Its name."""
        return self._named()[0]

    @property
    def model(self) -> Section:
        """Its section."""
        return cast(Section, getattr(self, self.architecture))


class StudyParams(Section):
    """The whole file of a study."""

    split: SplitParams = Field(description="a section with the keys of the stage")
    recipe: Recipe = Field(description="a section with the keys of the recipe")
    variants: dict[Name, VariantParams] = Field(
        min_length=1,
        description=f"names, each with one section out of {', '.join(ARCHITECTURES)} and the keys "
        "of the recipe in which it departs from the study",
    )

    @model_validator(mode="before")
    @classmethod
    def _hand_down_the_recipe(cls, content: Any) -> Any:
        recipe, variants = (_mapping(content, key) for key in ("recipe", "variants"))
        if recipe is None or variants is None:
            return content
        whole = {
            name: {**recipe, **variant} if isinstance(variant, Mapping) else variant
            for name, variant in variants.items()
        }
        return {**content, "variants": whole}


def load_study(path: Path, networks: Sequence[str] = ARCHITECTURES) -> StudyParams:
    """Read and check the parameters of a study; arguments and errors as in `load_params`."""
    return check(read_mapping(path), _study_schema(tuple(networks)), path)


def load_plan(name: str) -> Plan:
    """What a training stage is asked for: an architecture, or `<study>/<variant>`.

    Only the section of that network is looked into: another one may be in the making.

    Raises:
        DigitbenchError: The parameters are wrong, or there is nothing of that name.
    """
    study, _, variant = name.rpartition("/")
    if not study:
        params = load_params(networks=[name] if name in ARCHITECTURES else [])
        return Plan("", name, name, params.network(name), _recipe(params))
    path = Path(study) / PARAMS_FILE
    chosen = load_variant(path, variant)
    return Plan(study, variant, chosen.architecture, chosen.model, _recipe(chosen))


def _recipe(settings: Recipe) -> Recipe:
    """The recipe alone: a replicate doesn't depend on what else stands in the file."""
    return Recipe.model_construct(**{key: getattr(settings, key) for key in Recipe.model_fields})


def load_variant(path: Path, name: str) -> VariantParams:
    """One variant of the study whose parameters lie at the path.

    Raises:
        DigitbenchError: The parameters are wrong, or there is no such variant.
    """
    variants = load_study(path, networks=()).variants
    if name not in variants:
        raise DigitbenchError(
            f"{path}: {name!r} is not a variant of this study; known are {', '.join(variants)}."
        )
    return load_study(path, networks=(variants[name].architecture,)).variants[name]


def main_plans(params: Params) -> dict[str, Plan]:
    """By architecture, what the training stages of the main pipeline were asked for."""
    return {name: Plan("", name, name, params.network(name), params) for name in ARCHITECTURES}


@cache
def _main_schema(networks: tuple[str, ...]) -> type[Params]:
    return create_model("Params", __base__=Params, **_sections(networks, ...))


@cache
def _study_schema(networks: tuple[str, ...]) -> type[StudyParams]:
    variant = create_model("VariantParams", __base__=VariantParams, **_sections(networks, None))
    kind: Any = dict[Name, variant]  # type: ignore[valid-type]
    field = StudyParams.model_fields["variants"]
    return create_model("StudyParams", __base__=StudyParams, variants=(kind, field))


def _sections(networks: tuple[str, ...], default: Any) -> dict[str, Any]:
    """Fields of all architectures; what is not to be looked into may be anything."""
    fields: dict[str, Any] = {}
    for name in ARCHITECTURES:
        text = f"a section with the keys of the {name.upper()}"
        kind: Any = Any
        if name in networks:
            kind = importlib.import_module(f"digitbench.models.{name}").Params
        fields[name] = (kind if default is ... else kind | None, Field(default, description=text))
    return fields


def _mapping(content: Any, key: str) -> Mapping[Any, Any] | None:
    inside = content.get(key) if isinstance(content, Mapping) else None
    return inside if isinstance(inside, Mapping) else None
