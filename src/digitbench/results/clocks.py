"""What clocks said: kept apart from results, because it belongs to a machine and a moment."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from digitbench.results.record import Content, Count, Name, Part, Quantity, Record, Seed, Settings
from digitbench.schema import Line

Times = Annotated[Count, Field(gt=0)]
Duration = Annotated[Quantity, Field(le=1e9)]  # seconds, of which no machine has seen more


class Seconds(Part):
    """Median over epochs: of all seeds, and of each."""

    median: Duration
    per_seed: Annotated[dict[Seed, Duration], Field(min_length=1)]

    @property
    def range(self) -> tuple[float, float]:
        """Least and greatest of the medians of seeds."""
        return min(self.per_seed.values()), max(self.per_seed.values())


class _Clock(Record):
    """Something timed, and where: belongs to the machine and the moment."""

    environment: dict[Line, Line] = Field(default_factory=dict)

    @property
    def hardware(self) -> str:
        """Processor and cores."""
        return self.environment.get("hardware", "unknown hardware")


class TimingRecord(_Clock):
    """``metrics/timing/<name>.json``: how long the training of one architecture took.

    Attributes:
        stage_seconds: Of the stage, with what replicates from the store took when they were made.
        keys: Of the replicates in the store, by seed.
        facts: What decided their bytes beside parameters and seed, by name: code, data, torch's
            build, processor, variables, threads. Older records don't say.
    """

    SCHEMA = 3

    seconds_per_epoch: Seconds
    stage_seconds: Duration
    replicates_at_once: Times
    keys: dict[Seed, str] = Field(default_factory=dict)
    facts: Settings = Field(default_factory=dict)

    @classmethod
    def of(
        cls,
        epochs: Mapping[int, Sequence[float]],
        seconds: float,
        *,
        kept_seconds: float = 0,
        **how: Any,
    ) -> Self:
        """The record of a training.

        Args:
            epochs: Seconds of every epoch, by seed.
            seconds: Of the stage, which trained what was not kept.
            kept_seconds: What the kept replicates took when they were trained.
            **how: The other fields.
        """
        every = [seconds for by_seed in epochs.values() for seconds in by_seed]
        per_seed = {seed: round(median(by_seed), 3) for seed, by_seed in epochs.items()}
        medians = Seconds(median=round(median(every), 3), per_seed=per_seed)
        whole = round(seconds + kept_seconds, 1)
        return cls(seconds_per_epoch=medians, stage_seconds=whole, **how)

    @classmethod
    def upgrade(cls, content: Content) -> Content:
        """The account of the training has the precision, if any has."""
        return {key: value for key, value in content.items() if key != "precision"}


class Quartiles(Part):
    """Median and interquartile range of repeated measurements."""

    median: Quantity
    q1: Quantity
    q3: Quantity

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.q1 <= self.median <= self.q3:
            raise ValueError("quartiles that are not in order")
        return self


class Latency(Part):
    """Speed of one model and what it was measured on."""

    milliseconds_per_image: Quartiles  # images one by one
    images_per_second: Quartiles  # all images in batches of `batch_size`
    single_images: Times
    images: Times
    batch_size: Times
    passes: Times


class LatencyRecord(_Clock):
    """``metrics/timing/evaluate.json``: speed of inference by architecture."""

    models: dict[Name, Latency]

    @classmethod
    def upgrade(cls, content: Content) -> Content:
        """Architectures stood beside the environment."""
        models = {key: value for key, value in content.items() if key != "environment"}
        return {"models": models, "environment": content.get("environment", {})}
