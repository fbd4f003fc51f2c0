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

from digitbench import files
from digitbench.evaluation.corruptions import (
    corrupted_accuracy,
    random_subset,
    robustness_record,
)
from digitbench.evaluation.cost import growth, layer_table, measure_latency
from digitbench.evaluation.domains import domain_results, load_domains
from digitbench.evaluation.examples import DISPUTED, sheets
from digitbench.evaluation.predictions import TrainedModel, predict_all
from digitbench.evaluation.probability import probability_summaries, probability_tables
from digitbench.evaluation.scores import (
    Scores,
    confusion_table,
    most_confused,
    per_class_summaries,
    per_class_table,
    row_rates,
    sum_confusion,
    summarise_scores,
)
from digitbench.params import EvaluateParams
from digitbench.results.clocks import LatencyRecord
from digitbench.results.records import (
    TEST,
    Assessment,
    ComparisonRecord,
    Confusion,
    ModelRecord,
    SummaryRecord,
)
from digitbench.results.sheets import sheet_file
from digitbench.statistics.comparison import compare_all
from digitbench.statistics.summary import Summary, summarise
from digitbench.training.data import PixelStatistics
from digitbench.training.model import load_weights
from digitbench.training.pixels import standardise

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]
Products = dict[Path, Any]
Trained = Mapping[str, Sequence[TrainedModel]]
Stacks = Mapping[str, NDArray[np.float32]]  # probabilities [S, N, 10] by architecture
LATENCY_IMAGES = 1_000


def classification(
    trained: Trained, stacks: Stacks, scores: Mapping[str, Mapping[int, Scores]], labels: Labels
) -> Products:
    """Per architecture the record, its headline, the predictions and the data of its figures."""
    products: Products = {}
    for name, stack in stacks.items():
        record = model_record(trained[name], scores[name], stack, labels)
        products |= {
            files.METRICS / f"{name}.json": record.content(),
            files.SUMMARY / f"{name}.json": SummaryRecord.of(record).model_dump(),
            files.PREDICTIONS / f"{name}.npz": {
                "probabilities": stack,
                "labels": labels,
                "seeds": np.array(record.seeds),
            },
            files.EVALUATION / "confusion" / f"{name}.csv": confusion_table(scores[name]),
            files.EVALUATION / "per_class" / f"{name}.csv": per_class_table(scores[name]),
        }
        for kind, table in probability_tables(stack, labels).items():
            products[files.EVALUATION / kind / f"{name}.csv"] = table
    return products


def model_record(
    models: Sequence[TrainedModel],
    scores: Mapping[int, Scores],
    probabilities: NDArray[np.float32],
    labels: Labels,
) -> ModelRecord:
    """All that was measured on the test set: fractions of 1, counts summed over replicates.

    Args:
        models: The replicates.
        scores: Scores by seed, in the order of the replicates.
        probabilities: [S, N, 10].
        labels: [N].
    """
    seeds = tuple(scores)
    layers = layer_table(models[0].architecture, models[0].params)
    counts = sum_confusion(list(scores.values()))
    test = Assessment(
        images=len(labels),
        metrics={
            **summarise_scores(scores),
            **probability_summaries(probabilities, labels, seeds),
            **_error_counts(probabilities, labels, seeds),
        },
        per_class=per_class_summaries(scores),
        confusion=Confusion(counts=counts.tolist(), rates=row_rates(counts).tolist()),
    )
    return ModelRecord(
        architecture=models[0].architecture,
        parameters=sum(layer.parameters for layer in layers),
        macs=sum(layer.macs for layer in layers),
        bytes=len(models[0].weights),
        seeds=seeds,
        protocols={TEST: test},
        layers=layers,
    )


def _error_counts(
    probabilities: NDArray[np.float32], labels: Labels, seeds: Sequence[int]
) -> dict[str, Summary]:
    """How many images are misread, and how many of them have a disputed label."""
    wrong = probabilities.argmax(axis=2) != labels  # [S, N]
    doubtful = [index for index in DISPUTED if index < len(labels)]
    counted = {"errors": wrong, "errors_disputed": wrong[:, doubtful]}
    return {
        key: summarise(dict(zip(seeds, part.sum(axis=1).tolist(), strict=True)))
        for key, part in counted.items()
    }


def comparison(
    stacks: Stacks,
    labels: Labels,
    scores: Mapping[str, Mapping[int, Scores]],
    confused_pairs: int,
) -> Products:
    """Every pair of architectures, and as many pairs of digits that each confuses."""
    correct = {name: stack.argmax(axis=2) == labels for name, stack in stacks.items()}
    pairs = compare_all(correct, list(next(iter(scores.values()))))
    record = ComparisonRecord(
        pairs={f"{pair.second}_minus_{pair.first}": pair for pair in pairs},
        most_confused={
            name: most_confused(sum_confusion(list(by_seed.values())), confused_pairs)
            for name, by_seed in scores.items()
        },
    )
    return {files.METRICS / "comparison.json": record.content()}


def robustness_and_domains(
    trained: Trained,
    images: Images,
    labels: Labels,
    statistics: PixelStatistics,
    settings: EvaluateParams,
) -> Products:
    """Accuracy on corrupted test images and on digits of other origin."""
    seeds = [model.seed for model in next(iter(trained.values()))]
    predict = partial(predict_all, trained, statistics=statistics, batch_size=settings.batch_size)
    subset = random_subset(images, labels, settings.robustness_images)
    corrupted = corrupted_accuracy(predict, *subset, seeds)
    domains = load_domains(settings.domains, files.RAW_DOMAINS)
    record, confusion = domain_results(predict, domains, seeds)
    return {
        files.METRICS / "robustness.json": robustness_record(corrupted, len(subset[1])).content(),
        files.EVALUATION / "robustness.csv": corrupted.table,
        files.METRICS / "domains.json": record.content(),
        files.EVALUATION / "domains.csv": confusion,
    }


def examples(stacks: Stacks, images: Images, labels: Labels) -> Products:
    """Digits to look at, for the report to draw."""
    return {
        sheet_file(name): sheet.arrays for name, sheet in sheets(stacks, images, labels).items()
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
    latencies = {}
    for name, (model, *_) in trained.items():
        network = load_weights(name, model.params, model.weights, str(model.path))
        latencies[name] = measure_latency(network, batch)
    record = LatencyRecord(models=latencies, environment=dict(environment))
    return {files.TIMING / "evaluate.json": record.content()}
