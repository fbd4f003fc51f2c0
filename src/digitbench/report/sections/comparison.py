"""Who is better at telling digits apart."""

from digitbench.document.blocks import Chart, Prose, Section, Table
from digitbench.figures.accuracy import accuracy_intervals
from digitbench.results.collection import Results
from digitbench.results.metrics import shown
from digitbench.wording import NAMES, interval, listing, percent

POSITION = 10


def section(results: Results) -> Section:
    """Accuracy with every replicate, and the table of all metrics."""
    names = results.ranking
    seeds = len(results.params.seeds)
    accuracy = {name: results.metrics[name].accuracy for name in names}
    reported = {
        item["model"]: (float(item["value"]), float(item["spread"]))
        for item in results.published["results"]
        if item["metric"] == "accuracy" and item["model"] in names
    }
    rows = [
        [
            metric.label,
            *(metric.mean_and_spread(results.metrics[name].metrics[metric.key]) for name in names),
        ]
        for metric in shown("comparison")
    ]
    return Section(
        "The comparison",
        [
            Chart(
                "accuracy",
                accuracy_intervals(accuracy, reported),
                f"Each dot is one of {seeds} trainings per architecture that differ in seed alone; "
                "the bar is the 95 % t interval of their mean. Whether two architectures differ "
                "is tested under Statistics. Squares: published values with their ±.",
                "; ".join(
                    f"{NAMES[name]} {percent(accuracy[name].mean)}, "
                    f"interval {interval(accuracy[name])}"
                    for name in names
                ),
            ),
            Table(
                f"Test set, 10,000 images; mean ± standard deviation (n−1) over {seeds} seeds.",
                ["", *(NAMES[name] for name in names)],
                rows,
            ),
            Table(
                "F1 per digit, percent, mean over seeds.",
                ["digit", *(NAMES[name] for name in names)],
                [
                    [str(digit), *(_f1(results, name, digit) for name in names)]
                    for digit in range(10)
                ],
            ),
            Prose(_hardest(results)),
        ],
    )


def _f1(results: Results, name: str, digit: int) -> str:
    return f"{100 * results.metrics[name].per_class('f1')[digit].mean:.2f}"


def _hardest(results: Results) -> str:
    """Which digit each architecture recognises worst."""
    parts = []
    for name in results.ranking:
        recall = results.metrics[name].per_class("recall")
        digit = min(recall, key=lambda key: recall[key].mean)
        parts.append(f"{NAMES[name]} {digit} ({percent(recall[digit].mean)})")
    return f"The digit that each recognises worst, by recall: {listing(parts)}."
