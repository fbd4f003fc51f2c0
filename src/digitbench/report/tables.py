"""Tables that sections share: networks as columns, in the order of the ranking."""

from collections.abc import Mapping, Sequence

from digitbench.document.blocks import Table
from digitbench.results.collection import Results
from digitbench.results.metrics import Place, shown
from digitbench.wording import NAMES


def network_table(
    results: Results, caption: str, rows: Mapping[str, Sequence[str]], corner: str = ""
) -> Table:
    """A row per label, and a column per architecture in the order of the ranking."""
    header = [corner, *(NAMES[name] for name in results.ranking)]
    return Table(caption, header, [[label, *cells] for label, cells in rows.items()])


def metric_rows(results: Results, place: Place) -> dict[str, list[str]]:
    """Mean and interval of every metric that a place shows, by its label."""
    scores = [results.metrics[name].metrics for name in results.ranking]
    return {
        metric.label: [metric.mean_and_interval(score[metric.key]) for score in scores]
        for metric in shown(place)
    }
