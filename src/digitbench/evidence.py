"""When a difference counts as one."""

from collections.abc import Mapping
from typing import Any

ALPHA = 0.05


def is_significant(pair: Mapping[str, Any]) -> bool:
    """Whether a pair differs: adjusted p below 0.05, and an interval that leaves 0 out.

    Args:
        pair: difference_low, difference_high and p_value_holm of a comparison.
    """
    covers_zero = pair["difference_low"] <= 0 <= pair["difference_high"]
    return bool(pair["p_value_holm"] < ALPHA and not covers_zero)
