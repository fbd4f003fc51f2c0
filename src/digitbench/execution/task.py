"""One replicate to be trained, what comes of it, and the training of it in whatever process.

It uses one thread, so its weights don't depend on what runs beside it or on how many cores there
are.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from digitbench.environment import fingerprint
from digitbench.execution.keeper import Keeper
from digitbench.execution.key import key_of
from digitbench.execution.store import Trained
from digitbench.training.model import weights_to_bytes
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Epoch, Progress, start, train

# Seconds between two messages about images.
_MESSAGE_INTERVAL = 0.25


@dataclass(frozen=True)
class Task:
    """One replicate to be trained."""

    job: Job
    facts: Mapping[str, Any]
    at_once: int
    store: str | None
    # Computed only to be compared with the same of another process.
    audit: bool = False

    @property
    def seed(self) -> int:
        """Names the replicate."""
        return int(self.facts["seed"])

    @property
    def key(self) -> str:
        """Names it in the store."""
        return key_of(dict(self.facts))


@dataclass(frozen=True)
class Outcome(Trained):
    """What came of a task."""

    place: str  # the process, by its number or address
    audit: bool
    problems: tuple[str, ...]  # of the store that progress was kept in


class Learned(NamedTuple):
    """How many images a replicate has learned from since its first epoch."""

    seed: int
    audit: bool
    images: int


class Messages(Protocol):
    """Where a training tells of its progress."""

    def put(self, message: Epoch | Learned) -> None:
        """Tell of a finished epoch, or of images."""


def perform(task: Task, messages: Messages, place: str) -> Outcome:
    """Train, or go on training, one replicate; an audit begins at the beginning."""
    job, seed = task.job, task.seed
    keeper = Keeper(None if task.audit else task.store)
    progress = keeper.resume(
        task.key, lambda: start(job.architecture, job.params, job.recipe, seed)
    )
    report = _Reporter(task, messages)
    report.images(len(progress.history) * len(job.data.train_index))
    for epoch in progress.history:
        report.epoch(epoch)

    def after_epoch(progress: Progress) -> None:
        report.epoch(progress.history[-1])
        keeper.save(task.key, progress)

    train(progress, job.recipe, job.data, seed, report.images, after_epoch)
    # What early stopping saved counts as done.
    report.images((job.recipe.epochs - len(progress.history)) * len(job.data.train_index))
    report.flush()
    replicate = Replicate(seed, weights_to_bytes(progress.model), tuple(progress.history))
    problems = tuple(keeper.problems)
    return Outcome(replicate, fingerprint(), task.at_once, place, task.audit, problems)


class _Reporter:
    """Counts the images learned from and tells of them now and then."""

    def __init__(self, task: Task, messages: Messages) -> None:
        self._task = task
        self._messages = messages
        self._images = 0
        self._last = 0.0

    def images(self, count: int) -> None:
        self._images += count
        if time.monotonic() - self._last > _MESSAGE_INTERVAL:
            self.flush()

    def epoch(self, epoch: Epoch) -> None:
        self.flush()
        if not self._task.audit:
            self._messages.put(epoch)

    def flush(self) -> None:
        self._messages.put(Learned(self._task.seed, self._task.audit, self._images))
        self._last = time.monotonic()
