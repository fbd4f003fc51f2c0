"""Effects and decompositions, held against regressions, known tests and simulated experiments."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from numpy.typing import NDArray
from scipy import optimize, stats
from statsmodels.stats.multitest import multipletests

from digitbench.errors import DigitbenchError
from digitbench.statistics.factorial import (
    Design,
    Estimate,
    Factor,
    Level,
    decompose,
    factorial_effects,
)

MODEL = Factor("model", "mlp", "cnn")
AUGMENTATION = Factor("augmentation", False, True)
MAPPING = Factor("mapping", "stretch", "box")
DESIGN = Design((MODEL, AUGMENTATION), (MAPPING,))
GROUPS = [("mlp", False), ("mlp", True), ("cnn", False), ("cnn", True)]
Groups = dict[tuple[Level, ...], NDArray[np.float64]]
# Means of stretch and box, in the order of the groups, and deviations between networks.
MEANS = np.array([[0.39, 0.90], [0.50, 0.97], [0.80, 0.91], [0.94, 0.98]])
SPREAD = np.array([[0.03, 0.005], [0.03, 0.001], [0.02, 0.004], [0.01, 0.001]])
LOWEST: dict[str, Level] = {"model": "mlp", "augmentation": False, "mapping": "stretch"}
HIGHEST: dict[str, Level] = {"model": "cnn", "augmentation": True, "mapping": "box"}


def draw(rng: np.random.Generator, counts: tuple[int, ...]) -> Groups:
    """Networks whose two results rise and fall together."""
    return {
        group: MEANS[row]
        + SPREAD[row] * (rng.normal(size=(count, 1)) + 0.5 * rng.normal(size=(count, 2)))
        for row, (group, count) in enumerate(zip(GROUPS, counts, strict=True))
    }


def ends(estimate: Estimate) -> tuple[float, float]:
    assert estimate.ci95_low is not None
    assert estimate.ci95_high is not None
    return estimate.ci95_low, estimate.ci95_high


def agrees(estimate: Estimate, expected: Any) -> bool:
    """Whether p-value and interval are those of SciPy."""
    interval = pytest.approx(tuple(expected.confidence_interval(0.95)))
    return ends(estimate) == interval and estimate.p_value == pytest.approx(expected.pvalue)


@pytest.mark.parametrize("counts", [(5, 5, 5, 5), (2, 7, 3, 4)])
def test_effects_and_their_errors_are_those_of_a_regression_on_networks(
    counts: tuple[int, ...],
) -> None:
    """From -1 to +1 is twice a coefficient; cells count alike, whatever their networks.

    With a mean per group, the HC2 covariance is Welch's variance, group for group.
    """
    samples = draw(np.random.default_rng(2), counts)
    effects = factorial_effects(DESIGN, samples)
    assert [effect.factors for effect in effects] == [
        chosen for size in (1, 2, 3) for chosen in itertools.combinations(LOWEST, size)
    ]
    for effect in effects:
        between = [name for name in effect.factors if name != "mapping"]
        signs = np.array([-1.0, 1.0]) if "mapping" in effect.factors else np.array([1.0, 1.0])
        table = pd.DataFrame(
            [
                (1 if model == "cnn" else -1, 1 if augmented else -1, network @ signs)
                for (model, augmented), networks in samples.items()
                for network in networks
            ],
            columns=["model", "augmentation", "accuracy"],
        )
        fit = smf.ols("accuracy ~ model * augmentation", table).fit(cov_type="HC2")
        name = ":".join(between) or "Intercept"
        estimate = effect.estimate
        assert estimate.value == pytest.approx(fit.params[name])
        low, high = ends(estimate)
        assert low + high == pytest.approx(2 * estimate.value)
        # Satterthwaite's freedom lies between that of the smallest group and that of all, and
        # belongs to the interval as well as to the p-value.
        freedom = degrees_of_freedom((high - low) / 2 / fit.bse[name])
        assert min(counts) - 1 <= freedom + 1e-6
        assert freedom - 1e-6 <= sum(counts) - 4
        p_value = 2 * stats.t.sf(abs(estimate.value) / fit.bse[name], freedom)
        assert estimate.p_value == pytest.approx(p_value, rel=1e-4)


def degrees_of_freedom(quantile: float) -> float:
    """Of the t distribution with this 97.5 % quantile."""
    return float(optimize.brentq(lambda freedom: stats.t.ppf(0.975, freedom) - quantile, 1, 1e4))


def test_two_groups_are_compared_by_welchs_test() -> None:
    rng = np.random.default_rng(3)
    mlp, cnn = rng.normal(0.97, 0.003, 4), rng.normal(0.98, 0.001, 9)
    (effect,) = factorial_effects(Design((MODEL,)), {("mlp",): mlp, ("cnn",): cnn})
    assert effect.estimate.value == pytest.approx(cnn.mean() - mlp.mean())
    assert agrees(effect.estimate, stats.ttest_ind(cnn, mlp, equal_var=False))


def test_one_group_seen_at_two_levels_is_compared_in_pairs() -> None:
    rng = np.random.default_rng(4)
    results = rng.normal(0.8, 0.05, (6, 1)) + rng.normal([0.0, 0.01], 0.005, (6, 2))
    (effect,) = factorial_effects(Design((), (MAPPING,)), {(): results})
    assert agrees(effect.estimate, stats.ttest_rel(results[:, 1], results[:, 0]))


def test_p_values_are_adjusted_over_the_whole_table() -> None:
    effects = factorial_effects(DESIGN, draw(np.random.default_rng(5), (3, 3, 3, 3)))
    p_values = [effect.estimate.p_value for effect in effects]
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose([effect.p_value_holm for effect in effects], expected)


@pytest.mark.parametrize("counts", [(5, 5, 5, 5), (10, 10, 5, 5)])
def test_intervals_cover_the_truth_as_often_as_they_say(counts: tuple[int, ...]) -> None:
    rng, runs = np.random.default_rng(6), 300
    truth = [effect.estimate.value for effect in factorial_effects(DESIGN, exact())]
    part = decompose(DESIGN, exact(), LOWEST, HIGHEST).parts["model"].value
    covered = np.zeros(8)
    for _ in range(runs):
        samples = draw(rng, counts)
        estimates = [effect.estimate for effect in factorial_effects(DESIGN, samples)]
        estimates.append(decompose(DESIGN, samples, LOWEST, HIGHEST).parts["model"])
        for column, (estimate, true) in enumerate(zip(estimates, [*truth, part], strict=True)):
            low, high = ends(estimate)
            covered[column] += low <= true <= high
    # Three standard errors of a share of 0.95 in 300 runs are 0.038.
    assert (np.abs(covered / runs - 0.95) < 0.038).all()


def exact() -> Groups:
    """A single network at the mean of every group."""
    return {group: MEANS[[row]] for row, group in enumerate(GROUPS)}


# --- decomposition ---------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [(5, 5, 5, 5), (1, 2, 3, 4)])
def test_parts_add_up_to_the_gap_between_the_corners(counts: tuple[int, ...]) -> None:
    samples = draw(np.random.default_rng(7), counts)
    cells = itertools.product(*((factor.low, factor.high) for factor in DESIGN.factors))
    corners = [dict(zip(LOWEST, levels, strict=True)) for levels in cells]
    for start, end in itertools.permutations(corners, 2):
        split = decompose(DESIGN, samples, start, end)
        gap = accuracy(samples, end) - accuracy(samples, start)
        assert split.gap.value == pytest.approx(gap, abs=1e-12)
        assert sum(part.value for part in split.parts.values()) == pytest.approx(gap, abs=1e-12)
        assert list(split.parts) == [name for name in LOWEST if start[name] != end[name]]


def test_a_part_is_the_mean_contribution_over_all_orders() -> None:
    samples = draw(np.random.default_rng(8), (3, 4, 2, 5))
    gains: dict[str, list[float]] = {name: [] for name in LOWEST}
    for order in itertools.permutations(LOWEST):
        now = dict(LOWEST)
        for name in order:
            before = accuracy(samples, now)
            now[name] = HIGHEST[name]
            gains[name].append(accuracy(samples, now) - before)
    parts = decompose(DESIGN, samples, LOWEST, HIGHEST).parts
    for name, values in gains.items():
        assert parts[name].value == pytest.approx(np.mean(values))


def accuracy(samples: Groups, cell: Mapping[str, Level]) -> float:
    networks = samples[cell["model"], cell["augmentation"]]
    return float(networks[:, int(cell["mapping"] == "box")].mean())


def test_the_gap_is_tested_between_its_two_cells_alone() -> None:
    samples = draw(np.random.default_rng(10), (4, 1, 1, 6))
    gap = decompose(DESIGN, samples, LOWEST, HIGHEST).gap
    sides = samples["cnn", True][:, 1], samples["mlp", False][:, 0]
    assert agrees(gap, stats.ttest_ind(*sides, equal_var=False))


@pytest.mark.parametrize(
    ("end", "message"),
    [
        ({**HIGHEST, "mapping": "crop"}, r"no known level of mapping.*'stretch' or 'box'"),
        (LOWEST, "same cell"),
    ],
)
def test_ends_that_are_no_gap_of_the_design_are_refused(
    end: dict[str, Level], message: str
) -> None:
    with pytest.raises(DigitbenchError, match=message):
        decompose(DESIGN, exact(), LOWEST, end)


# --- what cannot be estimated ----------------------------------------------------------------


def test_one_network_in_a_group_leaves_the_estimates_and_claims_no_more() -> None:
    samples = draw(np.random.default_rng(11), (5, 5, 1, 5))
    full = {**samples, ("cnn", False): np.repeat(samples["cnn", False], 2, axis=0)}
    pairs = zip(factorial_effects(DESIGN, samples), factorial_effects(DESIGN, full), strict=True)
    for effect, same in pairs:
        assert effect.estimate == Estimate(pytest.approx(same.estimate.value))
        assert effect.p_value_holm is None
        assert same.estimate.p_value is not None


def test_networks_that_all_agree_claim_no_certainty() -> None:
    samples = {group: np.repeat(mean, 3, axis=0) for group, mean in exact().items()}
    for effect in factorial_effects(DESIGN, samples):
        assert effect.estimate.value != 0
        assert (effect.estimate.ci95_low, effect.estimate.p_value) == (None, None)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({("cnn", True): None}, "needs networks for"),
        ({("rnn", True): np.ones((2, 2))}, "needs networks for"),
        ({("cnn", True): np.ones((2, 3))}, r"shape \(2, 3\)"),
        ({("cnn", True): np.ones(2)}, r"shape \(2,\)"),
        ({("cnn", True): np.ones((0, 2))}, r"shape \(0, 2\)"),
        ({("cnn", True): np.full((2, 2), np.nan)}, "not all finite"),
    ],
)
def test_samples_that_are_not_of_the_design_are_refused(
    changed: dict[tuple[Level, ...], NDArray[np.float64] | None], message: str
) -> None:
    samples = {group: item for group, item in {**exact(), **changed}.items() if item is not None}
    with pytest.raises(DigitbenchError, match=message):
        factorial_effects(DESIGN, samples)
