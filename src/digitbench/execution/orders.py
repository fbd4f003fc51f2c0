"""What a worker of a cluster is told, and how it carries that out, or refuses.

An order names data by their hash and carries no arrays; the worker takes them from the store, once.
A worker that would compute otherwise than who asks refuses: equal arithmetic or none. Loads nothing
heavy by itself, because the scheduler loads it too.
"""

import os
import pickle
from collections.abc import Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from digitbench.execution.task import Learned, Outcome
    from digitbench.training.data import TrainingData
    from digitbench.training.recipe import Plan
    from digitbench.training.replicates import Job
    from digitbench.training.trainer import Epoch


class RefusalError(Exception):
    """A worker doesn't train for who asks; the text says why, and what would help."""


@dataclass(frozen=True)
class Order:
    """One replicate, as it travels."""

    plan: "Plan"
    facts: Mapping[str, Any]
    at_once: int
    store: str
    audit: bool
    topic: str  # under which the worker tells of its progress


def carry_out(pickled: bytes) -> "Outcome":
    """Train one replicate; runs in a worker.

    Args:
        pickled: An order: the scheduler passes it on and need not understand it.

    Raises:
        RefusalError: This worker would come to other bytes, or can't get the data.
    """
    from distributed import get_worker

    from digitbench.execution.task import Task, perform

    worker = get_worker()
    if worker.state.nthreads != 1:
        # What a training sets in torch holds for all threads of a process.
        raise RefusalError(
            f"its process has {worker.state.nthreads} threads, and each would disturb the others; "
            "start it with `digitbench worker`"
        )
    try:
        order: Order = pickle.loads(pickled)
        address = _store_address(order.store)
        job = _job(order.plan, _fetched(address, order.facts["data"]))
    except (ImportError, AttributeError, TypeError) as error:
        raise RefusalError(f"its digitbench is of another version ({error})") from None
    _check_facts(job, order.facts)
    task = Task(job, order.facts, order.at_once, address, order.audit)
    return perform(task, _Wire(order.topic), worker.address)


class _Wire:
    """Sends messages to who asked, as long as he wants to hear them."""

    def __init__(self, topic: str) -> None:
        from distributed import get_worker

        self._worker = get_worker()
        self._topic = topic
        self._key = self._worker.get_current_task()

    def put(self, message: "Epoch | Learned") -> None:
        from distributed.core import Status

        asked = self._worker.state.tasks.get(self._key)
        if asked is None or asked.state != "executing" or self._worker.status != Status.running:
            # Nobody else can end a thread.
            raise CancelledError("nobody waits for this replicate any more")
        self._worker.log_event(self._topic, pickle.dumps(message))


def _store_address(of_driver: str) -> str:
    """The worker's own name for the store, which may lie elsewhere in its files."""
    from digitbench.execution.keeper import store_address
    from digitbench.execution.store import VARIABLE

    if not os.environ.get(VARIABLE):
        return of_driver
    address = store_address()
    if address is None:
        raise RefusalError(f"its {VARIABLE} turns off the store, which has the data")
    return address


@lru_cache(maxsize=1)
def _fetched(address: str, sha256: str) -> "TrainingData":
    from digitbench.execution.archive import DamagedError
    from digitbench.execution.store import VARIABLE, Store

    remedy = (
        f"Set {VARIABLE}, for `dvc repro` and for the worker, to the same folder or address that "
        "both reach"
    )
    try:
        data = Store(address).get_data(sha256)
    except DamagedError as error:
        raise RefusalError(f"the data in its store {address} are damaged ({error})") from None
    except Exception as error:  # whatever a file system's driver raises
        reason = str(error).partition("\n")[0].rstrip(".")
        raise RefusalError(f"it can't read the store {address} ({reason}). {remedy}") from None
    if data is None:
        raise RefusalError(f"the store {address} has no such data there. {remedy}")
    return data


def _job(plan: "Plan", data: "TrainingData") -> "Job":
    from digitbench.training.replicates import Job

    return Job(**vars(plan), data=data)


def _check_facts(job: "Job", asked: Mapping[str, Any]) -> None:
    from digitbench.errors import DigitbenchError
    from digitbench.execution.key import facts

    try:
        job.recipe.resolved()
        here = facts(job, int(asked["seed"]))
    except DigitbenchError as error:
        raise RefusalError(str(error).rstrip(".")) from None
    for name in (*here, *(asked.keys() - here.keys())):
        if asked.get(name) != here.get(name):
            mine, theirs = _difference(here.get(name), asked.get(name))
            raise RefusalError(f"its {name} is {mine}, and {theirs} where the stage runs")


def _difference(mine: Any, theirs: Any) -> tuple[str, str]:
    """Two values in words; of two tables only the entries that differ."""
    if not (isinstance(mine, dict) and isinstance(theirs, dict)):
        return str(mine)[:80], str(theirs)[:80]
    names = sorted(
        name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name)
    )
    return tuple(  # type: ignore[return-value]
        ", ".join(f"{name} {values.get(name, 'unknown')!r}" for name in names)
        for values in (mine, theirs)
    )
