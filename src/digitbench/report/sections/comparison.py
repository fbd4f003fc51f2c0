"""Who is better at telling digits apart."""

from digitbench.document.blocks import Chart, Folded, Section
from digitbench.figures.accuracy import accuracy_intervals
from digitbench.report.tables import metric_rows, network_table
from digitbench.results.collection import Results
from digitbench.results.metrics import ACCURACY
from digitbench.wording import by_name

POSITION = 10


def section(results: Results) -> Section:
    """Accuracy with every replicate, and the table of all metrics."""
    records = {name: results.metrics[name] for name in results.ranking}
    accuracy = {name: record.accuracy for name, record in records.items()}
    f1 = [record.per_class("f1") for record in records.values()]
    reported = {
        item["model"]: (float(item["value"]), float(item["spread"]))
        for item in results.published["results"]
        if item["metric"] == "accuracy" and item["model"] in records
    }
    digits = network_table(
        results,
        "F1 per digit, percent, mean and 95 % interval over seeds, which may pass 100.",
        {str(k): [ACCURACY.mean_and_interval(each[k]) for each in f1] for k in range(10)},
        corner="digit",
    )
    told = {name: ACCURACY.mean_and_interval(summary) for name, summary in accuracy.items()}
    return Section(
        "The comparison",
        [
            Chart(
                "accuracy",
                accuracy_intervals(accuracy, reported),
                f"{_dots(len(results.seeds))} Whether two architectures differ is tested under "
                "Statistics. Squares: published values with their ±.",
                f"Test accuracy, percent, and 95 % interval: {by_name(told)}",
            ),
            network_table(
                results,
                f"Test set, {results.images:,} images; mean and 95 % interval over seeds, on "
                "these images. Under Statistics intervals also cover the drawing of the images.",
                metric_rows(results, "comparison"),
            ),
            Folded("F1 of every digit", [digits]),
        ],
    )


def _dots(seeds: int) -> str:
    if seeds == 1:
        return "Each dot is the one training of an architecture."
    return (
        f"Each dot is one of {seeds} trainings per architecture that differ in seed alone; the bar "
        "is the 95 % t interval of their mean."
    )
