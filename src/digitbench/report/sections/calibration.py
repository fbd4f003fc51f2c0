"""Whether a model knows when it is unsure."""

from digitbench.document.blocks import Chart, Prose, Section, Table
from digitbench.figures.probability import reliability_diagrams, risk_coverage, roc_curves
from digitbench.results.collection import Results
from digitbench.results.metrics import shown
from digitbench.wording import NAMES, listing, percent

POSITION = 50


def section(results: Results) -> Section:
    """Scores of the probabilities, ROC, reliability, and error against coverage."""
    names = results.ranking
    metrics = results.metrics
    coverage = {name: results.table("coverage", name) for name in names}
    auc = {name: metrics[name].metrics["macro_auc"].mean for name in names}
    columns = shown("probabilities")
    rows = [
        [NAMES[name], *(column.mean(metrics[name].metrics[column.key]) for column in columns)]
        for name in names
    ]
    halves = [_at_ninety(name, results) for name in names]
    return Section(
        "Probabilities",
        [
            Table(
                "Means over seeds; smaller is better but for AUC. ECE: expected calibration error "
                "of the most probable class, 15 bins of equal width (Guo et al., 2017).",
                ["", *(column.name for column in columns)],
                rows,
            ),
            Chart(
                "reliability",
                reliability_diagrams({name: results.table("reliability", name) for name in names}),
                "Accuracy of predictions by stated confidence. On the diagonal, confidence means "
                "what it says; below it the model is too sure of itself. Hollow: few predictions.",
                "Expected calibration error: "
                + listing([f"{NAMES[n]} {metrics[n].metrics['ece'].mean:.4f}" for n in names]),
            ),
            Chart(
                "coverage",
                risk_coverage(coverage),
                "Error among the images that the model answers itself when the least confident "
                "ones go to a human. Bands span the seeds.",
                f"Error with a tenth left to a human: {listing(halves)}.",
            ),
            Prose(
                f"With the least confident tenth left to a human the error is {listing(halves)}."
            ),
            Chart(
                "roc",
                roc_curves({name: results.table("roc", name) for name in names}, auc),
                "One digit against the rest, averaged over digits (above) and per digit (below). "
                "The axis of false positives is logarithmic, so that the corner can be seen.",
                "Macro AUC: " + listing([f"{NAMES[n]} {auc[n]:.5f}" for n in names]),
            ),
        ],
    )


def _at_ninety(name: str, results: Results) -> str:
    frame = results.table("coverage", name)
    nearest = frame.iloc[int((frame["coverage"] - 0.9).abs().argmin())]
    return f"{NAMES[name]} {percent(1 - float(nearest['accuracy']))}"
