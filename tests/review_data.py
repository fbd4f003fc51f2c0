"""Committed results made up for the tests of the review, and repositories that hold them."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LOSSES = ("nll", "brier", "ece")
PER_SEED = dict[str, float]


def per_seed(*values: float, first: int = 0) -> PER_SEED:
    """Values of the seeds first, first + 1, ..."""
    return {str(first + index): value for index, value in enumerate(values)}


def record(accuracy: PER_SEED, images: int = 10_000, **others: Any) -> dict[str, Any]:
    """The record of one architecture; macro F1 as accuracy, losses falling as accuracy rises."""
    content: dict[str, Any] = {
        "schema": 1,
        "architecture": "any",
        "parameters": 1000,
        "macs": 5000,
        "bytes": 4000,
        "accuracy": {"per_seed": accuracy},
        "macro_f1": {"per_seed": accuracy},
        **{loss: {"per_seed": {seed: 1 - v for seed, v in accuracy.items()}} for loss in LOSSES},
        # Ten classes of equal size, every image counted once per seed.
        "confusion": {
            "counts": [
                [images // 10 * len(accuracy) if row == column else 0 for column in range(10)]
                for row in range(10)
            ]
        },
    }
    return content | {
        key: {"per_seed": value} if key in (*LOSSES, "macro_f1") else value
        for key, value in others.items()
    }


def timing(seconds: float, hardware: str = "a processor") -> dict[str, Any]:
    return {
        "seconds_per_epoch": {"median": seconds},
        "stage_seconds": 10 * seconds,
        "environment": {"hardware": hardware},
    }


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
        """Text as it is, anything else as JSON."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(text, encoding="utf-8")

    def results(self, **records: Mapping[str, Any]) -> None:
        self.write({f"metrics/{name}.json": content for name, content in records.items()})

    def commit(self) -> str:
        # A number in the message: equal commits of one second would be one commit.
        self._commits += 1
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", f"state {self._commits}")
        return self.git("rev-parse", "HEAD")
