"""Many replicates of one architecture, side by side: in processes of joblib, or on a cluster.

What the store has is not trained.
"""

import os
import pickle
import queue
import signal
import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from multiprocessing.managers import SyncManager
from typing import Any, Protocol

import joblib
from joblib.externals.loky.backend import resource_tracker
from tqdm import tqdm

from digitbench.errors import DigitbenchError
from digitbench.execution.audit import (
    CLUSTER_SHARE,
    DisagreementError,
    audited_share,
    compared,
    is_drawn,
)
from digitbench.execution.dask import VARIABLE as CLUSTER_VARIABLE
from digitbench.execution.keeper import Keeper, store_address
from digitbench.execution.key import facts, key_of
from digitbench.execution.store import OFF, VARIABLE, Kept
from digitbench.execution.task import Learned, Messages, Outcome, Task, perform
from digitbench.lineage import end_with
from digitbench.training.replicates import Job, Replicate
from digitbench.training.trainer import Epoch
from digitbench.wording import count

JOBS_VARIABLE = "DIGITBENCH_JOBS"
# Facts of a replicate that the account of its training has; the others are about code and machine.
_IN_ACCOUNT = ("architecture", "network", "recipe", "seed")

Trainings = Generator[Outcome, None, None]


class Listener(Protocol):
    """Hears of a training while it goes on."""

    def log_epoch(self, epoch: Epoch) -> None:
        """Called after each epoch of any replicate, also of one that was kept."""

    def log_kept(self, seed: int, key: str) -> None:
        """Called for a replicate that was kept and is not trained."""


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
    keeper.sweep()
    known = {seed: facts(job, seed) for seed in seeds}
    keys = {seed: key_of(of_seed) for seed, of_seed in known.items()}
    kept = {seed: found for seed in seeds if (found := keeper.find(keys[seed]))}
    for line in (*keeper.problems, *_kept_line(len(kept), len(seeds))):
        print(f"train {job.name}: {line}.", flush=True)
    for seed, found in kept.items():
        # Still there if whoever finished it was killed in between.
        keeper.forget(keys[seed])
        listener.log_kept(seed, keys[seed])
        for epoch in found.replicate.history:
            listener.log_epoch(epoch)
    # A store that failed once is not waited for again.
    usable = None if keeper.lost else address
    tasks = [Task(job, known[seed], jobs, usable) for seed in seeds if seed not in kept]
    trained = run_tasks(tasks, min(jobs, max(1, len(tasks))), listener.log_epoch)
    whole: dict[int, Kept | Outcome] = {**kept, **trained}
    shared = {name: fact for name, fact in known[seeds[0]].items() if name not in _IN_ACCOUNT}
    how = {"keys": keys, "facts": shared, **_circumstances([*kept.values()], [*trained.values()])}
    return [whole[seed].replicate for seed in seeds], how


def _kept_line(kept: int, asked: int) -> Iterator[str]:
    if not kept:
        return
    rest = f"{asked - kept} to train" if kept < asked else "nothing to train"
    yield f"{kept} of {count(asked, 'replicate')} kept, {rest} ({VARIABLE}={OFF} trains all)"


