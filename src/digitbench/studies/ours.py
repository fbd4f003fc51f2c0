"""Ours beside a published number: what was measured here, and its two intervals.

Where a paper drew its own validation images, ours are others. An interval over seeds alone, all
scored on the same images, says nothing about that, and is widened here.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digitbench import files
from digitbench.evaluation.scores import scores_of_confusion
from digitbench.params import ARCHITECTURES
from digitbench.results.clocks import LatencyRecord, TimingRecord
from digitbench.results.plot_data import CLASSES, ROBUSTNESS, Table, read_table
from digitbench.results.record import Record
from digitbench.results.records import (
    Assessment,
    ComparisonRecord,
    DomainShiftRecord,
    ModelRecord,
    RobustnessRecord,
    TrainingRecord,
)
from digitbench.results.studies import STUDIES
from digitbench.statistics.estimates import Difference
from digitbench.statistics.summary import Summary, share_interval, summarise
from digitbench.studies.groups.design import GROUPS, SOURCES
from digitbench.studies.published import Number

PERCENT = 100.0
TRAINING_IMAGES = 60_000  # of which a part is drawn
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
        training: Likewise; and so timing.
        figures: Paths from the folder of all studies.
    """

    variants: Mapping[str, Mapping[str, ModelRecord]] = field(default_factory=dict)
    training: Mapping[str, Mapping[str, TrainingRecord]] = field(default_factory=dict)
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
    trained = [*keys, "domain_shift"]
    return Measured(
        variants={key: _each(ModelRecord, studies / key / files.METRICS) for key in keys},
        training={key: _each(TrainingRecord, studies / key / files.TRAININGS) for key in trained},
        timing={key: _each(TimingRecord, studies / key / files.TIMING) for key in trained},
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
        corruptions=_table(root / files.EVALUATION / "robustness.csv", ROBUSTNESS),
        class_counts=_table(root / files.CLASS_COUNTS, CLASSES),
    )


def _each(kind: type[R], folder: Path) -> dict[str, R]:
    return {path.stem: kind.read(path) for path in sorted(folder.glob("[!.]*.json"))}


def _one(kind: type[R], path: Path) -> R | None:
    return kind.read(path) if path.is_file() else None


def _table(path: Path, kind: Table) -> pd.DataFrame | None:
    return read_table(path, kind) if path.is_file() else None


# --- beside a published number -----------------------------------------------------------------


@dataclass(frozen=True)
class Ours:
    """A measured quantity in the unit of the published one.

    low and high are the 95 % interval for the mean over trainings, run_low and run_high that for
    one more training; both are None with one seed, and for what has no interval. seeds is None for
    what no seed changes.
    """

    mean: float
    low: float | None = None
    high: float | None = None
    run_low: float | None = None
    run_high: float | None = None
    seeds: int | None = None


def find_ours(
    number: Number, study: str, variant: str, protocol: str | None, measured: Measured
) -> Ours | None:
    """Ours for one variant under one protocol, or None where it was not measured."""
    if number.dataset == "usps":
        accuracy = _on_usps(measured, variant, protocol)
        return None if accuracy is None else over_seeds(accuracy, runs=number.runs)
    if number.metric == "seconds_per_epoch":
        return _seconds(measured.timing.get(study, {}).get(variant))
    records = measured.variants.get(study, {})
    record = records.get(variant)
    if record is None:
        return None
    if number.metric == "parameters":
        return Ours(mean=float(record.parameters))
    scores = record.protocols.get(protocol or "")
    if scores is None:
        return None
    if number.against is not None:
        other = records.get(number.against)
        return None if other is None else _error_reduction(other.protocols[protocol or ""], scores)
    summary, statistic = _scored(number, scores)
    if summary is None:
        return None
    drawn = 0.0
    # Pooling counts every image once per epoch.
    images = record.protocols["validation"].images if protocol in HELD_OUT else scores.images
    if protocol in HELD_OUT and statistic is not None:
        drawn = error_over_images(scores.confusion.total, images, statistic)
    scale = 1.0 if number.metric == "macro_auc" else PERCENT
    of = images_of(number.confused[0], scores.confusion.total, images) if number.confused else None
    return over_seeds(summary, scale=scale, drawn=drawn, runs=number.runs, rate_of=of)


def images_of(digit: int, counts: Sequence[Sequence[int]], images: int) -> int:
    """How many of so many images show a digit, by confusion counts of any number of seeds."""
    return round(images * sum(counts[digit]) / sum(map(sum, counts)))


