"""What holds away from clean, centred digits."""

from typing import Any

from digitbench.document.blocks import Chart, Picture, Prose, Section, Table
from digitbench.figures.robustness import corruption_examples, robustness_curves
from digitbench.figures.style import to_png
from digitbench.results.collection import Results
from digitbench.results.sheets import Corrupted
from digitbench.statistics.summary import Summary
from digitbench.wording import NAMES, interval, listing, percent

POSITION = 60


def section(results: Results) -> Section:
    """Accuracy under graded corruptions, and the answer about translation."""
    names = results.ranking
    record = results.robustness
    rows = [
        [title, *(_cell(record.accuracy[name][key]) for name in names)]
        for key, title in {**{name: name for name in record.units}, "mean": "mean of these"}.items()
    ]
    overall = listing(
        [f"{NAMES[name]} {percent(record.accuracy[name]['mean'].mean, 1)}" for name in names]
    )
    return Section(
        "Robustness",
        [
            Picture(
                "corruptions",
                to_png(corruption_examples(Corrupted.read("corruptions"), record.units)),
                "One test digit under every corruption at every strength.",
                "Rows of the same digit, ever more distorted from left to right.",
            ),
            Chart(
                "robustness",
                robustness_curves(results.robustness_curves, record.units),
                f"Accuracy on {record.images:,} test images drawn at random, the same for every "
                "model. Bands span the seeds. No model was trained on corrupted images.",
                f"Mean accuracy over all corruptions: {overall}.",
            ),
            Table(
                "Accuracy in percent, mean over the strengths above 0; ± standard deviation over "
                "seeds.",
                ["", *(NAMES[name] for name in names)],
                rows,
            ),
            Prose(_translation(results)),
        ],
    )


def _cell(summary: Summary) -> str:
    mean = f"{100 * summary.mean:.1f}"
    return mean if summary.std is None else f"{mean} ± {100 * summary.std:.1f}"


def _translation(results: Results) -> str:
    """The claim of translation invariance, measured."""
    shifts = results.robustness_curves.query("corruption == 'shift'")
    clean, moved = (_at(results, shifts, strength) for strength in (0, 4))
    changes = listing(
        [
            f"{NAMES[name]} from {percent(clean[name], 1)} to {percent(moved[name], 1)}"
            for name in results.ranking
        ]
    )
    kept = max(moved, key=lambda name: moved[name] / clean[name])
    loss = 1 - moved[kept] / clean[kept]
    verdict = (
        f"{NAMES[kept]} keeps most, yet loses {percent(loss, 0)} of its accuracy: it is not "
        "invariant to translation"
        if loss > 0.05
        else f"{NAMES[kept]} keeps all but {percent(loss, 1)} of its accuracy"
    )
    mean = results.robustness.accuracy[kept]["shift"]
    return (
        f"Translation: a shift by 4 pixels takes {changes}. {verdict}. Over all shifts its mean "
        f"accuracy is {percent(mean.mean, 1)} (95 % interval, percent: {interval(mean)})."
    )


def _at(results: Results, shifts: Any, strength: float) -> dict[str, float]:
    chosen = shifts[shifts["strength"] == strength].groupby("architecture")["accuracy"].mean()
    return {name: float(chosen[name]) for name in results.ranking}
