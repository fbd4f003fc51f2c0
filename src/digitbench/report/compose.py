"""The report as a whole: a verdict, the figures to remember, and the sections in order."""

import pkgutil
from dataclasses import replace
from importlib import import_module
from types import ModuleType

from digitbench.document.blocks import Document, Tile
from digitbench.figures.style import COLOURS
from digitbench.report import sections
from digitbench.report.sections.statistics import judged, pair_sentence
from digitbench.results.collection import Results
from digitbench.wording import NAMES, count, interval, percent


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
    verdicts = judged(results)
    (first,) = (v for v in verdicts if {v.pair.first, v.pair.second} == {best, others[0]})
    macs = [results.metrics[name].macs for name in (best, others[0])]
    return " ".join(
        [
            pair_sentence(first),
            *filter(None, [first.pair.limitation]),
            f"Per image {NAMES[best]} takes {macs[0] / macs[1]:.1f} times the "
            f"multiply-accumulates of {NAMES[others[0]]}. This holds for MNIST and this recipe, "
            f"tried with {count(len(first.pair.seeds), 'seed')}.",
        ]
    )


def _tiles(results: Results) -> list[Tile]:
    tiles = []
    for name in results.ranking:
        record, accuracy = results.metrics[name], results.metrics[name].accuracy
        tiles.append(
            Tile(
                value=percent(accuracy.mean),
                label=f"{NAMES[name]} test accuracy",
                note=f"{interval(accuracy)}; {record.parameters:,} parameters, "
                f"{record.macs:,} multiply-accumulates per image",
                accent=COLOURS[name],
            )
        )
    return tiles
