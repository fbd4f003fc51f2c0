import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from digitbench.statistics.power import MOST_SEEDS, Noise, power, smallest_difference


@pytest.mark.parametrize("seeds", [2, 3, 4, 10, 100])
@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.6])
def test_power_matches_statsmodels(seeds: int, ratio: float) -> None:
    expected = TTestPower().power(ratio, seeds, 0.05)
    assert power(-ratio, seeds**-0.5, seeds - 1) == pytest.approx(expected, abs=2e-4)


def test_far_out_the_test_is_sure() -> None:
    """Where scipy's distribution, and statsmodels with it, gives NaN."""
    assert power(3.0, 100**-0.5, 99) == pytest.approx(1.0)


def test_power_of_many_degrees_of_freedom_is_the_normal_distributions() -> None:
    expected = stats.norm.sf(1.959964 - 2.5) + stats.norm.cdf(-1.959964 - 2.5)
    assert power(2.5, 1.0, float("inf")) == pytest.approx(expected, abs=1e-6)
    assert power(2.5, 1.0, 1e4) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("level", [0.05, 0.05 / 6])
def test_power_is_what_simulated_tests_find(level: float) -> None:
    rng = np.random.default_rng(7)
    samples = rng.normal(1.0, 1.0, size=(20_000, 4))
    found = (stats.ttest_1samp(samples, 0.0, axis=1).pvalue < level).mean()
    assert power(1.0, 0.5, 3, level) == pytest.approx(found, abs=0.011)


def test_smallest_difference_is_found_in_four_of_five() -> None:
    for error, freedom, level in ((0.5, 3, 0.05), (0.1, 1.2, 0.01), (2.0, float("inf"), 0.05)):
        smallest = smallest_difference(error, freedom, level)
        assert power(smallest, error, freedom, level) == pytest.approx(0.8, abs=1e-4)


def test_seeds_needed_match_statsmodels() -> None:
    wanted = TTestPower().solve_power(1.0, power=0.8, alpha=0.05)  # 9.94
    assert Noise(seeds=4.0).seeds_needed(2.0) == int(np.ceil(wanted)) == 10


def test_images_set_a_limit_that_no_seeds_overcome() -> None:
    noise = Noise(seeds=1.0, images=0.25)
    assert noise.error(4) == pytest.approx(0.5**0.5)
    # Satterthwaite: (1/4 + 1/4)^2 / ((1/4)^2 / 3).
    assert noise.degrees_of_freedom(4) == pytest.approx(12)
    assert noise.seeds_needed(2.0) is not None
    # (1.96 + 0.84) * 0.5 is the least that endless seeds find.
    assert noise.seeds_needed(1.39) is None
    assert Noise(seeds=0.0, images=0.25).power(1.41, MOST_SEEDS) == pytest.approx(0.8, abs=0.01)
