"""Committed results made up for the tests of the review, and repositories that hold them."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digitbench.results.clocks import TimingRecord
from digitbench.results.record import Record
from digitbench.results.records import DomainAccuracy, ModelRecord
from digitbench.review.revisions import Snapshot
from digitbench.statistics.summary import summarise

LOSSES = ("nll", "brier", "ece")
PerSeed = dict[int, float]


def per_seed(*values: float, first: int = 0) -> PerSeed:
    """Values of the seeds first, first + 1, ..."""
    return {first + index: value for index, value in enumerate(values)}


LEVEL = per_seed(0.9800, 0.9812, 0.9795, 0.9821)
# 100 images more in every seed, give or take one; the least standard deviation is then 10 images,
# and with 3.18 as the quantile for 3 degrees of freedom the interval is 100 ± 3.18 * 10 / 2.
BETTER = per_seed(0.9899, 0.9912, 0.9896, 0.9921)
WIDE = per_seed(0.9850, 0.9790, 0.9815, 0.9779)
NOISE = per_seed(0.9811, 0.9801, 0.9802, 0.9819)


def record(
    accuracy: PerSeed, images: int = 10_000, parameters: int = 1000, **others: PerSeed | None
) -> ModelRecord:
    """Of one architecture; macro F1 as accuracy, losses falling as accuracy rises."""
    losses = {key: {seed: 1 - value for seed, value in accuracy.items()} for key in LOSSES}
    metrics = {"accuracy": accuracy, "macro_f1": accuracy, **losses, **others}
    # Ten classes of equal size, every image counted once per seed; a digit is taken for the next.
    wrong = round(images * sum(1 - value for value in accuracy.values()))
    classes = [[0] * 10 for _ in range(10)]
    for digit, row in enumerate(classes):
        row[(digit + 1) % 10] = wrong // 10 + (digit < wrong % 10)
        row[digit] = images // 10 * len(accuracy) - row[(digit + 1) % 10]
    content = {
        "architecture": "cnn",
        "parameters": parameters,
        "macs": 5000,
        "bytes": 4000,
        "seeds": list(accuracy),
        "protocols": {
            "test": {
                "images": images,
                "metrics": {key: summarise(values) for key, values in metrics.items() if values},
                "confusion": {"counts": classes},
            }
        },
    }
    return ModelRecord.model_validate(content)


def named(name: str, content: Any) -> Any:
    """Of that architecture, if it is a record."""
    if not isinstance(content, ModelRecord):
        return content
    return content.model_copy(update={"architecture": name})


def timing(seconds: float, hardware: str = "a processor") -> TimingRecord:
    where = {"hardware": hardware}
    how = {"replicates_at_once": 1, "environment": where}
    return TimingRecord.of({0: [seconds]}, 10 * seconds, **how)


def conditions(images: int, *architectures: str, **by_kind: PerSeed) -> DomainAccuracy:
    """The same accuracy of every architecture; of the CNN alone if none is named."""
    accuracy = {
        kind: {name: summarise(values) for name in architectures or ("cnn",)}
        for kind, values in by_kind.items()
    }
    return DomainAccuracy.model_validate({"images": images, "accuracy": accuracy})


def snapshot(
    metrics: Mapping[str, ModelRecord | PerSeed], label: str = "any", **parts: Any
) -> Snapshot:
    """Of records or accuracies by architecture."""
    records = {
        name: each if isinstance(each, ModelRecord) else record(each)
        for name, each in metrics.items()
    }
    return Snapshot(label, records, parts.pop("timing", {}), **parts)


def encoded(content: object) -> bytes:
    """Bytes and text as they are, a record as its file, anything else as JSON."""
    if isinstance(content, bytes):
        return content
    if isinstance(content, Record):
        content = content.content()
    return (content if isinstance(content, str) else json.dumps(content)).encode()


class Repository:
    """A Git repository with nothing in it yet."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._commits = 0
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=A", "-c", "user.email=a@b", *arguments],
            cwd=self.root,
            env={**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def write(self, files: Mapping[str, Any]) -> None:
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded(content))

    def results(self, **records: Any) -> None:
        self.write({f"metrics/{name}.json": named(name, each) for name, each in records.items()})

    def commit(self) -> str:
        # A number in the message: equal commits of one second would be one commit.
        self._commits += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", f"state {self._commits}")
        return self.git("rev-parse", "HEAD")
