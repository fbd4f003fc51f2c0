"""``benchmarks/results.json`` as far as README quotes it; the rest is for the benchmark alone."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from digitbench.results.record import Name
from digitbench.schema import Line
from digitbench.statistics.seeds import Verdict

_Positive = Annotated[float, Field(gt=0, le=1e12)]
_Few = Annotated[int, Field(ge=1, le=1_000)]


class _Quoted(BaseModel):
    """A group of values, of which others may know more."""

    model_config = ConfigDict(extra="ignore", allow_inf_nan=False, strict=True)


class _Rounds(_Quoted):
    median: _Positive
    values: Annotated[list[_Positive], Field(min_length=1)]


class _Contest(_Quoted):
    class Rates(_Quoted):
        papers_loop: _Rounds
        ours_one_replicate: _Rounds
        ours: _Rounds

    class Gain(_Quoted):
        papers_loop: _Rounds

    images_per_second: Rates
    speedup_over: Gain


class _Throughput(_Quoted):
    class Devices(_Quoted):
        cpu: Annotated[dict[Name, _Contest], Field(min_length=1)]

    class Environment(_Quoted):
        hardware: Line

    scale: Literal["full"]
    devices: Devices
    environment: Environment


class _Pipeline(_Quoted):
    class Loop(_Quoted):
        epochs: _Few

    scale: Literal["full"]
    seeds: _Few
    papers_loop: Loop


class _Precision(_Quoted):
    class Change(_Quoted):
        difference: Annotated[float, Field(ge=-1, le=1)]
        difference_low: Annotated[float, Field(ge=-10, le=10)]
        difference_high: Annotated[float, Field(ge=-10, le=10)]
        verdict: Verdict

    scale: Literal["full"]
    architectures: dict[Name, Change]


class Speeds(_Quoted):
    """What is quoted."""

    throughput: _Throughput
    pipeline: _Pipeline
    precision: _Precision
    fraction_of_peak: dict[Name, Annotated[float, Field(ge=0, le=10)]]
    pipeline_seconds: _Positive
    papers_loop_seconds: _Positive

    @model_validator(mode="after")
    def _has_a_share_of_each(self) -> Self:
        if not self.throughput.devices.cpu.keys() <= self.fraction_of_peak.keys():
            raise ValueError("fraction_of_peak lacks a network")
        return self
