"""What each architecture costs."""

from digitbench.plots.style import NAMES
from digitbench.reporting.document import Section, Table
from digitbench.reporting.results import Results
from digitbench.reporting.wording import listing


def cost(results: Results) -> Section:
    """What each architecture costs."""
    rows = []
    for name in results.ranking:
        timing = results.timing[name]
        rows.append(
            [
                NAMES[name],
                f"{results.metrics[name]['parameters']:,}",
                f"{timing['seconds_per_epoch']['median']:.1f}",
                str(timing["replicates_at_once"]),
                f"{100 * (1 - results.metrics[name]['accuracy']['mean']):.2f}",
            ]
        )
    images = sum(results.class_counts["train"])
    where = sorted({timing["environment"]["hardware"] for timing in results.timing.values()})
    return Section(
        "cost",
        "Cost",
        [
            Table(
                f"Seconds per epoch of {images:,} images, median over epochs and seeds, validation "
                f"included, one thread per replicate, on {listing(where)}.",
                ["", "parameters", "s per epoch", "replicates at once", "test error, %"],
                rows,
            )
        ],
    )
