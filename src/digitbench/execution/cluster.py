"""Replicates on the workers of a Dask scheduler: who gets which, and what if one is lost.

Each worker trains one replicate at a time. One that computes otherwise refuses and gets nothing
more; one that is lost gives its replicate back; one that comes later is given the next.
"""

import pickle
import queue
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from digitbench.errors import DigitbenchError
from digitbench.execution.archive import DamagedError
from digitbench.execution.extra import PATIENCE, VARIABLE, load_dask
from digitbench.execution.orders import Order, RefusalError, carry_out
from digitbench.execution.store import VARIABLE as STORE_VARIABLE
from digitbench.execution.store import Store
from digitbench.execution.task import Outcome, Task
from digitbench.training.data import TrainingData
from digitbench.training.recipe import Plan

if TYPE_CHECKING:
    from distributed import Client, Future

# Seconds between two looks at who is there.
LOOK = 1.0
# Seconds without any worker until that is said, and until it is said again.
SILENCE, REMINDER = 5.0, 300.0
# So many workers lost with the same replicate: it is what they are lost by.
LOSSES = 5


def train_on(scheduler: str, tasks: Sequence[Task], messages: Any) -> Iterator[Outcome]:
    """Train on the workers of a scheduler; outcomes come as they are finished.

    Args:
        scheduler: Its address.
        tasks: What to train; an audit goes to another machine than what it audits if there is one.
        messages: A queue for progress, and for sentences to people.

    Raises:
        DigitbenchError: There is no scheduler or it is lost, the data can't be put into the store,
            or every worker refuses.
    """
    load_dask()
    _share(tasks[0].job.data, tasks[0].store)
    with _connected(scheduler) as client:
        yield from _Assignment(client, scheduler, tasks, messages).outcomes()


def _share(data: TrainingData, address: str | None) -> None:
    """Put the data into the store, from where workers take them."""
    if address is None:
        raise DigitbenchError(
            "The workers of a cluster take the data from the store, and there is none: "
            f"{STORE_VARIABLE} turns it off, or it failed. Set a folder or an address that driver "
            "and workers reach; an empty one to train everything again."
        )
    store = Store(address)
    try:
        with suppress(DamagedError):
            if store.get_data(data.sha256) is not None:
                return
        store.put_data(data)
    except DigitbenchError:
        raise
    except Exception as error:  # whatever a file system's driver raises
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise DigitbenchError(
            f"The workers of a cluster take the data from the store, and {address} can't be "
            f"written ({reason}). Set another {STORE_VARIABLE}."
        ) from None


@contextmanager
def _connected(scheduler: str) -> Iterator["Client"]:
    from distributed import Client

    try:
        client = Client(scheduler, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError, ImportError) as error:
        reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise DigitbenchError(
            f"{VARIABLE}={scheduler}: no scheduler answers ({reason}). Start one with "
            "`dask scheduler`, see docs/cluster.md, or unset the variable to train here."
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=PATIENCE)


