"""What people call the models, metrics and protocols of the studies, and how numbers are told.

What a gap between two groups of networks is made of, as a sentence.
"""

from collections.abc import Mapping
from typing import Any

from digitbench.figures.domains import FACTORS
from digitbench.results.studies import TRIAL, Row
from digitbench.wording import NAMES, listing, percent, points_between

_SUFFIXES = {"augmented": "with augmentation", "plain": "without augmentation"}
_METRICS = {
    "accuracy": "accuracy",
    "error_rate": "error rate",
    "error_reduction": "error reduction",
    "macro_auc": "macro AUC",
    "macro_f1": "macro F1",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "parameters": "parameters",
    "seconds_per_epoch": "seconds per epoch",
}
_PROTOCOLS = {
    "test": "test set",
    "validation": "validation",
    "pooled": "pooled over epochs",
    "stretch": "stretch",
    "box": "20 px box",
}
# Which variant of USPS the papers used is not known; ours is named in the reasons.
_DATASETS = {"mnist": "MNIST", "usps": "USPS"}
_DECIMALS = {"macro_auc": 5, "parameters": 0, "seconds_per_epoch": 1}


def model_label(variant: str) -> str:
    """`cnn_10` as `CNN, 10 epochs`; what is no variant stays as it is."""
    name, _, suffix = variant.partition("_")
    if name not in NAMES:
        return variant
    if not suffix:
        return NAMES[name]
    return f"{NAMES[name]}, {f'{suffix} epochs' if suffix.isdigit() else _SUFFIXES[suffix]}"


def metric_label(metric: str) -> str:
    """`confusion 9>4` as `9 taken for 4`."""
    if metric.startswith("confusion "):
        return metric.removeprefix("confusion ").replace(">", " taken for ")
    return _METRICS[metric]


def protocol_label(row: Row) -> str:
    """The images and how they were scored; a dash for what needs none."""
    parts = [_DATASETS[row.dataset]] if row.dataset else []
    protocol = row.protocol.removesuffix(TRIAL)
    if protocol:
        parts.append(_PROTOCOLS[protocol])
    return ", ".join(parts) or "–"


def decimals(metric: str) -> int:
    """Decimal places in which ours is told."""
    return _DECIMALS.get(metric, 2)


def published_cell(row: Row) -> str:
    """The published number with its ±."""
    value = f"{int(row.published):,}" if row.metric == "parameters" else row.published
    return f"{value} ± {row.published_spread}" if row.published_spread else value


def ours_cell(row: Row) -> str:
    """Ours with its interval; a dash where there is none."""
    if row.ours_mean is None:
        return "–"
    places = decimals(row.metric)
    text = f"{row.ours_mean:,.{places}f}"
    if row.ours_low is None or row.ours_high is None:
        return text
    return f"{text} ({row.ours_low:.{places}f} to {row.ours_high:.{places}f})"


SHOWN = {"stretch": "stretched digits", "box": "digits in the 20 px box"}


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
        cells = f"{_network(start)} to {_network(end)}, both on {SHOWN[end['mapping']]}"
    else:
        cells = " to ".join(
            f"{_network(cell)} on {SHOWN[cell['mapping']]}" for cell in (start, end)
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
