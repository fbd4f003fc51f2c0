"""The committed results as the report reads them: metrics, timings and plot data, nothing else."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES, Params
from digitbench.results.studies import SUMMARY, Row, read_rows

PUBLISHED = Path("studies/nguyen2026/published.yaml")


@dataclass(frozen=True)
class Results:
    """Everything the report says comes from here."""

    params: Params
    metrics: dict[str, dict[str, Any]]
    comparison: dict[str, Any]
    timing: dict[str, dict[str, Any]]
    curves: dict[str, pd.DataFrame]
    class_counts: dict[str, list[int]]
    samples: bytes
    robustness: dict[str, Any]
    robustness_curves: pd.DataFrame
    domains: dict[str, Any]
    latency: dict[str, Any]
    growth: pd.DataFrame
    published: dict[str, Any]
    studies: list[Row]

    def table(self, kind: str, architecture: str) -> pd.DataFrame:
        """Plot data of one architecture: confusion, per_class, roc, reliability or coverage."""
        return _csv(files.EVALUATION / kind / f"{architecture}.csv")

    def picture(self, name: str) -> bytes:
        """A sheet of digits that evaluation drew."""
        return _bytes(files.EVALUATION / f"{name}.png")

    @property
    def ranking(self) -> list[str]:
        """Architectures from the highest mean test accuracy to the lowest."""
        return sorted(self.metrics, key=lambda name: -self.metrics[name]["accuracy"]["mean"])


def load_results(params: Params) -> Results:
    """Read all results of a finished pipeline.

    Raises:
        DigitbenchError: A file is missing or damaged; the text names it.
    """
    counts = _csv(files.CLASS_COUNTS)
    metrics = {name: _json(files.METRICS / f"{name}.json") for name in ARCHITECTURES}
    _check_seeds(metrics, params)
    return Results(
        params=params,
        metrics=metrics,
        comparison=_json(files.METRICS / "comparison.json"),
        timing={name: _json(files.TIMING / f"{name}.json") for name in ARCHITECTURES},
        curves={name: _csv(files.CURVES / f"{name}.csv") for name in ARCHITECTURES},
        class_counts={
            str(part): frame["images"].tolist()
            for part, frame in counts.groupby("part", sort=False)
        },
        samples=_bytes(files.SAMPLES_FIGURE),
        robustness=_json(files.METRICS / "robustness.json"),
        robustness_curves=_csv(files.EVALUATION / "robustness.csv"),
        domains=_json(files.METRICS / "domains.json"),
        latency=_json(files.TIMING / "evaluate.json"),
        growth=_csv(files.EVALUATION / "growth.csv"),
        published=yaml.safe_load(_bytes(PUBLISHED)),
        studies=read_rows(SUMMARY),
    )


def _check_seeds(metrics: dict[str, dict[str, Any]], params: Params) -> None:
    asked = [str(seed) for seed in params.seeds]
    for name, record in metrics.items():
        if list(record["accuracy"]["per_seed"]) != asked:
            raise DigitbenchError(
                f"{files.METRICS / name}.json: made with other seeds than params.yaml asks for "
                f"({', '.join(asked)}). Run `dvc repro evaluate`."
            )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DigitbenchError(
            f"{path}: cannot be read ({error.strerror}). Run `dvc repro`, which makes it."
        ) from None


def _json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(_bytes(path))
    except ValueError as error:
        raise DigitbenchError(f"{path}: damaged ({error}). Run `dvc repro --force`.") from None
    return content


def _csv(path: Path) -> pd.DataFrame:
    _bytes(path)
    try:
        return pd.read_csv(path)
    except ValueError as error:
        raise DigitbenchError(f"{path}: damaged ({error}). Run `dvc repro --force`.") from None
