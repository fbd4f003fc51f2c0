"""The committed record of one architecture, and the few numbers of it that `dvc metrics` shows."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitbench.data.disputed import DISPUTED
from digitbench.evaluation.classification import (
    PER_CLASS,
    Scores,
    per_class_summaries,
    row_rates,
    sum_confusion,
    summarise_scores,
)
from digitbench.evaluation.complexity import layer_table
from digitbench.evaluation.probability import probability_summaries
from digitbench.evaluation.summary import summarise
from digitbench.evaluation.trained import TrainedModel

SCHEMA = 1


def architecture_record(
    models: Sequence[TrainedModel],
    scores: Mapping[int, Scores],
    probabilities: NDArray[np.float32],
    labels: NDArray[np.uint8],
) -> dict[str, Any]:
    """All that was measured on the test set: fractions of 1, counts summed over replicates.

    Args:
        models: The replicates.
        scores: Scores by seed, in the order of the replicates.
        probabilities: [S, N, 10].
        labels: [N].
    """
    layers = layer_table(models[0].architecture, models[0].params)
    counts = sum_confusion(list(scores.values()))
    return {
        "schema": SCHEMA,
        "architecture": models[0].architecture,
        "parameters": sum(layer.parameters for layer in layers),
        "macs": sum(layer.macs for layer in layers),
        "bytes": len(models[0].weights),
        **summarise_scores(scores),
        **probability_summaries(probabilities, labels, list(scores)),
        **_error_counts(probabilities, labels, list(scores)),
        "per_class": {metric: per_class_summaries(scores, metric) for metric in PER_CLASS},
        "confusion": {"counts": counts.tolist(), "rates": row_rates(counts).tolist()},
        "layers": [dataclasses.asdict(layer) for layer in layers],
    }


def _error_counts(
    probabilities: NDArray[np.float32], labels: NDArray[np.uint8], seeds: Sequence[int]
) -> dict[str, Any]:
    """How many images are misread, and how many of them have a disputed label."""
    wrong = probabilities.argmax(axis=2) != labels  # [S, N]
    doubtful = [index for index in DISPUTED if index < len(labels)]
    return {
        "errors": summarise(dict(zip(seeds, wrong.sum(axis=1).tolist(), strict=True))),
        "errors_disputed": summarise(
            dict(zip(seeds, wrong[:, doubtful].sum(axis=1).tolist(), strict=True))
        ),
    }


def summary_record(record: Mapping[str, Any]) -> dict[str, float | int | None]:
    """One row of `dvc metrics show`: rounded, because it is for reading."""
    accuracy = record["accuracy"]
    return {
        "accuracy": _rounded(accuracy["mean"]),
        "std": _rounded(accuracy["std"]),
        "ci95_low": _rounded(accuracy["ci95_low"]),
        "ci95_high": _rounded(accuracy["ci95_high"]),
        "macro_f1": _rounded(record["macro_f1"]["mean"]),
        "nll": _rounded(record["nll"]["mean"]),
        "ece": _rounded(record["ece"]["mean"]),
        "seeds": len(accuracy["per_seed"]),
        "parameters": record["parameters"],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
