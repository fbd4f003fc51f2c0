"""How far a score on held-out training images would move if other images were held out.

Where a paper drew its own validation images, ours are others. An interval over seeds alone, all
scored on the same images, says nothing about that.

Ours beside a published number: where it stands in the metrics, and in which unit.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from digitbench.evaluation.scores import scores_of_confusion
from digitbench.results.studies import Measured, Record
from digitbench.statistics.summary import summarise
from digitbench.studies.groups.design import GROUPS, SOURCES
from digitbench.studies.published import Number
from digitbench.wording import Keyed

TRAINING_IMAGES = 60_000  # of which a part is drawn
NORMAL_QUANTILE = 1.959964
_DRAWS = 1000
Confusion = Mapping[str, Sequence[Sequence[int]]]
Statistic = Callable[[NDArray[np.int64]], float]


def reach_over_images(confusion: Confusion, images: int, statistic: Statistic) -> float:
    """Half of the 95 % interval of a statistic over draws of the held-out images.

    Counts are drawn from a multinomial distribution with the shares of the mean confusion matrix,
    and the error is corrected for drawing from a finite number of images without replacement
    (Cochran 1977, Sampling Techniques, ch. 2).

    Args:
        confusion: Counts [10][10] per seed, rows true digits; of several epochs or of one.
        images: Number of different images that were held out.
        statistic: Of a matrix of counts [10, 10].
    """
    shares = np.sum([np.asarray(counts) for counts in confusion.values()], axis=0).ravel()
    draws = np.random.default_rng(0).multinomial(images, shares / shares.sum(), size=_DRAWS)
    values = [statistic(counts) for counts in draws.reshape(-1, 10, 10)]
    left = 1 - images / TRAINING_IMAGES
    return NORMAL_QUANTILE * float(np.std(values)) * math.sqrt(max(left, 0.0))


def headline_statistic(metric: str) -> Statistic:
    """Accuracy or a macro mean of a confusion matrix."""
    return lambda counts: scores_of_confusion(counts).headline[metric]


def row_rate(true: int, taken_for: int) -> Statistic:
    """Share of the images of one digit taken for another."""
    return lambda counts: float(counts[true, taken_for] / counts[true].sum())


PERCENT = 100.0
# Protocols on images that the paper drew from the training images for itself.
HELD_OUT = ("validation", "pooled")
# Model and augmentation of a cell of the domain-shift study, by the name of the variant.
CELLS = {variant: GROUPS[group] for group, (_, variant) in SOURCES.items()}


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
    record = measured.record(study, variant)
    if record is None:
        return None
    if number.metric == "parameters":
        return Ours(mean=float(record["parameters"]))
    part = record["protocols"].get(protocol)
    if part is None:
        return None
    if number.against is not None:
        other = measured.record(study, number.against)
        return None if other is None else _error_reduction(other["protocols"][protocol], part)
    ours, statistic = _scored(number, part)
    if ours is None or protocol not in HELD_OUT:
        return ours
    # Pooling counts every image once per epoch.
    images = record["protocols"]["validation"]["images"]
    ours = replace(ours, images=images)
    if statistic is None:
        return ours
    return _widened(ours, PERCENT * reach_over_images(part["confusion"], images, statistic))


def _scored(number: Number, part: Record) -> tuple[Ours | None, Statistic | None]:
    """Ours over seeds, and what it is of a confusion matrix, if it is."""
    metrics, images = part["metrics"], part["images"]
    if number.confused:
        statistic = row_rate(*number.confused)
        rates = {seed: statistic(np.array(c)) for seed, c in part["confusion"].items()}
        return _summarised(rates, images), statistic
    if number.metric == "error_rate":
        per_seed = metrics["accuracy"]["per_seed"]
        errors = {seed: 1 - value for seed, value in per_seed.items()}
        return _summarised(errors, images), headline_statistic("accuracy")
    if number.metric not in metrics:
        return None, None
    if number.metric == "macro_auc":
        return _from_summary(metrics["macro_auc"], images, scale=1.0), None
    return _from_summary(metrics[number.metric], images), headline_statistic(number.metric)


def _widened(ours: Ours, reach: float) -> Ours:
    """The interval with an independent source of error added."""
    if ours.low is None or ours.high is None:
        return ours
    half = math.hypot((ours.high - ours.low) / 2, reach)
    return replace(ours, low=ours.mean - half, high=ours.mean + half)


def _from_summary(summary: Keyed, images: int, scale: float = PERCENT) -> Ours:
    low, high = summary["ci95_low"], summary["ci95_high"]
    return Ours(
        mean=scale * summary["mean"],
        low=None if low is None else scale * low,
        high=None if high is None else scale * high,
        seeds=len(summary["per_seed"]),
        images=images,
    )


def _summarised(per_seed: Mapping[str, float], images: int) -> Ours:
    summary = summarise({int(seed): value for seed, value in per_seed.items()})
    return _from_summary(summary, images)


def _error_reduction(first: Record, second: Record) -> Ours | None:
    """Share of the first model's errors that the second does not make, paired by seed."""
    errors = [
        {seed: 1 - value for seed, value in part["metrics"]["accuracy"]["per_seed"].items()}
        for part in (first, second)
    ]
    shared = [seed for seed in errors[0] if seed in errors[1] and errors[0][seed] > 0]
    if not shared:
        return None
    reduction = {seed: 1 - errors[1][seed] / errors[0][seed] for seed in shared}
    return _summarised(reduction, second["images"])


def _seconds(timing: Record | None) -> Ours | None:
    if timing is None:
        return None
    seconds = timing["seconds_per_epoch"]
    return Ours(
        mean=seconds["median"],
        seeds=len(seconds["per_seed"]),
        machine=timing["environment"]["hardware"],
    )


def _usps(measured: Measured, variant: str, mapping: str | None) -> Ours | None:
    domain = measured.domain_shift.get("usps")
    if domain is None or variant not in CELLS:
        return None
    model, augmentation = CELLS[variant]
    for cell in domain["cells"]:
        if (cell["model"], cell["augmentation"], cell["mapping"]) == (model, augmentation, mapping):
            return _from_summary(cell["accuracy"], domain["images"])
    return None
