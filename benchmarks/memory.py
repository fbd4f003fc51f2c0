"""Memory of one replicate in a process of its own."""

import time

import psutil

from benchmarks.inputs import cut, recipe
from benchmarks.processes import peak_resident_bytes
from digitbench.params import load_params
from digitbench.training.data import load_training_data
from digitbench.training.trainer import Progress, start, train

METHOD = (
    "Bytes of a process that trains one replicate for one epoch. peak_resident: high-water mark of "
    "resident memory; pages of libraries and of the memory-mapped data, which worker processes "
    "share, count in full. peak_unique: largest of the samples, one a second, of memory that no "
    "other process shares (USS). before: the two when the program is loaded and nothing read."
)
SAMPLE_SECONDS = 1.0


def of_one_replicate(architecture: str, images: int) -> dict[str, int]:
    """Train for an epoch and watch; for a process of its own."""
    process = psutil.Process()
    unique = [int(process.memory_full_info().uss)]
    before = peak_resident_bytes()
    sampled = time.monotonic()
    params = load_params()
    data = cut(load_training_data(), images)

    def after_update(count: int) -> None:
        nonlocal sampled
        if time.monotonic() - sampled > SAMPLE_SECONDS:
            unique.append(int(process.memory_full_info().uss))
            sampled = time.monotonic()

    def after_epoch(progress: Progress) -> None:
        unique.append(int(process.memory_full_info().uss))

    settings = recipe(params, epochs=1)
    progress = start(architecture, params.network(architecture), settings, seed=0)
    train(progress, settings, data, 0, after_update, after_epoch)
    return {
        "peak_resident": peak_resident_bytes(),
        "peak_unique": max(unique),
        "resident_before": before,
        "unique_before": unique[0],
    }
