"""A version becomes champion unless it is worse, or nobody can tell."""

from dataclasses import replace

import pytest
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from digitbench.tracking.registry import Version, decide
from digitbench.wording import points

GOOD = {0: 0.981, 1: 0.984, 2: 0.979, 3: 0.983}
WORSE = {0: 0.961, 1: 0.966, 2: 0.957, 3: 0.963}
SIMILAR = {0: 0.982, 1: 0.982, 2: 0.981, 3: 0.982}
IMAGES = 10_000


def version(accuracy: dict[int, float]) -> Version:
    return Version("mlp", 1, "ab", 0, accuracy, IMAGES, "workspace", "", is_champion=False)


def reason(before: dict[int, float], after: dict[int, float]) -> str:
    return decide(version(before), version(after)).reason


def test_the_first_version_needs_no_reason() -> None:
    assert decide(None, version({0: 0.1})).promote


def test_only_significantly_worse_is_refused() -> None:
    assert decide(version(GOOD), version(SIMILAR)).promote
    assert decide(version(WORSE), version(GOOD)).promote
    assert not decide(version(GOOD), version(WORSE)).promote
    assert reason(GOOD, SIMILAR).startswith("No evidence of a difference: ")
    assert reason(WORSE, GOOD).startswith("Significantly better: +2.00 points")
    assert reason(GOOD, WORSE).startswith("Significantly worse: −2.00 points")


def test_the_numbers_told_are_those_of_a_paired_test_over_shared_seeds() -> None:
    text = reason(GOOD, {**SIMILAR, 9: 0.1})
    pairs = DescrStatsW([SIMILAR[seed] - GOOD[seed] for seed in GOOD])
    low, high = pairs.tconfint_mean(0.05)
    assert f"{points(pairs.mean)} points" in text
    numbers = f"{points(low)} to {points(high)}, p = {pairs.ttest_mean()[1]:.3f}"
    assert f"{numbers} (paired t-test over 4 shared seeds)" in text


@pytest.mark.parametrize("seed", [3, 7])
def test_without_pairs_they_are_those_of_welch(seed: int) -> None:
    """One shared seed makes no pairs either."""
    after = {seed: 0.97, 8: 0.99, 9: 0.96}
    means = CompareMeans(DescrStatsW(list(after.values())), DescrStatsW(list(GOOD.values())))
    low, high = means.tconfint_diff(0.05, usevar="unequal")
    p_value = means.ttest_ind(usevar="unequal")[1]
    text = reason(GOOD, after)
    assert f"{points(low)} to {points(high)}, p = {p_value:.3f} (Welch" in text


@pytest.mark.parametrize(
    ("before", "after"), [({0: 0.9}, {0: 0.8}), ({0: 0.9}, {1: 0.8, 2: 0.7}), (GOOD, {0: 0.999})]
)
def test_with_one_seed_nothing_is_known_and_nothing_promoted(
    before: dict[int, float], after: dict[int, float]
) -> None:
    decision = decide(version(before), version(after))
    assert not decision.promote
    assert "single seed" in decision.reason


def test_other_test_images_are_no_comparison() -> None:
    decision = decide(version(WORSE), replace(version(GOOD), test_images=5_000))
    assert not decision.promote
    assert "10,000 and 5,000" in decision.reason


def test_the_same_accuracies_are_no_reason_to_refuse() -> None:
    decision = decide(version(GOOD), version(dict(GOOD)))
    assert decision.promote
    assert "the same" in decision.reason
