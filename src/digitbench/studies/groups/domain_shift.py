"""The study of domain shift: {MLP, CNN} x {without, with augmentation} x {stretch, box}."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from digitbench.evaluation.corruptions import Predict
from digitbench.evaluation.domains import MAPPINGS
from digitbench.evaluation.scores import Labels
from digitbench.results.records import Cell, DomainShift, DomainShiftRecord
from digitbench.statistics.factorial import Level, decompose, factorial_effects
from digitbench.statistics.summary import summarise
from digitbench.studies.groups.design import GAPS, GROUPS, MAPPING, ON_FOREIGN_DIGITS, Domain
from digitbench.training.pixels import draw_movements, move
from digitbench.training.recipe import Augmentation

LEVELS = (str(MAPPING.low), str(MAPPING.high))


def study_record(
    predict: Predict, domains: Mapping[str, Domain], seeds: Mapping[str, Sequence[int]]
) -> DomainShiftRecord:
    """All that was found, by domain: cells, effects, and what gaps between cells are made of.

    Args:
        predict: Probabilities [S, N, 10] per group.
        domains: Digits by key.
        seeds: The S seeds per group.
    """
    return DomainShiftRecord(
        domains={
            key: domain_record(domain, mapped_accuracies(predict, domain), seeds)
            for key, domain in domains.items()
        }
    )


def mapped_accuracies(predict: Predict, domain: Domain) -> dict[str, NDArray[np.float64]]:
    """Accuracy [S, 2] per group on digits brought to 28x28 in both ways, stretch first."""
    shown = [predict(MAPPINGS[level](domain.images)) for level in LEVELS]
    return {
        name: np.stack([_accuracy(stacks[name], domain.labels) for stacks in shown], axis=1)
        for name in GROUPS
    }


def _accuracy(stack: NDArray[np.float32], labels: Labels) -> NDArray[np.float64]:
    """Of every replicate [S], from probabilities [S, N, 10]."""
    accuracy: NDArray[np.float64] = (stack.argmax(axis=2) == labels).mean(axis=1)
    return accuracy


def domain_record(
    domain: Domain,
    accuracies: Mapping[str, NDArray[np.float64]],
    seeds: Mapping[str, Sequence[int]],
) -> DomainShift:
    """The record of one domain, from accuracies [S, 2] per group and the S seeds of each."""
    samples = {levels: accuracies[name] for name, levels in GROUPS.items()}
    return DomainShift(
        name=domain.name,
        images=len(domain.labels),
        cells=tuple(
            _cell(levels, mapping, dict(zip(seeds[name], column.tolist(), strict=True)))
            for name, levels in GROUPS.items()
            for mapping, column in zip(LEVELS, accuracies[name].T, strict=True)
        ),
        effects=tuple(factorial_effects(ON_FOREIGN_DIGITS, samples)),
        gaps=tuple(decompose(ON_FOREIGN_DIGITS, samples, *cells) for cells in GAPS),
    )


def _cell(levels: Sequence[Level], mapping: str, by_seed: Mapping[int, float]) -> Cell:
    model, augmentation = levels
    return Cell(
        model=str(model),
        augmentation=bool(augmentation),
        mapping=mapping,
        accuracy=summarise(by_seed),
    )


# Fixed: a figure needs no more than one draw.
SEED = 0


def augmented_samples(
    images: NDArray[np.uint8], augmentation: Augmentation, copies: int
) -> NDArray[np.uint8]:
    """Each image [N, 28, 28] and so many moved copies of it: [N, 1 + copies, 28, 28]."""
    count, side = len(images), images.shape[-1]
    generator = torch.Generator().manual_seed(SEED)
    movements = draw_movements(augmentation, count * copies, side, generator)
    # Copied: what is memory-mapped can't become a tensor.
    repeated = torch.from_numpy(np.repeat(np.array(images), copies, axis=0))
    moved = move(repeated, movements).round().clamp(0, 255).to(torch.uint8).numpy()
    return np.concatenate([images[:, None], moved.reshape(count, copies, side, side)], axis=1)
