"""Everything that evaluation writes, by path: one function per topic of the report."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from digitbench import layout
from digitbench.data.arrays import PixelStatistics
from digitbench.data.pixels import standardise
from digitbench.evaluation.classification import Scores, confusion_table, per_class_table
from digitbench.evaluation.comparison import comparison_record
from digitbench.evaluation.complexity import growth
from digitbench.evaluation.conditions import (
    domain_results,
    load_domains,
    random_subset,
    robustness_accuracies,
    robustness_record,
)
from digitbench.evaluation.galleries import galleries
from digitbench.evaluation.latency import measure_latency
from digitbench.evaluation.predict import predict_all
from digitbench.evaluation.probability import probability_tables
from digitbench.evaluation.record import architecture_record, summary_record
from digitbench.evaluation.trained import TrainedModel
from digitbench.models import load_weights
from digitbench.params import EvaluateParams
from digitbench.plots.style import to_png

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
            layout.METRICS / f"{name}.json": record,
            layout.SUMMARY / f"{name}.json": summary_record(record),
            layout.PREDICTIONS / f"{name}.npz": {
                "probabilities": stack,
                "labels": labels,
                "seeds": np.array(list(scores[name])),
            },
            layout.EVALUATION / "confusion" / f"{name}.csv": confusion_table(scores[name]),
            layout.EVALUATION / "per_class" / f"{name}.csv": per_class_table(scores[name]),
        }
        for kind, table in probability_tables(stack, labels).items():
            products[layout.EVALUATION / kind / f"{name}.csv"] = table
    return products


def comparison(
    stacks: Stacks,
    labels: NDArray[np.uint8],
    scores: Mapping[str, Mapping[int, Scores]],
    confused_pairs: int,
) -> Products:
    """Every pair of architectures, and the pairs of digits that each confuses."""
    record = comparison_record(stacks, labels, scores, confused_pairs)
    return {layout.METRICS / "comparison.json": record}


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
    domains = load_domains(settings.domains, layout.RAW_DOMAINS)
    record, confusion = domain_results(predict, domains, seeds)
    return {
        layout.METRICS / "robustness.json": robustness_record(accuracies, len(subset[1])),
        layout.EVALUATION / "robustness.csv": accuracies,
        layout.METRICS / "domains.json": record,
        layout.EVALUATION / "domains.csv": confusion,
    }


def pictures(stacks: Stacks, images: Images, labels: NDArray[np.uint8]) -> Products:
    """Sheets of digits to look at."""
    return {
        layout.EVALUATION / f"{name}.png": to_png(figure)
        for name, figure in galleries(stacks, images, labels).items()
    }


def sizes(trained: Trained) -> Products:
    """How parameters and multiply-accumulates grow with the side of the image."""
    rows = [
        {"architecture": name, **dataclasses.asdict(step)}
        for name, models in trained.items()
        for step in growth(name, models[0].params)
    ]
    return {layout.EVALUATION / "growth.csv": pd.DataFrame(rows)}


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
    return {layout.TIMING / "evaluate.json": {**record, "environment": dict(environment)}}