class _Assignment:
    """Gives tasks to workers until all are done."""

    def __init__(
        self, client: "Client", scheduler: str, tasks: Sequence[Task], messages: Any
    ) -> None:
        self._client = client
        self._scheduler = scheduler
        self._messages = messages
        # An audit finds the best worker for it while there is a choice.
        self._waiting = sorted(tasks, key=lambda task: not task.audit)
        self._all = len(tasks)
        self._running: dict[Future, tuple[Task, str]] = {}
        self._ended: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._refused: dict[str, str] = {}
        self._proven = False  # somebody has finished something
        self._losses: Counter[tuple[int, bool]] = Counter()
        # Where a replicate and its audit were given to.
        self._given: dict[tuple[int, bool], str] = {}
        self._say_next: float | None = time.monotonic() + SILENCE
        self._topic = f"digitbench-{uuid.uuid4()}"

    def outcomes(self) -> Iterator[Outcome]:
        """What is finished, as it comes."""
        hear = self._messages.put
        self._client.subscribe_topic(self._topic, lambda event: hear(pickle.loads(event[1])))
        try:
            while self._waiting or self._running:
                workers = self._workers()
                self._take_back(workers)
                self._look_after(workers)
                self._assign(workers)
                yield from self._finished()
        finally:
            if self._client.status == "running":
                self._client.cancel(list(self._running))

    def _workers(self) -> Mapping[str, Sequence[Any]]:
        """Addresses of all workers, and what each of them has to do, also for others."""
        lost = DigitbenchError(
            f"The scheduler {self._scheduler} is lost. What was finished is in the store, and the "
            f"next run goes on from there: start a scheduler and workers, or unset {VARIABLE}, and "
            "run the same again."
        )
        if self._client.status != "running":
            raise lost
        try:
            workers: Mapping[str, Sequence[Any]] = self._client.processing()
        except (OSError, TimeoutError, RuntimeError):
            raise lost from None
        return workers

    def _take_back(self, workers: Mapping[str, Any]) -> None:
        """What lost workers had is waiting again."""
        for future, (task, worker) in list(self._running.items()):
            if worker in workers:
                continue
            self._return(future)
            replicate = (task.seed, task.audit)
            self._losses[replicate] += 1
            if self._losses[replicate] == LOSSES:
                raise DigitbenchError(
                    f"{LOSSES} workers were lost while they trained seed {task.seed}, the last was "
                    f"{worker}. Most often they lack memory: start fewer on a machine with "
                    "`digitbench worker --jobs`."
                )
            self._say(f"worker {worker} is lost; another goes on with seed {task.seed}.")

    def _return(self, future: "Future") -> None:
        task, _ = self._running.pop(future)
        future.cancel()
        self._waiting.insert(0, task)

    def _look_after(self, workers: Mapping[str, Any]) -> None:
        """Say so if there is no worker.

        Raises:
            DigitbenchError: There are some, and all that ever were refuse.
        """
        if workers.keys() - self._refused.keys():
            self._say_next = None
            return
        if workers and not self._proven:
            refusals = [f"{worker}: {self._refused[worker]}." for worker in sorted(workers)]
            raise DigitbenchError("\n  ".join(["Every worker refuses.", *refusals]))
        now = time.monotonic()
        if self._say_next is None:
            self._say_next = now + SILENCE
        if now >= self._say_next:
            self._say_next = now + REMINDER
            refused = " but who refuses" if workers else ""
            self._say(
                f"no worker{refused} at {self._scheduler}; start one with "
                f"`digitbench worker {self._scheduler}`; waiting."
            )

    def _assign(self, workers: Mapping[str, Sequence[Any]]) -> None:
        able = workers.keys() - self._refused.keys()
        busy = {worker for _, worker in self._running.values()}
        free = {worker for worker in able if not workers[worker]} - busy
        for task in list(self._waiting):
            other = self._given.get((task.seed, not task.audit))
            if task.audit and other is None:
                continue
            nearness = {worker: _nearness(worker, other) for worker in able}
            fitting = sorted(
                worker for worker in free if nearness[worker] == min(nearness.values())
            )
            if fitting:
                free.remove(fitting[0])
                self._waiting.remove(task)
                self._give(task, fitting[0], min(len(able), self._all))

    def _give(self, task: Task, worker: str, at_once: int) -> None:
        job, store = task.job, str(task.store)
        plan = Plan(job.study, job.name, job.architecture, job.params, job.recipe)
        order = Order(plan, task.facts, at_once, store, task.audit, self._topic)
        future = self._client.submit(
            carry_out, pickle.dumps(order), workers=[worker], allow_other_workers=False, pure=False
        )
        self._running[future] = (task, worker)
        self._given[task.seed, task.audit] = worker
        future.add_done_callback(self._ended.put)

    def _finished(self) -> Iterator[Outcome]:
        """Wait for the next to end; what was refused or lost is waiting again."""
        with suppress(queue.Empty):
            future = self._ended.get(timeout=LOOK)
            if future not in self._running:
                return
            _, worker = self._running[future]
            if outcome := self._result(future, worker):
                self._proven = True
                del self._running[future]
                yield outcome

    def _result(self, future: "Future", worker: str) -> Outcome | None:
        from distributed import CancelledError, KilledWorker

        try:
            outcome: Outcome = future.result(timeout=PATIENCE)
            return outcome
        except RefusalError as refusal:
            self._refuse(future, worker, str(refusal))
        except ImportError as error:
            self._refuse(future, worker, f"it lacks the project's code ({error})")
        except TimeoutError:
            # Lost after it had finished; if it isn't lost, its answer is only slow.
            self._ended.put(future)
        except (CancelledError, KilledWorker):
            self._return(future)
        return None

    def _refuse(self, future: "Future", worker: str, reason: str) -> None:
        self._return(future)
        self._refused[worker] = reason
        self._say(f"worker {worker} refuses: {reason}.")

    def _say(self, sentence: str) -> None:
        self._messages.put(sentence)


def _nearness(worker: str, other: str | None) -> int:
    """0: on another machine, 1: another process there, 2: the same process."""
    if other is None or urlsplit(worker).hostname != urlsplit(other).hostname:
        return 0
    return 2 if worker == other else 1
