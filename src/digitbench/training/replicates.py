"""Many replicates of one architecture, side by side, one thread each, and what they leave.

Because a replicate never uses more than one thread, its weights don't depend on how many run
beside it or on how many cores there are. joblib runs them: worker processes on one machine, and
any other backend of joblib where one is registered.

A replicate is kept between two epochs, so that a killed training goes on. The checkpoint is keyed
by everything that determines the replicate: resuming it gives the same bytes as never having
stopped, and a changed setting or line of code starts afresh.
"""

import dataclasses
import hashlib
import importlib
import io
import json
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from digitbench.errors import DigitbenchError
from digitbench.files import write_bytes
from digitbench.schema import Section
from digitbench.training import trainer
from digitbench.training.data import CLASSES, TrainingData
from digitbench.training.model import weights_to_bytes
from digitbench.training.recipe import Plan, Recipe
from digitbench.training.trainer import Epoch, Progress, start, train

JOBS_VARIABLE = "DIGITBENCH_JOBS"
# Seconds between two messages of a worker about its progress.
_MESSAGE_INTERVAL = 0.25
CURVE_COLUMNS = (
    *("seed", "epoch", "train_loss", "train_accuracy"),
    *("validation_loss", "validation_accuracy"),
)


@dataclass(frozen=True)
class Checkpoint:
    """One file that holds the latest whole epoch of one replicate."""

    path: Path

    def save(self, progress: Progress) -> None:
        """Replace the file by the present state, atomically."""
        content = io.BytesIO()
        torch.save(
            {
                "model": progress.model.state_dict(),
                "optimiser": progress.optimiser.state_dict(),
                "history": [dataclasses.astuple(epoch) for epoch in progress.history],
                "best": progress.best,
            },
            content,
        )
        state = content.getvalue()
        write_bytes(self.path, hashlib.sha256(state).digest() + state)

    def restore(self, progress: Progress) -> None:
        """Bring a fresh replicate to the saved state; a missing or damaged file changes nothing."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return
        digest, packed = content[:32], content[32:]
        if hashlib.sha256(packed).digest() != digest:
            return
        state = torch.load(io.BytesIO(packed), weights_only=True)
        progress.model.load_state_dict(state["model"])
        progress.optimiser.load_state_dict(state["optimiser"])
        progress.history[:] = [Epoch(*values) for values in state["history"]]
        progress.best = state["best"]

    def remove(self) -> None:
        """Called when the replicate is done."""
        self.path.unlink(missing_ok=True)


def replicate_key(
    architecture: str, params: Section, recipe: Recipe, data: TrainingData, seed: int
) -> str:
    """Hash of all that determines the weights: settings, data, code, torch."""
    facts = {
        "architecture": architecture,
        "params": params.model_dump(mode="json"),
        "recipe": recipe.model_dump(mode="json", exclude={"seeds"}),
        "seed": seed,
        "data": data.sha256,
        "code": [hashlib.sha256(path.read_bytes()).hexdigest() for path in _sources(architecture)],
        "torch": version("torch"),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _sources(architecture: str) -> list[Path]:
    """The files of the trainer, of the architecture, and of all that they use of the project."""
    waiting = [trainer.__name__, f"digitbench.models.{architecture}"]
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found and name.startswith("digitbench."):
            found.add(name)
            members = vars(importlib.import_module(name)).values()
            waiting += [str(getattr(member, "__module__", "")) for member in members]
    return [Path(str(sys.modules[name].__file__)) for name in sorted(found)]


@dataclass(frozen=True)
class Job(Plan):
    """A plan with its data; the recipe is resolved."""

    data: TrainingData
    checkpoints: Path


def account(job: Job) -> dict[str, Any]:
    """What the replicates of a job learn with and from, nothing left to be chosen here."""
    return {
        "schema": 1,
        "architecture": job.architecture,
        "network": job.params.model_dump(mode="json"),
        "recipe": job.recipe.model_dump(mode="json"),
        "data": {
            "sha256": job.data.sha256,
            "train_images": len(job.data.train_index),
            "validation_images": len(job.data.validation_index),
        },
    }


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


def run_replicates(job: Job, jobs: int, on_epoch: Callable[[Epoch], None]) -> list[Replicate]:
    """Train one replicate per seed of the recipe; the results come in the order of the seeds.

    Args:
        job: What they share.
        jobs: Processes at once.
        on_epoch: Called in this process, from a thread, after each epoch of any replicate.
    """
    with _listening(job, jobs, on_epoch) as messages:
        replicates: list[Replicate] = joblib.Parallel(n_jobs=jobs, backend="loky")(
            joblib.delayed(_run_one)(job, seed, messages) for seed in job.recipe.seeds
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


def curve_rows(replicates: Sequence[Replicate]) -> Iterator[tuple[float, ...]]:
    """One row per seed and epoch, in the order of CURVE_COLUMNS."""
    for replicate in replicates:
        for epoch in replicate.history:
            yield tuple(getattr(epoch, column) for column in CURVE_COLUMNS)


def confusions(replicates: Sequence[Replicate]) -> dict[str, NDArray[np.int64]]:
    """By seed, the confusion matrices of the validation part after every epoch [E, 10, 10]."""
    return {
        f"seed-{replicate.seed}": np.array(
            [epoch.validation_confusion for epoch in replicate.history], dtype=np.int64
        ).reshape(len(replicate.history), CLASSES, CLASSES)
        for replicate in replicates
    }
