"""Errors to look at."""

from digitbench.document.blocks import Folded, Picture, Prose, Section
from digitbench.figures.errors import always_wrong, disagreements, error_grid, random_predictions
from digitbench.figures.style import to_png
from digitbench.results.collection import Results
from digitbench.results.sheets import AlwaysWrong, Disagreements, Mistakes, Sample
from digitbench.wording import NAMES

POSITION = 80


def section(results: Results) -> Section:
    """The digits behind the numbers."""
    names = results.ranking
    every = [
        Picture(
            f"errors_{name}",
            to_png(error_grid(Mistakes.read(f"errors_{name}"))),
            f"{NAMES[name]}: for every true (row) and predicted (column) digit the mistake made "
            "with most confidence, and how many there are over all replicates.",
            f"Mistakes of the {NAMES[name]} by true and predicted digit.",
        )
        for name in names
    ]
    random = Picture(
        "random",
        to_png(random_predictions(Sample.read("random"))),
        f"Test digits drawn at random, with the answer of one {NAMES[names[0]]} and its "
        "probability: what everyday looks like.",
        "Random test digits with predictions.",
    )
    return Section(
        "Errors to look at",
        [
            Prose(
                "Some labels of the test set are disputed (Northcutt et al., 2021); the first "
                "table counts the errors on these."
            ),
            Picture(
                "always_wrong",
                to_png(always_wrong(AlwaysWrong.read("always_wrong"))),
                "Read wrongly by every replicate of every architecture: the label as given, and "
                "the answer that most give.",
                "Digits that no model reads as labelled.",
            ),
            Picture(
                "disagreements",
                to_png(disagreements(Disagreements.read("disagreements"), names)),
                "Where the architectures disagree though sure of themselves; wrong answers are "
                "filled. The answer of an architecture is that of most of its replicates.",
                "Digits with the answers of all architectures.",
            ),
            Folded("Every kind of mistake, and digits drawn at random", [*every, random]),
        ],
    )
