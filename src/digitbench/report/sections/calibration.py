"""Whether a model knows when it is unsure."""

import pandas as pd

from digitbench.document.blocks import Chart, Folded, Section, Table
from digitbench.figures.probability import reliability_diagrams, risk_coverage, roc_curves
from digitbench.results.collection import Results
from digitbench.results.metrics import shown
from digitbench.wording import NAMES, decimal, listing

POSITION = 50


def section(results: Results) -> Section:
    """Scores of the probabilities, ROC, reliability, and error against coverage."""
    names = results.ranking
    metrics = results.metrics
    coverage = {name: results.table("coverage", name) for name in names}
    auc = {name: metrics[name].metrics["macro_auc"].mean for name in names}
    rows = [
        [
            metric.label,
            *(metric.mean_and_interval(metrics[name].metrics[metric.key]) for name in names),
        ]
        for metric in shown("probabilities")
    ]
    answered = {name: _at_ninety(frame) for name, frame in coverage.items()}
    rows.append(["error with a tenth left to a human, %", *answered.values()])
    return Section(
        "Probabilities",
        [
            Table(
                "Means and 95 % intervals over seeds, in the last row over seeds and images; "
                "smaller is better but for AUC. Those over seeds are symmetric and may pass what "
                "is possible. ECE: expected calibration error of the most probable class, 15 bins "
                "of equal width (Guo et al., 2017).",
                ["", *(NAMES[name] for name in names)],
                rows,
            ),
            Chart(
                "reliability",
                reliability_diagrams({name: results.table("reliability", name) for name in names}),
                "Accuracy of predictions by stated confidence. On the diagonal, confidence means "
                "what it says; below it the model is too sure of itself. Hollow: few predictions. "
                "No intervals.",
                "Expected calibration error: "
                + listing(
                    [f"{NAMES[n]} {decimal(metrics[n].metrics['ece'].mean, 4)}" for n in names]
                ),
            ),
            Chart(
                "coverage",
                risk_coverage(coverage),
                "Error among the images that the model answers itself when the least confident "
                "ones go to a human. Bands: 95 % intervals over seeds and images.",
                "Error in percent with a tenth left to a human: "
                + listing([f"{NAMES[name]} {error}" for name, error in answered.items()]),
            ),
            Folded(
                "ROC curves",
                [
                    Chart(
                        "roc",
                        roc_curves({name: results.table("roc", name) for name in names}, auc),
                        "One digit against the rest, averaged over digits (above) and per digit "
                        "(below). The axis of false positives is logarithmic, so that the corner "
                        "can be seen. No intervals.",
                        "Macro AUC: "
                        + listing([f"{NAMES[n]} {decimal(auc[n], 5)}" for n in names]),
                    )
                ],
            ),
        ],
    )


def _at_ninety(frame: pd.DataFrame) -> str:
    """The error among the images answered, percent, with its interval."""
    at = frame.iloc[int((frame["coverage"] - 0.9).abs().argmin())]
    error, low, high = (100 * (1 - float(at[key])) for key in ("accuracy", "high", "low"))
    return f"{decimal(error)} ({decimal(low)} to {decimal(high)})"
