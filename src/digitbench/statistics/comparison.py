"""Architectures compared pair by pair, on which test images each of their trainings got right.

Two questions are kept apart, because their answers differ:

* Do the architectures differ, and by how much? The crossed t-test over seeds and images, for fresh
  trainings and fresh images: a difference, its interval and its p-value, adjusted over pairs with
  Holm's method.
* Do these two trained networks differ? McNemar's exact test, once per seed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from digitbench.errors import DigitbenchError
from digitbench.statistics.estimates import (
    ALPHA,
    CONFIDENCE,
    Difference,
    crossed_analysis,
    crossed_ratio,
)
from digitbench.statistics.power import Noise, smallest_difference

CROSSED_T_TEST = "crossed t-test over seeds and images"
EXACT_MCNEMAR = "exact McNemar test"
ONE_SEED_LIMITATION = (
    "Only one training per architecture: the interval and the p-value cover the choice of test "
    "images and say nothing about how results would vary if the networks were trained again."
)
# Of a comparison; None where nothing could be tested.
P = TypeVar("P", float, float | None)


def is_evident(low: float | None, high: float | None, p_value_holm: float | None) -> bool:
    """Whether a difference is evident: adjusted p below 0.05, and an interval that leaves 0 out.

    What could not be tested is not.
    """
    if low is None or high is None or p_value_holm is None:
        return False
    return p_value_holm < ALPHA and not low <= 0 <= high


def holm(p_values: Sequence[P]) -> list[P]:
    """Adjust p-values for multiple comparisons (Holm 1979); valid under any dependence.

    Args:
        p_values: P-values of the family; None stays None and does not count.

    Raises:
        DigitbenchError: If a value is not in [0, 1].
    """
    p = np.array([value for value in p_values if value is not None], dtype=np.float64)  # [M]
    if p.ndim != 1 or not np.all((p >= 0) & (p <= 1)):
        raise DigitbenchError(f"P-values must be a list of numbers in [0, 1], got {p_values!r}.")
    order = np.argsort(p, kind="stable")
    steps = np.arange(len(p), 0, -1)  # the smallest counts M times, the largest once
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps * p[order]), 1.0)
    known = iter(adjusted.tolist())
    return [value if value is None else next(known) for value in p_values]


@dataclass(frozen=True)
class McNemarResult:
    """Exact McNemar test of two trained networks."""

    seed: int
    n10: int  # images that only the first network classified correctly
    n01: int  # images that only the second one did
    p_value: float  # two-sided; about these two networks, not about training again


def mcnemar_exact(
    first: NDArray[np.bool_], second: NDArray[np.bool_], *, seed: int
) -> McNemarResult:
    """Test whether two trained networks err equally often (McNemar 1947, exact binomial form).

    Given the images on which they disagree, either is right with probability 1/2 under the null
    hypothesis. Without any disagreement p is 1.

    Args:
        first: Correctness of the first network, [N].
        second: Correctness of the second network on the same images, [N].
        seed: Seed of both trainings, kept for the record.
    """
    n10 = int(np.count_nonzero(first & ~second))
    n01 = int(np.count_nonzero(~first & second))
    p_value = float(stats.binomtest(n10, n10 + n01, 0.5).pvalue) if n10 + n01 else 1.0
    return McNemarResult(seed, n10, n01, p_value)


@dataclass(frozen=True)
class PairwiseComparison:
    """Second architecture against the first; accuracies and differences are fractions.

    Intervals and p-values are of one test, named by `p_value_method`; intervals are for this pair
    alone, at 95 %.
    """

    first: str  # the reference
    second: str
    seeds: tuple[int, ...]
    difference: float  # mean accuracy of second minus mean accuracy of first
    difference_low: float
    difference_high: float
    # Of the crossed t-test; None where McNemar's test stands in, the freedom also where infinite.
    standard_error: float | None
    degrees_of_freedom: float | None
    seed_variance: float | None  # of one seed's difference, on the same images
    # 1 - error of second / error of first; None if first made no error. Its interval is of the same
    # test; None where that knows no limit, or with one seed.
    error_reduction: float | None
    error_reduction_low: float | None
    error_reduction_high: float | None
    # Per seed, about single pairs of networks; not adjusted for being several.
    mcnemar: tuple[McNemarResult, ...]
    p_value: float  # two-sided, for the difference
    p_value_holm: float  # adjusted over all pairs compared together
    p_value_method: str
    limitation: str | None  # what the comparison cannot say; None with several seeds

    @property
    def is_evident(self) -> bool:
        """Whether the two differ."""
        return is_evident(self.difference_low, self.difference_high, self.p_value_holm)

    @property
    def estimate(self) -> Difference | None:
        """The difference with its standard error; None where McNemar's test stands in."""
        if self.standard_error is None:
            return None
        freedom = np.inf if self.degrees_of_freedom is None else self.degrees_of_freedom
        return Difference(self.difference, self.standard_error, float(freedom))

    @property
    def noise(self) -> Noise | None:
        """What the standard error would be with other numbers of seeds."""
        if self.standard_error is None or self.seed_variance is None:
            return None
        left = self.standard_error**2 - self.seed_variance / len(self.seeds)
        return Noise(self.seed_variance, max(left, 0.0))

    @property
    def oriented(self) -> "PairwiseComparison":
        """The same, turned so that the second architecture is the one with the higher accuracy.

        An error reduction of r one way is 1 - 1/(1 - r) the other way, and so are its ends.
        """
        if self.difference >= 0:
            return self
        return replace(
            self,
            first=self.second,
            second=self.first,
            difference=-self.difference,
            difference_low=-self.difference_high,
            difference_high=-self.difference_low,
            error_reduction=_turned(self.error_reduction),
            error_reduction_low=_turned(self.error_reduction_high),
            error_reduction_high=_turned(self.error_reduction_low),
            mcnemar=tuple(replace(each, n10=each.n01, n01=each.n10) for each in self.mcnemar),
        )


