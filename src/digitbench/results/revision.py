"""The committed records as the review reads them: checked, and nothing that it doesn't need."""

from typing import Any

from pydantic import BaseModel, Field, FiniteFloat, NonNegativeInt, field_validator

# Of the files of architectures. Kept apart from evaluation.record.SCHEMA, whose import would load
# the training framework; a test holds them equal.
SCHEMA = 1


class Summary(BaseModel):
    """One metric over seeds; mean and interval are computed again from these."""

    per_seed: dict[str, FiniteFloat] = Field(min_length=1)


class Confusion(BaseModel):
    """Counts [true class, predicted class], summed over seeds."""

    counts: list[list[NonNegativeInt]]

    @field_validator("counts")
    @classmethod
    def _not_empty(cls, counts: list[list[int]]) -> list[list[int]]:
        if not any(map(any, counts)):
            raise ValueError("no image was counted")
        return counts


class Metrics(BaseModel):
    """What was measured of one architecture; a metric of a later version may be absent."""

    parameters: int
    macs: int
    bytes: int
    accuracy: Summary
    macro_f1: Summary | None = None
    nll: Summary | None = None
    brier: Summary | None = None
    ece: Summary | None = None
    confusion: Confusion

    @property
    def images_per_class(self) -> tuple[int, ...]:
        """Test images of every class."""
        seeds = len(self.accuracy.per_seed)
        return tuple(sum(row) // seeds for row in self.confusion.counts)

    @property
    def images(self) -> int:
        """Test images."""
        return sum(self.images_per_class)


class Seconds(BaseModel):
    """A duration over epochs and seeds."""

    median: FiniteFloat


class Environment(BaseModel):
    """Where it ran."""

    hardware: str = "unknown hardware"


class Timing(BaseModel):
    """How long the training of one architecture took."""

    seconds_per_epoch: Seconds
    stage_seconds: FiniteFloat
    environment: Environment = Environment()


class File(BaseModel):
    """A dependency or an output of a stage."""

    path: str
    md5: str = ""


class Stage(BaseModel):
    """What a stage last ran with."""

    cmd: str | list[str] = ""
    deps: list[File] = []
    params: dict[str, dict[str, Any]] = {}
    outs: list[File] = []


class Lock(BaseModel):
    """What `dvc.lock` holds."""

    stages: dict[str, Stage] = {}


Grid = dict[str, dict[str, Summary]]
