"""What was learned from."""

from digitbench.document.blocks import Chart, Picture, Prose, Section, Table
from digitbench.figures.data import class_distribution
from digitbench.results.collection import Results
from digitbench.wording import listing

POSITION = 100
SOURCES = (
    (
        "MNIST",
        "LeCun, Cortes and Burges, yann.lecun.com/exdb/mnist; remade from forms of NIST",
        "LeCun, Bottou, Bengio and Haffner (1998), Proceedings of the IEEE 86:2278",
        "none stated at the source; elsewhere given as CC BY-SA 3.0",
    ),
    (
        "optical digits",
        "UCI Machine Learning Repository, its test part as scikit-learn brings it; 13 writers",
        "Alpaydin and Kaynak (1998), doi.org/10.24432/C50P49",
        "CC BY 4.0",
    ),
    (
        "USPS",
        "unsmoothed, hastie.su.domains/ElemStatLearn; envelopes of the US Postal Service",
        "Le Cun et al. (1990), NIPS 2:396; Hull (1994), IEEE Transactions PAMI 16:550",
        "none stated at the source",
    ),
)


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
                "no training reads the test images (how often they were looked at: Limits). "
                "Classes are not evenly "
                f"represented: {min(spread):,} to {max(spread):,} images per digit in the training "
                "part."
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
            Table(
                "Where the digits come from; none of them is part of this repository.",
                ["digits", "source", "citation", "licence"],
                SOURCES,
            ),
        ],
    )
