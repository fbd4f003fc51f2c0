"""The study of robustness: the main pipeline's corruptions, with and without augmentation."""

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import pandas as pd

from digitbench.evaluation.corruptions import robustness_score, robustness_table
from digitbench.evaluation.domains import Images, Labels, robustness_accuracies, robustness_record
from digitbench.statistics.factorial import factorial_effects
from digitbench.statistics.summary import SummaryDict as Summary
from digitbench.statistics.summary import summarise
from digitbench.studies.groups.design import (
    GROUPS,
    ON_CORRUPTED_DIGITS,
    NetworkGroup,
    predict_groups,
)
from digitbench.studies.groups.domain_shift import effect_record


def corrupted_accuracies(
    groups: Mapping[str, NetworkGroup], images: Images, labels: Labels, batch_size: int
) -> pd.DataFrame:
    """As `robustness_accuracies`, but for groups that may differ in their seeds.

    Returns:
        One row per group (in the column architecture), seed, corruption and strength.
    """
    tables = [
        robustness_accuracies(
            partial(predict_groups, {name: group}, batch_size=batch_size),
            images,
            labels,
            group.seeds,
        )
        for name, group in groups.items()
    ]
    return pd.concat(tables, ignore_index=True)


def study_record(accuracies: pd.DataFrame, images: int) -> dict[str, Any]:
    """The main pipeline's record, with the curves and with the effects of model and augmentation.

    Args:
        accuracies: As `corrupted_accuracies` gives them.
        images: Their number.

    Returns:
        images, units and, per group, a summary per corruption (mean of its strengths) and their
        mean; `curves`, a summary per group, corruption and strength; and `effects`, per corruption
        and for the mean, a table of the three effects on these means.
    """
    return {
        **robustness_record(accuracies, images),
        "curves": _curves(accuracies),
        "effects": _effects(accuracies),
    }


def _curves(accuracies: pd.DataFrame) -> dict[str, Any]:
    curves: dict[str, dict[str, dict[str, Summary]]] = {}
    keys = ["architecture", "corruption", "strength"]
    for place, rows in accuracies.groupby(keys, sort=False):
        name, corruption, strength = cast(tuple[str, str, float], place)
        by_seed = dict(zip(rows["seed"].tolist(), rows["accuracy"].tolist(), strict=True))
        of_group = curves.setdefault(name, {})
        of_group.setdefault(corruption, {})[f"{strength:g}"] = summarise(by_seed)
    return curves


def _effects(accuracies: pd.DataFrame) -> dict[str, Any]:
    tables = dict(iter(robustness_table(accuracies).groupby("corruption", sort=False)))
    return {
        str(name): _effect_table(table)
        for name, table in {"mean": robustness_score(accuracies), **tables}.items()
    }


def _effect_table(means: pd.DataFrame) -> list[dict[str, Any]]:
    """Model, augmentation and their interaction, from a row per group and seed."""
    samples = {
        levels: means.loc[means["architecture"] == name, "mean_accuracy"].to_numpy()
        for name, levels in GROUPS.items()
    }
    return [effect_record(effect) for effect in factorial_effects(ON_CORRUPTED_DIGITS, samples)]
