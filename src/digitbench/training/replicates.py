"""Many replicates of one architecture, side by side, one thread each.

Because a replicate never uses more than one thread, its weights don't depend on how many run
beside it or on how many cores there are. joblib runs them: worker processes on one machine, and
any other backend of joblib where one is registered.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import Manager
from pathlib import Path
from typing import Any

import joblib
from tqdm import tqdm

from digitbench.data.arrays import TrainingData
from digitbench.errors import DigitbenchError
from digitbench.models import weights_to_bytes
from digitbench.params import ArchitectureParams
from digitbench.training.checkpoint import Checkpoint, replicate_key
from digitbench.training.recipe import Recipe
from digitbench.training.trainer import Epoch, Progress, start, train

JOBS_VARIABLE = "DIGITBENCH_JOBS"
# Seconds between two messages of a worker about its progress.
_MESSAGE_INTERVAL = 0.25


@dataclass(frozen=True)
class Job:
    """What the replicates of one architecture, or of one variant in a study, have in common."""

    study: str  # empty in the main pipeline
    name: str
    architecture: str
    params: ArchitectureParams
    recipe: Recipe
    data: TrainingData
    checkpoints: Path


@dataclass(frozen=True)
class Replicate:
    """A finished training."""

    seed: int
    weights: bytes  # safetensors
    history: tuple[Epoch, ...]


def parallel_jobs(replicates: int, device: str) -> int:
    """How many replicates run at once: one on a GPU, otherwise as many as there are cores.

    Raises:
        DigitbenchError: The environment variable that overrides this isn't a positive number.
    """
    if device != "cpu":
        return 1
    asked = os.environ.get(JOBS_VARIABLE, "")
    if not asked:
        return min(replicates, int(joblib.cpu_count()))
    if not asked.isdecimal() or int(asked) < 1:
        raise DigitbenchError(
            f"{JOBS_VARIABLE}={asked!r} is not a number of processes. Set 1 or more, or unset it."
        )
    return min(replicates, int(asked))


def run_replicates(
    job: Job, seeds: Sequence[int], jobs: int, on_epoch: Callable[[Epoch], None]
) -> list[Replicate]:
    """Train one replicate per seed; the results come in the order of the seeds.

    Args:
        job: What they share; its device must be resolved.
        seeds: One replicate each.
        jobs: Processes at once.
        on_epoch: Called in this process, from a thread, after each epoch of any replicate.
    """
    with _listening(job, seeds, jobs, on_epoch) as messages:
        replicates: list[Replicate] = joblib.Parallel(n_jobs=jobs, backend="loky")(
            joblib.delayed(_run_one)(job, seed, messages) for seed in seeds
        )
    return replicates


def _run_one(job: Job, seed: int, messages: Any) -> Replicate:
    """Train, or go on training, one replicate; runs in a worker process."""
    key = replicate_key(job.architecture, job.params, job.recipe, job.data, seed)
    checkpoint = Checkpoint(job.checkpoints / f"{job.name}-{seed}-{key[:16]}.pt")
    progress = start(job.architecture, job.params, job.recipe, seed)
    checkpoint.restore(progress)
    report = _Reporter(messages)
    report.images(len(progress.history) * len(job.data.train_index))
    for epoch in progress.history:
        messages.put(epoch)

    def after_epoch(progress: Progress) -> None:
        report.flush()
        messages.put(progress.history[-1])
        checkpoint.save(progress)

    train(progress, job.recipe, job.data, seed, report.images, after_epoch)
    # What early stopping saved counts as done.
    report.images((job.recipe.epochs - len(progress.history)) * len(job.data.train_index))
    report.flush()
    checkpoint.remove()
    return Replicate(seed, weights_to_bytes(progress.model), tuple(progress.history))


class _Reporter:
    """Sums the images learned from and tells the parent now and then."""

    def __init__(self, messages: Any) -> None:
        self._messages = messages
        self._images = 0
        self._last = 0.0

    def images(self, count: int) -> None:
        self._images += count
        if time.monotonic() - self._last > _MESSAGE_INTERVAL:
            self.flush()

    def flush(self) -> None:
        self._messages.put(self._images)
        self._images = 0
        self._last = time.monotonic()


@contextmanager
def _listening(
    job: Job, seeds: Sequence[int], jobs: int, on_epoch: Callable[[Epoch], None]
) -> Iterator[Any]:
    """A queue that workers write to; a thread turns it into a progress bar and callbacks."""
    total = len(seeds) * job.recipe.epochs * len(job.data.train_index)
    with _message_queue(jobs) as messages, _progress_bar(job.name, total) as bar:
        listener = threading.Thread(target=_listen, args=(messages, bar, on_epoch), daemon=True)
        listener.start()
        try:
            yield messages
        finally:
            messages.put(None)
            listener.join()


def _listen(messages: Any, bar: Any, on_epoch: Callable[[Epoch], None]) -> None:
    while (message := messages.get()) is not None:
        if isinstance(message, Epoch):
            bar.set_postfix_str(f"validation accuracy {message.validation_accuracy:.4f}")
            on_epoch(message)
        else:
            bar.update(message)


@contextmanager
def _message_queue(jobs: int) -> Iterator[Any]:
    if jobs == 1:
        yield queue.SimpleQueue()
        return
    with Manager() as manager:
        yield manager.Queue()


def _progress_bar(name: str, total: int) -> Any:
    return tqdm(total=total, desc=f"train {name}", unit=" images", unit_scale=True)
