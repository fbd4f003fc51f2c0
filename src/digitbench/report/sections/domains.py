"""Digits that somebody else collected."""

import pandas as pd

from digitbench.document.blocks import Chart, Section, Table
from digitbench.figures.domains import domain_accuracy
from digitbench.results.collection import Results
from digitbench.results.metrics import ACCURACY
from digitbench.wording import ENLARGING, NAMES, listing

POSITION = 70
_COLUMNS = ["architecture", "domain", "mapping", "accuracy", "low", "high"]


def section(results: Results) -> Section:
    """Accuracy on each new domain under both ways of bringing it to 28x28."""
    names = results.ranking
    frame, found = _frame(results), results.domains.domains
    home = {name: results.metrics[name].accuracy.mean for name in names}
    rows = [
        [
            f"{domain}, {way.heading}",
            *(ACCURACY.mean_and_interval(record.accuracy[mapping][name]) for name in names),
        ]
        for domain, record in found.items()
        for mapping, way in ENLARGING.items()
    ]
    sizes = [f"{domain}: {record.images:,} images" for domain, record in found.items()]
    return Section(
        "New domains",
        [
            Chart(
                "domains",
                domain_accuracy(frame, home),
                "The same trained models on digits of other origin, brought to 28×28 in two ways; "
                "the mark on the right is their accuracy on MNIST.",
                "; ".join(f"{row[0]}: {', '.join(row[1:])}" for row in rows),
            ),
            Table(
                "Accuracy in percent, 95 % interval over seeds, on these images. "
                f"{listing(sizes)}.",
                ["", *(NAMES[name] for name in names)],
                rows,
            ),
        ],
    )


def _frame(results: Results) -> pd.DataFrame:
    rows = [
        (name, domain, way.heading, summary.mean, summary.ci95_low, summary.ci95_high)
        for domain, record in results.domains.domains.items()
        for mapping, way in ENLARGING.items()
        for name, summary in ((name, record.accuracy[mapping][name]) for name in results.ranking)
    ]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.astype({"low": float, "high": float})
