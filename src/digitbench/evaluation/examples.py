"""Which digits to look at: mistakes, disagreements, hopeless cases, and a random sample."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from digitbench.evaluation.corruptions import CORRUPTIONS, corrupt
from digitbench.results.sheets import (
    AlwaysWrong,
    Corrupted,
    Disagreements,
    Mistakes,
    Sample,
    Sheet,
)

CLASSES = 10
SHOWN = 24  # disagreements
SAMPLE = 30
SAMPLE_SEED = 0
# Test images whose given label people dispute: fewer than 3 of 5 raters confirmed it. Northcutt,
# Athalye and Mueller, "Pervasive label errors in test sets destabilize machine learning
# benchmarks", 2021.
# fmt: off
DISPUTED = (
    947, 1621, 1901, 2130, 2462, 2597, 2654, 3520, 3558, 5937, 6651, 6783, 8527, 9679, 9729,
)
# fmt: on

Images = NDArray[np.uint8]
Labels = NDArray[np.integer[Any]]
Stacks = Mapping[str, NDArray[np.float32]]


def sheets(probabilities: Stacks, images: Images, labels: Labels) -> dict[str, Sheet]:
    """All sheets by name, from probabilities [S, N, 10] per architecture."""
    best = max(probabilities, key=lambda name: _accuracy(probabilities[name], labels))
    return {
        **{f"errors_{name}": _errors(p, images, labels) for name, p in probabilities.items()},
        "disagreements": _disagreements(probabilities, images, labels),
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


def _errors(stack: NDArray[np.float32], images: Images, labels: Labels) -> Mistakes:
    """Of every kind of mistake the surest one; the first replicate and image of equals."""
    answers, confidence = stack.argmax(axis=2), stack.max(axis=2)  # [S, N]
    kinds = CLASSES * labels.astype(np.int64) + answers
    found, counts = np.unique(kinds[answers != labels], return_counts=True)
    chosen = np.zeros(len(found), np.int64)
    for index, kind in enumerate(found):
        replicate, image = np.nonzero(kinds == kind)
        chosen[index] = image[np.argmax(confidence[replicate, image])]
    return Mistakes(images[chosen], *np.divmod(found, CLASSES), counts)


def _disagreements(probabilities: Stacks, images: Images, labels: Labels) -> Disagreements:
    """Where the majorities differ, those first in which the architectures are surest."""
    answers = np.stack([majority(stack) for stack in probabilities.values()])  # [A, N]
    differ = np.flatnonzero((answers != answers[0]).any(axis=0))
    surest = np.mean([stack.mean(axis=0).max(axis=1) for stack in probabilities.values()], axis=0)
    chosen = differ[np.argsort(-surest[differ], kind="stable")][:SHOWN]
    names = np.array(list(probabilities))
    return Disagreements(images[chosen], labels[chosen], names, answers[:, chosen])


def _always_wrong(probabilities: Stacks, images: Images, labels: Labels) -> AlwaysWrong:
    chosen = wrong_everywhere(probabilities, labels)
    answers = majority(np.concatenate([stack[:, chosen] for stack in probabilities.values()]))
    return AlwaysWrong(images[chosen], labels[chosen], answers, np.isin(chosen, DISPUTED))


def _random(single: NDArray[np.float32], images: Images, labels: Labels) -> Sample:
    chosen = np.random.default_rng(SAMPLE_SEED).permutation(len(labels))[:SAMPLE]
    picked = single[chosen]
    return Sample(images[chosen], labels[chosen], picked.argmax(axis=1), picked.max(axis=1))


def _corruptions(image: Images) -> Corrupted:
    shown = [(name, strength) for name, c in CORRUPTIONS.items() for strength in c.strengths]
    return Corrupted(
        np.concatenate([corrupt(image, *which, SAMPLE_SEED) for which in shown]),
        np.array([name for name, _ in shown]),
        np.array([strength for _, strength in shown], np.float64),
    )
