"""Verdicts: right direction, nominal error rates, and no certainty out of a few equal seeds."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from digitbench.statistics.seeds import (
    HEADLINE_SHARE,
    Change,
    Method,
    Verdict,
    compare,
    judge,
    not_compared,
)
from review_data import PerSeed, per_seed

IMAGES = 10_000
# So many that the least variance never counts: the tests alone.
ENDLESS = 10**12
BEFORE = per_seed(0.9900, 0.9885, 0.9893, 0.9902)


def moved(by: float, *noise: float) -> PerSeed:
    """BEFORE with every seed moved by an amount, and some noise on it."""
    noise = noise or (0.0001, -0.0002, 0.0002, -0.0001)
    return {seed: value + by + e for (seed, value), e in zip(BEFORE.items(), noise, strict=True)}


def verdict(change: Change, higher_is_better: bool = True) -> Verdict:
    return judge({0: change}, {0: higher_is_better})[0].verdict


# --- the tests themselves --------------------------------------------------------------------


def agrees(change: Change, expected: Any) -> bool:
    """Whether p-value and interval are those of SciPy."""
    ends = change.difference_low, change.difference_high
    return change.p_value == pytest.approx(expected.pvalue) and ends == pytest.approx(
        tuple(expected.confidence_interval(0.95))
    )


def test_shared_seeds_are_paired_whatever_their_order() -> None:
    after = moved(0.001)
    change = compare(BEFORE, dict(reversed(after.items())), ENDLESS)
    assert change.method is Method.PAIRED
    assert change.shared == (0, 1, 2, 3)
    assert agrees(change, stats.ttest_rel([*after.values()], [*BEFORE.values()]))
    assert change.difference == pytest.approx(np.mean([*after.values()]) - 0.9895)


def test_paired_t_by_hand() -> None:
    # Differences 1, 2 and 3 thousandths: mean 2, standard deviation 1, t = 2 * sqrt(3), 2 df. The
    # t distribution with 2 df has the closed form P(|T| > t) = 1 - t / sqrt(2 + t^2).
    before = per_seed(0.5, 0.6, 0.7)
    change = compare(before, per_seed(0.501, 0.602, 0.703), ENDLESS)
    t = 2 * np.sqrt(3)
    assert change.p_value == pytest.approx(1 - t / np.sqrt(2 + t**2))
    assert change.difference == pytest.approx(0.002)


def test_other_seeds_are_independent_samples() -> None:
    after = per_seed(0.9920, 0.9912, 0.9931, first=10)
    change = compare(BEFORE, after, ENDLESS)
    assert change.method is Method.INDEPENDENT
    assert agrees(change, stats.ttest_ind([*after.values()], [*BEFORE.values()], equal_var=False))
    seeds = change.shared, change.only_before, change.only_after
    assert seeds == ((), (0, 1, 2, 3), (10, 11, 12))


def test_partly_changed_seeds_are_paired_on_those_shared() -> None:
    after = {seed: value for seed, value in moved(0.001).items() if seed in (1, 2)} | {9: 0.5}
    change = compare(BEFORE, after, IMAGES)
    alone = compare({s: BEFORE[s] for s in (1, 2)}, {s: after[s] for s in (1, 2)}, IMAGES)
    left_out = {"only_before": (0, 3), "only_after": (9,)}
    assert vars(change) == {**vars(alone), **left_out}
    assert (change.method, change.shared) == (Method.PAIRED, (1, 2))
    assert change.after == pytest.approx((after[1] + after[2]) / 2), "the means are of these"


def test_one_shared_seed_among_several_is_not_paired() -> None:
    change = compare(BEFORE, {3: 0.99, 4: 0.9905, 5: 0.991}, IMAGES)
    assert change.method is Method.INDEPENDENT
    assert change.after == pytest.approx(0.9905)


@pytest.mark.parametrize(
    ("before", "after", "side"),
    [
        (per_seed(0.98), per_seed(0.99), "before and after"),
        (per_seed(0.98), per_seed(0.99, 0.99, first=1), "before"),
        (per_seed(0.98, 0.97), per_seed(0.99, first=5), "after"),
    ],
)
def test_one_seed_is_unknown_and_says_so(before: PerSeed, after: PerSeed, side: str) -> None:
    change = compare(before, after, IMAGES)
    assert change.p_value is change.difference_low is None
    assert verdict(change) is Verdict.UNKNOWN
    assert change.reason.startswith(f"one seed {side},")
    assert change.difference == pytest.approx(
        np.mean([*after.values()]) - np.mean([*before.values()])
    )


def test_one_seed_is_set_beside_its_counterpart() -> None:
    change = compare(BEFORE, {2: 0.9950}, IMAGES)
    assert (change.before, change.after) == (BEFORE[2], 0.9950)
    assert change.reason.startswith("one seed after,")
    assert compare(BEFORE, {2: BEFORE[2]}, IMAGES).unchanged


# --- nothing but constants -------------------------------------------------------------------


def test_identical_results_are_the_same_and_not_a_test() -> None:
    for before in (BEFORE, per_seed(0.98)):
        change = compare(before, dict(before), IMAGES)
        assert change.unchanged
        assert change.p_value is None
        assert change.difference == 0
        assert verdict(change) is Verdict.SAME
    assert compare(BEFORE, {**BEFORE, 4: 0.97}, IMAGES).unchanged, "on the seeds that are shared"


@pytest.mark.parametrize(("images_more", "p_value"), [(1, 0.1393), (2, 0.0663), (10, 0.0080)])
def test_equal_differences_are_no_more_certain_than_images_allow(
    images_more: int, p_value: float
) -> None:
    change = compare(BEFORE, moved(images_more / IMAGES, 0, 0, 0, 0), IMAGES)
    # Standard deviation sqrt(k) images, so t = k / (sqrt(k) / sqrt(4)) = 2 * sqrt(k).
    assert change.p_value == pytest.approx(2 * stats.t.sf(2 * np.sqrt(images_more), 3))
    assert change.p_value == pytest.approx(p_value, abs=0.0001)
    assert change.difference_low is not None
    assert change.difference_high is not None
    assert (change.difference_low <= 0 <= change.difference_high) == (p_value > 0.05)


def test_rounding_of_the_arithmetic_is_no_evidence() -> None:
    before = per_seed(0.03, 0.031, 0.029, 0.033)
    after = {seed: value * (1 + 3e-16) + 1e-15 for seed, value in before.items()}
    assert after != before
    assert verdict(compare(before, after, IMAGES), higher_is_better=False) is Verdict.NO_EVIDENCE


def test_least_variance_holds_for_independent_samples_too() -> None:
    change = compare(per_seed(0.98, 0.98), per_seed(0.9801, 0.9801, first=7), IMAGES)
    # One image more: variance 1 between pairs of networks, a half for each; two seeds a side.
    assert change.p_value == pytest.approx(2 * stats.t.sf(np.sqrt(2), 1))
    level = compare(per_seed(0.98, 0.98), per_seed(0.98, 0.98, first=7), IMAGES)
    assert verdict(level) is Verdict.NO_EVIDENCE


def test_more_noise_than_the_least_is_left_alone() -> None:
    few, many = (compare(BEFORE, moved(0.0001), images) for images in (10_000, 10**9))
    assert few.p_value == many.p_value


# --- direction and family --------------------------------------------------------------------


@pytest.mark.parametrize("noise", [(), (0, 0, 0, 0)])
def test_direction_decides_between_better_and_worse(noise: tuple[float, ...]) -> None:
    up, down = (compare(BEFORE, moved(by, *noise), IMAGES) for by in (0.005, -0.005))
    assert verdict(up) is verdict(down, higher_is_better=False) is Verdict.BETTER
    assert verdict(down) is verdict(up, higher_is_better=False) is Verdict.WORSE


def test_family_is_adjusted_by_holm_over_what_was_tested() -> None:
    rng = np.random.default_rng(5)
    tested = {
        f"t{i}": compare(BEFORE, moved(0.001, *rng.normal(0, 0.001, 4)), IMAGES) for i in range(6)
    }
    idle = {
        "same": compare(BEFORE, BEFORE, IMAGES),
        "single": compare(per_seed(0.9), per_seed(0.8), IMAGES),
        "absent": not_compared(None, BEFORE, "not measured before"),
    }
    judged = judge({**idle, **tested}, dict.fromkeys([*idle, *tested], True))
    p_values = [change.p_value for change in tested.values()]
    expected = multipletests(p_values, method="holm")[1]
    assert [judged[key].p_value_holm for key in tested] == pytest.approx(list(expected))
    assert all(judged[key].p_value_holm is None for key in idle)
    assert [judged[key].verdict for key in idle] == ["same", "unknown", "unknown"]


def test_share_of_the_level_raises_p() -> None:
    change = compare(BEFORE, moved(0.0003), IMAGES)
    whole, half = (judge({0: change}, {0: True}, share)[0].p_value_holm for share in (1, 0.5))
    assert whole is not None
    assert half == pytest.approx(2 * whole)
    assert whole < 0.05 < 2 * whole, "here the share decides"
    assert judge({0: change}, {0: True})[0].verdict is Verdict.BETTER
    assert judge({0: change}, {0: True}, HEADLINE_SHARE)[0].verdict is Verdict.NO_EVIDENCE


# --- the same, and what could be found -------------------------------------------------------


def test_same_is_what_two_one_sided_tests_put_inside_the_margin() -> None:
    change = compare(BEFORE, moved(0.0003, 0, 0.0001, 0.0002, 0.0001), ENDLESS)
    assert change.difference is not None
    assert verdict(change) is Verdict.BETTER
    # Differences 3, 4, 5 and 4 ten-thousandths: mean 4, deviation sqrt(2/3).
    error = np.sqrt(2 / 3) / 2
    for margin, outside in ((0.0005, 1 / error), (0.0010, 6 / error)):
        judged = judge({0: change}, {0: True}, margin=margin)[0]
        assert judged.p_same == pytest.approx(stats.t.sf(outside, 3))
        assert judged.verdict is Verdict.BETTER, "evident, however small"
    idle = compare(BEFORE, moved(0.0), ENDLESS)
    found = [judge({0: idle}, {0: True}, margin=m)[0].verdict for m in (None, 0.0001, 0.001)]
    assert found == ["no evidence", "no evidence", "same"]


def test_same_is_adjusted_over_the_family() -> None:
    rng = np.random.default_rng(6)
    family = {i: compare(BEFORE, moved(0, *rng.normal(0, 2e-4, 4)), IMAGES) for i in range(4)}
    judged = judge(family, dict.fromkeys(family, True), HEADLINE_SHARE, 0.001)
    alone = [change.estimate.p_within(0.001) for change in family.values() if change.estimate]
    assert [judged[i].p_same for i in family] == pytest.approx(
        list(multipletests(alone, method="holm")[1])
    )


def test_what_could_be_found_is_of_the_strictest_step() -> None:
    family = {i: compare(BEFORE, moved(1e-5), ENDLESS) for i in range(4)}
    change = judge(family, dict.fromkeys(family, True), HEADLINE_SHARE, 0.0005)[0]
    spread = np.std([0.0001, -0.0002, 0.0002, -0.0001], ddof=1)
    solve = TTestPower().solve_power
    level = 0.05 / 2 / 4
    assert change.smallest == pytest.approx(
        spread * solve(nobs=4, power=0.8, alpha=level), rel=1e-3
    )
    needed = solve(0.0005 / spread, power=0.8, alpha=level)
    assert change.seeds_needed == int(np.ceil(needed))
    assert judge({0: compare(BEFORE, BEFORE, IMAGES)}, {0: True}, margin=0.01)[0].smallest is None


# --- error rates -----------------------------------------------------------------------------

Draw = Callable[[np.random.Generator], tuple[PerSeed, PerSeed]]


def _counts(values: np.ndarray, first: int) -> PerSeed:
    return per_seed(*np.round(values, 4), first=first)


def _independent(rng: np.random.Generator) -> tuple[PerSeed, PerSeed]:
    return _counts(rng.normal(0.98, 0.001, 4), 0), _counts(rng.normal(0.98, 0.001, 4), 4)


def _correlated(rng: np.random.Generator) -> tuple[PerSeed, PerSeed]:
    common = rng.normal(0.98, 0.001, 4)
    return tuple(_counts(common + rng.normal(0, 0.0005, 4), 0) for _ in range(2))  # type: ignore[return-value]


def _unequal(rng: np.random.Generator) -> tuple[PerSeed, PerSeed]:
    return _counts(rng.normal(0.98, 0.001, 4), 0), _counts(rng.normal(0.98, 0.003, 8), 4)


@pytest.mark.parametrize("draw", [_independent, _correlated, _unequal])
def test_noise_is_evidence_in_about_one_case_of_twenty(draw: Draw) -> None:
    rng = np.random.default_rng(11)
    runs = 2_000
    found = [verdict(compare(*draw(rng), IMAGES)) for _ in range(runs)]
    worse, better = (found.count(name) / runs for name in (Verdict.WORSE, Verdict.BETTER))
    # Three standard errors of a rate of 0.05 in 2,000 runs are 0.015. Welch's test is known to
    # be a little off with this few seeds, and counts of images are not normal.
    assert 0.03 < worse + better < 0.07
    assert worse == pytest.approx(better, abs=0.02)


def test_real_changes_are_found() -> None:
    rng = np.random.default_rng(12)
    found = []
    for _ in range(200):
        before, after = _correlated(rng)
        found.append(verdict(compare(before, {s: v + 0.004 for s, v in after.items()}, IMAGES)))
    assert found.count(Verdict.BETTER) > 190
    assert Verdict.WORSE not in found
