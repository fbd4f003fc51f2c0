"""What a gap between two groups of networks is made of, as a sentence."""

from collections.abc import Mapping, Sequence
from typing import Any

from digitbench.reporting.wording import listing, percent, points

FACTORS = {"model": "architecture", "augmentation": "augmentation", "mapping": "alignment"}
MODELS = {"mlp": "MLP", "cnn": "CNN"}
SHOWN = {"stretch": "stretched digits", "box": "digits in the 20 px box"}


def gap_sentence(gap: Mapping[str, Any]) -> str:
    """Both cells, the gap, and what each factor adds to it, with its share of the whole.

    Args:
        gap: An entry of `gaps` in the record of the study of domain shift.
    """
    start, end, whole = gap["start"], gap["end"], gap["gap"]["value"]
    parts = [
        f"{FACTORS[name]} {_points(part, _share(part['value'], whole))}"
        for name, part in gap["parts"].items()
    ]
    if start["mapping"] == end["mapping"]:
        cells = f"{_network(start)} to {_network(end)}, both on {SHOWN[end['mapping']]}"
    else:
        cells = " to ".join(
            f"{_network(cell)} on {SHOWN[cell['mapping']]}" for cell in (start, end)
        )
    return f"From {cells}, accuracy changes by {_points(gap['gap'])} points: {listing(parts)}."


def _network(cell: Mapping[str, Any]) -> str:
    return (
        f"the {MODELS[cell['model']]} {'with' if cell['augmentation'] else 'without'} augmentation"
    )


def _share(part: float, whole: float) -> list[str]:
    return [percent(part / whole, 0).replace("-", "−")] if whole else []


def _points(estimate: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """The estimate, then its interval and the notes in brackets."""
    if estimate["ci95_low"] is not None:
        notes = [f"{points(estimate['ci95_low'])} to {points(estimate['ci95_high'])}", *notes]
    value = points(estimate["value"])
    return f"{value} ({'; '.join(notes)})" if notes else value
