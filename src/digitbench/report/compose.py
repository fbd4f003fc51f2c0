"""The report as a whole: a verdict, the figures to remember, and the sections in order."""

import pkgutil
from dataclasses import replace
from importlib import import_module
from types import ModuleType

from digitbench.document.blocks import Document, Tile
from digitbench.figures.style import COLOURS
from digitbench.report import sections
from digitbench.report.sections.statistics import pair_sentence
from digitbench.results.collection import Results
from digitbench.wording import NAMES, interval, percent


def compose(results: Results) -> Document:
    """The whole report."""
    return Document(
        title=results.params.report.title,
        lead=verdict(results),
        tiles=_tiles(results),
        sections=[
            replace(module.section(results), anchor=name) for name, module in _modules().items()
        ],
    )


def _modules() -> dict[str, ModuleType]:
    """Every module of report/sections by its name, in the order of their positions."""
    names = [found.name for found in pkgutil.iter_modules(sections.__path__)]
    found = {name: import_module(f"{sections.__name__}.{name}") for name in names}
    return dict(sorted(found.items(), key=lambda item: item[1].POSITION))


def verdict(results: Results) -> str:
    """Whether the best architecture beats the second, in one sentence."""
    best, *others = results.ranking
    if not others:
        return f"Only {NAMES[best]} was trained; there is nothing to compare it with."
    pair = results.comparison.pair(best, others[0])
    sentence = pair_sentence(pair)
    if pair.limitation:
        sentence += f" {pair.limitation}"
    return f"{sentence} {_price(results, best, others[0])}"


def _price(results: Results, best: str, other: str) -> str:
    """What the best costs beside the second."""
    macs = [results.metrics[name].macs for name in (best, other)]
    seconds = [results.timing[name].seconds_per_epoch.median for name in (best, other)]
    return (
        f"{NAMES[best]} takes {macs[0] / macs[1]:.1f} times the computation of {NAMES[other]} and "
        f"{seconds[0] / seconds[1]:.1f} times its training time."
    )


def _tiles(results: Results) -> list[Tile]:
    tiles = []
    for name in results.ranking:
        record, accuracy = results.metrics[name], results.metrics[name].accuracy
        seconds = results.timing[name].seconds_per_epoch.median
        tiles.append(
            Tile(
                value=percent(accuracy.mean),
                label=f"{NAMES[name]} test accuracy",
                note=f"{interval(accuracy)}; {record.parameters:,} parameters, "
                f"{seconds:.1f} s per epoch",
                accent=COLOURS[name],
            )
        )
    return tiles
