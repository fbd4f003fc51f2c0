"""Many replicates of one architecture, side by side, one thread each, in processes of joblib.

Because a replicate never uses more than one thread, its weights don't depend on how many run
beside it or on how many cores there are. What the store has is not trained.
"""

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.managers import SyncManager
from typing import Any, Protocol

import joblib
from tqdm import tqdm

from digitbench.environment import fingerprint
from digitbench.errors import DigitbenchError
from digitbench.execution.keeper import Keeper, store_address
from digitbench.execution.key import facts, key_of
from digitbench.execution.store import OFF, VARIABLE, Kept
from digitbench.training.model import weights_to_bytes
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Epoch, Progress, start, train
from digitbench.wording import count

JOBS_VARIABLE = "DIGITBENCH_JOBS"
# Facts of a replicate that the account of its training has; the others are about code and machine.
_IN_ACCOUNT = ("architecture", "network", "recipe", "seed")
# Seconds between two messages of a worker about its progress.
_MESSAGE_INTERVAL = 0.25


class Listener(Protocol):
    """Hears of a training while it goes on."""

    def log_epoch(self, epoch: Epoch) -> None:
        """Called after each epoch of any replicate, also of one that was kept."""

    def log_kept(self, seed: int, key: str) -> None:
        """Called for a replicate that was kept and is not trained."""


@dataclass(frozen=True)
class Task:
    """One replicate to be trained, as a worker is told."""

    job: Job
    facts: Mapping[str, Any]
    at_once: int
    store: str | None

    @property
    def seed(self) -> int:
        """Names the replicate."""
        return int(self.facts["seed"])


def execute(job: Job, listener: Listener) -> tuple[list[Replicate], dict[str, Any]]:
    """One replicate per seed of the recipe: kept ones from the store, the others trained.

    Returns:
        The replicates in the order of the seeds, and the circumstances, for the record of timings.

    Raises:
        DigitbenchError: A training diverged, or the environment asks for what there isn't.
    """
    seeds, jobs = job.recipe.seeds, parallel_jobs(len(job.recipe.seeds), job.recipe.device)
    address = store_address()
    keeper = Keeper(address)
    known = {seed: facts(job, seed) for seed in seeds}
    keys = {seed: key_of(of_seed) for seed, of_seed in known.items()}
    kept = {seed: found for seed in seeds if (found := keeper.find(keys[seed]))}
    for line in (*keeper.problems, *_kept_line(len(kept), len(seeds))):
        print(f"train {job.name}: {line}.", flush=True)
    for seed, found in kept.items():
        listener.log_kept(seed, keys[seed])
        for epoch in found.replicate.history:
            listener.log_epoch(epoch)
    # A store that failed once is not waited for again.
    usable = None if keeper.lost else address
    tasks = [Task(job, known[seed], jobs, usable) for seed in seeds if seed not in kept]
    trained = run_tasks(tasks, min(jobs, max(1, len(tasks))), listener.log_epoch)
    whole = {**{seed: found.replicate for seed, found in kept.items()}, **trained}
    shared = {name: fact for name, fact in known[seeds[0]].items() if name not in _IN_ACCOUNT}
    how = {"keys": keys, "facts": shared, **_circumstances([*kept.values()], jobs if tasks else 0)}
    return [whole[seed] for seed in seeds], how


def _kept_line(kept: int, asked: int) -> Iterator[str]:
    if not kept:
        return
    rest = f"{asked - kept} to train" if kept < asked else "nothing to train"
    yield f"{kept} of {count(asked, 'replicate')} kept, {rest} ({VARIABLE}={OFF} trains all)"


def _circumstances(kept: Sequence[Kept], jobs: int) -> dict[str, Any]:
    """Where all were trained and how many at once; what the kept ones took is counted in."""
    environments = [found.environment for found in kept] + ([fingerprint()] if jobs else [])
    merged = {
        key: " and ".join(sorted({each.get(key, "unknown") for each in environments}))
        for key in environments[0]
    }
    return {
        "replicates_at_once": max([jobs, *(found.at_once for found in kept)]),
        "environment": merged,
        "kept_seconds": sum(found.seconds for found in kept),
    }


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
    job: Job, jobs: int, on_epoch: Callable[[Epoch], None], store: str | None = None
) -> list[Replicate]:
    """Train one replicate per seed of the recipe; the results come in the order of the seeds.

    Args:
        job: What they share.
        jobs: Processes at once.
        on_epoch: Called in this process, from a thread, after each epoch of any replicate.
        store: Address of a store to resume from and to keep the finished ones in.
    """
    tasks = [Task(job, facts(job, seed), jobs, store) for seed in job.recipe.seeds]
    trained = run_tasks(tasks, jobs, on_epoch)
    return [trained[seed] for seed in job.recipe.seeds]


def run_tasks(
    tasks: Sequence[Task], jobs: int, on_epoch: Callable[[Epoch], None]
) -> dict[int, Replicate]:
    """Train what is asked for, by seed; arguments as in `run_replicates`."""
    if not tasks:
        return {}
    with _listening(tasks, jobs, on_epoch) as messages:
        done = joblib.Parallel(n_jobs=jobs, backend="loky")(
            joblib.delayed(_run_one)(task, messages) for task in tasks
        )
    # The others are likely the same, of another replicate.
    for problem in [problem for _, problems in done for problem in problems][:1]:
        print(f"train {tasks[0].job.name}: {problem}.", flush=True)
    return {replicate.seed: replicate for replicate, _ in done}


def _run_one(task: Task, messages: Any) -> tuple[Replicate, list[str]]:
    """Train, or go on training, one replicate; runs in a worker process.

    Returns:
        It, and what went wrong with the store.
    """
    job, seed, key = task.job, task.seed, key_of(dict(task.facts))
    keeper = Keeper(task.store)
    progress = start(job.architecture, job.params, job.recipe, seed)
    keeper.resume(key, progress)
    report = _Reporter(messages)
    report.images(len(progress.history) * len(job.data.train_index))
    for epoch in progress.history:
        messages.put(epoch)

    def after_epoch(progress: Progress) -> None:
        report.flush()
        messages.put(progress.history[-1])
        keeper.save(key, progress)

    train(progress, job.recipe, job.data, seed, report.images, after_epoch)
    # What early stopping saved counts as done.
    report.images((job.recipe.epochs - len(progress.history)) * len(job.data.train_index))
    report.flush()
    replicate = Replicate(seed, weights_to_bytes(progress.model), tuple(progress.history))
    keeper.finish(task.facts, replicate, task.at_once)
    keeper.forget(key)
    return replicate, keeper.problems


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
    tasks: Sequence[Task], jobs: int, on_epoch: Callable[[Epoch], None]
) -> Iterator[Any]:
    """A queue that workers write to; a thread turns it into a progress bar and callbacks."""
    job = tasks[0].job
    total = len(tasks) * job.recipe.epochs * len(job.data.train_index)
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
