"""Whether a change of results is more than luck: the statistics of the review.

**What is tested.** One number per seed is known before and after the change. Seeds are the units:
a verdict is about the training procedure, repeated with fresh seeds and tested on these very
images. It says nothing about other images, because a committed metric no longer knows which
images were misread. (`statistics.comparison` has the predictions and covers both.)

**The test.** Seeds that stand on both sides start from the same weights and see the data in the
same order, also where the change alters the training itself. So their differences are taken
within a seed: a paired t-test. Where fewer than two seeds are shared, Welch's t-test for
independent samples. Both use t quantiles with the few degrees of freedom that seeds leave.

**The least noise.** A handful of seeds can agree on a difference exactly, and a variance of zero
would make one image more or less a certainty. The variance between seeds is therefore never taken
to be below what images alone would give. Two networks whose accuracies differ by D on N images
disagree on at least D * N of them; if each of those falls to either side by chance (McNemar's
null hypothesis), the variance of their difference is at least D / N. With four seeds, +1 image in
each then gives t = 2 and p = 0.14, and +10 images p = 0.008. Losses and calibration errors are
means over the same images, in which an image counts by the order of 1, and take the same bound.

**Three answers and a fourth.** Better or worse: the difference is evident, however small. Same: it
is not, and two one-sided tests put it inside the margin that matters (Schuirmann 1987), adjusted
over the family by themselves, so that "same" is wrongly said of anything in at most 5 % of reviews
of a true difference of the margin. Else no evidence either way, with the difference that such a
review would find in four of five cases, and the number of seeds with which it would find the
margin; both for the first step of Holm's method, the strictest.

**Several comparisons.** Holm's method within a family. Where a change leaves results as they were,
to the last digit, there is no chance at work and nothing to test: such comparisons are "same" and
don't count towards the family. What an architecture's own section changes is so not
paid for by the others.

**Families.** Accuracy is what the project is about, and the other headline metrics follow it
closely: in one family of all, accuracy would mostly pay for hearing the same again. So the 5 % are
halved. One half is for accuracy, over architectures; the other for the rest, over architectures
and metrics. Together, a change that does nothing gets any headline verdict but "no evidence" in at
most 5 % of reviews (Bonferroni between the halves, Holm within), "worse" in about half of these.
Robustness and new domains are looked at apart, each a family with its own 5 %.

**How often that is wrong, and how often it finds.** In percent of 2,000 simulated reviews of four
networks and five metrics, whose errors are nowhere normally distributed (`tests/trainings.py`; the
tests run it again with fewer). Of a change that does nothing: *any* better or worse, and *worse*.
Of one that costs every network just the margin of 0.2 points: *same* said of any. Found: a CNN that
errs 30 % more, with the same seeds, which spread by 0.08 points of accuracy.

                same seeds         other seeds
    seeds   any worse  same   any worse  same  found
        2   0.0   0.0   0.2   0.0   0.0   0.4      0
        3   0.2   0.1   2.2   1.5   0.7   1.3      0
        4   2.9   1.2   2.8   2.1   1.1   1.1     38
       10   3.4   1.9   2.5   2.9   1.1   2.2    100

So four seeds find such a CNN in 38 of 100 reviews, ten in all of them.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from digitbench.statistics.comparison import holm, is_evident
from digitbench.statistics.estimates import ALPHA, Difference, welch
from digitbench.statistics.power import Noise, smallest_difference

# Of the significance level, for either half of the headline metrics; see above.
HEADLINE_SHARE = 0.5

Seeded = Mapping[int, float]
Key = TypeVar("Key", bound=Hashable)


class Verdict(StrEnum):
    """What can be said of a change."""

    WORSE = "worse"
    BETTER = "better"
    SAME = "same"
    NO_EVIDENCE = "no evidence"
    UNKNOWN = "unknown"


class Method(StrEnum):
    """How the two sides were compared."""

    PAIRED = "paired t-test"
    INDEPENDENT = "Welch's t-test"
    NONE = "none"


@dataclass(frozen=True)
class Change:
    """One metric of one architecture before and after."""

    # Means over the seeds compared: all of them for independent samples, else those that are shared
    # where there are any; None if there is no value.
    before: float | None
    after: float | None
    difference: float | None  # after - before
    difference_low: float | None = None  # ends of its 95 % t interval; None if there is no test
    difference_high: float | None = None
    p_value: float | None = None  # two-sided
    # Adjusted over its family and for the family's share, so that 0.05 is the limit.
    p_value_holm: float | None = None
    p_same: float | None = None  # of lying outside ±margin, adjusted over the family
    margin: float | None = None  # difference that matters; None if none was given
    level: float | None = None  # of the strictest step of its family
    estimate: Difference | None = None  # what was tested
    noise: Noise | None = None  # what its error would be with other numbers of seeds
    method: Method = Method.NONE
    shared: tuple[int, ...] = ()  # seeds on both sides
    only_before: tuple[int, ...] = ()
    only_after: tuple[int, ...] = ()
    unchanged: bool = False  # every shared seed gave the very same value
    verdict: Verdict = Verdict.UNKNOWN  # until judged
    reason: str = ""  # why the verdict is unknown

    @property
    def smallest(self) -> float | None:
        """Difference that is found in four of five such reviews; None without test or noise."""
        if self.estimate is None or self.level is None or self.estimate.error == 0:
            return None
        return smallest_difference(self.estimate.error, self.estimate.freedom, self.level)

    @property
    def seeds_needed(self) -> int | None:
        """How many seeds find the margin as often; None without a margin, and beyond 1,000."""
        if self.smallest is None or self.noise is None or self.level is None or not self.margin:
            return None
        return self.noise.seeds_needed(self.margin, self.level)


def compare(before: Seeded, after: Seeded, images: int) -> Change:
    """Estimate the change of one metric, with the test that its seeds allow; not yet judged.

    Args:
        before: Value by seed, at least one.
        after: Value by seed, at least one.
        images: Number of test images behind every value.
    """
    shared = tuple(seed for seed in before if seed in after)
    change = replace(
        not_compared(before, after, ""),
        shared=shared,
        only_before=tuple(seed for seed in before if seed not in after),
        only_after=tuple(seed for seed in after if seed not in before),
    )
    x, y = (np.array([side[seed] for seed in shared]) for side in (before, after))
    too_few = [name for name, side in (("before", before), ("after", after)) if len(side) < 2]
    if len(shared) >= 2 or (shared and too_few):
        change = replace(
            change, before=float(x.mean()), after=float(y.mean()), difference=float((y - x).mean())
        )
        if np.array_equal(x, y):
            return replace(change, unchanged=True)
    if len(shared) >= 2:
        return _tested(change, Method.PAIRED, *_paired(y - x, images))
    if too_few:
        where = " and ".join(too_few)
        return replace(change, reason=f"one seed {where}, which cannot tell a change from luck")
    sides = [np.array(list(side.values())) for side in (before, after)]
    return _tested(change, Method.INDEPENDENT, *_independent(sides, images))


def not_compared(before: Seeded | None, after: Seeded | None, reason: str) -> Change:
    """The values of a metric side by side, without a test, and why."""
    old, new = (float(np.mean(list(side.values()))) if side else None for side in (before, after))
    difference = None if old is None or new is None else new - old
    return Change(old, new, difference, reason=reason)


def judge(
    changes: Mapping[Key, Change],
    higher_is_better: Mapping[Key, bool],
    share: float = 1.0,
    margin: float | None = None,
) -> dict[Key, Change]:
    """Give every change of one family its verdict.

    Args:
        changes: The family.
        higher_is_better: Direction of the metric behind each.
        share: Part of the significance level that the family may use.
        margin: Difference that matters, in the unit of the metric; None: nothing can be the same.

    Returns:
        The changes with adjusted p-values and verdicts, in the given order.
    """
    estimates = [change.estimate for change in changes.values()]
    adjusted = holm([None if each is None else each.p_value for each in estimates])
    outside = holm(
        [None if each is None or margin is None else each.p_within(margin) for each in estimates]
    )
    level = share * ALPHA / max(sum(each is not None for each in estimates), 1)
    judged = {}
    for (key, change), p, p_same in zip(changes.items(), adjusted, outside, strict=True):
        if p is not None:
            p = min(p / share, 1.0)
            change = replace(change, p_value_holm=p, p_same=p_same, margin=margin, level=level)
        judged[key] = replace(change, verdict=_verdict(change, higher_is_better[key]))
    return judged


def _verdict(change: Change, higher_is_better: bool) -> Verdict:
    if change.unchanged:
        return Verdict.SAME
    if change.p_value is None or change.difference is None:
        return Verdict.UNKNOWN
    if is_evident(change.difference_low, change.difference_high, change.p_value_holm):
        return Verdict.BETTER if (change.difference > 0) == higher_is_better else Verdict.WORSE
    if change.p_same is not None and change.p_same < ALPHA:
        return Verdict.SAME
    return Verdict.NO_EVIDENCE


def _tested(change: Change, method: Method, error: float, freedom: float, noise: Noise) -> Change:
    estimate = Difference(change.difference or 0.0, error, freedom)
    low, high = estimate.interval()
    return replace(
        change,
        method=method,
        difference_low=low,
        difference_high=high,
        p_value=estimate.p_value,
        estimate=estimate,
        noise=noise,
    )


def _paired(differences: NDArray[np.float64], images: int) -> tuple[float, float, Noise]:
    """Standard error of the mean difference, its freedom and noise, from differences [S]."""
    seeds = len(differences)
    variance = float(max(differences.var(ddof=1), _least_variance(differences.mean(), images)))
    return float(np.sqrt(variance / seeds)), seeds - 1, Noise(variance)


def _independent(sides: list[NDArray[np.float64]], images: int) -> tuple[float, float, Noise]:
    """The same of two samples."""
    sizes = np.array([len(side) for side in sides])
    variance, freedom = welch(sides)
    # Each network of a pair bears half of the variance of their difference.
    least = _least_variance(sides[1].mean() - sides[0].mean(), images) / 2
    if variance <= least * (1 / sizes).sum():
        error = float(np.sqrt(least * (1 / sizes).sum()))
        return error, float(sizes.min() - 1), Noise(2 * least)
    spreads = np.array([side.var(ddof=1) for side in sides])
    noise = Noise(float(spreads.sum()), 0.0, float(spreads.sum() ** 2 / (spreads**2).sum()))
    return float(np.sqrt(variance)), freedom, noise


def _least_variance(difference: float, images: int) -> float:
    return abs(float(difference)) / images
