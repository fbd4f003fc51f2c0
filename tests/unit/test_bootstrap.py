import numpy as np
from scipy import stats

from digitbench.statistics.comparison import CHUNK, crossed_bootstrap


def small_table() -> np.ndarray:
    """Correctness [2, 3, 40] with equal columns, so that images do group."""
    rng = np.random.default_rng(1)
    difficulty = rng.normal(size=40)
    skill = np.array([[0.5, 1.5, 1.0], [0.2, 1.2, 2.0]])[:, :, np.newaxis]
    return skill + difficulty + 0.3 * rng.normal(size=(2, 3, 40)) > 0


def naive_bootstrap(correct: np.ndarray, resamples: int) -> np.ndarray:
    rng = np.random.default_rng(99)
    _, seeds, images = correct.shape
    accuracies = []
    for _ in range(resamples):
        drawn_seeds = rng.integers(0, seeds, seeds)
        drawn_images = rng.integers(0, images, images)
        accuracies.append(correct[:, drawn_seeds][:, :, drawn_images].mean(axis=(1, 2)))
    return np.array(accuracies)


def test_grouping_images_leaves_the_distribution_unchanged() -> None:
    correct, resamples = small_table(), 6000
    fast = crossed_bootstrap(correct, resamples=resamples, seed=0)
    naive = naive_bootstrap(correct, resamples)
    # Four standard errors of the difference between two Monte Carlo estimates.
    spread = naive.std(axis=0)
    assert np.all(np.abs(fast.mean(axis=0) - naive.mean(axis=0)) < 4 * spread * (2 / 6000) ** 0.5)
    assert np.all(np.abs(fast.std(axis=0) / spread - 1) < 4 / 6000**0.5)
    fast_difference, naive_difference = fast[:, 1] - fast[:, 0], naive[:, 1] - naive[:, 0]
    assert stats.ks_2samp(fast_difference, naive_difference).pvalue > 1e-3
    assert abs(stats.pearsonr(*fast.T).statistic - stats.pearsonr(*naive.T).statistic) < 0.05


def test_variance_is_that_of_the_crossed_design() -> None:
    correct = small_table()[:1]
    table = correct[0].astype(float)  # [3, 40]
    seeds, images = table.shape
    by_seed, by_image = table.mean(axis=1).var(), table.mean(axis=0).var()
    interaction = table.var() - by_seed - by_image
    # Product of independent multinomial weights, worked out for a complete table.
    exact = by_seed / seeds + by_image / images + interaction / (seeds * images)
    estimate = crossed_bootstrap(correct, resamples=20_000, seed=2)[:, 0].var()
    assert abs(estimate / exact - 1) < 5 * (2 / 20_000) ** 0.5


def test_one_seed_resamples_images_only() -> None:
    correct = small_table()[:1, :1]
    resampled = crossed_bootstrap(correct, resamples=20_000, seed=3)[:, 0]
    accuracy = correct.mean()
    assert abs(resampled.var() / (accuracy * (1 - accuracy) / 40) - 1) < 0.06


def test_equal_architectures_stay_exactly_equal() -> None:
    table = small_table()[:1]
    resampled = crossed_bootstrap(np.concatenate([table, table]), resamples=500, seed=4)
    np.testing.assert_array_equal(resampled[:, 0], resampled[:, 1])


def test_same_seed_gives_identical_resamples_across_chunks() -> None:
    correct = small_table()
    first, second = (crossed_bootstrap(correct, resamples=2 * CHUNK + 7, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    other = crossed_bootstrap(correct, resamples=2 * CHUNK + 7, seed=6)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[:CHUNK], first[CHUNK : 2 * CHUNK])
