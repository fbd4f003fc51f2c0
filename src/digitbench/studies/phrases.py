"""What a gap between two groups of networks is made of, as a sentence."""

from collections.abc import Mapping
from typing import Any

from digitbench.figures.domains import FACTORS
from digitbench.wording import ENLARGING, NAMES, listing, percent, points_between


def gap_sentence(gap: Mapping[str, Any]) -> str:
    """Both cells, the gap, and what each factor adds to it, with its share of the whole.

    Args:
        gap: An entry of `gaps` in the record of the study of domain shift.
    """
    start, end = gap["start"], gap["end"]
    shares = _shares(gap)
    parts = [
        f"{FACTORS[name]} {_part(part, *shares.get(name, ()))}"
        for name, part in gap["parts"].items()
    ]
    if start["mapping"] == end["mapping"]:
        cells = f"{_network(start)} to {_network(end)}, both on {ENLARGING[end['mapping']].digits}"
    else:
        cells = " to ".join(
            f"{_network(cell)} on {ENLARGING[cell['mapping']].digits}" for cell in (start, end)
        )
    return f"From {cells}, accuracy changes by {_part(gap['gap'])} points: {listing(parts)}."


def _network(cell: Mapping[str, Any]) -> str:
    return (
        f"the {NAMES[cell['model']]} {'with' if cell['augmentation'] else 'without'} augmentation"
    )


def _shares(gap: Mapping[str, Any]) -> dict[str, tuple[str]]:
    """Shares of the gap by factor; none unless it is a gap, and every part goes its way."""
    whole, parts = gap["gap"], gap["parts"]
    ends = [
        whole["value"] if end is None else end for end in (whole["ci95_low"], whole["ci95_high"])
    ]
    if min(ends) <= 0 <= max(ends) or any(p["value"] * whole["value"] < 0 for p in parts.values()):
        return {}
    return {name: (percent(p["value"] / whole["value"], 0),) for name, p in parts.items()}


def _part(part: Mapping[str, Any], *notes: str) -> str:
    return points_between(part["value"], part["ci95_low"], part["ci95_high"], *notes)