def _turned(reduction: float | None) -> float | None:
    return None if reduction is None or reduction == 1 else 1 - 1 / (1 - reduction)


class Standing(StrEnum):
    """What can be said of the second of two architectures against the first."""

    HIGHER = "higher"
    LOWER = "lower"
    SAME = "same"
    NO_EVIDENCE = "no evidence"


@dataclass(frozen=True)
class PairVerdict:
    """A pair with what can be said of it, given the margin that matters."""

    pair: PairwiseComparison
    standing: Standing
    margin: float  # a fraction
    p_same: float | None  # of lying outside ±margin, adjusted over the pairs (Holm)
    smallest: float | None  # difference that these seeds find in four of five cases
    seeds_needed: int | None  # to find the margin in four of five cases; None beyond 1,000


def pair_verdicts(pairs: Sequence[PairwiseComparison], margin: float) -> list[PairVerdict]:
    """Whether architectures differ, are the same within ±margin, or neither can be said.

    Higher or lower: the difference is evident, however small. Same: it is not, and two one-sided
    tests, adjusted over the pairs, put it inside the margin. Power and seeds are for the first step
    of Holm's method, the strictest.

    Args:
        pairs: The family: all that were compared together.
        margin: Difference of accuracy that matters, a fraction.
    """
    estimates = [pair.estimate for pair in pairs]
    outside = holm([None if each is None else each.p_within(margin) for each in estimates])
    level = ALPHA / max(len(pairs), 1)
    return [
        PairVerdict(pair, _standing(pair, p_same), margin, p_same, *_power(pair, margin, level))
        for pair, p_same in zip(pairs, outside, strict=True)
    ]


def _standing(pair: PairwiseComparison, p_same: float | None) -> Standing:
    if pair.is_evident:
        return Standing.HIGHER if pair.difference > 0 else Standing.LOWER
    return Standing.SAME if p_same is not None and p_same < ALPHA else Standing.NO_EVIDENCE


def _power(
    pair: PairwiseComparison, margin: float, level: float
) -> tuple[float | None, int | None]:
    """The smallest difference that is found, and the seeds that would find the margin."""
    estimate, noise = pair.estimate, pair.noise
    if estimate is None or noise is None:
        return None, None
    smallest = smallest_difference(estimate.error, estimate.freedom, level)
    return smallest, noise.seeds_needed(margin, level)


def check_correctness(correct: Mapping[str, NDArray[np.bool_]], seeds: Sequence[int]) -> None:
    """Check that architectures can be compared seed by seed and image by image.

    Args:
        correct: By architecture, whether each image was classified correctly, [S, N], N >= 2.
        seeds: The S distinct seeds.

    Raises:
        DigitbenchError: If seeds repeat, or arrays are not boolean, differ in shape or do not
            match the seeds.
    """
    if not seeds or len(set(seeds)) != len(seeds):
        raise DigitbenchError(
            f"Seeds must be distinct and at least one, got {list(seeds)}. Check the seed list."
        )
    shapes = {name: array.shape for name, array in correct.items()}
    if len(set(shapes.values())) > 1:
        raise DigitbenchError(
            f"Architectures differ in seeds or test images: {shapes}. "
            "Train every architecture with the same seeds and evaluate on the same images."
        )
    for name, array in correct.items():
        if array.dtype != np.bool_ or array.ndim != 2 or array.shape[1] < 2:
            raise DigitbenchError(
                f"Correctness of {name!r} must be boolean with shape [seeds, images >= 2], got "
                f"{array.dtype} {array.shape}. Pass predicted == labels."
            )
        if len(array) != len(seeds):
            raise DigitbenchError(
                f"Correctness of {name!r} has {len(array)} replicates but there are "
                f"{len(seeds)} seeds. Pass the seeds of the stored predictions."
            )


