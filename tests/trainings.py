"""Made-up trainings whose truth is known, as a review sees them: metrics per seed.

Every architecture has its hard images, each misread with a probability of its own that the luck of
a seed multiplies; images stay the same in all trainings, as MNIST's do. The other metrics follow
from the same errors and from how sure a network is. Nothing in it is normally distributed, and
nothing is taken from what is under test. `python tests/trainings.py` prints the tables in the
docstring of `statistics/seeds.py`.
"""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from digitbench.statistics.seeds import HEADLINE_SHARE, Change, Verdict, compare, judge

IMAGES = 10_000
MARGIN = 0.002
# Error rate, and how much it varies from seed to seed beyond the chance of single images, relative
# to it: about the spreads of our networks.
NETWORKS = {"cnn": (0.0101, 0.04), "mlp": (0.0232, 0.06), "lstm": (0.0167, 0.1), "rnn": (0.04, 0.1)}
LOSSES = ("nll", "brier", "ece")
DIGITS = (980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)  # images of each
# Images of a change, each misread by chance of one half after it.
COIN = 0.5


SEEDS = (2, 3, 4, 10)


@dataclass(frozen=True)
class Project:
    """One change, and how it was measured."""

    seeds: int = 4
    same: bool = True  # the same seeds on both sides, which then have half of their luck in common
    errors: float = 0.0  # how many more images are misread after it, on average
    changed: tuple[str, ...] = tuple(NETWORKS)  # by these
    compared: tuple[str, ...] = ("accuracy", "macro_f1", *LOSSES)

    def review(self, rng: np.random.Generator) -> dict[tuple[str, str], Change]:
        """Every headline comparison by architecture and metric, judged."""
        first = 0 if self.same else self.seeds
        changes = {
            (name, metric): compare(
                dict(enumerate(before.tolist())), dict(enumerate(after.tolist(), first)), IMAGES
            )
            for name in NETWORKS
            for metric, (before, after) in self.metrics(name, rng).items()
            if metric in self.compared
        }
        better = {key: key[1] not in LOSSES for key in changes}
        accuracy = {key: each for key, each in changes.items() if key[1] == "accuracy"}
        others = {key: each for key, each in changes.items() if key not in accuracy}
        return {
            **judge(accuracy, better, HEADLINE_SHARE, MARGIN),
            **judge(others, better, HEADLINE_SHARE),
        }

    def metrics(self, name: str, rng: np.random.Generator) -> dict[str, Any]:
        """Of one architecture, by metric [2, S]: before and after."""
        error, spread = NETWORKS[name]
        # Products of skewed variables with mean 1: of the seed, and of the seed on its side.
        shape = 2 / spread**2
        luck = rng.gamma(shape, 1 / shape, (2, self.seeds))
        luck *= rng.gamma(shape, 1 / shape, (1 if self.same else 2, self.seeds))
        # Some are misread by most trainings, many by few.
        hard = rng.beta(0.5, 1.5, round(4 * error * IMAGES))
        odds = np.clip(luck[..., np.newaxis] * hard, 0, 1)
        if name in self.changed:
            coins = np.zeros((2, self.seeds, round(self.errors / COIN)))
            coins[1] = COIN
            odds = np.concatenate([odds, coins], axis=2)
        wrong = rng.random(odds.shape) < odds  # [2, S, H]
        digit = rng.choice(10, size=wrong.shape[2], p=np.array(DIGITS) / IMAGES)
        recalls = [1 - wrong[..., digit == each].sum(axis=2) / of for each, of in enumerate(DIGITS)]
        # How sure it was of a wrong answer.
        rest = (1 - rng.random(wrong.shape)) ** 2  # what it leaves for the right one
        doubt = rng.gamma(20, 1e-3, luck.shape)  # of right answers
        mistakes = wrong.sum(axis=2) / IMAGES
        return {
            "accuracy": 1 - mistakes,
            "macro_f1": np.mean(recalls, axis=0),
            "nll": -(wrong * np.log(rest)).sum(axis=2) / IMAGES + doubt,
            "brier": 2 * (wrong * (1 - rest) ** 2).sum(axis=2) / IMAGES + doubt**2,
            "ece": np.abs(mistakes - doubt),
        }


def verdicts(project: Project, runs: int, seed: int = 0) -> Counter[str]:
    """In how many reviews any comparison got a verdict; `same` counts accuracy alone."""
    rng = np.random.default_rng([seed, project.seeds, project.same, round(project.errors)])
    counts: Counter[str] = Counter()
    for _ in range(runs):
        said = {each.verdict for each in project.review(rng).values()}
        counts.update(said)
        counts["any"] += bool(said & {Verdict.BETTER, Verdict.WORSE})
    return counts


def found(seeds: int, runs: int) -> float:
    """Share of reviews that call a CNN worse which errs 30 % more."""
    error, _ = NETWORKS["cnn"]
    project = Project(seeds, errors=0.3 * error * IMAGES, changed=("cnn",), compared=("accuracy",))
    rng = np.random.default_rng(seeds)
    said = [project.review(rng)["cnn", "accuracy"].verdict for _ in range(runs)]
    return said.count(Verdict.WORSE) / runs


def rates(project: Project, runs: int) -> tuple[float, float, float]:
    """Any verdict and `worse` without a change; `same` of any, all being worse by the margin."""
    idle = verdicts(project, runs)
    moved = verdicts(replace(project, errors=MARGIN * IMAGES, compared=("accuracy",)), runs)
    return idle["any"] / runs, idle["worse"] / runs, moved["same"] / runs


def row(seeds: int, runs: int) -> str:
    """The rates in percent, of the same seeds on both sides and of others; and what is found."""
    cells = [*rates(Project(seeds), runs), *rates(Project(seeds, same=False), runs)]
    shown = "".join(f"{100 * cell:6.1f}" for cell in cells)
    return f"    {seeds:>5}{shown}{100 * found(seeds, runs):7.0f}"


if __name__ == "__main__":
    for number in SEEDS:
        print(row(number, 2_000), flush=True)
