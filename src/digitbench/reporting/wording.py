"""Numbers as people read them, and sentences that say no more than the numbers do."""

from collections.abc import Mapping, Sequence
from typing import Any

from digitbench.plots.style import NAMES

ALPHA = 0.05
METRICS = {
    "accuracy": "accuracy",
    "macro_precision": "macro precision",
    "macro_recall": "macro recall",
    "macro_f1": "macro F1",
}


def percent(value: float, digits: int = 2) -> str:
    """A fraction as percent."""
    return f"{100 * value:.{digits}f} %"


def points(value: float) -> str:
    """A difference of fractions in percentage points, with its sign."""
    return f"{100 * value:+.2f}".replace("-", "−")


def p_value(value: float) -> str:
    """A p-value, never more exact than is meaningful."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def interval(summary: Mapping[str, Any]) -> str:
    """The 95 % interval of a metric in percent, or why there is none."""
    if summary["ci95_low"] is None:
        return "one seed"
    return f"{100 * summary['ci95_low']:.2f} to {100 * summary['ci95_high']:.2f}"


def listing(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def is_significant(pair: Mapping[str, Any]) -> bool:
    """Whether a pair differs: adjusted p below 0.05, and an interval that leaves 0 out."""
    covers_zero = pair["difference_low"] <= 0 <= pair["difference_high"]
    return pair["p_value_holm"] < ALPHA and not covers_zero


def pair_sentence(pair: Mapping[str, Any]) -> str:
    """What one comparison shows, in one sentence."""
    first, second = pair["first"], pair["second"]
    low, high, difference = pair["difference_low"], pair["difference_high"], pair["difference"]
    if difference < 0:
        first, second = second, first
        low, high, difference = -high, -low, -difference
    numbers = (
        f"{points(difference)} points of accuracy, 95 % interval {points(low)} to {points(high)}"
    )
    if not is_significant(pair):
        return (
            f"No evidence of a difference between {NAMES[first]} and {NAMES[second]}: {numbers}, "
            f"p = {p_value(pair['p_value_holm'])}."
        )
    sign = "p " if pair["p_value_holm"] < 0.001 else "p = "
    return (
        f"{NAMES[second]} beats {NAMES[first]}: {numbers}, {sign}{p_value(pair['p_value_holm'])}."
    )


def pair_of(comparison: Mapping[str, Any], one: str, other: str) -> Mapping[str, Any]:
    """The comparison of two architectures, whichever way round it was made."""
    for pair in comparison["pairs"].values():
        if {pair["first"], pair["second"]} == {one, other}:
            found: Mapping[str, Any] = pair
            return found
    raise KeyError(f"{one} and {other} were not compared")
