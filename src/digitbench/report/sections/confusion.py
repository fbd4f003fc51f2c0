"""Which digits are taken for which."""

import numpy as np

from digitbench.document.blocks import Chart, Section
from digitbench.figures.confusion import confusion_matrices
from digitbench.results.collection import Results
from digitbench.wording import NAMES, listing, percent

POSITION = 40


def section(results: Results) -> Section:
    """Which digits are taken for which."""
    rates = {name: np.array(results.metrics[name].test.confusion.rates) for name in results.ranking}
    chart = Chart(
        "confusion",
        confusion_matrices(rates),
        "Rows are true digits. Colour shows the mistakes alone, on one scale for all panels; "
        "the diagonal is given in bold. Rates of all seeds together; they have no intervals.",
        " ".join(_confused_sentence(results, name) for name in results.ranking),
    )
    return Section("Which digits are confused", [chart])


def _confused_sentence(results: Results, name: str) -> str:
    pairs = [
        f"{pair.first} and {pair.second} ({percent(pair.rate_first_as_second)} and "
        f"{percent(pair.rate_second_as_first)} of the true digits)"
        for pair in results.comparison.most_confused[name][:3]
    ]
    if not pairs:
        return f"{NAMES[name]} confused no digits."
    return f"{NAMES[name]} most often takes for each other {listing(pairs)}."