def _circumstances(kept: Sequence[Kept], trained: Sequence[Outcome]) -> dict[str, Any]:
    """Where all were trained and how many at once; what the kept ones took is counted in."""
    everyone: list[Kept | Outcome] = [*kept, *trained]
    environments = [each.environment for each in everyone]
    merged = {
        key: " and ".join(sorted({each.get(key, "unknown") for each in environments}))
        for key in environments[0]
    }
    return {
        "replicates_at_once": max(each.at_once for each in everyone),
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
    # Python refuses to read thousands of digits.
    if not asked.isdecimal() or len(asked) > 9 or int(asked) < 1:
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
    return [trained[seed].replicate for seed in job.recipe.seeds]


def run_tasks(
    tasks: Sequence[Task], jobs: int, on_epoch: Callable[[Epoch], None]
) -> dict[int, Outcome]:
    """Train what is asked for, by seed, here or on a cluster; arguments as in `run_replicates`.

    Raises:
        DisagreementError: What was computed twice came to other weights.
    """
    if not tasks:
        return {}
    clustered = bool(os.environ.get(CLUSTER_VARIABLE))
    share = audited_share(CLUSTER_SHARE if clustered else 0)
    audits = [replace(task, audit=True) for task in tasks if is_drawn(task.key, share)]
    run = _train_on_cluster if clustered else _train_here
    # Messages from a cluster come through a thread of this process.
    with closing(_Progress([*tasks, *audits], on_epoch)) as progress:
        with (
            _listening(progress, 1 if clustered else jobs) as messages,
            closing(run([*tasks, *audits], jobs, messages)) as outcomes,
        ):
            audited = compared(outcomes, {task.seed for task in audits})
            done, problems = _keep(audited, {task.seed: task for task in tasks})
        for outcome in done.values():
            # All of them, should a message have been lost on the way.
            for epoch in outcome.replicate.history:
                progress.hear(epoch)
    # The others are likely the same, of another replicate.
    for problem in problems[:1]:
        print(f"train {tasks[0].job.name}: {problem}.", flush=True)
    return done


def _train_here(tasks: Sequence[Task], jobs: int, messages: Messages) -> Trainings:
    """In processes of this machine.

    joblib has a backend for Dask too, but it can't say where a task shall run: an audit belongs on
    another machine than what it audits, and a worker that was refused shall get nothing.
    """
    _start_tracker()
    settings = {"initializer": end_with, "initargs": (os.getpid(),)}
    # Each process gets the data themselves: files of joblib's would stay where all are killed.
    trainings = joblib.Parallel(
        n_jobs=jobs,
        backend="loky",
        return_as="generator_unordered",
        max_nbytes=None,
        **settings,
    )
    yield from trainings(joblib.delayed(_perform_here)(task, messages) for task in tasks)


def _start_tracker() -> None:
    """Who clears away after workers; a signal to the group that ends it leaves it at a loss.

    The others it ignores by itself.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        resource_tracker.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _perform_here(task: Task, messages: Messages) -> Outcome:
    return perform(task, messages, f"process {os.getpid()}")


def _train_on_cluster(tasks: Sequence[Task], jobs: int, messages: Messages) -> Trainings:
    """On the workers of the scheduler that the environment names, however many there are."""
    # Of an extra, and not loaded for a machine on its own.
    from digitbench.execution.cluster import train_on

    yield from train_on(os.environ[CLUSTER_VARIABLE], tasks, messages)


def _keep(
    outcomes: Iterator[Outcome], tasks: Mapping[int, Task]
) -> tuple[dict[int, Outcome], list[str]]:
    """Publish outcomes as they come; returns them by seed, and what went wrong with stores."""
    keeper = Keeper(next(iter(tasks.values())).store)
    done: dict[int, Outcome] = {}
    try:
        for outcome in outcomes:
            task = tasks[outcome.replicate.seed]
            keeper.finish(task.facts, outcome)
            keeper.forget(task.key)
            done[task.seed] = outcome
    except DisagreementError as error:
        keeper.forget(tasks[error.seed].key)
        raise
    problems = [problem for outcome in done.values() for problem in outcome.problems]
    return done, problems + keeper.problems


class _Progress:
    """What is heard of trainings, as a progress bar and as callbacks."""

    def __init__(self, tasks: Sequence[Task], on_epoch: Callable[[Epoch], None]) -> None:
        job = tasks[0].job
        total = len(tasks) * job.recipe.epochs * len(job.data.train_index)
        self._name = job.name
        self._on_epoch = on_epoch
        self._bar = tqdm(total=total, desc=f"train {job.name}", unit=" images", unit_scale=True)
        # A replicate that goes on elsewhere tells again what it has told: that is heard once.
        self._learned: dict[tuple[int, bool], int] = {}
        self._heard: set[tuple[int, int]] = set()

    def close(self) -> None:
        self._bar.close()

    def hear(self, message: Epoch | Learned | str) -> None:
        if isinstance(message, str):
            with self._bar.external_write_mode():
                print(f"train {self._name}: {message}", flush=True)
        elif isinstance(message, Learned):
            replicate = (message.seed, message.audit)
            self._bar.update(message.images - self._learned.get(replicate, 0))
            self._learned[replicate] = message.images
        elif (message.seed, message.epoch) not in self._heard:
            self._heard.add((message.seed, message.epoch))
            self._bar.set_postfix_str(f"validation accuracy {message.validation_accuracy:.4f}")
            self._on_epoch(message)


class _Line:
    """A queue that may get lost with the process that has it: then nothing is told any more."""

    def __init__(self, messages: Any) -> None:
        self._messages = messages

    def __getstate__(self) -> bytes:
        return pickle.dumps(self._messages)

    def __setstate__(self, state: bytes) -> None:
        self._messages = None
        with suppress(OSError, EOFError):
            self._messages = pickle.loads(state)

    def put(self, message: Any) -> None:
        try:
            if self._messages is not None:
                self._messages.put(message)
        except (OSError, EOFError):
            self._messages = None

    def get(self) -> Any:
        """The next message; None: there will be no more."""
        try:
            return self._messages.get()
        except (OSError, EOFError):
            return None


@contextmanager
def _listening(progress: _Progress, jobs: int) -> Iterator[_Line]:
    """Where workers tell of their progress; a thread hears it."""
    with _message_queue(jobs) as messages:
        line = _Line(messages)
        listener = threading.Thread(target=_listen, args=(line, progress), daemon=True)
        listener.start()
        try:
            yield line
        finally:
            line.put(None)
            listener.join()


def _listen(line: _Line, progress: _Progress) -> None:
    while (message := line.get()) is not None:
        progress.hear(message)


@contextmanager
def _message_queue(jobs: int) -> Iterator[Any]:
    if jobs == 1:
        yield queue.SimpleQueue()
        return
    # On loopback: a socket in the user's TMPDIR may have a longer path than the system allows.
    manager = SyncManager(address=("127.0.0.1", 0))
    manager.start(_enter_manager, (os.getpid(),))
    with manager:
        yield manager.Queue()


def _enter_manager(parent: int) -> None:
    """It is ended by its parent, which still hears of workers when a signal went to all."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    end_with(parent)
