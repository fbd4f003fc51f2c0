"""What was measured here: the metrics of the studies, and those of the main comparison."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from digitbench import layout
from digitbench.errors import DigitbenchError
from digitbench.params import ARCHITECTURES
from digitbench.studies.published import KEYS, STUDIES

Record = Mapping[str, Any]
DOMAIN_SHIFT = STUDIES / "domain_shift"
ROBUSTNESS = STUDIES / "robustness"
FIGURES = (
    DOMAIN_SHIFT / "plots" / "domain_shift.png",
    DOMAIN_SHIFT / "plots" / "effects.png",
    DOMAIN_SHIFT / "plots" / "gaps.png",
    DOMAIN_SHIFT / "plots" / "augmentation.png",
    ROBUSTNESS / "plots" / "robustness.png",
)


@dataclass(frozen=True)
class MainResults:
    """What the answers take from the main comparison; empty where it was not run."""

    metrics: Mapping[str, Record] = field(default_factory=dict)
    timing: Mapping[str, Record] = field(default_factory=dict)
    latency: Record = field(default_factory=dict)
    comparison: Record = field(default_factory=dict)
    robustness: Record = field(default_factory=dict)
    corruptions: pd.DataFrame | None = None
    class_counts: pd.DataFrame | None = None


@dataclass(frozen=True)
class Measured:
    """Everything that stands beside the published numbers; what was not run is absent."""

    variants: Mapping[str, Mapping[str, Record]] = field(default_factory=dict)
    timing: Mapping[str, Mapping[str, Record]] = field(default_factory=dict)
    domain_shift: Record = field(default_factory=dict)
    robustness: Record = field(default_factory=dict)
    figures: frozenset[Path] = frozenset()
    main: MainResults = field(default_factory=MainResults)

    def record(self, study: str, variant: str) -> Record | None:
        """The metrics of one variant of a study."""
        return self.variants.get(study, {}).get(variant)


def load_measured(root: Path) -> Measured:
    """Read the metrics that are there.

    Args:
        root: Folder of the project.

    Raises:
        DigitbenchError: A file is damaged; the text names it.
    """
    metrics = {key: root / STUDIES / key / "metrics" for key in KEYS}
    timing = {**metrics, DOMAIN_SHIFT.name: root / DOMAIN_SHIFT / "metrics"}
    return Measured(
        variants={key: _records(folder) for key, folder in metrics.items()},
        timing={key: _records(folder / "timing") for key, folder in timing.items()},
        domain_shift=_json(root / DOMAIN_SHIFT / "metrics" / "domain_shift.json"),
        robustness=_json(root / ROBUSTNESS / "metrics" / "robustness.json"),
        figures=frozenset(path for path in FIGURES if (root / path).is_file()),
        main=_main_results(root),
    )


def _main_results(root: Path) -> MainResults:
    metrics = {name: _json(root / layout.METRICS / f"{name}.json") for name in ARCHITECTURES}
    timing = {name: _json(root / layout.TIMING / f"{name}.json") for name in ARCHITECTURES}
    return MainResults(
        metrics={name: record for name, record in metrics.items() if record},
        timing={name: record for name, record in timing.items() if record},
        latency=_json(root / layout.TIMING / "evaluate.json"),
        comparison=_json(root / layout.METRICS / "comparison.json"),
        robustness=_json(root / layout.METRICS / "robustness.json"),
        corruptions=_csv(root / layout.EVALUATION / "robustness.csv"),
        class_counts=_csv(root / layout.CLASS_COUNTS),
    )


def _records(folder: Path) -> dict[str, Record]:
    return {path.stem: _json(path) for path in sorted(folder.glob("*.json"))}


def _json(path: Path) -> Record:
    if not path.is_file():
        return {}
    try:
        content: Record = json.loads(path.read_bytes())
    except ValueError as error:
        raise DigitbenchError(f"{path}: damaged ({error}). Run `dvc repro --force`.") from None
    return content


def _csv(path: Path) -> pd.DataFrame | None:
    if not path.is_file():
        return None
    try:
        return pd.read_csv(path)
    except ValueError as error:
        raise DigitbenchError(f"{path}: damaged ({error}). Run `dvc repro --force`.") from None
