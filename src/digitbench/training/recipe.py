"""The recipe that all architectures share, and what one training is asked for.

One class per group of settings: read from a parameter file, then resolved for this machine.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator

from digitbench.errors import DigitbenchError
from digitbench.schema import Float, Int, Rate, Section, Seed
from digitbench.training.arithmetic import check_ceilings


class Augmentation(Section):
    """Random movements of training images, drawn anew in every epoch; all 0: none.

    Each is uniform within its range. No flips: they change what a digit means.
    """

    rotation: Float = Field(ge=0, le=180, description="degrees from 0 to 180")  # either way
    shift: Rate = Field(description="a share of the side from 0 to below 1")  # in each direction
    zoom: Rate = Field(description="a share from 0 to below 1")  # smaller or larger

    @property
    def moves(self) -> bool:
        """Whether there is any movement."""
        return (self.rotation, self.shift, self.zoom) != (0, 0, 0)


class Recipe(Section):
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
    # Epochs; 0: no early stopping.
    patience: Int = Field(ge=0, le=1_000, description="a whole number from 0 to 1,000")
    initialisation: Literal["he", "torch", "keras"] = Field(description="he, torch or keras")
    augmentation: Augmentation = Field(
        description="a section with the keys rotation, shift and zoom"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        description="auto, float32 or bfloat16"
    )
    device: Literal["auto", "cpu", "cuda"] = Field(description="auto, cpu or cuda")
    arithmetic: Literal["native", "portable"] = Field(description="native or portable")

    @field_validator("seeds")
    @classmethod
    def _seeds_differ(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed stands twice")
        return seeds

    def resolved(self) -> Self:
        """The same with nothing left to be chosen on this machine.

        Raises:
            DigitbenchError: cuda is asked for and there is none, or portable arithmetic and there
                can't be.
        """
        if self.arithmetic == "portable":
            return self._portable()
        device = resolve_device(self.device)
        precision = resolve_precision(self.precision, device)
        return self.model_copy(update={"device": device, "precision": precision})

    def _portable(self) -> Self:
        """On a processor, in the precision that all of them have."""
        for key, asked, shared in (
            ("device", self.device, "cpu"),
            ("precision", self.precision, "float32"),
        ):
            if asked not in ("auto", shared):
                raise DigitbenchError(
                    f"params.yaml: {key}: {asked} doesn't go with arithmetic: portable. Use auto "
                    f"or {shared}, or native arithmetic."
                )
        check_ceilings()
        return self.model_copy(update={"device": "cpu", "precision": "float32"})


@dataclass(frozen=True)
class Plan:
    """One architecture with its recipe; in a study several variants may share an architecture."""

    study: str  # empty in the main pipeline
    name: str
    architecture: str
    params: Section
    recipe: Recipe

    @property
    def folder(self) -> Path:
        """Where its files lie: the working directory, or a study's folder in it."""
        return Path(self.study)

    @property
    def remedy(self) -> str:
        """What makes its files again."""
        of_study = f"studies/dvc.yaml:train@{self.study}-{self.name}"
        stage = of_study if self.study else f"train_{self.name}"
        return f"Run `dvc repro --force --single-item {stage}`."


def resolve_device(device: str) -> str:
    """`auto` becomes cuda where there is a GPU.

    Raises:
        DigitbenchError: cuda is asked for and there is none.
    """
    # Two seconds, which a stage that only reads parameters doesn't need to wait for.
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise DigitbenchError(
            "params.yaml: device: cuda was asked for, but torch finds no GPU here. Use auto or cpu."
        )
    return device


def resolve_precision(precision: str, device: str) -> str:
    """`auto` becomes bfloat16 where matrices are multiplied in it natively, else float32.

    Without such units a processor emulates bfloat16, many times slower than float32.
    """
    import torch

    if precision != "auto":
        return precision
    if device == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        able = torch.cpu.get_capabilities()
        native = bool(able.get("amx_bf16") or able.get("avx512_bf16"))
    return "bfloat16" if native else "float32"
