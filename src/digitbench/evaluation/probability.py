"""Probability quality and ROC of all replicates of one architecture."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from digitbench.evaluation.calibration import (
    brier_score,
    coverage_curve,
    expected_calibration_error,
    negative_log_likelihood,
    reliability_table,
)
from digitbench.evaluation.roc import macro_auc, roc_curve_points
from digitbench.evaluation.summary import Summary, summarise

Labels = NDArray[np.integer[Any]]
METRICS: dict[str, Callable[[NDArray[np.float32], Labels], float]] = {
    "macro_auc": macro_auc,
    "nll": negative_log_likelihood,
    "brier": brier_score,
    "ece": expected_calibration_error,
}
# Shares of the images that the model answers itself; the least confident go to a human.
COVERAGES = tuple(np.round(np.arange(0.5, 1.0001, 0.01), 2).tolist())


def probability_summaries(
    probabilities: NDArray[np.float32], labels: Labels, seeds: Sequence[int]
) -> dict[str, Summary]:
    """Mean, deviation, interval and per-seed values of METRICS, from probabilities [S, N, 10]."""
    return {
        name: summarise(
            {seed: metric(probabilities[row], labels) for row, seed in enumerate(seeds)}
        )
        for name, metric in METRICS.items()
    }


def probability_tables(
    probabilities: NDArray[np.float32], labels: Labels
) -> dict[str, pd.DataFrame]:
    """Data of the ROC, reliability and coverage figures, rounded to what can be drawn."""
    return {
        "roc": roc_curve_points(probabilities, labels).round(6),
        "reliability": reliability_table(probabilities, labels).round(6),
        "coverage": coverage_curve(probabilities, labels, COVERAGES).round(6),
    }
