"""The report as a whole: a verdict, the figures to remember, and the sections in order."""

from digitbench.plots.style import COLOURS, NAMES
from digitbench.reporting.document import Document, Tile
from digitbench.reporting.results import Results
from digitbench.reporting.sections.comparison import comparison
from digitbench.reporting.sections.confusion import confusions
from digitbench.reporting.sections.cost import cost
from digitbench.reporting.sections.data import data
from digitbench.reporting.sections.published import published
from digitbench.reporting.sections.reproduce import reproduce
from digitbench.reporting.sections.training import learning
from digitbench.reporting.wording import interval, pair_of, pair_sentence, percent


def compose(results: Results) -> Document:
    """The whole report."""
    return Document(
        title=results.params.report.title,
        verdict=verdict(results),
        tiles=_tiles(results),
        sections=(
            comparison(results),
            confusions(results),
            learning(results),
            data(results),
            cost(results),
            published(results),
            reproduce(results),
        ),
    )


def verdict(results: Results) -> str:
    """Whether the best architecture beats the second, in one sentence."""
    best, *others = results.ranking
    if not others:
        return f"Only {NAMES[best]} was trained; there is nothing to compare it with."
    pair = pair_of(results.comparison, best, others[0])
    sentence = pair_sentence(pair)
    if pair["limitation"]:
        sentence += f" {pair['limitation']}"
    return sentence


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
