"""One metric over replicates: mean, spread and interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy import stats

from digitbench.errors import DigitbenchError
from digitbench.statistics.estimates import ALPHA, CONFIDENCE, Difference, crossed

Ends = tuple[float, float]
# What rounding may make of two values that are the same.
SLACK = 1e-12
# Images: the quantiles of Clopper and Pearson's interval are computed well up to as many.
MOST = 1e12


class _Statistics(TypedDict):
    mean: float
    std: float | None
    ci95_low: float | None
    ci95_high: float | None


@dataclass(frozen=True)
class Summary:
    """Mean, spread and interval of one metric; std and interval are None with one seed."""

    mean: float
    std: float | None
    ci95_low: float | None
    ci95_high: float | None
    # In the order of the seeds.
    per_seed: Annotated[dict[Annotated[int, Field(ge=0)], float], Field(min_length=1)]

    def __post_init__(self) -> None:
        """Refuse what the values per seed do not give, as an edited file has it."""
        for name, own in self._own().items():
            stated = getattr(self, name)
            if (stated is None) != (own is None) or not np.isclose(
                stated or 0.0, own or 0.0, rtol=1e-9, atol=SLACK, equal_nan=True
            ):
                raise ValueError(f"{name} is {stated}, but its values per seed give {own}")
        low, high = self.ci95_low, self.ci95_high
        if (low is None) != (high is None):
            raise ValueError("an interval with one end")
        if low is not None and high is not None and not low - SLACK <= self.mean <= high + SLACK:
            raise ValueError(f"the interval {low} to {high} doesn't hold the mean {self.mean}")

    def _own(self) -> dict[str, Any]:
        """What the values per seed give, by name of the field."""
        return dict(_statistics(self.per_seed))

    def expected(self, runs: float = 1, further: float = 0.0) -> Difference | None:
        """What the mean of further trainings may be; None with one seed.

        A published number is such a mean, mostly of one run. The interval of our own mean gets
        narrower with every seed, and would call each single run higher or lower in the end. Of k
        runs the variance is std² * (1/k + 1/n) + e²; without e the 95 % interval is the prediction
        interval mean ± t * std * sqrt(1/k + 1/n) with n - 1 degrees of freedom (Hahn and Meeker
        1991, Statistical Intervals, ch. 4), with it Satterthwaite's (1946) count. Of endlessly
        many it is the interval of our mean.

        Args:
            runs: Number k of trainings that the other mean is over.
            further: Standard error e that comes on top, such as of other images.
        """
        if self.std is None:
            return None
        n = len(self.per_seed)
        between = self.std**2 * (1 / runs + 1 / n)
        total = between + further**2
        freedom = (n - 1) * (total / between) ** 2 if between else float("inf")
        return Difference(self.mean, float(np.sqrt(total)), freedom)


@dataclass(frozen=True)
class CrossedSummary(Summary):
    """A summary whose interval also covers the drawing of the images."""

    def _own(self) -> dict[str, Any]:
        return {key: value for key, value in super()._own().items() if not key.startswith("ci95")}


def summarise(values: Mapping[int, float]) -> Summary:
    """Summarise one metric over the seeds of one architecture.

    The standard deviation has denominator n - 1. The interval is Student's 95 % t interval for the
    mean over trainings, on this test set: it says nothing about other test images. It is not
    clipped, so for a rate near its bound it may leave [0, 1]. With one seed neither exists.

    Args:
        values: Metric value by seed.

    Raises:
        DigitbenchError: If there is no value, or a value is not finite.
    """
    per_seed = _checked(values)
    own = _statistics(per_seed)
    return Summary(own["mean"], own["std"], own["ci95_low"], own["ci95_high"], per_seed)


def summarise_crossed(values: Mapping[int, float], table: NDArray[np.float64]) -> CrossedSummary:
    """Summarise a share over seeds and images together, with an interval that stays in [0, 1].

    Args:
        values: Share by seed.
        table: What each image adds to the share of each seed, in [0, 1], [S, N].

    Raises:
        DigitbenchError: If there is no value, or a value is not finite.
    """
    per_seed = _checked(values)
    own = _statistics(per_seed)
    low, high = crossed_share_interval(table, table.shape[1])
    return CrossedSummary(own["mean"], own["std"], low, high, per_seed)


def crossed_share_interval(table: NDArray[np.float64], images: int) -> Ends:
    """95 % interval of the mean of a table [S, N], a share, over fresh seeds and fresh images.

    With one seed it is about images alone.

    Args:
        table: What each image adds to the share of each seed.
        images: Number of images that the share is of.
    """
    error, freedom = float(table.std(ddof=1) / np.sqrt(table.size)), float("inf")
    if len(table) > 1:
        estimate = crossed(table)
        error, freedom = estimate.error, estimate.freedom
    return share_interval(float(table.mean()), error, freedom, images)


def share_interval(share: float, error: float, freedom: float, images: int) -> Ends:
    """95 % interval of a share that stays in [0, 1], also where the share is 0 or 1.

    Clopper and Pearson's for the number of independent images that would have this standard error,
    made smaller where few degrees of freedom know that error (Korn and Graubard 1998, Survey
    Methodology 24:193). At 0 and 1 the standard error says nothing, and images count as
    independent.

    Args:
        share: In [0, 1].
        error: Its standard error.
        freedom: Degrees of freedom of that.
        images: Number of images behind it.
    """
    effective = float(images)
    if 0 < share < 1 and error > 0:
        few = stats.norm.isf(ALPHA / 2) / stats.t.isf(ALPHA / 2, freedom)
        effective = min(share * (1 - share) / error**2 * float(few) ** 2, MOST)
    hits = share * effective
    low = float(stats.beta.ppf(ALPHA / 2, hits, effective - hits + 1)) if share > 0 else 0.0
    high = float(stats.beta.isf(ALPHA / 2, hits + 1, effective - hits)) if share < 1 else 1.0
    return low, high


def _checked(values: Mapping[int, float]) -> dict[int, float]:
    if not values:
        raise DigitbenchError("No values to summarise. Train at least one seed first.")
    broken = [seed for seed, value in values.items() if not np.isfinite(value)]
    if broken:
        raise DigitbenchError(
            f"The metric is not finite for seeds {broken}. Check whether their training diverged."
        )
    return {int(seed): float(value) for seed, value in values.items()}


def _statistics(per_seed: Mapping[int, float]) -> _Statistics:
    sample = np.array(list(per_seed.values()))
    mean = float(sample.mean())
    if len(sample) == 1:
        return {"mean": mean, "std": None, "ci95_low": None, "ci95_high": None}
    std = float(sample.std(ddof=1))
    reach = float(stats.t.ppf(CONFIDENCE / 2 + 0.5, len(sample) - 1)) * std / len(sample) ** 0.5
    return {"mean": mean, "std": std, "ci95_low": mean - reach, "ci95_high": mean + reach}
