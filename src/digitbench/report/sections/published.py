"""The papers' numbers beside ours."""

from digitbench.document.blocks import Prose, Section, Table
from digitbench.results.collection import Results
from digitbench.results.metrics import BY_KEY
from digitbench.wording import NAMES, interval

POSITION = 110


def section(results: Results) -> Section:
    """The paper's numbers beside ours."""
    rows = []
    for item in results.published["results"]:
        if item["model"] not in results.metrics or item["metric"] not in BY_KEY:
            continue
        metric = BY_KEY[item["metric"]]
        ours = results.metrics[item["model"]].metrics[metric.key]
        title, theirs = (
            f"{NAMES[item['model']]} {metric.title}",
            f"{item['value']} ± {item['spread']}",
        )
        rows.append([title, theirs, metric.mean(ours), interval(ours), item["place"]])
    (claim,) = (n for n in results.published["other"] if n["metric"] == "error_reduction")
    pair = results.comparison.pair(claim["against"], claim["model"])
    if pair.error_reduction is not None:
        low, high = pair.error_reduction_low, pair.error_reduction_high
        spread = "" if low is None or high is None else f"{100 * low:.0f} to {100 * high:.0f}"
        reduced = f"{100 * pair.error_reduction:.0f}"
        rows.append(["error reduction", claim["value"], reduced, spread, claim["place"]])
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
