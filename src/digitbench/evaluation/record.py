"""The committed record of one architecture, and the few numbers of it that `dvc metrics` shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from digitbench.evaluation.classification import (
    PER_CLASS,
    Scores,
    per_class_summaries,
    row_rates,
    sum_confusion,
    summarise_scores,
)
from digitbench.evaluation.trained import TrainedModel
from digitbench.models import build_model, count_parameters

SCHEMA = 1


def architecture_record(
    models: Sequence[TrainedModel], scores: Mapping[int, Scores]
) -> dict[str, Any]:
    """All that was measured on the test set: fractions of 1, counts summed over replicates."""
    counts = sum_confusion(list(scores.values()))
    return {
        "schema": SCHEMA,
        "architecture": models[0].architecture,
        "parameters": count_parameters(build_model(models[0].architecture, models[0].params)),
        **summarise_scores(scores),
        "per_class": {metric: per_class_summaries(scores, metric) for metric in PER_CLASS},
        "confusion": {"counts": counts.tolist(), "rates": row_rates(counts).tolist()},
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
        "seeds": len(accuracy["per_seed"]),
        "parameters": record["parameters"],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 5)
