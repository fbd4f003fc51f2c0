"""Experiments on trained networks with two-level factors: their cells, and sums of cell means.

The experiments are split plots (Box, Hunter and Hunter 2005, Statistics for Experimenters, ch. 5
and 9). Factors *between* networks, such as the architecture, need another training; factors
*within* a network, such as the mapping of its test images, are seen by one and the same network,
whose results therefore rise and fall together. So a network, not a result, is the unit: its results
are combined into one number first, and only these numbers are averaged and compared.

Networks count as independent. Groups of one architecture therefore need seeds of their own: a seed
fixes initial weights, dropout and the order of the data, and only that order is alike between
architectures. Groups may differ in variance and in the number of networks. Like all intervals over
seeds, these are about training again, on these very test images.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from digitbench.errors import DigitbenchError

Level = str | bool
# Networks by their levels of the factors between: [S, 2, ..., 2], an axis per factor within, low
# level first.
Samples = Mapping[tuple[Level, ...], NDArray[np.float64]]
# Accuracies are multiples of 1/N: a smaller standard error is rounding.
RESOLUTION = 1e-12


@dataclass(frozen=True)
class Factor:
    """Something with two levels; effects run from the low to the high one."""

    name: str
    low: Level
    high: Level


@dataclass(frozen=True)
class Design:
    """The factors of a full factorial.

    Attributes:
        between: Their levels belong to a network and its training.
        within: Every network is measured at both of their levels.
    """

    between: tuple[Factor, ...]
    within: tuple[Factor, ...] = ()

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All of them, in the order of the axes of weights."""
        return self.between + self.within


@dataclass(frozen=True)
class Estimate:
    """A sum of group means, its 95 % interval and the p-value of being zero.

    Interval and p-value are None if a group has one network, or if no network of any group
    differs from the others: neither says how much a new training would vary.
    """

    value: float
    ci95_low: float | None = None
    ci95_high: float | None = None
    p_value: float | None = None


def weighted_sum(design: Design, samples: Samples, weights: NDArray[np.float64]) -> Estimate:
    """The sum of the cell means, each times its weight.

    Every network contributes the weighted sum of its own results; over these numbers the interval
    has Welch's variance and Satterthwaite's degrees of freedom (Welch 1947, Biometrika 34:28;
    Satterthwaite 1946, Biometrics Bulletin 2:110), so that groups may differ in variance and size.

    Args:
        design: The factors.
        samples: Their networks, as `check_samples` lets pass.
        weights: [2, ..., 2], an axis per factor of the design, low level first.
    """
    parts = []
    for levels, results in samples.items():
        place = zip(levels, design.between, strict=True)
        own = weights[tuple(int(level == factor.high) for level, factor in place)]  # [2, ..., 2]
        if np.any(own):
            parts.append((results * own).reshape(len(results), -1).sum(axis=1))  # [S]
    return _sum_of_means(parts)


def _sum_of_means(groups: Sequence[NDArray[np.float64]]) -> Estimate:
    value = float(sum(group.mean() for group in groups))
    if min(len(group) for group in groups) < 2:
        return Estimate(value)
    counts = np.array([len(group) for group in groups])
    variances = np.array([group.var(ddof=1) for group in groups]) / counts  # of the means
    error = float(np.sqrt(variances.sum()))
    if error < RESOLUTION:
        return Estimate(value)
    freedom = variances.sum() ** 2 / (variances**2 / (counts - 1)).sum()
    reach = float(stats.t.ppf(0.975, freedom)) * error
    p_value = float(2 * stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, value - reach, value + reach, p_value)


def check_samples(design: Design, samples: Samples) -> None:
    """Check that every cell has results.

    Raises:
        DigitbenchError: Groups of networks are missing or unknown, results have another shape or
            are not finite.
    """
    wanted = set(product(*((factor.low, factor.high) for factor in design.between)))
    if set(samples) != wanted:
        raise DigitbenchError(
            f"The experiment needs networks for {sorted(wanted, key=str)}, got "
            f"{sorted(samples, key=str)}. Evaluate every combination."
        )
    for levels, results in samples.items():
        if results.shape != (len(results), *(2 for _ in design.within)) or not len(results):
            raise DigitbenchError(
                f"The results of {levels} have shape {results.shape}; give a row per network and "
                f"an axis of two levels for each of {[factor.name for factor in design.within]}."
            )
        if not np.isfinite(results).all():
            raise DigitbenchError(
                f"The results of {levels} are not all finite. Check whether training diverged."
            )
