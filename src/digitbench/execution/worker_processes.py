"""`digitbench worker`: processes of this machine that train for whoever asks a scheduler."""

import asyncio
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import joblib

from digitbench.errors import DigitbenchError
from digitbench.execution.dask import PATIENCE, load_dask
from digitbench.temporary import temporary_folder
from digitbench.wording import count

if TYPE_CHECKING:
    from distributed import Nanny

LOOPBACK = "127.0.0.1"
# Seconds for a process to come up, on a machine that has much to do.
_START = 60


def serve(scheduler: str, jobs: int | None, host: str | None) -> None:
    """Offer so many processes to a scheduler, until Ctrl-C.

    Args:
        scheduler: Its address.
        jobs: Processes; each has one thread and trains one replicate at a time. None: one per core.
        host: Address of this machine at which the scheduler reaches it; None: loopback.

    Raises:
        DigitbenchError: There is no scheduler, it is lost, or it couldn't reach this machine.
    """
    if not host and not _is_here(scheduler):
        raise DigitbenchError(
            f"{scheduler} is another machine, which can't reach a worker on {LOOPBACK}. Name the "
            "address of this machine in your network: --host ADDRESS."
        )
    load_dask()
    with temporary_folder("worker") as folder:
        asyncio.run(_serve(scheduler, jobs or joblib.cpu_count(), host or LOOPBACK, str(folder)))


def _is_here(scheduler: str) -> bool:
    name = urlsplit(scheduler).hostname or ""
    with suppress(ValueError):
        return ip_address(name).is_loopback
    return name == "localhost"


async def _serve(scheduler: str, jobs: int, host: str, folder: str) -> None:
    from distributed import Nanny

    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        crew = [
            Nanny(
                scheduler,
                nthreads=1,
                name=f"{socket.gethostname()}-{folder[-8:]}-{number}",
                host=host,
                local_directory=folder,
                # A training is small; a process at its limit would be stopped without a word.
                memory_limit=0,
                death_timeout=_START,
            )
            for number in range(jobs)
        ]
    except (OSError, ValueError) as error:
        raise _unreachable(scheduler, error) from None
    try:
        await _start(crew, scheduler, stop)
        if not stop.is_set():
            processes = count(jobs, "process", "processes")
            print(f"{processes} on {host} for {scheduler}. Ctrl-C ends.", flush=True)
            await _until_the_end(crew, stop)
    finally:
        await asyncio.gather(*(nanny.close(timeout=PATIENCE) for nanny in crew))
    if not stop.is_set():
        raise DigitbenchError(f"The scheduler {scheduler} is lost, or has ended. Start both again.")
    print("Stopped; what wasn't finished goes on elsewhere.", file=sys.stderr)


async def _start(crew: "Sequence[Nanny]", scheduler: str, stop: asyncio.Event) -> None:
    everyone: asyncio.Future[Any] = asyncio.gather(*crew)
    stopped: asyncio.Future[Any] = asyncio.create_task(stop.wait())
    await asyncio.wait([everyone, stopped], return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if stop.is_set():
        everyone.cancel()
        return
    try:
        await everyone
    except (OSError, TimeoutError, RuntimeError, ValueError) as error:
        raise _unreachable(scheduler, error) from None


async def _until_the_end(crew: "Sequence[Nanny]", stop: asyncio.Event) -> None:
    """One that died is started anew by its keeper; keepers end when the scheduler is lost."""
    waiting = [asyncio.create_task(stop.wait())]
    waiting += [asyncio.create_task(nanny.finished()) for nanny in crew]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def _unreachable(scheduler: str, error: Exception) -> DigitbenchError:
    reason = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
    return DigitbenchError(
        f"{scheduler}: no scheduler answers, or this machine has no such address ({reason}). "
        "Start one with `dask scheduler`, see docs/cluster.md."
    )
