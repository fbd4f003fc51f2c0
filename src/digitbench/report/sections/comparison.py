"""Who is better at telling digits apart."""

from digitbench.document.blocks import Chart, Folded, Section, Table
from digitbench.figures.accuracy import accuracy_intervals
from digitbench.results.collection import Results
from digitbench.results.metrics import ACCURACY, shown
from digitbench.wording import NAMES, interval, percent

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
    records = [results.metrics[name] for name in names]
    scores = [record.per_class("f1") for record in records]
    rows = [
        [
            metric.label,
            *(metric.mean_and_interval(record.metrics[metric.key]) for record in records),
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
                f"Test set, {records[0].test.images:,} images; mean and 95 % interval over "
                "seeds, on these images. Under Statistics intervals also cover the "
                "drawing of the images.",
                ["", *(NAMES[name] for name in names)],
                rows,
            ),
            Folded(
                "F1 of every digit",
                [
                    Table(
                        "F1 per digit, percent, mean and 95 % interval over seeds.",
                        ["digit", *(NAMES[name] for name in names)],
                        [
                            [str(digit), *(ACCURACY.mean_and_interval(f1[digit]) for f1 in scores)]
                            for digit in range(10)
                        ],
                    )
                ],
            ),
        ],
    )
