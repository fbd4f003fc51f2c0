"""Test images whose given label people dispute.

Which digits to look at: mistakes, disagreements, hopeless cases, and a random sample.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.evaluation.corruptions import CORRUPTIONS, corrupt
from digitbench.figures.errors import always_wrong, disagreements, error_grid, random_predictions
from digitbench.figures.robustness import corruption_examples

# Fewer than 3 of 5 raters confirmed the given label: Northcutt, Athalye and Mueller, "Pervasive
# label errors in test sets destabilize machine learning benchmarks", 2021.
DISPUTED = (
    947,
    1621,
    1901,
    2130,
    2462,
    2597,
    2654,
    3520,
    3558,
    5937,
    6651,
    6783,
    8527,
    9679,
    9729,
)


Images = NDArray[np.uint8]
Labels = NDArray[np.integer[Any]]
Stacks = Mapping[str, NDArray[np.float32]]
SHOWN = 24
SAMPLE = 30
SAMPLE_SEED = 0


def galleries(probabilities: Stacks, images: Images, labels: Labels) -> dict[str, Figure]:
    """All sheets by name, from probabilities [S, N, 10] per architecture."""
    majorities = {name: majority(stack) for name, stack in probabilities.items()}
    best = max(probabilities, key=lambda name: _accuracy(probabilities[name], labels))
    return {
        **{f"errors_{name}": _errors(p, images, labels) for name, p in probabilities.items()},
        "disagreements": _disagreements(probabilities, majorities, images, labels),
        "always_wrong": _always_wrong(probabilities, images, labels),
        "random": _random(probabilities[best][0], images, labels),
        "corruptions": _corruptions(images[:1]),
    }


def majority(probabilities: NDArray[np.float32]) -> NDArray[np.int64]:
    """The answer [N] that most replicates give; ties go to the larger summed probability."""
    votes = np.eye(10)[probabilities.argmax(axis=2)].sum(axis=0)  # [N, 10]
    # Summed probabilities are at most S, so scaled below one vote they only break ties.
    tie_break = probabilities.sum(axis=0) / (2 * len(probabilities) + 1)
    answers: NDArray[np.int64] = (votes + tie_break).argmax(axis=1)
    return answers


def wrong_everywhere(probabilities: Stacks, labels: Labels) -> NDArray[np.int64]:
    """Indices of the images that every replicate of every architecture misreads."""
    wrong = [(stack.argmax(axis=2) != labels).all(axis=0) for stack in probabilities.values()]
    return np.flatnonzero(np.logical_and.reduce(wrong))


def _accuracy(stack: NDArray[np.float32], labels: Labels) -> float:
    return float((stack.argmax(axis=2) == labels).mean())


def _errors(stack: NDArray[np.float32], images: Images, labels: Labels) -> Figure:
    answers, confidence = stack.argmax(axis=2), stack.max(axis=2)  # [S, N]
    replicate, image = np.nonzero(answers != labels)
    return error_grid(
        images[image], labels[image], answers[replicate, image], confidence[replicate, image]
    )


def _disagreements(
    probabilities: Stacks,
    majorities: Mapping[str, NDArray[np.int64]],
    images: Images,
    labels: Labels,
) -> Figure:
    """Where the majorities differ, those first in which the architectures are surest."""
    answers = np.stack(list(majorities.values()))  # [A, N]
    differ = np.flatnonzero((answers != answers[0]).any(axis=0))
    surest = np.mean([stack.mean(axis=0).max(axis=1) for stack in probabilities.values()], axis=0)
    chosen = differ[np.argsort(-surest[differ], kind="stable")][:SHOWN]
    given = {name: answer[chosen] for name, answer in majorities.items()}
    return disagreements(images[chosen], labels[chosen], given)


def _always_wrong(probabilities: Stacks, images: Images, labels: Labels) -> Figure:
    chosen = wrong_everywhere(probabilities, labels)
    answers = majority(np.concatenate([stack[:, chosen] for stack in probabilities.values()]))
    return always_wrong(images[chosen], labels[chosen], answers, np.isin(chosen, DISPUTED))


def _random(single: NDArray[np.float32], images: Images, labels: Labels) -> Figure:
    chosen = np.random.default_rng(SAMPLE_SEED).permutation(len(labels))[:SAMPLE]
    picked = single[chosen]
    return random_predictions(
        images[chosen], labels[chosen], picked.argmax(axis=1), picked.max(axis=1)
    )


def _corruptions(image: Images) -> Figure:
    strengths = {name: corruption.strengths for name, corruption in CORRUPTIONS.items()}
    shown = {
        name: np.concatenate([corrupt(image, name, strength, SAMPLE_SEED) for strength in levels])
        for name, levels in strengths.items()
    }
    units = {name: corruption.unit for name, corruption in CORRUPTIONS.items()}
    return corruption_examples(shown, strengths, units)
