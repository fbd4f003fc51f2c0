"""This project's training, through the functions that its stages call.

Imports nothing that stages don't: what is loaded counts in the memory that is measured.
"""

import dataclasses
import tempfile
import time
from contextlib import suppress
from statistics import median
from typing import NamedTuple

import joblib
import psutil

from benchmarks.scale import peak_resident_bytes
from digitbench.execution.workers import parallel_jobs, run_replicates
from digitbench.params import load_params
from digitbench.training.data import TrainingData, load_training_data
from digitbench.training.recipe import Recipe
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Progress, start, train

SAMPLE_SECONDS = 1.0


def cut(data: TrainingData, images: int, validation_images: int | None = None) -> TrainingData:
    """The first images of the train part, and of the validation part the same share by default."""
    share = round(images / len(data.train_index) * len(data.validation_index))
    return dataclasses.replace(
        data,
        train_index=data.train_index[:images],
        validation_index=data.validation_index[: validation_images or max(1, share)],
    )


def recipe(epochs: int, **changes: object) -> Recipe:
    """The shared recipe on the CPU; changes are named like its fields."""
    plain = load_params().model_copy(update={"epochs": epochs, "device": "cpu"})
    return plain.resolved().model_copy(update=changes)


class Speed(NamedTuple):
    """Images learned from per second, over all replicates."""

    per_epoch: float  # median of images / Epoch.seconds but for first epochs, times those at once
    with_start_up: float  # all images over the whole time, worker processes and first epochs too


def default_speed(
    architecture: str, images: int, epochs: int, device: str, seeds: int | None
) -> Speed:
    """The first seeds of params.yaml, or all, on MNIST, as many at once as a stage would run."""
    chosen = load_params().seeds[:seeds]
    data, jobs = cut(load_training_data(), images), parallel_jobs(len(chosen), device)
    return replicate_speed(architecture, recipe(epochs, device=device, seeds=chosen), data, jobs)


def speed_by(jobs: int, architecture: str, images: int, epochs: int, replicates: int) -> Speed:
    """So many processes at once train so many replicates of the default recipe on the CPU."""
    settings = recipe(epochs, seeds=tuple(range(replicates)))
    return replicate_speed(architecture, settings, cut(load_training_data(), images), jobs)


def replicate_speed(architecture: str, settings: Recipe, data: TrainingData, jobs: int) -> Speed:
    """Train replicates as a stage does; an epoch includes its validation, the first is warm-up."""
    images = len(data.train_index)
    _ = data.sha256  # a stage has it before the first replicate starts, for its record of runs
    replicates, seconds = trained(architecture, settings, data, jobs)
    rates = [images / epoch.seconds for each in replicates for epoch in each.history[1:]]
    return Speed(jobs * median(rates), len(replicates) * settings.epochs * images / seconds)


def epoch_speed(architecture: str, settings: Recipe, data: TrainingData, jobs: int) -> float:
    """Of `replicate_speed`, what counts once worker processes run."""
    return replicate_speed(architecture, settings, data, jobs).per_epoch


def trained(
    architecture: str, settings: Recipe, data: TrainingData, jobs: int
) -> tuple[list[Replicate], float]:
    """Default sizes, trained through the function of the stages; and the seconds of that call."""
    params = load_params().network(architecture)
    job = Job("", architecture, architecture, params, settings, data)
    # Into a store, as a stage does it: that takes its time too.
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        replicates = run_replicates(job, jobs, lambda epoch: None, folder)
        return replicates, time.perf_counter() - began


def worker_start(data: TrainingData, workers: int) -> float:
    """Seconds until so many new worker processes have libraries and data; in a process of its own.

    One worker is no process: joblib then trains in the one that asks.
    """
    began = time.perf_counter()
    parallel = joblib.Parallel(n_jobs=workers, backend="loky", batch_size=1)
    parallel(joblib.delayed(_there)(data) for _ in range(workers))
    return time.perf_counter() - began


def _there(data: TrainingData) -> int:
    return len(data.images)


class _EnoughError(Exception):
    """Leaves a training that has been timed."""


def update_cost(
    architecture: str, settings: Recipe, data: TrainingData, images: int
) -> tuple[float, float]:
    """Seconds per image in the first epoch, on one thread: until the first update, and learning.

    What comes before the first update is spread over the images of the epoch. Timed are so many
    images, after two updates of warm-up; the train part must have more.
    """
    progress = start(architecture, load_params().network(architecture), settings, seed=0)
    marks = [(0, time.perf_counter())]  # images learned from so far, moment

    def after_update(count: int) -> None:
        marks.append((marks[-1][0] + count, time.perf_counter()))
        if marks[-1][0] >= 2 * settings.batch_size + images:
            raise _EnoughError

    with suppress(_EnoughError):
        train(progress, settings, data, 0, after_update, on_epoch=lambda progress: None)
    (_, began), (_, first), (warm, warm_moment), *_, (last, last_moment) = marks
    preparation = (first - began) / len(data.train_index)
    return preparation, (last_moment - warm_moment) / (last - warm)


def memory_of_one_replicate(images: int, architecture: str) -> dict[str, int]:
    """Bytes of a process that trains one replicate for one epoch.

    peak_resident: high-water mark of resident memory; pages of libraries and of the memory-mapped
    data, which worker processes share, count in full. peak_unique: largest of the samples, one a
    second, of memory that no other process shares (USS). before: the two when the program is loaded
    and nothing read.
    """
    process, unique = psutil.Process(), []

    def sample(progress: Progress | None = None) -> None:
        unique.append((time.monotonic(), int(process.memory_full_info().uss)))

    def after_update(count: int) -> None:
        if time.monotonic() - unique[-1][0] > SAMPLE_SECONDS:
            sample()

    sample()
    before = peak_resident_bytes()
    data, settings = cut(load_training_data(), images), recipe(epochs=1)
    params = load_params().network(architecture)
    train(start(architecture, params, settings, 0), settings, data, 0, after_update, sample)
    return {
        "peak_resident": peak_resident_bytes(),
        "peak_unique": max(size for _, size in unique),
        "resident_before": before,
        "unique_before": unique[0][1],
    }
