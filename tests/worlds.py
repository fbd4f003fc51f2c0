"""Made-up worlds whose truth is known: networks that err on hard images, by luck of their seeds.

A share of all images is hard. Whether a network misreads one depends on the image, alike for two
architectures in part, on the luck of its seed and on chance (a probit model); the tests under test
assume nothing of the kind. `python tests/worlds.py` prints the tables of the docstrings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

HARD = 0.15  # share of images
ALIKE = 0.6  # share of an image's difficulty that both architectures see
SEEDS = (2, 3, 4, 5, 10)


@dataclass(frozen=True)
class World:
    """Two architectures."""

    luck: float  # standard deviation over seeds, on the probit scale
    skills: tuple[float, float] = (2.0, 2.6)  # errors of 1.2 and 0.5 %
    images: int = 5_000

    @property
    def errors(self) -> np.ndarray:
        """The true error rates, over all images and seeds [2]."""
        return HARD * stats.norm.cdf(-np.array(self.skills) / np.sqrt(2 + self.luck**2))

    @property
    def spread(self) -> float:
        """Standard deviation over seeds of the first one's accuracy, on endless images."""
        draws = np.random.default_rng(0).normal(size=100_000)
        rates = HARD * stats.norm.cdf((self.luck * draws - self.skills[0]) / np.sqrt(2))
        return float(rates.std())

    def tables(self, seeds: int, runs: int, seed: int = 0) -> Iterator[np.ndarray]:
        """Whether each image is misread, float [2, S, N], with fresh seeds and fresh images."""
        rng = np.random.default_rng([seed, seeds, round(1_000 * self.luck)])
        for _ in range(runs):
            hard = rng.binomial(self.images, HARD)
            difficulty = np.sqrt(ALIKE) * rng.normal(size=hard) + np.sqrt(1 - ALIKE) * rng.normal(
                size=(2, hard)
            )
            luck = self.luck * rng.normal(size=(2, seeds, 1))
            skill = np.array(self.skills)[:, np.newaxis, np.newaxis]
            chance = rng.normal(size=(2, seeds, hard))
            wrong = difficulty[:, np.newaxis] + luck + chance > skill
            yield np.concatenate([wrong, np.zeros((2, seeds, self.images - hard))], axis=2)


# Without luck, then with the spreads over seeds of our CNN, MLP, LSTM and (erring more) RNN.
WORLDS = (World(0.0), World(0.04), World(0.1), World(0.17), World(0.33, (0.9, 1.3)))


def coverage(world: World, seeds: int, runs: int) -> tuple[float, float]:
    """Shares of runs whose intervals hold the true difference, and the true ratio, of errors.

    A ratio without limits holds every one.
    """
    from digitbench.statistics.estimates import crossed, crossed_ratio

    first, second = world.errors
    held = np.zeros(2)
    for one, other in world.tables(seeds, runs):
        low, high = crossed(other - one).interval()
        held[0] += low <= second - first <= high
        ends = crossed_ratio(other, one)
        held[1] += ends is None or ends[0] <= second / first <= ends[1]
    return float(held[0] / runs), float(held[1] / runs)


def coverage_table(runs: int) -> str:
    """The table of `crossed`: seeds by spread, difference and ratio of unequal architectures."""
    lines = ["    seeds  " + "".join(f"{100 * world.spread:>14.2f}" for world in WORLDS)]
    for seeds in SEEDS:
        cells = [coverage(world, seeds, runs) for world in WORLDS]
        lines.append(
            f"    {seeds:>5}  " + "".join(f"{100 * d:>8.1f} {100 * r:5.1f}" for d, r in cells)
        )
    return "\n".join(lines)


if __name__ == "__main__":
    print(coverage_table(4_000))
