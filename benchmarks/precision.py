"""Section `precision`: what bfloat16 does to accuracy, on the validation part.

The test set is no place for choosing between two kinds of arithmetic.
"""

import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.inputs import cut, recipe
from benchmarks.scale import Scale
from digitbench.params import Params, load_params
from digitbench.statistics.seeds import Change, compare, judge
from digitbench.training.data import TrainingData, load_training_data
from digitbench.training.replicates import Job, parallel_jobs, run_replicates

METHOD = (
    "Accuracy on the validation part after the last epoch, the same seeds in float32 and in "
    "bfloat16, on the CPU. Difference: bfloat16 minus float32, paired by seed, with its 95 % "
    "interval and the verdict of `digitbench review`, adjusted over the architectures (Holm)."
)
PRECISIONS = ("float32", "bfloat16")


def measure(scale: Scale, say: Callable[[str], None]) -> dict[str, Any]:
    """Train every architecture in both, with the default seeds; for a process of its own."""
    params, data = load_params(), load_training_data()
    data = cut(data, min(scale.precision_images, len(data.train_index)))
    epochs = min(scale.precision_epochs, params.epochs)
    accuracy = {}
    for name in scale.architectures:
        accuracy[name] = {
            precision: _accuracies(name, params, data, epochs, precision)
            for precision in PRECISIONS
        }
        say(f"{name}: {len(params.seeds)} seeds in {' and '.join(PRECISIONS)}")
    return {
        "method": METHOD,
        "epochs": epochs,
        "validation_images": len(data.validation_index),
        "architectures": verdicts(accuracy, len(data.validation_index)),
    }


def verdicts(
    accuracy: Mapping[str, Mapping[str, Mapping[int, float]]], images: int
) -> dict[str, Any]:
    """The comparison of every architecture, all of them one family.

    Args:
        accuracy: By architecture, precision and seed.
        images: Number of images behind each.
    """
    changes = {
        name: compare(each["float32"], each["bfloat16"], images) for name, each in accuracy.items()
    }
    judged = judge(changes, dict.fromkeys(changes, True))
    return {name: {**accuracy[name], **_told(change)} for name, change in judged.items()}


def _told(change: Change) -> dict[str, Any]:
    told = dataclasses.asdict(change)
    keys = ("difference", "difference_low", "difference_high", "p_value_holm")
    return {**{key: told[key] for key in keys}, "verdict": str(change.verdict)}


def _accuracies(
    name: str, params: Params, data: TrainingData, epochs: int, precision: str
) -> dict[int, float]:
    settings = recipe(params, epochs, precision=precision)
    seeds: Sequence[int] = params.seeds
    with tempfile.TemporaryDirectory() as folder:
        section = params.network(name)
        job = Job("", name, name, section, settings, data, checkpoints=Path(folder))
        replicates = run_replicates(
            job, seeds, parallel_jobs(len(seeds), "cpu"), on_epoch=lambda epoch: None
        )
    return {each.seed: each.history[-1].validation_accuracy for each in replicates}