def compare_all(
    correct: Mapping[str, NDArray[np.bool_]], seeds: Sequence[int]
) -> list[PairwiseComparison]:
    """Compare every pair of architectures on shared seeds and test images.

    Interval and p-value are those of the crossed t-test (`estimates.crossed`, with its simulated
    coverage); the error reduction has Fieller's interval of the same test. Combining the per-seed
    McNemar tests (such as twice their median) would test something else, these very networks: with
    5 seeds that vary as the RNN's do it rejected 56 % of true null hypotheses about architectures.

    Trainings that share a seed share the order of the data, so architectures may rise and fall
    together; differences are taken within a seed, which keeps that dependence, and is valid too if
    there is none.

    With one seed, or with replicates without any variation, the p-value is McNemar's, the largest
    over the seeds, and the interval is that of the same test.

    Args:
        correct: By architecture, whether each image was classified correctly, [S, N].
        seeds: The S seeds, in the order of the rows of every array.

    Returns:
        One comparison per pair (first before second in the given order); none for a single
        architecture.

    Raises:
        DigitbenchError: If arrays differ in shape, are not boolean, or do not match the seeds.
    """
    check_correctness(correct, seeds)
    comparisons = [
        _compare((first, second), np.stack([correct[first], correct[second]]), tuple(seeds))
        for first, second in combinations(correct, 2)
    ]
    adjusted = holm([comparison.p_value for comparison in comparisons])
    return [replace(each, p_value_holm=p) for each, p in zip(comparisons, adjusted, strict=True)]


def _compare(
    names: tuple[str, str], correct: NDArray[np.bool_], seeds: tuple[int, ...]
) -> PairwiseComparison:
    """Compare one pair from correctness [2, S, N]."""
    wrong = (~correct).astype(np.float64)
    # Errors as whole counts before division: identical networks then differ by exactly 0.
    errors = np.count_nonzero(~correct, axis=(1, 2)) / correct[0].size  # [2]
    difference = float(errors[0] - errors[1])
    mcnemar = tuple(
        mcnemar_exact(first, second, seed=seed)
        for seed, first, second in zip(seeds, *correct, strict=True)
    )
    p_value, method = max(test.p_value for test in mcnemar), EXACT_MCNEMAR
    low, high = _mcnemar_interval(mcnemar, correct.shape[2])
    error = freedom = seed_variance = reduction = None
    if len(seeds) > 1:
        weights = np.array([1.0, -1.0])
        analysis = crossed_analysis(wrong)
        estimate = replace(analysis.estimate(weights), value=difference)
        if estimate.error > 0:
            p_value, method = estimate.p_value, CROSSED_T_TEST
            low, high = estimate.interval()
            error, seed_variance = estimate.error, analysis.seed_variance(weights)
            freedom = estimate.freedom if np.isfinite(estimate.freedom) else None
    ratio = crossed_ratio(wrong[1], wrong[0]) if error is not None and errors[0] else None
    if errors[0]:
        reduction = float(1 - errors[1] / errors[0])
    return PairwiseComparison(
        *names,
        seeds,
        difference=difference,
        difference_low=low,
        difference_high=high,
        standard_error=error,
        degrees_of_freedom=freedom,
        seed_variance=seed_variance,
        error_reduction=reduction,
        error_reduction_low=None if ratio is None else 1 - ratio[1],
        error_reduction_high=None if ratio is None else 1 - ratio[0],
        mcnemar=mcnemar,
        p_value=p_value,
        p_value_holm=p_value,
        p_value_method=method,
        limitation=ONE_SEED_LIMITATION if len(seeds) == 1 else None,
    )


def _mcnemar_interval(tests: Sequence[McNemarResult], images: int) -> tuple[float, float]:
    """95 % interval of the difference by McNemar's exact test: the widest over the seeds.

    Given D images on which two networks disagree, the second is right on a share of them whose
    exact interval (Clopper and Pearson 1934) holds 1/2 just when p is at least 0.05; a share of s
    is a difference of (2s - 1) * D / N.
    """
    ends = []
    for test in tests:
        disagreements = test.n10 + test.n01
        if not disagreements:
            ends.append((0.0, 0.0))
            continue
        share = stats.binomtest(test.n01, disagreements).proportion_ci(CONFIDENCE)
        low, high = (float(2 * end - 1) * disagreements / images for end in (share.low, share.high))
        ends.append((low, high))
    return min(low for low, _ in ends), max(high for _, high in ends)
