"""One published number beside ours, and the table of all of them as CSV.

What was measured here: the metrics of the studies, and those of the main comparison.
"""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from digitbench import files
from digitbench.errors import DigitbenchError
from digitbench.files import write_csv
from digitbench.params import ARCHITECTURES
from digitbench.wording import ENLARGING

SUMMARY = Path("studies/summary.csv")
AGAIN = "Make it again with `digitbench studies`."

Verdict = Literal["reproduced", "higher", "lower", "not comparable"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
# Marks what was tried before this project, with one seed; everything else was published.
TRIAL = " (trial)"
# Numbers of other work, for proportion.
STUDIES = Path("studies")
_PROTOCOLS = {
    "test": "test set",
    "validation": "validation",
    "pooled": "pooled over epochs",
    "stretch": "stretch",
    "box": ENLARGING["box"].short,
}
# Which variant of USPS the papers used is not known; ours is named in the reasons.
_DATASETS = {"mnist": "MNIST", "usps": "USPS"}
_DECIMALS = {"macro_auc": 5, "parameters": 0, "seconds_per_epoch": 1}
KEYS = ("nguyen2026", "pedrogiu13", "report2002", "pavon2025", "toyobo2025")
LITERATURE = "literature"


@dataclass(frozen=True)
class Row:
    """A published number, ours where there is one, and what to make of it.

    Percent, except macro_auc (a fraction of 1), parameters (a count) and seconds_per_epoch.
    higher and lower say where ours lies.
    """

    study: str
    model: str
    metric: str
    dataset: str
    protocol: str
    published: str
    published_spread: str
    ours_mean: float | None
    ours_low: float | None
    ours_high: float | None
    seeds: int | None
    verdict: Verdict
    reason: str

    @property
    def is_trial(self) -> bool:
        """Whether the number comes from a trial rather than from a paper."""
        return self.protocol.endswith(TRIAL)

    @property
    def is_claim(self) -> bool:
        """Whether one of the five studies reports the number."""
        return self.study != LITERATURE and not self.is_trial

    @property
    def images(self) -> str:
        """The images and how they were scored, in words; a dash for what needs none."""
        protocol = _PROTOCOLS.get(self.protocol.removesuffix(TRIAL))
        return ", ".join(filter(None, (_DATASETS.get(self.dataset), protocol))) or "–"

    @property
    def theirs(self) -> str:
        """The published number with its ±."""
        value = f"{int(self.published):,}" if self.metric == "parameters" else self.published
        return f"{value} ± {self.published_spread}" if self.published_spread else value

    @property
    def ours(self) -> str:
        """Our number with its interval; a dash where there is none."""
        if self.ours_mean is None:
            return "–"
        places = decimals(self.metric)
        text = f"{self.ours_mean:,.{places}f}"
        if self.ours_low is None or self.ours_high is None:
            return text
        return f"{text} ({self.ours_low:.{places}f} to {self.ours_high:.{places}f})"


def decimals(metric: str) -> int:
    """Decimal places in which ours is told."""
    return _DECIMALS.get(metric, 2)


def own_protocol(rows: Sequence[Row]) -> list[Row]:
    """Without the second looks: numbers on the test set that the paper got on other images.

    Which way a paper enlarged USPS is not known, so both ways stay.
    """
    papers: dict[tuple[str, ...], str] = {}
    for row in rows:
        papers.setdefault(_number_of(row), row.protocol)
    return [row for row in rows if row.dataset == "usps" or row.protocol == papers[_number_of(row)]]


def published_numbers(rows: Sequence[Row]) -> int:
    """How many numbers the rows are about: one stands in several, once per variant and protocol."""
    return len(
        {
            (row.study, row.model.partition("_")[0], row.metric, row.dataset, row.published)
            for row in rows
        }
    )


def _number_of(row: Row) -> tuple[str, ...]:
    return row.study, row.model, row.metric, row.dataset, row.published


def verdict_counts(rows: Sequence[Row]) -> list[int]:
    """How often each verdict was reached, in the order of VERDICTS."""
    return [sum(row.verdict == verdict for row in rows) for verdict in VERDICTS]


HEADER = tuple(field.name for field in dataclasses.fields(Row))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """One line per row; what is not there stays empty."""
    write_csv(path, HEADER, (dataclasses.astuple(row) for row in rows))


def read_rows(path: Path) -> list[Row]:
    """The rows that `write_rows` wrote.

    Raises:
        DigitbenchError: The file can't be read, or is no such table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DigitbenchError(f"{path}: cannot be read ({error.strerror}). {AGAIN}") from None
    lines = csv.DictReader(io.StringIO(text))
    if tuple(lines.fieldnames or ()) != HEADER:
        raise DigitbenchError(f"{path}: damaged (the header is another). {AGAIN}")
    try:
        return [_row(line) for line in lines]
    except (TypeError, ValueError) as error:
        where = f"{path}, line {lines.line_num}"
        raise DigitbenchError(f"{where}: damaged ({error}). {AGAIN}") from None


def _row(line: dict[str, str]) -> Row:
    verdict = next((known for known in VERDICTS if known == line["verdict"]), None)
    if verdict is None:
        raise ValueError(f"{line['verdict']!r} is no verdict")
    return Row(
        study=line["study"],
        model=line["model"],
        metric=line["metric"],
        dataset=line["dataset"],
        protocol=line["protocol"],
        published=line["published"],
        published_spread=line["published_spread"],
        ours_mean=_number(line["ours_mean"]),
        ours_low=_number(line["ours_low"]),
        ours_high=_number(line["ours_high"]),
        seeds=int(line["seeds"]) if line["seeds"] else None,
        verdict=verdict,
        reason=line["reason"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None


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
    metrics = {name: _json(root / files.METRICS / f"{name}.json") for name in ARCHITECTURES}
    timing = {name: _json(root / files.TIMING / f"{name}.json") for name in ARCHITECTURES}
    return MainResults(
        metrics={name: record for name, record in metrics.items() if record},
        timing={name: record for name, record in timing.items() if record},
        latency=_json(root / files.TIMING / "evaluate.json"),
        comparison=_json(root / files.METRICS / "comparison.json"),
        robustness=_json(root / files.METRICS / "robustness.json"),
        corruptions=_csv(root / files.EVALUATION / "robustness.csv"),
        class_counts=_csv(root / files.CLASS_COUNTS),
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
