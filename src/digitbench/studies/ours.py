"""Ours beside a published number: what was measured here, and where it stands, in which unit.

Where a paper drew its own validation images, ours are others. An interval over seeds alone, all
scored on the same images, says nothing about that, and is widened here.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digitbench import files
from digitbench.evaluation.scores import scores_of_confusion
from digitbench.params import ARCHITECTURES
from digitbench.results.clocks import LatencyRecord, TimingRecord
from digitbench.results.record import Record
from digitbench.results.records import (
    Assessment,
    ComparisonRecord,
    DomainShiftRecord,
    ModelRecord,
    RobustnessRecord,
)
from digitbench.results.studies import STUDIES
from digitbench.statistics.summary import Summary, summarise
from digitbench.studies.groups.design import GROUPS, SOURCES
from digitbench.studies.published import Number

PERCENT = 100.0
TRAINING_IMAGES = 60_000  # of which a part is drawn
NORMAL_QUANTILE = 1.959964
_DRAWS = 1000
# Protocols on images that the paper drew from the training images for itself.
HELD_OUT = ("validation", "pooled")
# Model and augmentation of a cell of the domain-shift study, by the name of the variant.
CELLS = {variant: GROUPS[group] for group, (_, variant) in SOURCES.items()}

Statistic = Callable[[NDArray[np.int64]], float]  # of confusion counts [10, 10]
R = TypeVar("R", bound=Record)


# --- what was measured -------------------------------------------------------------------------


@dataclass(frozen=True)
class MainResults:
    """What the findings take from the main comparison; empty where it was not run."""

    models: Mapping[str, ModelRecord] = field(default_factory=dict)
    latency: LatencyRecord | None = None
    comparison: ComparisonRecord | None = None
    robustness: RobustnessRecord | None = None
    corruptions: pd.DataFrame | None = None
    class_counts: pd.DataFrame | None = None


@dataclass(frozen=True)
class Measured:
    """Everything that stands beside the published numbers; what was not run is absent.

    Attributes:
        variants: By study and variant.
        timing: Likewise.
        figures: Paths from the folder of all studies.
    """

    variants: Mapping[str, Mapping[str, ModelRecord]] = field(default_factory=dict)
    timing: Mapping[str, Mapping[str, TimingRecord]] = field(default_factory=dict)
    domain_shift: DomainShiftRecord | None = None
    robustness: RobustnessRecord | None = None
    figures: frozenset[str] = frozenset()
    main: MainResults = field(default_factory=MainResults)


def load_measured(root: Path, keys: Iterable[str]) -> Measured:
    """Read the metrics that are there.

    Args:
        root: Folder of the project.
        keys: The studies.

    Raises:
        DigitbenchError: A file is damaged; the text names it.
    """
    studies = root / STUDIES
    timed = [*keys, "domain_shift"]
    return Measured(
        variants={key: _each(ModelRecord, studies / key / files.METRICS) for key in keys},
        timing={key: _each(TimingRecord, studies / key / files.TIMING) for key in timed},
        domain_shift=_one(DomainShiftRecord, studies / "domain_shift/metrics/domain_shift.json"),
        robustness=_one(RobustnessRecord, studies / "robustness/metrics/robustness.json"),
        figures=frozenset(
            path.relative_to(studies).as_posix() for path in studies.glob("*/plots/*.png")
        ),
        main=_main_results(root),
    )


def _main_results(root: Path) -> MainResults:
    metrics = root / files.METRICS
    models = {name: _one(ModelRecord, metrics / f"{name}.json") for name in ARCHITECTURES}
    return MainResults(
        models={name: record for name, record in models.items() if record},
        latency=_one(LatencyRecord, root / files.TIMING / "evaluate.json"),
        comparison=_one(ComparisonRecord, metrics / "comparison.json"),
        robustness=_one(RobustnessRecord, metrics / "robustness.json"),
        corruptions=_table(root / files.EVALUATION / "robustness.csv"),
        class_counts=_table(root / files.CLASS_COUNTS),
    )


def _each(kind: type[R], folder: Path) -> dict[str, R]:
    return {path.stem: kind.read(path) for path in sorted(folder.glob("*.json"))}


def _one(kind: type[R], path: Path) -> R | None:
    return kind.read(path) if path.is_file() else None


def _table(path: Path) -> pd.DataFrame | None:
    return files.read_csv(path) if path.is_file() else None


# --- beside a published number -----------------------------------------------------------------


@dataclass(frozen=True)
class Ours:
    """A measured quantity in the unit of the published one.

    low and high are the 95 % interval for the mean over seeds, and over the held-out images where
    a paper drew its own; None with one seed, and for what has no interval. seeds is None for what
    no seed changes.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    seeds: int | None = None
    images: int | None = None
    machine: str = ""


