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
    start, end = gap["start"], gap["end"]
    has_shares = _has_shares(gap)
    parts = [
        f"{FACTORS[name]} {estimate_text(part, _share(part, gap['gap']) if has_shares else [])}"
        for name, part in gap["parts"].items()
    ]
    if start["mapping"] == end["mapping"]:
        cells = f"{_network(start)} to {_network(end)}, both on {SHOWN[end['mapping']]}"
    else:
        cells = " to ".join(
            f"{_network(cell)} on {SHOWN[cell['mapping']]}" for cell in (start, end)
        )
    return (
        f"From {cells}, accuracy changes by {estimate_text(gap['gap'])} points: {listing(parts)}."
    )


def _network(cell: Mapping[str, Any]) -> str:
    return (
        f"the {MODELS[cell['model']]} {'with' if cell['augmentation'] else 'without'} augmentation"
    )


def _has_shares(gap: Mapping[str, Any]) -> bool:
    """Whether the gap is one, and every part goes its way: only then are shares of it sensible."""
    whole = gap["gap"]
    low, high = (
        (whole["value"],) * 2
        if whole["ci95_low"] is None
        else (whole["ci95_low"], whole["ci95_high"])
    )
    is_gap = low > 0 or high < 0
    return is_gap and all(part["value"] * whole["value"] >= 0 for part in gap["parts"].values())


def _share(part: Mapping[str, Any], whole: Mapping[str, Any]) -> list[str]:
    return [percent(part["value"] / whole["value"], 0)]


def estimate_text(estimate: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """The estimate, then its interval and the notes in brackets."""
    if estimate["ci95_low"] is not None:
        notes = [f"{points(estimate['ci95_low'])} to {points(estimate['ci95_high'])}", *notes]
    value = points(estimate["value"])
    return f"{value} ({'; '.join(notes)})" if notes else value
