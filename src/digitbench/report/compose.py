"""The report as a whole: a verdict, the figures to remember, and the sections in order."""

from digitbench.document.blocks import Document, Tile
from digitbench.figures.style import COLOURS
from digitbench.report.sections.calibration import calibration
from digitbench.report.sections.comparison import comparison
from digitbench.report.sections.confusion import confusions
from digitbench.report.sections.cost import cost
from digitbench.report.sections.data import data
from digitbench.report.sections.domains import domains
from digitbench.report.sections.errors import errors
from digitbench.report.sections.published import published
from digitbench.report.sections.reproduce import reproduce
from digitbench.report.sections.robustness import robustness
from digitbench.report.sections.statistics import statistics
from digitbench.report.sections.studies import studies
from digitbench.report.sections.training import learning
from digitbench.results.records import Results
from digitbench.statistics.comparison import is_significant
from digitbench.wording import NAMES, interval, pair_of, pair_sentence, percent


def compose(results: Results) -> Document:
    """The whole report."""
    return Document(
        title=results.params.report.title,
        verdict=verdict(results),
        tiles=_tiles(results),
        sections=(
            comparison(results),
            statistics(results),
            cost(results),
            confusions(results),
            calibration(results),
            robustness(results),
            domains(results),
            errors(results),
            learning(results),
            data(results),
            published(results),
            studies(results.studies),
            reproduce(results),
        ),
    )


def verdict(results: Results) -> str:
    """Whether the best architecture beats the second, in one sentence."""
    best, *others = results.ranking
    if not others:
        return f"Only {NAMES[best]} was trained; there is nothing to compare it with."
    pair = pair_of(results.comparison, best, others[0])
    sentence = pair_sentence(pair, evident=is_significant(pair))
    if pair["limitation"]:
        sentence += f" {pair['limitation']}"
    return f"{sentence} {_price(results, best, others[0])}"


def _price(results: Results, best: str, other: str) -> str:
    """What the best costs beside the second."""
    macs = results.metrics[best]["macs"] / results.metrics[other]["macs"]
    seconds = {name: results.timing[name]["seconds_per_epoch"]["median"] for name in (best, other)}
    return (
        f"{NAMES[best]} takes {macs:.1f} times the computation of {NAMES[other]} and "
        f"{seconds[best] / seconds[other]:.1f} times its training time."
    )


def _tiles(results: Results) -> list[Tile]:
    tiles = []
    for name in results.ranking:
        accuracy = results.metrics[name]["accuracy"]
        seconds = results.timing[name]["seconds_per_epoch"]["median"]
        tiles.append(
            Tile(
                value=percent(accuracy["mean"]),
                label=f"{NAMES[name]} test accuracy",
                note=f"{interval(accuracy)}; {results.metrics[name]['parameters']:,} parameters, "
                f"{seconds:.1f} s per epoch",
                accent=COLOURS[name],
            )
        )
    return tiles
