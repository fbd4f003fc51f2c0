"""Ours beside a published number: where it stands in the metrics, and in which unit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digitbench.evaluation.summary import summarise
from digitbench.studies.design import GROUPS, SOURCES
from digitbench.studies.held_out import (
    Statistic,
    headline_statistic,
    reach_over_images,
    row_rate,
)
from digitbench.studies.measured import Measured, Record
from digitbench.studies.published import Number

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


def _from_summary(summary: Mapping[str, Any], images: int, scale: float = PERCENT) -> Ours:
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
