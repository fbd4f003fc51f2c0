"""Digits that somebody else collected."""

import pandas as pd

from digitbench.document.blocks import Chart, Section
from digitbench.figures.domains import domain_accuracy
from digitbench.report.tables import network_table
from digitbench.results.collection import Results
from digitbench.results.metrics import ACCURACY
from digitbench.wording import ENLARGING, by_name, listing

POSITION = 70
_COLUMNS = ["architecture", "domain", "mapping", "accuracy", "low", "high"]


def section(results: Results) -> Section:
    """Accuracy on each new domain under both ways of bringing it to 28x28."""
    found = results.domains.domains
    cells = {
        (domain, way.heading): {name: record.accuracy[key][name] for name in results.ranking}
        for domain, record in found.items()
        for key, way in ENLARGING.items()
    }
    shown = {
        f"{domain}, {way}": {n: ACCURACY.mean_and_interval(s) for n, s in by_network.items()}
        for (domain, way), by_network in cells.items()
    }
    rows = [
        (name, domain, way, summary.mean, summary.ci95_low, summary.ci95_high)
        for (domain, way), by_network in cells.items()
        for name, summary in by_network.items()
    ]
    frame = pd.DataFrame(rows, columns=_COLUMNS).astype({"low": float, "high": float})
    home = {name: results.metrics[name].accuracy.mean for name in results.ranking}
    sizes = listing([f"{domain}: {record.images:,} images" for domain, record in found.items()])
    return Section(
        "New domains",
        [
            Chart(
                "domains",
                domain_accuracy(frame, home),
                "The same trained models on digits of other origin, brought to 28×28 in two ways; "
                "the mark on the right is their accuracy on MNIST.",
                "; ".join(f"{label}: {by_name(values)}" for label, values in shown.items()),
            ),
            network_table(
                results,
                f"Accuracy in percent, 95 % interval over seeds, on these images. {sizes}.",
                {label: list(values.values()) for label, values in shown.items()},
            ),
        ],
    )
