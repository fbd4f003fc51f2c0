"""Hypothesis tests for two classifiers that share test images."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from digitbench.errors import DigitbenchError


@dataclass(frozen=True)
class McNemarResult:
    """Exact McNemar test of two trained networks.

    Attributes:
        seed: Seed of both trainings.
        n10: Images that only the first network classified correctly.
        n01: Images that only the second network classified correctly.
        p_value: Exact two-sided p-value; it is about these two networks, not about retraining.
    """

    seed: int
    n10: int
    n01: int
    p_value: float


@dataclass(frozen=True)
class CrossedTestResult:
    """Test of the mean difference over seeds and images.

    Attributes:
        difference: Mean of second minus first.
        standard_error: Its standard error under fresh seeds and fresh images.
        degrees_of_freedom: Of the t distribution; infinite if the seeds do not vary.
        p_value: Two-sided p-value; NaN if the standard error is zero.
    """

    difference: float
    standard_error: float
    degrees_of_freedom: float
    p_value: float


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
    if n10 + n01 == 0:
        return McNemarResult(seed=seed, n10=0, n01=0, p_value=1.0)
    p_value = float(stats.binomtest(n10, n10 + n01, 0.5).pvalue)
    return McNemarResult(seed=seed, n10=n10, n01=n01, p_value=p_value)


def crossed_t_test(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> CrossedTestResult:
    """Test whether two architectures are equally accurate over fresh seeds and fresh images.

    Seeds and images are crossed random effects: every training of a pair shares the images, and
    every image is shared by the trainings, so neither cells nor per-seed results are
    independent. The two-way analysis of variance of the differences separates the parts. The
    same design is standard for readers and cases in diagnostic studies, whose test is used here
    (Dorfman, Berbaum and Metz 1992, with the degrees of freedom of Hillis 2007, Statistics in
    Medicine 26:596): with mean squares of seeds, images and residual,

        variance = (ms_seed + max(ms_image - ms_residual, 0)) / (S * N)
        df = (S - 1) * ((ms_seed + max(ms_image - ms_residual, 0)) / ms_seed) ** 2

    Without variation between images this is the t-test over the S per-seed differences; without
    variation between seeds it is the paired z-test over images.

    Args:
        first: Correctness of the first architecture, [S, N] with S, N >= 2.
        second: Correctness of the second on the same seeds and images, [S, N].

    Raises:
        DigitbenchError: If there are fewer than two seeds or two images.
    """
    seeds, images = first.shape
    if seeds < 2 or images < 2:
        raise DigitbenchError(
            f"The test needs at least two seeds and two images, got {seeds} and {images}. "
            "Train more seeds."
        )
    table = second.astype(np.float64) - first  # [S, N], each -1, 0 or 1
    mean, of_seed, of_image = table.mean(), table.mean(axis=1), table.mean(axis=0)
    residual = table - of_seed[:, np.newaxis] - of_image + mean
    ms_seed = images * np.square(of_seed - mean).sum() / (seeds - 1)
    ms_image = seeds * np.square(of_image - mean).sum() / (images - 1)
    ms_residual = np.square(residual).sum() / ((seeds - 1) * (images - 1))
    combined = ms_seed + max(ms_image - ms_residual, 0.0)
    standard_error = float(np.sqrt(combined / (seeds * images)))
    freedom = (seeds - 1) * float((combined / ms_seed) ** 2) if ms_seed > 0 else float("inf")
    p_value = float("nan")
    if standard_error > 0:
        p_value = float(2 * stats.t.sf(abs(mean) / standard_error, df=freedom))
    return CrossedTestResult(float(mean), standard_error, freedom, p_value)
