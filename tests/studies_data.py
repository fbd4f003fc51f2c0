"""Invented records of the studies, as their stages write them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from digitbench.evaluation.corruptions import CORRUPTIONS
from digitbench.evaluation.scores import scores_of_confusion, summarise_scores
from digitbench.results.clocks import Seconds, TimingRecord
from digitbench.results.records import (
    Assessment,
    Confusion,
    DomainShiftRecord,
    Epochs,
    ModelRecord,
    Movements,
    RobustnessRecord,
    TrainingRecord,
    UsedData,
    UsedRecipe,
)
from digitbench.statistics.summary import summarise
from digitbench.studies.groups.design import GROUPS, Domain
from digitbench.studies.groups.domain_shift import LEVELS, domain_record
from digitbench.studies.groups.robustness import study_record
from readers import corrupted

SEEDS = (0, 1, 2)
VARIANTS = {
    "nguyen2026": {"mlp": 0.976, "cnn": 0.989},
    "pedrogiu13": {"mlp": 0.981, "cnn": 0.994},
    "report2002": {"cnn": 0.991, "rnn": 0.963, "mlp": 0.978},
    "pavon2025": {"cnn_10": 0.990, "cnn_15": 0.991},
    "toyobo2025": {"cnn": 0.993, "lstm": 0.989},
}
PARAMETERS = {("nguyen2026", "mlp"): 235_146, ("nguyen2026", "cnn"): 421_642}
NETWORKS = {
    "mlp": {"hidden": [256, 128], "dropout_hidden": 0.0, "dropout": 0.2},
    "cnn": {"channels": [32, 64], "hidden": 128, "dropout_maps": 0.5, "dropout": 0.5},
}
IMAGES = {"test": 10_000, "validation": 12_000, "pooled": 60_000}


def confusion(accuracy: float, images: int, seed: int) -> list[list[int]]:
    """Counts [10][10], rows true digits: the same number of each, errors spread at random."""
    generator = np.random.default_rng([seed, images])
    per_digit = images // 10
    matrix = np.zeros((10, 10), dtype=int)
    for digit in range(10):
        errors = generator.binomial(per_digit, 1 - accuracy)
        others = [other for other in range(10) if other != digit]
        for taken in generator.choice(others, size=errors):
            matrix[digit, taken] += 1
        matrix[digit, digit] = per_digit - errors
    return matrix.tolist()


def part(accuracy: float, protocol: str, seeds: tuple[int, ...] = SEEDS) -> Assessment:
    """The metrics under one protocol, computed from the counts."""
    counts = {seed: confusion(accuracy, IMAGES[protocol], seed) for seed in seeds}
    scores = {seed: scores_of_confusion(np.array(matrix)) for seed, matrix in counts.items()}
    metrics = summarise_scores(scores)
    if protocol == "test":
        metrics["macro_auc"] = summarise({seed: 0.9996 + seed / 1e5 for seed in seeds})
    confusions = Confusion.model_validate({"per_seed": counts})
    return Assessment(images=IMAGES[protocol], metrics=metrics, confusion=confusions)


def record(study: str, variant: str, seeds: tuple[int, ...] = SEEDS) -> ModelRecord:
    """What `assess` writes for one variant; pooled scores lie below those of the kept weights."""
    accuracy = VARIANTS[study][variant]
    return ModelRecord(
        architecture=variant.partition("_")[0],
        parameters=PARAMETERS.get((study, variant), 1000),
        seeds=seeds,
        epochs=Epochs(run=dict.fromkeys(seeds, 5), kept=dict.fromkeys(seeds, 5)),
        protocols={
            "test": part(accuracy, "test", seeds),
            "validation": part(accuracy - 0.001, "validation", seeds),
            "pooled": part(accuracy - 0.007, "pooled", seeds),
        },
    )


def cell_accuracy(model: str, augmentation: bool, mapping: str, seed: int) -> float:
    """Invented effects: architecture 0.2, augmentation 0.1, alignment 0.3, and interactions."""
    cnn, box = model == "cnn", mapping == "box"
    main = 0.3 + 0.2 * cnn + 0.1 * augmentation + 0.3 * box
    return main - 0.15 * (cnn and box) - 0.04 * (cnn and augmentation) + 0.01 * seed * (1 + cnn)


def domain_shift() -> DomainShiftRecord:
    """The record of one domain, computed from the invented accuracies."""
    accuracies = {
        name: np.array(
            [
                [cell_accuracy(str(model), bool(augmentation), shown, seed) for shown in LEVELS]
                for seed in SEEDS
            ]
        )
        for name, (model, augmentation) in GROUPS.items()
    }
    labels = np.zeros(9298, dtype=np.uint8)
    usps = Domain("USPS, original", np.zeros((9298, 16, 16), dtype=np.uint8), labels)
    seeds = dict.fromkeys(GROUPS, SEEDS)
    return DomainShiftRecord(domains={"usps": domain_record(usps, accuracies, seeds)})


def robustness(harmful: str = "") -> RobustnessRecord:
    """The record of invented accuracies, 0.1 lost per step of strength of every corruption.

    Args:
        harmful: A corruption under which augmentation takes 0.2 instead.
    """
    levels = dict(zip(GROUPS, (0.6, 0.7, 0.8, 0.95), strict=True))
    rows = [
        {
            "architecture": name,
            "seed": seed,
            "corruption": corruption,
            "strength": strength,
            "accuracy": seed / 1000
            - strength / 10
            + (0.7 - 0.2 * ("augmented" in name) if corruption == harmful else level),
        }
        for name, level in levels.items()
        for seed in SEEDS
        for corruption in CORRUPTIONS
        for strength in (0.0, 1.0, 2.0)
    ]
    return study_record(corrupted(pd.DataFrame(rows)), 1000)


def trained_as(architecture: str, **recipe: Any) -> TrainingRecord:
    """What training writes about what it used, with other settings where some are given."""
    settings: dict[str, Any] = {
        "seeds": SEEDS,
        "epochs": 5,
        "batch_size": 64,
        "learning_rate": 0.001,
        "adam_epsilon": 1e-8,
        "patience": 0,
        "initialisation": "he",
        "augmentation": Movements(rotation=0, shift=0, zoom=0),
        "precision": "bfloat16",
        "device": "cpu",
        "arithmetic": "native",
    }
    return TrainingRecord(
        architecture=architecture,
        network=NETWORKS.get(architecture, {}),
        recipe=UsedRecipe(**settings | recipe),
        data=UsedData(sha256="ab" * 32, train_images=54_000, validation_images=6_000),
    )


def timing(seconds: float) -> TimingRecord:
    """What training writes about its time."""
    return TimingRecord(
        seconds_per_epoch=Seconds(median=seconds, per_seed=dict.fromkeys(SEEDS, seconds)),
        stage_seconds=60.0,
        replicates_at_once=2,
        environment={"hardware": "a machine"},
    )


def write_metrics(root: Path, seeds: tuple[int, ...] = SEEDS) -> None:
    """All metrics of the studies under a project's folder."""
    studies = root / "studies"
    for study, variants in VARIANTS.items():
        for variant in variants:
            metrics = studies / study / "metrics"
            record(study, variant, seeds).write(metrics / f"{variant}.json")
            trained = trained_as(variant.partition("_")[0], seeds=seeds)
            trained.write(metrics / "training" / f"{variant}.json")
            timing(len(variant)).write(metrics / "timing" / f"{variant}.json")
    domain_shift().write(studies / "domain_shift/metrics/domain_shift.json")
    robustness().write(studies / "robustness/metrics/robustness.json")
    for figure in ("domain_shift/plots/domain_shift.png", "robustness/plots/robustness.png"):
        path = studies / figure
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\x89PNG")
