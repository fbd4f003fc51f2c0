"""What was learned from."""

from digitbench.document.blocks import Chart, Picture, Prose, Section
from digitbench.figures.data import class_distribution
from digitbench.results.collection import Results
from digitbench.wording import listing

POSITION = 100


def section(results: Results) -> Section:
    """What was learned from."""
    totals = {part: sum(counts) for part, counts in results.class_counts.items()}
    spread = results.class_counts["train"]
    return Section(
        "Data",
        [
            Prose(
                f"MNIST, {listing([f'{count:,} {part}' for part, count in totals.items()])} "
                "images of 28×28 bytes. The split is stratified and the same for every replicate; "
                "no training reads the test images (how often they were looked at, and whose they "
                f"are: Limits). Classes are not evenly represented: {min(spread):,} to "
                f"{max(spread):,} images per digit in the training part."
            ),
            Picture(
                "samples",
                results.samples,
                "The first training images of each class; none were picked by hand.",
                "Rows of handwritten digits from 0 to 9.",
            ),
            Chart(
                "classes",
                class_distribution(results.class_counts),
                "Images per digit in each part; the dashed line would be even shares.",
                f"Training part: {min(spread):,} to {max(spread):,} images per digit.",
            ),
        ],
    )
