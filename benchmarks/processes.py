"""Processes to measure in, each with nothing of the others in it."""

import multiprocessing
import os
import resource
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

# Threads, jobs, tracking, the interpreter: what a shell may have set and a new user has not.
_SETTINGS = (
    "CUBLAS_",
    "DIGITBENCH_",
    "DVC_",
    "GIT_",
    "MKL_",
    "MLFLOW_",
    "OMP_",
    "OPENBLAS_",
    "PYTHON",
    "TQDM_",
)


def forget_settings() -> None:
    """Drop what would make a contestant run other than by default; progress bars are silenced."""
    for name in list(os.environ):
        if name.startswith(_SETTINGS):
            del os.environ[name]
    os.environ["TQDM_DISABLE"] = "1"


@contextmanager
def fresh_process() -> Iterator[ProcessPoolExecutor]:
    """A new interpreter that computes what is submitted, one after another.

    Spawned, not forked: torch's threads and settings of this process don't reach it. What it starts
    itself is started in the way of this system, as if it were a program of its own.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_start_as_programs_do) as process:
        yield process
        process.submit(_end_workers).result()


def _start_as_programs_do() -> None:
    default, *_ = multiprocessing.get_all_start_methods()
    multiprocessing.set_start_method(default, force=True)


def _end_workers() -> None:
    """End joblib's worker processes, which otherwise keep the one that started them for minutes."""
    if "joblib.externals.loky" in sys.modules:
        from joblib.externals import loky

        loky.get_reusable_executor(reuse=True).shutdown(wait=True)


def load() -> float:
    """How many processes wanted to run, on average over the last minute; 0 where nobody counts."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else 0.0


def peak_resident_bytes() -> int:
    """Largest resident memory of this process so far, shared pages included.

    On Linux the high-water mark of its address space: `getrusage` would also count the process it
    was started from, as it was before the new program replaced it.
    """
    try:
        for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
