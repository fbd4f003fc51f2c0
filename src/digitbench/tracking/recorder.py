"""The thread that talks to MLflow, and how long it is waited for.

A name that isn't resolved, a lock of another process, a server that sends a byte a second: none of
these waits can be ended from within. So a thread waits, and whoever needs it stops waiting for it.
"""

import math
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from queue import SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from digitbench.errors import DigitbenchError
from digitbench.tracking.address import place
from digitbench.tracking.database import tell

VARIABLE = "DIGITBENCH_MLFLOW_SECONDS"
PATIENCE = 10.0
# Seconds; a shorter wait needs no word.
QUIET = 2.0
P = ParamSpec("P")
T = TypeVar("T")


class NoAnswerError(DigitbenchError):
    """MLflow was waited for as long as it may be."""


def patience() -> float:
    """Seconds that MLflow is waited for in all, by a stage after its work or by a command.

    Raises:
        DigitbenchError: The variable holds no number of seconds.
    """
    given = os.environ.get(VARIABLE) or str(PATIENCE)
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 3600:
        raise DigitbenchError(f"{VARIABLE}={given[:100]}: this is a number of seconds, up to 3600.")
    return seconds


class Recorder:
    """Makes calls one after the other, in a thread; all waits for them have one limit in sum.

    Where that is reached, what is still to be called is dropped. The call under way may go on until
    the program ends, which it doesn't delay.
    """

    def __init__(self) -> None:
        """Start the thread.

        Raises:
            DigitbenchError: The variable of the limit holds no number of seconds.
        """
        self._limit = self._left = patience()
        self._quiet = True
        self._dropped = False
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        # Nobody can end a thread that waits for a server; as a daemon it ends with the program.
        Thread(target=self._work, name="mlflow", daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._calls.put(None)

    def later(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have something called, without waiting for it."""
        future: Future[T] = Future()
        self._calls.put((future, partial(call, *args, **kwargs)))
        return future

    def ask(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What a call returns, or raises.

        Raises:
            NoAnswerError: The limit is reached.
        """
        return self.result(self.later(call, *args, **kwargs))

    def result(self, future: Future[T]) -> T:
        """What a call returns, or raises, that was asked for before.

        Raises:
            NoAnswerError: The limit is reached.
        """
        began = time.monotonic()
        try:
            wait([future], min(self._left, QUIET) if self._quiet else self._left)
            if self._quiet and not future.done():
                self._quiet = False
                tell(f"waiting for {place()}, {self._limit:g} s at most.")
                wait([future], self._left - (time.monotonic() - began))
        finally:
            self._left = max(0.0, self._left - (time.monotonic() - began))
        if not future.done():
            self._dropped = True
            raise NoAnswerError(
                f"{place()} did not answer within {self._limit:g} s; `digitbench doctor` looks "
                f"why, {VARIABLE} sets the limit."
            )
        return future.result()

    def _work(self) -> None:
        while (asked := self._calls.get()) is not None and not self._dropped:
            future, call = asked
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
