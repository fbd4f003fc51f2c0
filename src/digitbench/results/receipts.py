"""``verifications/*.json``: what somebody found who computed committed results again."""

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from digitbench.results.record import Count, Part, Record, Settings
from digitbench.results.records import TrainingRecord
from digitbench.schema import Line

FOLDER = Path("verifications")
Commit = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Outcome(StrEnum):
    """What a verification came to; each has an exit status of its own."""

    IDENTICAL = "identical"
    NOT_REPRODUCED = "not reproduced"
    UNCHECKED = "could not check"
    OTHER_BYTES = "same conclusions, other bytes"

    @property
    def status(self) -> int:
        """0 if all is the same; 1, 2 or 3."""
        return list(Outcome).index(self)


class Subset(Part):
    """Which replicates were trained again, of those that the commit has."""

    replicates: Count
    of: Count
    drawn_with: Count | None = None  # the seed of the draw; None: all of them

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.replicates > self.of:
            raise ValueError(f"{self.replicates} replicates of {self.of}")
        return self


class Receipt(Record):
    """One verification.

    Attributes:
        locks: SHA-256 by path.
        expected: By path the hash that the commit has: DVC's of data, SHA-256 of weights.
        found: By path the hash here.
        changed: Conclusions that are others here.
        environment: Of the machine; and what decided bytes there are facts.
        varied: What was another one on purpose.
        unchecked: What was not looked at.
    """

    SCHEMA = OLDEST = 1

    commit: Commit
    locks: dict[Line, Sha256]
    outcome: Outcome
    subset: Subset
    expected: Annotated[dict[Line, Line], Field(min_length=1)]
    found: dict[Line, Line]
    changed: tuple[Line, ...]
    environment: dict[Line, Line]
    facts: Settings
    varied: dict[Line, Line]
    unchecked: tuple[Line, ...]

    @model_validator(mode="after")
    def _says_what_its_hashes_say(self) -> Self:
        checked = self.outcome is not Outcome.UNCHECKED and self.subset.replicates > 0
        if not checked or self.expected.keys() != self.found.keys():
            raise ValueError("not everything was checked that it is about")
        if self.outcome is not Outcome.NOT_REPRODUCED and self.changed:
            raise ValueError(f"the outcome is {self.outcome}, and something is changed")
        if self.outcome is Outcome.IDENTICAL and self.expected != self.found:
            raise ValueError("the outcome is identical, and hashes differ")
        return self

    @property
    def processor(self) -> str:
        """Its kind, whatever the number of cores."""
        return kind_of(self.environment.get("hardware", "unknown"))

    def concerns(self, trainings: Mapping[str, TrainingRecord]) -> bool:
        """Whether it is about these very networks of the main pipeline, by name."""
        weights = {
            f"models/{name}/seed-{seed}.safetensors": sha256
            for name, record in trainings.items()
            for seed, sha256 in record.weights.items()
        }
        own = {path: value for path, value in self.expected.items() if path.startswith("models/")}
        return bool(own) and own.items() <= weights.items()


def kind_of(hardware: str) -> str:
    """The processor in a line of hardware: without the number of cores."""
    return re.sub(r", \d+ cores?$", "", hardware)


def read_receipts(folder: Path = FOLDER) -> dict[Path, Receipt]:
    """All that are there, by file.

    Raises:
        DigitbenchError: One is no receipt; the text names it.
    """
    return {path: Receipt.read(path) for path in sorted(folder.glob("*.json"))}
