"""Digits that somebody else collected."""

import pandas as pd

from digitbench.document.blocks import Chart, Prose, Section, Table
from digitbench.figures.domains import domain_accuracy
from digitbench.results.collection import Results
from digitbench.statistics.summary import Summary
from digitbench.wording import ENLARGING, NAMES, interval, listing, points

POSITION = 70
_COLUMNS = ["architecture", "domain", "mapping", "accuracy", "low", "high"]


def section(results: Results) -> Section:
    """Accuracy on each new domain under both ways of bringing it to 28x28."""
    names = results.ranking
    frame, found = _frame(results), results.domains.domains
    home = {name: results.metrics[name].accuracy.mean for name in names}
    rows = [
        [f"{domain}, {way.heading}", *(_cell(record.accuracy[mapping][name]) for name in names)]
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
                f"Accuracy in percent, 95 % interval over seeds. {listing(sizes)}.",
                ["", *(NAMES[name] for name in names)],
                rows,
            ),
            Prose(_mapping_effect(results)),
        ],
    )


def _cell(summary: Summary) -> str:
    return f"{100 * summary.mean:.1f} ({interval(summary)})"


def _frame(results: Results) -> pd.DataFrame:
    rows = [
        (name, domain, way.heading, summary.mean, summary.ci95_low, summary.ci95_high)
        for domain, record in results.domains.domains.items()
        for mapping, way in ENLARGING.items()
        for name, summary in ((name, record.accuracy[mapping][name]) for name in results.ranking)
    ]
    frame = pd.DataFrame(rows, columns=_COLUMNS)
    return frame.astype({"low": float, "high": float})


def _mapping_effect(results: Results) -> str:
    """How much the way of enlarging the image matters."""
    sentences = []
    for domain, record in results.domains.domains.items():
        stretch, box = record.accuracy["stretch"], record.accuracy["box"]
        gains = {name: points(box[name].mean - stretch[name].mean) for name in results.ranking}
        told = listing([f"{NAMES[name]} {gain}" for name, gain in gains.items()])
        sentences.append(f"On {domain}, box instead of stretch changes accuracy by {told} points.")
    return " ".join(sentences)
