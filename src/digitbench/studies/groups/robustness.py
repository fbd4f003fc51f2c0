"""The study of robustness: the main pipeline's corruptions, with and without augmentation."""

from collections.abc import Mapping
from functools import partial

import pandas as pd

from digitbench.evaluation.corruptions import (
    CorruptedAccuracy,
    Images,
    corrupted_accuracy,
    corruption_means,
    robustness_record,
    summarise_by,
)
from digitbench.evaluation.scores import Labels
from digitbench.results.records import RobustnessRecord
from digitbench.statistics.factorial import Effect, factorial_effects
from digitbench.studies.groups.design import (
    GROUPS,
    ON_CORRUPTED_DIGITS,
    NetworkGroup,
    predict_groups,
)


def groups_corrupted(
    groups: Mapping[str, NetworkGroup], images: Images, labels: Labels, batch_size: int
) -> CorruptedAccuracy:
    """As `corrupted_accuracy`, but for groups (as architectures) that may differ in their seeds."""
    parts = [
        corrupted_accuracy(
            partial(predict_groups, {name: group}, batch_size=batch_size),
            images,
            labels,
            group.seeds,
        )
        for name, group in groups.items()
    ]
    return CorruptedAccuracy(
        pd.concat([part.table for part in parts], ignore_index=True),
        {name: shares for part in parts for name, shares in part.shares.items()},
    )


def study_record(corrupted: CorruptedAccuracy, images: int) -> RobustnessRecord:
    """The main pipeline's record, with the curves and with the effects of model and augmentation.

    Args:
        corrupted: As `groups_corrupted` gives it.
        images: Their number.
    """
    record, accuracies = robustness_record(corrupted, images), corrupted.table
    named = accuracies.assign(strength=accuracies["strength"].map("{:g}".format))
    return RobustnessRecord(
        images=record.images,
        units=record.units,
        accuracy=record.accuracy,
        curves={
            str(name): summarise_by(of_group, "corruption", "strength")
            for name, of_group in named.groupby("architecture", sort=False)
        },
        effects={
            str(name): _effects(means)
            for name, means in corruption_means(accuracies).groupby("corruption", sort=False)
        },
    )


def _effects(means: pd.DataFrame) -> tuple[Effect, ...]:
    """Model, augmentation and their interaction, from a row per group and seed."""
    samples = {
        levels: means.loc[means["architecture"] == name, "accuracy"].to_numpy()
        for name, levels in GROUPS.items()
    }
    return tuple(factorial_effects(ON_CORRUPTED_DIGITS, samples))
