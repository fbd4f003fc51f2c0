"""Whether a model knows when it is unsure."""

import pandas as pd

from digitbench.document.blocks import Chart, Folded, Section
from digitbench.figures.probability import reliability_diagrams, risk_coverage, roc_curves
from digitbench.report.tables import metric_rows, network_table
from digitbench.results.collection import Results
from digitbench.wording import by_name, decimal

POSITION = 50


def section(results: Results) -> Section:
    """Scores of the probabilities, ROC, reliability, and error against coverage."""
    tables = {
        kind: {name: results.table(kind, name) for name in results.ranking}
        for kind in ("reliability", "coverage", "roc")
    }
    scores = {name: results.metrics[name].metrics for name in results.ranking}
    auc = {name: score["macro_auc"].mean for name, score in scores.items()}
    answered = {name: _at_ninety(frame) for name, frame in tables["coverage"].items()}
    rows = metric_rows(results, "probabilities")
    rows["error with a tenth left to a human, %"] = list(answered.values())
    roc = Chart(
        "roc",
        roc_curves(tables["roc"], auc),
        "One digit against the rest, averaged over digits (above) and per digit (below). The axis "
        "of false positives is logarithmic, so that the corner can be seen. No intervals.",
        f"Macro AUC: {by_name({name: decimal(area, 5) for name, area in auc.items()})}",
    )
    return Section(
        "Probabilities",
        [
            network_table(
                results,
                "Means and 95 % intervals over seeds, in the last row over seeds and images; "
                "smaller is better but for AUC. Those over seeds are symmetric and may pass what "
                "is possible. ECE: expected calibration error of the most probable class, 15 bins "
                "of equal width (Guo et al., 2017).",
                rows,
            ),
            Chart(
                "reliability",
                reliability_diagrams(tables["reliability"]),
                "Accuracy of predictions by stated confidence. On the diagonal, confidence means "
                "what it says; below it the model is too sure of itself. Hollow: few predictions. "
                "No intervals.",
                "Expected calibration error: "
                + by_name({name: decimal(score["ece"].mean, 4) for name, score in scores.items()}),
            ),
            Chart(
                "coverage",
                risk_coverage(tables["coverage"]),
                "Error among the images that the model answers itself when the least confident "
                "ones go to a human. Bands: 95 % intervals over seeds and images.",
                f"Error in percent with a tenth left to a human: {by_name(answered)}",
            ),
            Folded("ROC curves", [roc]),
        ],
    )


def _at_ninety(frame: pd.DataFrame) -> str:
    """The error among the images answered, percent, with its interval."""
    at = frame.iloc[int((frame["coverage"] - 0.9).abs().argmin())]
    error, low, high = (100 * (1 - float(at[key])) for key in ("accuracy", "high", "low"))
    return f"{decimal(error)} ({decimal(low)} to {decimal(high)})"
