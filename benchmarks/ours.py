"""This project's training, through the functions that its stages call."""

import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.inputs import cut, recipe
from digitbench.params import ArchitectureParams, load_params
from digitbench.training.data import TrainingData, load_training_data
from digitbench.training.recipe import Recipe
from digitbench.training.replicates import Job, parallel_jobs, run_replicates
from digitbench.training.trainer import Progress, start, train


@dataclass(frozen=True)
class Speed:
    """Images learned from per second, over all replicates."""

    per_epoch: float  # median of images / Epoch.seconds but for first epochs, times those at once
    with_start_up: float  # all images over the whole time, worker processes and first epochs too
    at_once: int


@dataclass(frozen=True)
class Updates:
    """Cost of learning from one image, in seconds."""

    preparation: float  # until the first update is done, spread over the images of one epoch
    update: float


class _EnoughError(Exception):
    """Leaves a training that has been timed."""


def replicate_speed(
    architecture: str,
    params: ArchitectureParams,
    settings: Recipe,
    data: TrainingData,
    seeds: Sequence[int],
    jobs: int,
) -> Speed:
    """Train replicates as a stage does; an epoch includes its validation.

    Args:
        architecture: Name of the section of `params`.
        params: Its sizes.
        settings: Of two epochs at least; the first of each replicate is warm-up.
        data: Train and validation part.
        seeds: One replicate each.
        jobs: Processes at once.
    """
    # The launcher of the stages sets it; cuBLAS asks for it before repeating itself to the bit.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    images = len(data.train_index)
    _ = data.sha256  # a stage has it before the first replicate starts, for its record of runs
    with tempfile.TemporaryDirectory() as folder:
        job = Job("", architecture, architecture, params, settings, data, checkpoints=Path(folder))
        began = time.perf_counter()
        replicates = run_replicates(job, seeds, jobs, on_epoch=lambda epoch: None)
        seconds = time.perf_counter() - began
    rates = [images / epoch.seconds for each in replicates for epoch in each.history[1:]]
    return Speed(
        per_epoch=jobs * median(rates),
        with_start_up=len(seeds) * settings.epochs * images / seconds,
        at_once=jobs,
    )


def one_replicate(architecture: str, images: int, epochs: int, device: str = "cpu") -> Speed:
    """The first seed alone, in this process, on MNIST; for a process of its own."""
    return _default(architecture, images, epochs, device, seeds=1)


def default_seeds(architecture: str, images: int, epochs: int, device: str = "cpu") -> Speed:
    """All seeds of params.yaml, as many at once as a stage would run."""
    return _default(architecture, images, epochs, device, seeds=None)


def _default(architecture: str, images: int, epochs: int, device: str, seeds: int | None) -> Speed:
    params = load_params()
    chosen = params.seeds[:seeds]
    return replicate_speed(
        architecture,
        params.network(architecture),
        recipe(params, epochs, device=device),
        cut(load_training_data(), images),
        chosen,
        parallel_jobs(len(chosen), device),
    )


def update_cost(
    architecture: str,
    params: ArchitectureParams,
    settings: Recipe,
    data: TrainingData,
    images: int,
) -> Updates:
    """Time some updates of the first epoch on one thread of the CPU, and what comes before them.

    Args:
        architecture: Name of the section of `params`.
        params: Its sizes.
        settings: Its batch size may be any up to half the train part.
        data: Train part of any size; the validation part isn't reached.
        images: How many are timed, after at least two updates of warm-up.
    """
    progress = start(architecture, params, settings, seed=0)
    seen = 0
    marks: list[tuple[int, float]] = []  # images learned from so far, moment

    def after_update(count: int) -> None:
        nonlocal seen
        seen += count
        marks.append((seen, time.perf_counter()))
        if seen >= 2 * settings.batch_size + images:
            raise _EnoughError

    def after_epoch(progress: Progress) -> None:
        raise _EnoughError

    began = time.perf_counter()
    with suppress(_EnoughError):
        train(progress, settings, data, 0, after_update, after_epoch)
    (warm, warm_moment), (last, last_moment) = marks[1], marks[-1]
    return Updates(
        preparation=(marks[0][1] - began) / len(data.train_index),
        update=(last_moment - warm_moment) / (last - warm),
    )
