"""Test images whose given label people dispute."""

# Fewer than 3 of 5 raters confirmed the given label: Northcutt, Athalye and Mueller, "Pervasive
# label errors in test sets destabilize machine learning benchmarks", 2021.
DISPUTED = (
    947,
    1621,
    1901,
    2130,
    2462,
    2597,
    2654,
    3520,
    3558,
    5937,
    6651,
    6783,
    8527,
    9679,
    9729,
)
