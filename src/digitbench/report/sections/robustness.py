"""What holds away from clean, centred digits."""

from typing import Any

from digitbench.document.blocks import Chart, Folded, Picture, Prose, Section, Table
from digitbench.figures.robustness import corruption_examples, robustness_curves
from digitbench.figures.style import to_png
from digitbench.results.collection import Results
from digitbench.results.metrics import ACCURACY
from digitbench.results.sheets import Corrupted
from digitbench.wording import NAMES, listing, percent

POSITION = 60


def section(results: Results) -> Section:
    """Accuracy under graded corruptions, and the answer about translation."""
    names = results.ranking
    record = results.robustness
    rows = [
        [title, *(ACCURACY.mean_and_interval(record.accuracy[name][key]) for name in names)]
        for key, title in {**{name: name for name in record.units}, "mean": "mean of these"}.items()
    ]
    overall = listing(
        [f"{NAMES[name]} {percent(record.accuracy[name]['mean'].mean)}" for name in names]
    )
    return Section(
        "Robustness",
        [
            Chart(
                "robustness",
                robustness_curves(results.ranked(results.robustness_curves), record.units),
                f"Accuracy on {record.images:,} test images drawn at random, the same for every "
                "model. Bands span the seeds. No model was trained on corrupted images.",
                f"Mean accuracy over all corruptions: {overall}.",
            ),
            Table(
                "Accuracy in percent, mean over the strengths above 0, and 95 % interval for new "
                "seeds and a new draw of the images.",
                ["", *(NAMES[name] for name in names)],
                rows,
            ),
            Prose(_translation(results)),
            Folded(
                "What the corruptions look like",
                [
                    Picture(
                        "corruptions",
                        to_png(corruption_examples(Corrupted.read("corruptions"), record.units)),
                        "One test digit under every corruption at every strength.",
                        "Rows of the same digit, ever more distorted from left to right.",
                    )
                ],
            ),
        ],
    )


def _translation(results: Results) -> str:
    """The claim of translation invariance, measured."""
    shifts = results.robustness_curves.query("corruption == 'shift'")
    clean, moved = (_at(results, shifts, strength) for strength in (0, 4))
    changes = listing(
        [
            f"{NAMES[name]} from {percent(clean[name])} to {percent(moved[name])}"
            for name in results.ranking
        ]
    )
    kept = max(moved, key=lambda name: moved[name] / clean[name])
    loss = 1 - moved[kept] / clean[kept]
    verdict = (
        f"{NAMES[kept]} keeps most, yet loses {percent(loss)} of its accuracy: it is not "
        "invariant to translation"
        if loss > 0.05
        else f"{NAMES[kept]} keeps all but {percent(loss)} of its accuracy"
    )
    return (
        f"Translation: a shift by 4 pixels takes {changes}. {verdict}. Means over seeds; single "
        "strengths have no intervals."
    )


def _at(results: Results, shifts: Any, strength: float) -> dict[str, float]:
    chosen = shifts[shifts["strength"] == strength].groupby("architecture")["accuracy"].mean()
    return {name: float(chosen[name]) for name in results.ranking}
