"""The committed comparison: every pair of architectures, and what each confuses most.

The committed record of one architecture, and the few numbers of it that `dvc metrics` shows.

Everything that evaluation writes, by path: one function per topic of the report.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from digitbench import files
from digitbench.evaluation.cost import growth, layer_table, measure_latency
from digitbench.evaluation.domains import (
    domain_results,
    load_domains,
    random_subset,
    robustness_accuracies,
    robustness_record,
)
from digitbench.evaluation.examples import DISPUTED, galleries
from digitbench.evaluation.predictions import TrainedModel, predict_all
from digitbench.evaluation.probability import probability_summaries, probability_tables
from digitbench.evaluation.scores import (
    PER_CLASS,
    Scores,
    confusion_table,
    most_confused,
    per_class_summaries,
    per_class_table,
    row_rates,
    sum_confusion,
    summarise_scores,
)
from digitbench.figures.style import to_png
from digitbench.params import EvaluateParams
from digitbench.statistics.comparison import PairwiseComparison, compare_all
from digitbench.statistics.summary import summarise
from digitbench.training.data import PixelStatistics
from digitbench.training.model import load_weights
from digitbench.training.pixels import standardise


def comparison_record(
    probabilities: Mapping[str, NDArray[np.float32]],
    labels: NDArray[np.uint8],
    scores: Mapping[str, Mapping[int, Scores]],
    confused_pairs: int,
) -> dict[str, Any]:
    """Differences with intervals and tests per pair, and the most confused digits of each.

    Args:
        probabilities: Per architecture [S, N, 10].
        labels: True classes [N].
        scores: Per architecture and seed.
        confused_pairs: How many pairs of digits to list.
    """
    correct = {name: stack.argmax(axis=2) == labels for name, stack in probabilities.items()}
    return {
        "pairs": {
            f"{pair.second}_minus_{pair.first}": _pair_record(pair)
            for pair in compare_all(correct, list(next(iter(scores.values()))))
        },
        "most_confused": {
            name: most_confused(sum_confusion(list(by_seed.values())), confused_pairs)
            for name, by_seed in scores.items()
        },
    }


def _pair_record(pair: PairwiseComparison) -> dict[str, Any]:
    record = dataclasses.asdict(pair)
    record["seeds"] = list(pair.seeds)
    record["mcnemar"] = {
        str(test["seed"]): {key: value for key, value in test.items() if key != "seed"}
        for test in record["mcnemar"]
    }
    return record


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


Images = NDArray[np.uint8]
Products = dict[Path, Any]
Trained = Mapping[str, Sequence[TrainedModel]]
Stacks = Mapping[str, NDArray[np.float32]]
LATENCY_IMAGES = 1_000


def classification(
    trained: Trained,
    stacks: Stacks,
    scores: Mapping[str, Mapping[int, Scores]],
    labels: NDArray[np.uint8],
) -> Products:
    """Per architecture the record, its headline, the predictions and the data of its figures."""
    products: Products = {}
    for name, stack in stacks.items():
        record = architecture_record(trained[name], scores[name], stack, labels)
        products |= {
            files.METRICS / f"{name}.json": record,
            files.SUMMARY / f"{name}.json": summary_record(record),
            files.PREDICTIONS / f"{name}.npz": {
                "probabilities": stack,
                "labels": labels,
                "seeds": np.array(list(scores[name])),
            },
            files.EVALUATION / "confusion" / f"{name}.csv": confusion_table(scores[name]),
            files.EVALUATION / "per_class" / f"{name}.csv": per_class_table(scores[name]),
        }
        for kind, table in probability_tables(stack, labels).items():
            products[files.EVALUATION / kind / f"{name}.csv"] = table
    return products


def comparison(
    stacks: Stacks,
    labels: NDArray[np.uint8],
    scores: Mapping[str, Mapping[int, Scores]],
    confused_pairs: int,
) -> Products:
    """Every pair of architectures, and the pairs of digits that each confuses."""
    record = comparison_record(stacks, labels, scores, confused_pairs)
    return {files.METRICS / "comparison.json": record}


def robustness_and_domains(
    trained: Trained,
    images: Images,
    labels: NDArray[np.uint8],
    statistics: PixelStatistics,
    settings: EvaluateParams,
) -> Products:
    """Accuracy on corrupted test images and on digits of other origin."""
    seeds = [model.seed for model in next(iter(trained.values()))]
    predict = partial(predict_all, trained, statistics=statistics, batch_size=settings.batch_size)
    subset = random_subset(images, labels, settings.robustness_images)
    accuracies = robustness_accuracies(predict, *subset, seeds)
    domains = load_domains(settings.domains, files.RAW_DOMAINS)
    record, confusion = domain_results(predict, domains, seeds)
    return {
        files.METRICS / "robustness.json": robustness_record(accuracies, len(subset[1])),
        files.EVALUATION / "robustness.csv": accuracies,
        files.METRICS / "domains.json": record,
        files.EVALUATION / "domains.csv": confusion,
    }


def pictures(stacks: Stacks, images: Images, labels: NDArray[np.uint8]) -> Products:
    """Sheets of digits to look at."""
    return {
        files.EVALUATION / f"{name}.png": to_png(figure)
        for name, figure in galleries(stacks, images, labels).items()
    }


def sizes(trained: Trained) -> Products:
    """How parameters and multiply-accumulates grow with the side of the image."""
    rows = [
        {"architecture": name, **dataclasses.asdict(step)}
        for name, models in trained.items()
        for step in growth(name, models[0].params)
    ]
    return {files.EVALUATION / "growth.csv": pd.DataFrame(rows)}


def latency(
    trained: Trained,
    images: Images,
    statistics: PixelStatistics,
    environment: Mapping[str, str],
) -> Products:
    """Inference speed of one replicate each: a clock's reading, kept apart from the results."""
    batch = standardise(torch.from_numpy(np.array(images[:LATENCY_IMAGES])), statistics)
    record: dict[str, Any] = {}
    for name, models in trained.items():
        model = models[0]
        network = load_weights(name, model.params, model.weights, str(model.path))
        record[name] = dataclasses.asdict(measure_latency(network, batch))
    return {files.TIMING / "evaluate.json": {**record, "environment": dict(environment)}}
