"""What the comparison does not say, and what its tests take for granted."""

from digitbench.document.blocks import Section, Table
from digitbench.results.collection import Results
from digitbench.wording import listing

POSITION = 25
TESTS = (
    (
        "two networks differ; error reduction",
        "crossed t-test over seeds and images (Hillis 2007), error reduction by Fieller (1954), p "
        "over pairs by Holm (1979)",
        "seeds and images are drawn at random and independently; differences of seeds are nearly "
        "normal, which so few seeds cannot show",
    ),
    (
        "two networks are the same",
        "two one-sided t-tests (Schuirmann 1987) against the margin in params.yaml, Holm",
        "the same; the margin is the project's choice",
    ),
    (
        "what could be found",
        "noncentral t of the same test",
        "the spread of these seeds is the true one",
    ),
    (
        "accuracy and other scores of one network",
        "Student's t interval of the mean over seeds",
        "these test images; nothing is said of others",
    ),
    (
        "robustness, error at coverage",
        "crossed t, kept inside 0 to 1 (Korn and Graubard 1998)",
        "as in the first row; the threshold of confidence counts as known",
    ),
    (
        "two trained networks differ",
        "McNemar's exact test; with one seed also for the architectures",
        "images are drawn independently; says nothing of another training",
    ),
)


def section(results: Results) -> Section:
    """Limits first, then the tests by name."""
    return Section(
        "Limits",
        [
            Table(
                "What does not follow from this page.",
                ["it does not say", "because"],
                _limits(results),
            ),
            Table(
                "The tests. Intervals are 95 %. Without one: sizes, which are exact; times, with "
                "the range or quartiles measured; confusion rates, reliability and ROC curves, "
                "single strengths of a corruption. A dash in a table: there is no such number.",
                ["statement", "by", "taken for granted"],
                TESTS,
            ),
        ],
    )


def _limits(results: Results) -> list[list[str]]:
    seeds, images = len(results.params.seeds), results.metrics[results.ranking[0]].test.images
    where = listing(sorted({clock.hardware for clock in results.timing.values()}))
    return [
        [
            "which network reads digits best in general",
            "All are trained on one data set, MNIST: digits of US clerks and pupils, centred and "
            "of one size. Under New domains every network loses.",
        ],
        [
            "which network is best at its best",
            "One recipe serves all. The one in params.yaml is that of a paper on MLP and CNN "
            "(Nguyen et al.); it was not searched for, and nothing was tuned for RNN or LSTM. "
            "Another recipe may turn the order round.",
        ],
        [
            "small differences",
            f"{seeds} seeds are few: see what can be found under Statistics.",
        ],
        [
            f"scores on {images:,} images that nobody has seen",
            "No training and no choice of weights reads the test images. But people did: this "
            "repository's history has several sets of results on them, with choices of networks "
            "and arithmetic in between, and the studies, robustness and the pictures of errors "
            "read the same images. How much that favours a network is not known.",
        ],
        [
            "times elsewhere",
            f"Clocks ran on {where}. Multiply-accumulates hold anywhere; times do not.",
        ],
        [
            "handwriting from elsewhere",
            "MNIST's writers learned to write in the USA. A 1 with an upstroke, a crossed 7 or a "
            "slashed 0 is rare in it: for forms from Europe these networks are of no use untested.",
        ],
    ]
