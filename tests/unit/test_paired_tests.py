import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm
from statsmodels.stats.contingency_tables import mcnemar

from digitbench.errors import DigitbenchError
from digitbench.statistics.comparison import mcnemar_exact
from digitbench.statistics.estimates import Difference, crossed


def crossed_t_test(first: np.ndarray, second: np.ndarray) -> Difference:
    return crossed(second.astype(float) - first)


def from_table(n11: int, n10: int, n01: int, n00: int) -> tuple[np.ndarray, np.ndarray]:
    counts = [n11, n10, n01, n00]
    return (
        np.repeat([True, True, False, False], counts),
        np.repeat([True, False, True, False], counts),
    )


@pytest.mark.parametrize("cells", [(80, 3, 12, 5), (0, 7, 7, 0), (9000, 150, 90, 60), (5, 1, 0, 2)])
def test_mcnemar_matches_statsmodels(cells: tuple[int, int, int, int]) -> None:
    n11, n10, n01, n00 = cells
    first, second = from_table(*cells)
    result = mcnemar_exact(first, second, seed=4)
    expected = mcnemar([[n11, n10], [n01, n00]], exact=True).pvalue
    assert (result.seed, result.n10, result.n01) == (4, n10, n01)
    assert result.p_value == pytest.approx(expected, rel=1e-9)


def test_mcnemar_by_hand() -> None:
    # 1 against 5 discordant images: 2 * (1 + 6) / 2^6; and no disagreement at all.
    assert mcnemar_exact(*from_table(3, 1, 5, 2), seed=0).p_value == pytest.approx(14 / 64)
    assert mcnemar_exact(*from_table(5, 0, 0, 2), seed=0).p_value == 1.0


def test_crossed_t_test_matches_analysis_of_variance() -> None:
    rng = np.random.default_rng(8)
    difficulty = rng.normal(size=25)
    first = 0.5 + difficulty + 0.5 * rng.normal(size=(4, 25)) > 0
    second = 0.8 - 0.3 * difficulty + 0.5 * rng.normal(size=(4, 25)) > 0
    difference = second.astype(int) - first.astype(int)
    frame = pd.DataFrame(
        {
            "d": difference.ravel(),
            "seed": np.repeat(np.arange(4), 25),
            "image": np.tile(np.arange(25), 4),
        }
    )
    table = anova_lm(ols("d ~ C(seed) + C(image)", data=frame).fit())
    mean_square = table["sum_sq"] / table["df"]
    combined = mean_square["C(seed)"] + mean_square["C(image)"] - mean_square["Residual"]
    assert mean_square["C(image)"] > mean_square["Residual"]  # all three parts are in play
    freedom = 3 * (combined / mean_square["C(seed)"]) ** 2
    statistic = difference.mean() / (combined / 100) ** 0.5

    result = crossed_t_test(first, second)

    assert result.value == pytest.approx(difference.mean())
    assert result.error == pytest.approx((combined / 100) ** 0.5)
    assert result.freedom == pytest.approx(freedom)
    assert result.p_value == pytest.approx(2 * stats.t.sf(abs(statistic), freedom))


def test_without_image_variation_it_is_the_t_test_over_seeds() -> None:
    # Every image has the same mean over seeds: only the seeds differ from each other.
    first = np.zeros((3, 6), dtype=bool)
    second = np.array([[1, 1, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], dtype=bool)
    per_seed = second.mean(axis=1)
    expected = stats.ttest_1samp(per_seed, 0.0)
    result = crossed_t_test(first, second)
    assert result.freedom == pytest.approx(2)
    assert result.p_value == pytest.approx(expected.pvalue)


def test_without_seed_variation_it_is_the_z_test_over_images() -> None:
    first, second = from_table(60, 10, 22, 8)
    difference = second.astype(float) - first
    z = difference.mean() / stats.sem(difference)
    result = crossed_t_test(np.tile(first, (3, 1)), np.tile(second, (3, 1)))
    assert result.freedom == np.inf
    assert result.p_value == pytest.approx(2 * stats.norm.sf(abs(z)))


def test_swapping_architectures_changes_only_the_sign() -> None:
    rng = np.random.default_rng(2)
    first, second = rng.random((2, 4, 60)) < np.array([0.9, 0.8])[:, None, None]
    forward, backward = crossed_t_test(first, second), crossed_t_test(second, first)
    assert forward.value == -backward.value
    assert forward.p_value == pytest.approx(backward.p_value)


@pytest.mark.parametrize("shape", [(1, 10), (3, 1)])
def test_crossed_t_test_needs_variation_on_both_sides(shape: tuple[int, int]) -> None:
    table = np.ones(shape, dtype=bool)
    with pytest.raises(DigitbenchError, match="at least two"):
        crossed_t_test(table, table)
