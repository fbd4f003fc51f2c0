"""Numbers as people read them, and sentences that say no more than the numbers do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from digitbench.figures.style import NAMES
from digitbench.statistics.comparison import is_significant

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
    # Adding 0 makes +0 of -0, which turning an interval round leaves behind.
    return f"{100 * value + 0:+.2f}".replace("-", "−")


def points_between(value: float, low: float | None, high: float | None, *notes: str) -> str:
    """A difference in percentage points; its interval, if there is one, and notes in brackets."""
    ends = [] if low is None or high is None else [f"{points(low)} to {points(high)}"]
    beside = "; ".join([*ends, *notes])
    return f"{points(value)} ({beside})" if beside else points(value)


def p_value(value: float) -> str:
    """A p-value, never more exact than is meaningful."""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def interval(summary: Mapping[str, Any]) -> str:
    """The 95 % interval of a metric in percent, or why there is none."""
    if summary["ci95_low"] is None:
        return "one seed"
    return f"{100 * summary['ci95_low']:.2f} to {100 * summary['ci95_high']:.2f}"


def arithmetic(precisions: Iterable[str]) -> str:
    """In what networks were trained; the RNN's recurrent layer keeps float32 in any case."""
    found = listing(sorted(set(precisions)))
    return f"{found} (the RNN's recurrent layer: float32)" if "bfloat16" in found else found


def listing(items: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def oriented(pair: Mapping[str, Any]) -> dict[str, Any]:
    """The comparison turned so that the second architecture is the one with the higher accuracy.

    An error reduction of r one way is 1 - 1/(1 - r) the other way, and so are its ends.
    """
    if pair["difference"] >= 0:
        return dict(pair)
    return {
        **pair,
        "first": pair["second"],
        "second": pair["first"],
        "difference": -pair["difference"],
        "difference_low": -pair["difference_high"],
        "difference_high": -pair["difference_low"],
        "error_reduction": _turned(pair["error_reduction"]),
        "error_reduction_low": _turned(pair["error_reduction_high"]),
        "error_reduction_high": _turned(pair["error_reduction_low"]),
    }


def _turned(reduction: float | None) -> float | None:
    return None if reduction is None or reduction == 1 else 1 - 1 / (1 - reduction)


def pair_sentence(pair: Mapping[str, Any]) -> str:
    """What one comparison shows, in one sentence."""
    pair = oriented(pair)
    first, second = pair["first"], pair["second"]
    low, high, difference = pair["difference_low"], pair["difference_high"], pair["difference"]
    p = pair["p_value_holm"]
    sign = p_value(p) if p < 0.001 else f"= {p_value(p)}"
    numbers = (
        f"{points(difference)} points of accuracy, 95 % interval {points(low)} to {points(high)}"
    )
    if not is_significant(pair):
        return (
            f"No evidence of a difference between {NAMES[first]} and {NAMES[second]}: {numbers}, "
            f"p {sign}."
        )
    return f"{NAMES[second]} beats {NAMES[first]}: {numbers}, p {sign}."


def pair_of(comparison: Mapping[str, Any], one: str, other: str) -> Mapping[str, Any]:
    """The comparison of two architectures, whichever way round it was made."""
    for pair in comparison["pairs"].values():
        if {pair["first"], pair["second"]} == {one, other}:
            found: Mapping[str, Any] = pair
            return found
    raise KeyError(f"{one} and {other} were not compared")
