"""How often one more training falls in its interval, in worlds whose truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from digitbench.statistics.summary import summarise
from digitbench.studies.ours import TRAINING_IMAGES, over_seeds

# Most images are easy; the share of each kind, and the probability of an error on one of it.
SHARES = np.array([0.93, 0.03, 0.012, 0.008, 0.006, 0.005, 0.004, 0.003, 0.002])
ERRORS = np.array([0.0001, 0.001, 0.005, 0.02, 0.06, 0.15, 0.35, 0.6, 0.9])
HELD_OUT = 12_000
WORLDS = 2000


def worlds(seeds: int, spread: float, drawn: bool) -> tuple[NDArray[np.float64], ...]:
    """Accuracy of our seeds on our images [W, S], and of one run of a paper [W].

    Seeds shift the log odds of every error by a normal amount; each answer then is drawn.

    Args:
        seeds: Ours.
        spread: Standard deviation of that amount.
        drawn: Whether both draw their own images from the training images, as against one test set.
    """
    generator = np.random.default_rng([seeds, int(100 * spread), drawn])
    kinds = np.round(SHARES * TRAINING_IMAGES).astype(int)
    one_set = np.broadcast_to(kinds * HELD_OUT // TRAINING_IMAGES, (WORLDS, len(kinds)))

    def accuracy(runs: int, images: NDArray[np.int_]) -> NDArray[np.float64]:
        odds = np.log(ERRORS / (1 - ERRORS)) + spread * generator.normal(size=(WORLDS, runs, 1))
        wrong = generator.binomial(images[:, np.newaxis], 1 / (1 + np.exp(-odds)))
        return 1 - wrong.sum(axis=2) / images.sum(axis=1, keepdims=True)

    def images() -> NDArray[np.int_]:
        draw = generator.multivariate_hypergeometric(kinds, HELD_OUT, size=WORLDS)
        return draw if drawn else one_set

    return accuracy(seeds, images()), accuracy(1, images())[:, 0]


def coverage(seeds: int, spread: float, drawn: bool) -> float:
    """In percent."""
    held = 0
    for ours, theirs in zip(*worlds(seeds, spread, drawn), strict=True):
        summary = summarise(dict(enumerate(ours)))
        binomial = summary.mean * (1 - summary.mean) / HELD_OUT * (1 - HELD_OUT / TRAINING_IMAGES)
        found = over_seeds(summary, drawn=float(np.sqrt(binomial)) if drawn else 0.0)
        assert found.run_low is not None
        assert found.run_high is not None
        held += found.run_low <= 100 * theirs <= found.run_high
    return 100 * held / WORLDS


@pytest.mark.parametrize("spread", [0.03, 0.1, 0.3])
@pytest.mark.parametrize("seeds", [3, 4, 5, 10])
def test_one_more_training_falls_in_its_interval(seeds: int, spread: float) -> None:
    assert 93.5 <= coverage(seeds, spread, drawn=False) <= 97


@pytest.mark.parametrize("spread", [0.03, 0.1, 0.3])
@pytest.mark.parametrize("seeds", [3, 4, 5, 10])
def test_so_does_one_on_other_images_or_more_often(seeds: int, spread: float) -> None:
    assert 93.5 <= coverage(seeds, spread, drawn=True) <= 99
