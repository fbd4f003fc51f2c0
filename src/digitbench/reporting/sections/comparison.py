"""Who is better, and how sure that is."""

from collections.abc import Mapping
from typing import Any

from digitbench.plots.intervals import accuracy_intervals
from digitbench.plots.style import NAMES
from digitbench.reporting.document import Block, Chart, Prose, Section, Table
from digitbench.reporting.results import Results
from digitbench.reporting.wording import METRICS, interval, p_value, pair_sentence, percent, points


def comparison(results: Results) -> Section:
    """Who is better, and how sure that is."""
    names = results.ranking
    seeds = len(results.params.seeds)
    accuracy = {name: results.metrics[name]["accuracy"] for name in names}
    reported = {
        item["architecture"]: (item["value"], item["spread"])
        for item in results.published["results"]
        if item["metric"] == "accuracy" and item["architecture"] in names
    }
    rows = [
        [title, *(_mean_and_deviation(results.metrics[name][metric]) for name in names)]
        for metric, title in METRICS.items()
    ]
    return Section(
        "comparison",
        "The comparison",
        [
            Chart(
                "accuracy",
                accuracy_intervals(accuracy, reported),
                f"Each dot is one of {seeds} trainings per architecture that differ in seed alone; "
                "the bar is the 95 % interval of their mean. Look whether bars overlap before "
                "believing a difference. Squares: the published values with their ±.",
                "; ".join(
                    f"{NAMES[name]} {percent(accuracy[name]['mean'])}, "
                    f"interval {interval(accuracy[name])}"
                    for name in names
                ),
            ),
            Table(
                f"Test set, 10,000 images, mean ± standard deviation over {seeds} seeds, percent.",
                ["metric", *(NAMES[name] for name in names)],
                rows,
            ),
            *_pair_table(results),
        ],
    )


def _mean_and_deviation(summary: Mapping[str, Any]) -> str:
    if summary["std"] is None:
        return f"{100 * summary['mean']:.2f}"
    return f"{100 * summary['mean']:.2f} ± {100 * summary['std']:.2f}"


def _pair_table(results: Results) -> list[Block]:
    rows = []
    for pair in results.comparison["pairs"].values():
        reduction = pair["error_reduction"]
        rows.append(
            [
                f"{NAMES[pair['second']]} − {NAMES[pair['first']]}",
                points(pair["difference"]),
                f"{points(pair['difference_low'])} to {points(pair['difference_high'])}",
                p_value(pair["p_value_holm"]),
                "undefined" if reduction is None else percent(reduction, 0),
            ]
        )
    if not rows:
        return []
    table = Table(
        "Differences in accuracy, percentage points. The interval resamples seeds and test images "
        "together (10,000 times); p is adjusted over all pairs (Holm).",
        ["pair", "difference", "95 % interval", "p", "fewer errors"],
        rows,
    )
    sentences = [pair_sentence(pair) for pair in results.comparison["pairs"].values()]
    limits = {pair["limitation"] for pair in results.comparison["pairs"].values()} - {None}
    return [table, Prose(" ".join([*sentences, *sorted(limits)]))]
