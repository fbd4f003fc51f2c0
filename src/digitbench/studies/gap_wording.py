"""What a gap between two groups of networks is made of, as a sentence."""

from collections.abc import Mapping
from typing import Any

from digitbench.reporting.wording import listing, points

FACTORS = {"model": "architecture", "augmentation": "augmentation", "mapping": "alignment"}
MODELS = {"mlp": "MLP", "cnn": "CNN"}
SHOWN = {"stretch": "stretched digits", "box": "digits in the 20 px box"}


def gap_sentence(gap: Mapping[str, Any]) -> str:
    """Both cells, the gap, and what each factor adds to it, with intervals where there are any.

    Args:
        gap: An entry of `gaps` in the record of the study of domain shift.
    """
    start, end = gap["start"], gap["end"]
    parts = [f"{FACTORS[name]} {_points(part)}" for name, part in gap["parts"].items()]
    if start["mapping"] == end["mapping"]:
        cells = f"{_network(start)} to {_network(end)}, both on {SHOWN[end['mapping']]}"
    else:
        cells = " to ".join(
            f"{_network(cell)} on {SHOWN[cell['mapping']]}" for cell in (start, end)
        )
    return (
        f"From {cells}, accuracy changes by {_points(gap['gap'])} points; averaged over all orders "
        f"of changing one thing at a time, that is {listing(parts)}."
    )


def _network(cell: Mapping[str, Any]) -> str:
    return (
        f"the {MODELS[cell['model']]} {'with' if cell['augmentation'] else 'without'} augmentation"
    )


def _points(estimate: Mapping[str, Any]) -> str:
    if estimate["ci95_low"] is None:
        return points(estimate["value"])
    low, high = points(estimate["ci95_low"]), points(estimate["ci95_high"])
    return f"{points(estimate['value'])} ({low} to {high})"
