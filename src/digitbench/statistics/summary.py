"""One metric over replicates: mean, spread and interval."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field
from scipy import stats

from digitbench.errors import DigitbenchError


@dataclass(frozen=True)
class Summary:
    """Mean, spread and interval of one metric; std and interval are None with one seed."""

    mean: float
    std: float | None
    ci95_low: float | None
    ci95_high: float | None
    per_seed: Annotated[dict[int, float], Field(min_length=1)]  # in the order of the seeds


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
    if not values:
        raise DigitbenchError("No values to summarise. Train at least one seed first.")
    broken = [seed for seed, value in values.items() if not np.isfinite(value)]
    if broken:
        raise DigitbenchError(
            f"The metric is not finite for seeds {broken}. Check whether their training diverged."
        )
    per_seed = {int(seed): float(value) for seed, value in values.items()}
    sample = np.array(list(per_seed.values()))
    mean = float(sample.mean())
    if len(sample) == 1:
        return Summary(mean, None, None, None, per_seed)
    std = float(sample.std(ddof=1))
    quantile = float(stats.t.ppf(0.975, df=len(sample) - 1))
    half_width = quantile * std / float(np.sqrt(len(sample)))
    return Summary(mean, std, mean - half_width, mean + half_width, per_seed)
