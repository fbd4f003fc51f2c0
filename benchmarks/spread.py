"""Repeated measurements as they are written down."""

from collections.abc import Sequence
from typing import Any

import numpy as np

DIGITS = 5


def summary(values: Sequence[float]) -> dict[str, Any]:
    """Median, quartiles (linear between order statistics) and the values in the order measured."""
    q1, median, q3 = np.percentile(values, (25, 50, 75))
    return {
        "median": rounded(median),
        "q1": rounded(q1),
        "q3": rounded(q3),
        "values": [rounded(value) for value in values],
    }


def ratios(values: Sequence[float], others: Sequence[float]) -> list[float]:
    """Quotients round by round: what slows a whole round down cancels out."""
    return [value / other for value, other in zip(values, others, strict=True)]


def rounded(value: float) -> float:
    """Five significant digits; no clock here is better."""
    return float(f"{value:.{DIGITS}g}")