def _scored(number: Number, scores: Assessment) -> tuple[Summary | None, Statistic | None]:
    """Ours over seeds, and what it is of a confusion matrix, if it is."""
    if number.confused:
        statistic = row_rate(*number.confused)
        counts = scores.confusion.per_seed or {}
        rates = {seed: statistic(np.array(matrix)) for seed, matrix in counts.items()}
        return summarise(rates), statistic
    summary = scores.metrics.get(number.metric)
    return summary, None if number.metric == "macro_auc" else headline_statistic(number.metric)


def over_seeds(
    summary: Summary,
    *,
    scale: float = PERCENT,
    drawn: float = 0.0,
    runs: int = 1,
    rate_of: int | None = None,
) -> Ours:
    """The mean, its interval, and that for the mean of so many more trainings.

    Where a paper drew its images like we drew ours, drawing counts once for our mean and twice for
    more runs. The spread of seeds then holds some of it already, the luck of single images; how
    much, confusion counts don't tell. So the interval is rather too wide than too narrow.

    Simulated coverage of the interval for one more run, in percent, by the standard deviation over
    seeds in points, of which 0.051 are luck of single images (an error of 0.65 % on 12,000 images,
    20,000 worlds each; `tests/unit/test_studies_coverage.py` runs them again at a smaller size):

                            3 seeds      4      5     10
        one test set  0.051    95.0   95.0   95.0   94.9
                      0.058    94.8   94.9   95.2   94.9
                      0.104    94.9   95.0   95.1   94.9
        drawn images  0.051    98.1   98.2   98.5   98.7
                      0.058    97.8   98.0   98.0   98.2
                      0.104    94.7   95.9   96.3   96.7

    Args:
        summary: Of the seeds, as a fraction.
        scale: From the fraction to the unit of the published number.
        drawn: Standard error from drawing the images, which all seeds share, as a fraction.
        runs: How many runs the published number is a mean of.
        rate_of: For a share near zero, the images it is of: its intervals stay in [0, 1].
    """
    seeds = len(summary.per_seed)
    our_mean = summary.expected(math.inf, drawn)
    other_runs = summary.expected(runs, math.sqrt(2) * drawn)
    if our_mean is None or other_runs is None:
        return Ours(scale * summary.mean, seeds=seeds)

    def ends(of: Difference) -> tuple[float, float]:
        low, high = of.interval()
        if rate_of is not None:
            low, high = share_interval(of.value, of.error, of.freedom, rate_of)
        return scale * low, scale * min(high, 1.0)  # a share: no more than all

    return Ours(scale * summary.mean, *ends(our_mean), *ends(other_runs), seeds=seeds)


def _errors(scores: Assessment) -> dict[int, float]:
    return {seed: 1 - value for seed, value in scores.metrics["accuracy"].per_seed.items()}


def _error_reduction(first: Assessment, second: Assessment) -> Ours | None:
    """Share of the first model's errors that the second does not make, paired by seed."""
    before, after = _errors(first), _errors(second)
    shared = [seed for seed in before if seed in after and before[seed] > 0]
    if not shared:
        return None
    return over_seeds(summarise({seed: 1 - after[seed] / before[seed] for seed in shared}))


def _seconds(timing: TimingRecord | None) -> Ours | None:
    if timing is None:
        return None
    seconds = timing.seconds_per_epoch
    return Ours(mean=seconds.median, seeds=len(seconds.per_seed))


def _on_usps(measured: Measured, variant: str, mapping: str | None) -> Summary | None:
    if measured.domain_shift is None or variant not in CELLS:
        return None
    return measured.domain_shift.domains["usps"].accuracies.get((*CELLS[variant], mapping))


# --- other held-out images ---------------------------------------------------------------------


def error_over_images(counts: Sequence[Sequence[int]], images: int, statistic: Statistic) -> float:
    """Standard error of a statistic over draws of the held-out images.

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
    return float(np.std(values)) * math.sqrt(max(left, 0.0))


def headline_statistic(metric: str) -> Statistic:
    """Accuracy or a macro mean of a confusion matrix."""
    return lambda counts: scores_of_confusion(counts).headline[metric]


def row_rate(true: int, taken_for: int) -> Statistic:
    """Share of the images of one digit taken for another."""
    return lambda counts: float(counts[true, taken_for] / counts[true].sum())