def find_ours(
    number: Number, study: str, variant: str, protocol: str | None, measured: Measured
) -> Ours | None:
    """Ours for one variant under one protocol, or None where it was not measured."""
    if number.dataset == "usps":
        return _usps(measured, variant, protocol)
    if number.metric == "seconds_per_epoch":
        return _seconds(measured.timing.get(study, {}).get(variant))
    records = measured.variants.get(study, {})
    record = records.get(variant)
    if record is None:
        return None
    if number.metric == "parameters":
        return Ours(mean=float(record.parameters))
    scores = record.protocols.get(protocol or "")
    if protocol is None or scores is None:
        return None
    if number.against is not None:
        other = records.get(number.against)
        return None if other is None else _error_reduction(other.protocols[protocol], scores)
    ours, statistic = _scored(number, scores)
    if ours is None or protocol not in HELD_OUT:
        return ours
    # Pooling counts every image once per epoch.
    images = record.protocols["validation"].images
    ours = replace(ours, images=images)
    if statistic is None:
        return ours
    return _widened(ours, PERCENT * reach_over_images(scores.confusion.total, images, statistic))


def _scored(number: Number, scores: Assessment) -> tuple[Ours | None, Statistic | None]:
    """Ours over seeds, and what it is of a confusion matrix, if it is."""
    metrics, images = scores.metrics, scores.images
    if number.confused:
        statistic = row_rate(*number.confused)
        counts = scores.confusion.per_seed or {}
        rates = {seed: statistic(np.array(matrix)) for seed, matrix in counts.items()}
        return _over_seeds(summarise(rates), images), statistic
    if number.metric == "error_rate":
        return _over_seeds(summarise(_errors(scores)), images), headline_statistic("accuracy")
    if number.metric not in metrics:
        return None, None
    if number.metric == "macro_auc":
        return _over_seeds(metrics["macro_auc"], images, scale=1.0), None
    return _over_seeds(metrics[number.metric], images), headline_statistic(number.metric)


def _over_seeds(summary: Summary, images: int, scale: float = PERCENT) -> Ours:
    low, high = summary.ci95_low, summary.ci95_high
    return Ours(
        mean=scale * summary.mean,
        low=None if low is None else scale * low,
        high=None if high is None else scale * high,
        seeds=len(summary.per_seed),
        images=images,
    )


def _widened(ours: Ours, reach: float) -> Ours:
    """The interval with an independent source of error added."""
    if ours.low is None or ours.high is None:
        return ours
    half = math.hypot((ours.high - ours.low) / 2, reach)
    return replace(ours, low=ours.mean - half, high=ours.mean + half)


def _errors(scores: Assessment) -> dict[int, float]:
    return {seed: 1 - value for seed, value in scores.metrics["accuracy"].per_seed.items()}


def _error_reduction(first: Assessment, second: Assessment) -> Ours | None:
    """Share of the first model's errors that the second does not make, paired by seed."""
    before, after = _errors(first), _errors(second)
    shared = [seed for seed in before if seed in after and before[seed] > 0]
    if not shared:
        return None
    reduction = {seed: 1 - after[seed] / before[seed] for seed in shared}
    return _over_seeds(summarise(reduction), second.images)


def _seconds(timing: TimingRecord | None) -> Ours | None:
    if timing is None:
        return None
    seconds = timing.seconds_per_epoch
    return Ours(mean=seconds.median, seeds=len(seconds.per_seed), machine=timing.hardware)


def _usps(measured: Measured, variant: str, mapping: str | None) -> Ours | None:
    if measured.domain_shift is None or variant not in CELLS:
        return None
    usps = measured.domain_shift.domains["usps"]
    accuracy = usps.accuracies.get((*CELLS[variant], mapping))
    return None if accuracy is None else _over_seeds(accuracy, usps.images)


# --- other held-out images ---------------------------------------------------------------------


def reach_over_images(counts: Sequence[Sequence[int]], images: int, statistic: Statistic) -> float:
    """Half of the 95 % interval of a statistic over draws of the held-out images.

    Counts are drawn from a multinomial distribution with the shares of the mean confusion matrix,
    and the error is corrected for drawing from a finite number of images without replacement
    (Cochran 1977, Sampling Techniques, ch. 2).

    Args:
        counts: Confusion [10][10] over all seeds, rows true digits; of several epochs or of one.
        images: Number of different images that were held out.
        statistic: Of a matrix of counts [10, 10].
    """
    shares = np.ravel(counts)
    draws = np.random.default_rng(0).multinomial(images, shares / shares.sum(), size=_DRAWS)
    values = [statistic(drawn) for drawn in draws.reshape(-1, 10, 10)]
    left = 1 - images / TRAINING_IMAGES
    return NORMAL_QUANTILE * float(np.std(values)) * math.sqrt(max(left, 0.0))


def headline_statistic(metric: str) -> Statistic:
    """Accuracy or a macro mean of a confusion matrix."""
    return lambda counts: scores_of_confusion(counts).headline[metric]


def row_rate(true: int, taken_for: int) -> Statistic:
    """Share of the images of one digit taken for another."""
    return lambda counts: float(counts[true, taken_for] / counts[true].sum())
