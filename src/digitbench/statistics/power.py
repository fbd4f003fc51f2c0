"""What a comparison can find: its power, the smallest difference it sees, the seeds it needs.

All by the noncentral t distribution of the very test (Cohen 1988, Statistical Power Analysis, ch.
2), with the noise that was measured taken for the true one. That noise comes from few seeds, so
these are orders of magnitude: from four seeds it is known to a factor of about two.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from digitbench.statistics.estimates import ALPHA

# Four of five.
POWER = 0.8
# Nobody trains more.
MOST_SEEDS = 1_000
# From here on the normal distribution serves.
MANY = 1e5
# Quantiles of the chi-square distribution that integrals are taken over.
QUANTILES = (np.arange(2_000) + 0.5) / 2_000


def power(difference: float, error: float, freedom: float, level: float = ALPHA) -> float:
    """Probability that a two-sided t-test finds a true difference.

    Student's t is (Z + d) / sqrt(V / f) with Z normal and V chi-square with f degrees of freedom;
    given V, the probability is the normal distribution's, and its mean over V is taken. (scipy's
    own distribution gives NaN for many arguments, in 1.17.)

    Args:
        difference: The true one.
        error: Standard error of the estimate, above 0.
        freedom: Its degrees of freedom; infinite: the normal distribution.
        level: Of significance.
    """
    limit = float(stats.t.isf(level / 2, freedom)) * _scales(freedom)
    shift = abs(difference) / error
    return float((stats.norm.sf(limit - shift) + stats.norm.cdf(-limit - shift)).mean())


@cache
def _scales(freedom: float) -> NDArray[np.float64]:
    """Ratios of estimated to true standard error, equally likely."""
    if freedom > MANY:
        return np.ones(1)
    scales: NDArray[np.float64] = np.sqrt(stats.chi2.ppf(QUANTILES, freedom) / freedom)
    return scales


def smallest_difference(
    error: float, freedom: float, level: float = ALPHA, wanted: float = POWER
) -> float:
    """The difference that the test finds in four of five cases.

    Args:
        error: Standard error of the estimate, above 0.
        freedom: Its degrees of freedom.
        level: Of significance.
        wanted: The power.
    """

    def lack(units: float) -> float:
        return power(units, 1.0, freedom, level) - wanted

    high = 4.0
    while lack(high) < 0:
        high *= 2
    return error * float(optimize.brentq(lack, 0.0, high, xtol=1e-6))


@dataclass(frozen=True)
class Noise:
    """Where the error of an estimate comes from, so that it is known for other numbers of seeds."""

    seeds: float  # variance of one seed's difference; a mean over S seeds has the S-th part of it
    images: float = 0.0  # variance that stays, however many seeds
    freedom: float = 1.0  # degrees of freedom per seed beyond the first; up to 2 for two samples

    def error(self, seeds: int) -> float:
        """Standard error with so many seeds."""
        return float(np.sqrt(self.seeds / seeds + self.images))

    def degrees_of_freedom(self, seeds: int) -> float:
        """Satterthwaite's, the images' part being known from many."""
        if self.seeds == 0:
            return float("inf")
        share = 1 + self.images * seeds / self.seeds
        return self.freedom * (seeds - 1) * share**2

    def power(self, difference: float, seeds: int, level: float = ALPHA) -> float:
        """Probability of finding a true difference with so many seeds."""
        return power(difference, self.error(seeds), self.degrees_of_freedom(seeds), level)

    def seeds_needed(self, difference: float, level: float = ALPHA) -> int | None:
        """The fewest seeds that find a true difference in four of five cases; None beyond 1,000.

        Power rises with the number of seeds, so it is found by halving.
        """
        if self.power(difference, MOST_SEEDS, level) < POWER:
            return None
        low, high = 1, MOST_SEEDS
        while high - low > 1:
            middle = (low + high) // 2
            if self.power(difference, middle, level) < POWER:
                low = middle
            else:
                high = middle
        return high
