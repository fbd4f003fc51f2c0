"""How much is measured, in which turn and where.

All of it, or a try-out that only shows that everything runs; whatever is compared in alternation;
every contestant in a process with nothing of the others in it.
"""

import importlib
import multiprocessing
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from digitbench.params import ARCHITECTURES

PRECISIONS = ("float32", "bfloat16")
Say = Callable[[str], None]
Run = Callable[..., Any]  # runs a function with arguments
Key = TypeVar("Key")
Value = TypeVar("Value")


def _size(full: Value, quick: Value) -> Value:
    size: Value = field(default=full, metadata={"quick": quick})
    return size


@dataclass(frozen=True)
class Scale:
    """Sizes of every measurement. Images are those of one epoch unless said otherwise."""

    name: str = _size("full", "quick")
    folder: str = _size("", "quick")  # of the results, in this one
    repeats: int = _size(3, 1)
    architectures: tuple[str, ...] = _size(ARCHITECTURES, ("mlp",))

    # Throughput and share of the peak. The first epoch of every replicate is warm-up.
    images: int = _size(6_400, 256)
    epochs: int = _size(3, 2)
    loop_warm_up_batches: int = _size(20, 2)
    sides: tuple[int, ...] = _size((512, 1_024, 2_048), (256,))  # on a GPU four times as long
    product_seconds: float = _size(0.3, 0.02)

    # Scaling.
    replicates: tuple[int, ...] = _size((1, 2, 4, 8), (1, 2))
    replicate_images: int = _size(3_200, 128)
    batch_sizes: tuple[int, ...] = _size((32, 64, 128, 256, 512, 1_024), (32, 128))
    data_sizes: tuple[int, ...] = _size((1, 2, 4), (1, 2))
    data_images: int = _size(54_000, 512)  # that are repeated; also for memory and precision
    update_images: int = _size(6_144, 128)  # timed, whatever the size of the batch or of the data

    # Precision.
    precision_epochs: int = _size(3, 1)  # at most; fewer where params.yaml asks for fewer

    # Pipeline. After the download, stages one by one: downstream of the data are also the studies.
    loop_images: int = _size(60_000, 512)  # of the papers' epoch; their train part is 60,000
    stages: tuple[str, ...] = _size(
        ("preprocess", *(f"train_{name}" for name in ARCHITECTURES), "evaluate", "report"),
        ("preprocess", "train_mlp"),
    )
    targets: tuple[str, ...] = _size((), ("train_mlp",))  # of a plain `dvc repro`; nothing: all
    start_ups: tuple[str, ...] = _size(  # kinds of stages whose imports are timed, and MLflow's
        ("download", "preprocess", "train", "evaluate", "report", "mlflow"), ("preprocess", "train")
    )
    params: Mapping[str, Any] | None = _size(None, {"seeds": [0], "epochs": 1})  # of the pipeline

    # Seeds: so many, and then so many. With the default epochs it would take as long as all else.
    seeds: tuple[int, int] = _size((4, 10), (1, 2))
    seeds_epochs: int = _size(1, 1)

    # Workers, with images as in scaling. Every count trains as many replicates as the highest.
    workers: tuple[int, ...] = _size((1, 2, 4, 8), (1, 2))
    worker_architecture: str = _size("cnn", "mlp")

    # Cluster: replicates of the two stages whose own time is measured.
    stage_seeds: tuple[int, int] = _size((1, 21), (1, 11))

    def in_turn(self, calls: Mapping[Key, Callable[[], Value]]) -> dict[Key, list[Value]]:
        """What every call gives in each round; a machine that is slow for a while is so for all."""
        rounds: dict[Key, list[Value]] = {key: [] for key in calls}
        for _ in range(self.repeats):
            for key, call in calls.items():
                rounds[key].append(call())
        return rounds


FULL = Scale()
QUICK = Scale(**{size.name: size.metadata["quick"] for size in fields(Scale)})


def measure(name: str, scale: Scale) -> dict[str, Any]:
    """One section: the function of its name, which says in its docstring how it measures."""
    module = importlib.import_module(f"benchmarks.{'throughput' if name == 'peak' else name}")
    section, say = getattr(module, name), partial(print, f"{name}:", flush=True)
    say("begins")
    return {"method": described(section), **section(scale, say)}


def described(function: Callable[..., Any]) -> str:
    """Its docstring in one line."""
    return " ".join(str(function.__doc__).split())


@contextmanager
def fresh_process() -> Iterator[Run]:
    """A new interpreter that runs what it is given, one after another.

    Spawned, not forked: torch's threads and settings of this process don't reach it. What it starts
    itself is started in the way of this system, as if it were a program of its own.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, initializer=_start_as_programs_do) as process:
        yield lambda function, *arguments: process.submit(function, *arguments).result()
        process.submit(_end_workers).result()


def run_afresh(function: Callable[..., Any], *arguments: object) -> Any:
    """What a function gives in a process of its own."""
    with fresh_process() as run:
        return run(function, *arguments)


def _start_as_programs_do() -> None:
    default, *_ = multiprocessing.get_all_start_methods()
    multiprocessing.set_start_method(default, force=True)


def _end_workers() -> None:
    """End joblib's worker processes, which otherwise keep the one that started them for minutes."""
    if "joblib.externals.loky" in sys.modules:
        from joblib.externals import loky

        loky.get_reusable_executor(reuse=True).shutdown(wait=True)


def peak_resident_bytes() -> int:
    """Largest resident memory of this process so far, shared pages included.

    On Linux the high-water mark of its address space: `getrusage` would also count the process it
    was started from, as it was before the new program replaced it.
    """
    if (status := Path("/proc/self/status")).exists():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
