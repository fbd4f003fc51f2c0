"""Many replicates of one architecture, side by side, one thread each, in processes of joblib.

Because a replicate never uses more than one thread, its weights don't depend on how many run
beside it or on how many cores there are.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any, Protocol

import joblib
from tqdm import tqdm

from digitbench.environment import fingerprint, project_root
from digitbench.errors import DigitbenchError
from digitbench.execution.checkpoint import Checkpoint
from digitbench.execution.key import replicate_key
from digitbench.training.model import weights_to_bytes
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Epoch, Progress, start, train

JOBS_VARIABLE = "DIGITBENCH_JOBS"
CHECKPOINTS = ".checkpoints"
# Seconds between two messages of a worker about its progress.
_MESSAGE_INTERVAL = 0.25


class Listener(Protocol):
    """Hears of a training while it goes on."""

    def log_epoch(self, epoch: Epoch) -> None:
        """Called after each epoch of any replicate."""


def execute(job: Job, listener: Listener) -> tuple[list[Replicate], dict[str, Any]]:
    """Train one replicate per seed of the recipe.

    Returns:
        The replicates in the order of the seeds, and the circumstances, for the record of timings.

    Raises:
        DigitbenchError: A training diverged, or the number of processes asked for is none.
    """
    jobs = parallel_jobs(len(job.recipe.seeds), job.recipe.device)
    checkpoints = project_root() / CHECKPOINTS
    replicates = run_replicates(job, jobs, listener.log_epoch, checkpoints)
    return replicates, {"replicates_at_once": jobs, "environment": fingerprint()}


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
    job: Job, jobs: int, on_epoch: Callable[[Epoch], None], checkpoints: Path
) -> list[Replicate]:
    """Train one replicate per seed of the recipe; the results come in the order of the seeds.

    Args:
        job: What they share.
        jobs: Processes at once.
        on_epoch: Called in this process, from a thread, after each epoch of any replicate.
        checkpoints: A folder.
    """
    with _listening(job, jobs, on_epoch) as messages:
        replicates: list[Replicate] = joblib.Parallel(n_jobs=jobs, backend="loky")(
            joblib.delayed(_run_one)(job, seed, messages, checkpoints) for seed in job.recipe.seeds
        )
    return replicates


def _run_one(job: Job, seed: int, messages: Any, checkpoints: Path) -> Replicate:
    """Train, or go on training, one replicate; runs in a worker process."""
    key = replicate_key(job, seed)
    checkpoint = Checkpoint(checkpoints / f"{job.name}-{seed}-{key[:16]}.pt")
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
def _listening(job: Job, jobs: int, on_epoch: Callable[[Epoch], None]) -> Iterator[Any]:
    """A queue that workers write to; a thread turns it into a progress bar and callbacks."""
    total = len(job.recipe.seeds) * job.recipe.epochs * len(job.data.train_index)
    bar = tqdm(total=total, desc=f"train {job.name}", unit=" images", unit_scale=True)
    with _message_queue(jobs) as messages, bar:
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
    # On loopback: a socket in the user's TMPDIR may have a longer path than the system allows.
    with SyncManager(address=("127.0.0.1", 0)) as manager:
        yield manager.Queue()
