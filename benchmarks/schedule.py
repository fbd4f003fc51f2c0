"""When the last of many replicates is done: list scheduling, computed and not measured."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

Stages = Sequence[Sequence[float]]  # seconds of every replicate of every training stage


@dataclass(frozen=True)
class Overhead:
    """Seconds that are not training.

    Attributes:
        stage: Of a training stage, whatever it trains.
        replicate: Of a training stage for each replicate: its run, its files. One after another.
        worker: Of a worker process, before its first replicate of a stage.
    """

    stage: float
    replicate: float
    worker: float


def makespan(replicates: Sequence[float], workers: int, start: float = 0) -> float:
    """Seconds until all replicates are done.

    Each goes, in the order given, to the worker that is free first; none is split, none is
    interrupted. So joblib and Dask hand out what they don't know the length of.

    Args:
        replicates: Seconds of each.
        workers: How many train at once, one replicate each.
        start: Seconds that every worker takes before its first replicate.
    """
    free = [start] * min(workers, len(replicates))
    for seconds in replicates:
        heapq.heapreplace(free, free[0] + seconds)
    return max(free, default=0.0)


def in_turn(stages: Stages, workers: int, overhead: Overhead) -> float:
    """Seconds of stages one after another, as DVC runs them; each starts its own workers."""
    return sum(at_once([stage], workers, overhead) for stage in stages)


def at_once(stages: Stages, workers: int, overhead: Overhead) -> float:
    """Seconds if all stages begin together and share the workers, which start once.

    The stages' own work is done side by side; the stage with most replicates has most of it.
    """
    every = [seconds for stage in stages for seconds in stage]
    own = overhead.stage + overhead.replicate * max(map(len, stages))
    return own + makespan(every, workers, overhead.worker)
