"""What bfloat16 does to accuracy."""

from collections.abc import Mapping
from typing import Any

from benchmarks.ours import cut, recipe, trained
from benchmarks.scale import PRECISIONS, Say, Scale
from digitbench.execution.workers import parallel_jobs
from digitbench.params import load_params
from digitbench.statistics.seeds import compare, judge
from digitbench.training.data import load_training_data

Accuracies = Mapping[str, Mapping[int, float]]  # by precision and seed


def precision(scale: Scale, say: Say) -> dict[str, Any]:
    """Accuracy on the validation part after the last epoch.

    The same seeds in float32 and in bfloat16, on the CPU. Difference: bfloat16 minus float32,
    paired by seed, with its 95 % interval and the verdict of `digitbench review`, adjusted over the
    architectures (Holm).
    """
    # The test set is no place for choosing between two kinds of arithmetic.
    params, data = load_params(), load_training_data()
    data = cut(data, min(scale.data_images, len(data.train_index)))
    epochs = min(scale.precision_epochs, params.epochs)
    jobs = parallel_jobs(len(params.seeds), "cpu")
    accuracy: dict[str, dict[str, dict[int, float]]] = {}
    for name in scale.architectures:
        for each in PRECISIONS:
            settings = recipe(epochs, precision=each)
            replicates, _ = trained(name, settings, data, jobs)
            reached = {one.seed: one.history[-1].validation_accuracy for one in replicates}
            accuracy.setdefault(name, {})[each] = reached
        say(f"{name}: {len(params.seeds)} seeds in {' and '.join(PRECISIONS)}")
    images = len(data.validation_index)
    architectures = verdicts(accuracy, images)
    return {"epochs": epochs, "validation_images": images, "architectures": architectures}


def verdicts(accuracy: Mapping[str, Accuracies], images: int) -> dict[str, Any]:
    """The comparison of every architecture on so many images, all of them one family."""
    changes = {
        name: compare(each["float32"], each["bfloat16"], images) for name, each in accuracy.items()
    }
    return {
        name: {
            **accuracy[name],
            "difference": change.difference,
            "difference_low": change.difference_low,
            "difference_high": change.difference_high,
            "p_value_holm": change.p_value_holm,
            "verdict": str(change.verdict),
        }
        for name, change in judge(changes, dict.fromkeys(changes, True)).items()
    }
