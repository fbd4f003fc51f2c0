"""What a cluster would make of the trainings there are: simulated from what they took here."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import joblib

from benchmarks.clone import Clone
from benchmarks.ours import cut, epoch_speed, recipe, worker_start
from benchmarks.results import rounded, spread
from benchmarks.scale import Say, Scale, run_afresh
from benchmarks.schedule import Overhead, Stages, at_once, in_turn
from digitbench import files
from digitbench.params import ARCHITECTURES
from digitbench.results.clocks import TimingRecord
from digitbench.training.data import TrainingData, load_training_data

MACHINES, CORES, SEEDS = 10, 8, 100
LINK = 125_000_000  # bytes per second: one gigabit
# Workers by pool, and how many machines get the data from elsewhere. None: one per replicate.
POOLS: dict[str, tuple[int | None, int]] = {
    "one machine of 2 cores": (2, 0),
    f"one machine of {CORES} cores": (CORES, 0),
    f"{MACHINES} machines of {CORES} cores": (MACHINES * CORES, MACHINES),
    "endless cores": (None, 0),
}
ORDERS = {"in_turn": in_turn, "at_once": at_once}
ASSUMPTIONS = (
    "A core is as fast as one that the replicates were trained on, on every machine.",
    "Replicates on the cores of a machine don't slow each other down more than they did where they "
    "were timed; for memory that eight cores share, nobody has measured it. Were each training "
    "longer by some share, so would be all times but for the overhead.",
    "A replicate trains on one core and is never split, nor interrupted; a worker takes the next "
    "one when it is done. Nothing is lost, refused or computed twice.",
    "Every stage starts its workers, all together, and does what it does for each replicate on one "
    "core, one replicate after another, and never while others train.",
    "All machines of the cluster get the training images once, before anything else, over one link "
    f"of {LINK / 1e6:.0f} MB per second. What comes back, at most some MB per replicate, is taken "
    "as nothing, and so are the store's answers.",
    "Trainings alone: no download, evaluation or report, which run on one machine as before.",
)


def cluster(scale: Scale, say: Say) -> dict[str, Any]:
    """A simulation. Its times of replicates are those of the committed trainings.

    Replicate: median seconds of its epochs times their number. Overhead, measured here: worker, of
    starting one per core at once until each has the libraries and the data; stage and replicate,
    the line through the times of two training stages with few and more replicates, all of them
    kept, process and interpreter included. Efficiency, measured here: speed of one replicate per
    core over that of one alone times the cores. Endless cores: one per replicate, so the bound is
    the longest replicate of each stage, or of all. Checked: the sum of all training stages as
    simulated with as many at once as there were, and as they took.
    """
    for assumption in ASSUMPTIONS:
        say(assumption)
    data, cores = load_training_data(), int(joblib.cpu_count())
    measured = _overhead(scale, data, cores)
    overhead = Overhead(**{kind: each["median"] for kind, each in measured.items()})
    records = timing_records()
    stages = {name: replicate_seconds(record, epochs) for name, (record, epochs) in records.items()}
    alone = [
        in_turn([stages[name]], record.replicates_at_once, overhead)
        for name, (record, _) in records.items()
    ]
    size = data.images.nbytes + data.labels.nbytes
    workloads = simulated(stages, overhead, size)
    for name, workload in workloads.items():
        for pool, seconds in workload["seconds"].items():
            times = ", ".join(
                f"stages {order.replace('_', ' ')} {value / 60:.1f} min"
                for order, value in seconds.items()
            )
            say(f"{name.replace('_', ' ')}, {pool}: {times}")
    return {
        "assumptions": list(ASSUMPTIONS),
        "timed_on": sorted({record.hardware for record, _ in records.values()}),
        "cores": cores,
        "overhead": measured,
        "efficiency": _efficiency(scale, cut(data, scale.replicate_images), cores),
        "data_bytes": size,
        "stages": stages,
        "check": {
            "simulated_seconds": rounded(sum(alone)),
            "measured_seconds": rounded(sum(each.stage_seconds for each, _ in records.values())),
        },
        "workloads": workloads,
    }


def timing_records() -> dict[str, tuple[TimingRecord, Mapping[int, int]]]:
    """Of every committed training: what its clock said, and epochs by seed.

    Raises:
        DigitbenchError: A file is missing or damaged.
    """
    places = {name: (Path(), name) for name in ARCHITECTURES}
    for path in sorted(Path("studies").glob(f"*/{files.TIMING}/*.json")):
        study = path.parents[2]
        places[f"{study.name}/{path.stem}"] = (study, path.stem)
    return {
        name: (
            TimingRecord.read(folder / files.TIMING / f"{stem}.json"),
            Counter(files.read_csv(folder / files.CURVES / f"{stem}.csv")["seed"].tolist()),
        )
        for name, (folder, stem) in places.items()
    }


def replicate_seconds(record: TimingRecord, epochs: Mapping[int, int]) -> list[float]:
    """Seconds of every replicate, in the order of seeds."""
    per_seed = record.seconds_per_epoch.per_seed
    return [rounded(seconds * epochs[seed]) for seed, seconds in per_seed.items()]


def simulated(
    stages: Mapping[str, Sequence[float]], overhead: Overhead, data_bytes: int
) -> dict[str, Any]:
    """Seconds until all is trained, by workload, pool and order of the stages.

    Args:
        stages: Seconds of the replicates of every training stage.
        overhead: What is not training.
        data_bytes: What every machine of a cluster fetches once.
    """
    # Seeds that nobody has trained take as long as those that were, one after another.
    more = [list(islice(cycle(stages[name]), SEEDS)) for name in ARCHITECTURES]
    workloads: dict[str, Stages] = {
        "all_trainings": list(stages.values()),
        "hundred_seeds": more,
    }
    return {name: _workload(each, overhead, data_bytes) for name, each in workloads.items()}


def _workload(stages: Stages, overhead: Overhead, data_bytes: int) -> dict[str, Any]:
    every = [seconds for stage in stages for seconds in stage]
    return {
        "stages": len(stages),
        "replicates": len(every),
        "training_seconds": rounded(sum(every)),
        "longest_seconds": max(every),
        "seconds": {
            pool: {
                order: rounded(
                    machines * data_bytes / LINK + run(stages, workers or len(every), overhead)
                )
                for order, run in ORDERS.items()
            }
            for pool, (workers, machines) in POOLS.items()
        },
    }


def _overhead(scale: Scale, data: TrainingData, cores: int) -> dict[str, Any]:
    few, more = scale.stage_seeds
    with tempfile.TemporaryDirectory() as folder:
        clone = Clone(Path(folder))
        clone.change({"epochs": 1})
        stage = {count: partial(_kept_stage, clone, count) for count in scale.stage_seeds}
        for train in stage.values():
            train()
        rounds = scale.in_turn(stage)
    pairs = list(zip(rounds[few], rounds[more], strict=True))
    # A stage that was slow for another reason must not make replicates cost less than nothing.
    slopes = [max(0.0, (of_more - of_few) / (more - few)) for of_few, of_more in pairs]
    fixed = [of_few - few * slope for (of_few, _), slope in zip(pairs, slopes, strict=True)]
    start = partial(run_afresh, worker_start, data, cores)
    (starts,) = scale.in_turn({"worker": start}).values()
    return {"stage": spread(fixed), "replicate": spread(slopes), "worker": spread(starts)}


def _kept_stage(clone: Clone, seeds: int) -> float:
    """Seconds of the process of a training stage; from the second time on, all is kept."""
    clone.change({"seeds": list(range(seeds))})
    clone.repro("preprocess")
    clone.stages()
    clone.repro("--force", "--single-item", "train_mlp")
    return clone.stages()["train_mlp"]


def _efficiency(scale: Scale, data: TrainingData, cores: int) -> dict[str, Any]:
    counts = (1, cores)
    rounds = scale.in_turn(
        {
            (name, count): partial(
                epoch_speed, name, recipe(2, seeds=tuple(range(count))), data, count
            )
            for name in scale.architectures
            for count in counts
        }
    )
    return {
        name: spread([rate / cores for rate in rounds[name, cores]], rounds[name, 1])
        for name in scale.architectures
    }
