"""The papers' numbers beside ours."""

from digitbench.document.blocks import Prose, Section, Table
from digitbench.results.records import Results
from digitbench.wording import METRICS, NAMES, interval, pair_of

POSITION = 110


def section(results: Results) -> Section:
    """The paper's numbers beside ours."""
    rows = []
    for item in results.published["results"]:
        ours = results.metrics.get(item["model"], {}).get(item["metric"])
        if ours is None:
            continue
        rows.append(
            [
                f"{NAMES[item['model']]} {METRICS[item['metric']]}",
                f"{item['value']} ± {item['spread']}",
                f"{100 * ours['mean']:.2f}",
                interval(ours),
                item["place"],
            ]
        )
    (claim,) = (n for n in results.published["other"] if n["metric"] == "error_reduction")
    pair = pair_of(results.comparison, claim["against"], claim["model"])
    if pair["error_reduction"] is not None:
        low, high = pair["error_reduction_low"], pair["error_reduction_high"]
        spread = "" if low is None else f"{100 * low:.0f} to {100 * high:.0f}"
        rows.append(
            [
                "error reduction",
                claim["value"],
                f"{100 * pair['error_reduction']:.0f}",
                spread,
                claim["place"],
            ]
        )
    return Section(
        "Published numbers beside ours",
        [
            Table(
                f"{results.published['title']}; percent. Ours: the networks of this report on the "
                "test set, mean and 95 % interval; the paper's own recipe and protocol follow "
                "under The five studies.",
                ["", "published", "ours", "interval", "place"],
                rows,
            ),
            Prose(results.published["protocol"]),
        ],
    )
