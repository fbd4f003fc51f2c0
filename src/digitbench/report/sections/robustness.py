"""What holds away from clean, centred digits."""

from digitbench.document.blocks import Chart, Folded, Picture, Prose, Section
from digitbench.figures.robustness import corruption_examples, robustness_curves
from digitbench.figures.style import to_png
from digitbench.report.tables import network_table
from digitbench.results.collection import Results
from digitbench.results.metrics import ACCURACY
from digitbench.results.sheets import Corrupted
from digitbench.wording import NAMES, by_name, listing, percent

POSITION = 60


def section(results: Results) -> Section:
    """Accuracy under graded corruptions, and the answer about translation."""
    record = results.robustness
    accuracy = {name: record.accuracy[name] for name in results.ranking}
    titles = {**{name: name for name in record.units}, "mean": "mean of these"}
    overall = {name: percent(summaries["mean"].mean) for name, summaries in accuracy.items()}
    examples = Picture(
        "corruptions",
        to_png(corruption_examples(Corrupted.read("corruptions"), record.units)),
        "One test digit under every corruption at every strength.",
        "Rows of the same digit, ever more distorted from left to right.",
    )
    return Section(
        "Robustness",
        [
            Chart(
                "robustness",
                robustness_curves(results.ranked(results.robustness_curves), record.units),
                f"Accuracy on {record.images:,} test images drawn at random, the same for every "
                "model. Bands span the seeds. No model was trained on corrupted images.",
                f"Mean accuracy over all corruptions: {by_name(overall)}.",
            ),
            network_table(
                results,
                "Accuracy in percent, mean over the strengths above 0, and 95 % interval for new "
                "seeds and a new draw of the images.",
                {
                    title: [ACCURACY.mean_and_interval(each[key]) for each in accuracy.values()]
                    for key, title in titles.items()
                },
            ),
            Prose(_translation(results)),
            Folded("What the corruptions look like", [examples]),
        ],
    )


def _translation(results: Results) -> str:
    """The claim of translation invariance, measured."""
    shifts = results.robustness_curves.query("corruption == 'shift'")
    means = shifts.groupby(["strength", "architecture"])["accuracy"].mean()
    clean, moved = means[0], means[4]
    told = [
        f"{NAMES[name]} from {percent(clean[name])} to {percent(moved[name])}"
        for name in results.ranking
    ]
    kept = (moved / clean).idxmax()
    loss = 1 - moved[kept] / clean[kept]
    verdict = (
        f"{NAMES[kept]} keeps most, yet loses {percent(loss)} of its accuracy: it is not "
        "invariant to translation"
        if loss > 0.05
        else f"{NAMES[kept]} keeps all but {percent(loss)} of its accuracy"
    )
    return (
        f"Translation: a shift by 4 pixels takes {listing(told)}. {verdict}. Means over seeds; "
        "single strengths have no intervals."
    )
