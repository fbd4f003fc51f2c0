"""Made-up results for the figures, small enough to know what must be drawn."""

from collections.abc import Callable
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.figures.accuracy import pair_differences
from digitbench.figures.cost import error_against_cost, growth
from digitbench.figures.data import augmented_digits
from digitbench.figures.domain_shift import domain_shift, effects, gaps
from digitbench.figures.domains import domain_accuracy
from digitbench.figures.errors import always_wrong, disagreements, error_grid, random_predictions
from digitbench.figures.probability import reliability_diagrams, risk_coverage, roc_curves
from digitbench.figures.robustness import corruption_examples, robustness_curves
from digitbench.figures.tiles import SIDE, Grid
from digitbench.results.records import Cell, DomainShift
from digitbench.results.sheets import AlwaysWrong, Corrupted, Disagreements, Mistakes, Sample
from digitbench.statistics.comparison import PairwiseComparison, pair_verdicts
from digitbench.statistics.factorial import Decomposition, Effect, Estimate
from digitbench.statistics.summary import CrossedSummary, Summary

ALL = ("mlp", "cnn", "rnn", "lstm")
CORRUPTIONS = ("shift", "rotation", "scaling", "shear", "noise", "blur", "contrast", "occlusion")


def roc_data(names: tuple[str, ...]) -> dict[str, pd.DataFrame]:
    digit, rates = (grid.ravel() for grid in np.mgrid[:10, -4:0:9j])
    rates = 10**rates
    return {
        name: pd.DataFrame(
            {
                "class": digit.astype(int),
                "false_positive_rate": rates,
                "true_positive_rate": 1 - (0.1 * order + digit**2 / 900) * (1 - rates),
            }
        )
        for order, name in enumerate(names)
    }


def reliability_data(counts: list[int]) -> pd.DataFrame:
    edges = np.linspace(0, 1, len(counts) + 1)
    middle = np.where(np.array(counts) > 0, (edges[:-1] + edges[1:]) / 2, np.nan)
    return pd.DataFrame(
        {
            "bin_low": edges[:-1],
            "bin_high": edges[1:],
            "count": counts,
            "confidence": middle,
            "accuracy": 0.9 * middle,
        }
    )


def coverage_data(errors: list[float]) -> pd.DataFrame:
    error = np.array(errors)
    return pd.DataFrame(
        {
            "coverage": np.linspace(0.5, 1, len(errors)) if len(errors) > 1 else [1.0],
            "accuracy": 1 - error,
            "low": 1 - 1.5 * error,
            "high": 1 - 0.5 * error,
        }
    )


def robustness_data(
    names: tuple[str, ...], seeds: int, corruptions: tuple[str, ...], strengths: tuple[float, ...]
) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (name, seed, corruption, strength, 0.98 - 0.1 * strength - 0.01 * seed)
            for name in names
            for seed in range(seeds)
            for corruption in corruptions
            for strength in strengths
        ],
        columns=["architecture", "seed", "corruption", "strength", "accuracy"],
    )


def units(corruptions: tuple[str, ...]) -> dict[str, str]:
    return {name: f"unit of {name}" for name in corruptions}


def cost_data(names: tuple[str, ...]) -> pd.DataFrame:
    count = len(names)
    error = np.linspace(0.02, 0.008, count)
    return pd.DataFrame(
        {
            "architecture": names,
            "error": error,
            "error_low": 0.9 * error,
            "error_high": 1.1 * error,
            "multiply_accumulates": np.geomspace(2e5, 4e6, count),
            "seconds_per_epoch": np.linspace(2, 30, count),
        }
    )


def growth_data(names: tuple[str, ...], sides: tuple[int, ...]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (name, side, 50 * side ** (order + 1), 9 * side**2)
            for order, name in enumerate(names)
            for side in sides
        ],
        columns=["architecture", "side", "parameters", "multiply_accumulates"],
    )


def domain_data(names: tuple[str, ...], half_width: float) -> pd.DataFrame:
    rows = [
        (name, domain, mapping, 0.7, 0.7 - half_width, 0.7 + half_width)
        for domain in ("USPS", "optical digits")
        for mapping in ("stretched", "boxed")
        for name in names
    ]
    return pd.DataFrame(
        rows, columns=["architecture", "domain", "mapping", "accuracy", "low", "high"]
    )


def pair(
    first: str, second: str, difference: float, half_width: float, p: float
) -> PairwiseComparison:
    return PairwiseComparison(
        first,
        second,
        seeds=(0, 1),
        difference=difference,
        difference_low=difference - half_width,
        difference_high=difference + half_width,
        standard_error=half_width / 3.2,
        degrees_of_freedom=3.0,
        seed_variance=(half_width / 3.2) ** 2,
        error_reduction=None,
        error_reduction_low=None,
        error_reduction_high=None,
        mcnemar=(),
        p_value=p,
        p_value_holm=p,
        p_value_method="made up",
        limitation=None,
    )


def ends(value: float, half_width: float | None) -> tuple[float | None, float | None]:
    return (None, None) if half_width is None else (value - half_width, value + half_width)


def estimate(value: float, half_width: float | None) -> Estimate:
    return Estimate(value, *ends(value, half_width), 0.001 if half_width else None)


def summary(mean: float, half_width: float | None) -> Summary:
    return CrossedSummary(mean, None, *ends(mean, half_width), {0: mean})


def shift_record(half_width: float | None) -> dict[str, DomainShift]:
    """A record of the study of domain shift: accuracies from 30 to 98 %, one domain lower."""
    return {
        "usps": shift_of("USPS (ESL, unsmoothed)", 9298, 0.0, half_width),
        "optical": shift_of("optical digits (UCI test part)", 1797, 0.05, half_width),
    }


def shift_of(name: str, images: int, less: float, half_width: float | None) -> DomainShift:
    means = [(0.4, 0.9), (0.5, 0.973), (0.8, 0.915), (0.942, 0.98)]
    cells = [
        Cell(
            model=model,
            augmentation=augmentation,
            mapping=mapping,
            accuracy=summary(mean - less, half_width),
        )
        for (model, augmentation), of_group in zip(
            product(("mlp", "cnn"), (False, True)), means, strict=True
        )
        for mapping, mean in zip(("stretch", "box"), of_group, strict=True)
    ]
    factors = ("model", "augmentation", "mapping")
    chosen = [c for size in (1, 2, 3) for c in combinations(factors, size)]
    table = [
        Effect(
            names,
            estimate(0.21 - 0.07 * k, half_width),
            None if half_width is None else 0.01 if k % 2 else 0.2,
        )
        for k, names in enumerate(chosen)
    ]
    parts = {"model": 0.2, "augmentation": -0.1, "mapping": 0.3}
    return DomainShift(
        name=name,
        images=images,
        cells=tuple(cells),
        effects=tuple(table),
        gaps=(
            gap("stretch", "box", parts, half_width),
            gap("box", "box", {"model": 0.01, "augmentation": 0.07}, half_width),
        ),
    )


def gap(
    before: str, after: str, parts: dict[str, float], half_width: float | None
) -> Decomposition:
    return Decomposition(
        start={"model": "mlp", "augmentation": False, "mapping": before},
        end={"model": "cnn", "augmentation": True, "mapping": after},
        gap=estimate(sum(parts.values()), half_width),
        parts={name: estimate(value, half_width) for name, value in parts.items()},
    )


PAIRS = [
    pair("mlp", "cnn", 0.011, 0.002, 1e-6),
    pair("mlp", "rnn", -0.004, 0.001, 0.004),
    pair("rnn", "lstm", 0.001, 0.003, 0.4),
]
VERDICTS = pair_verdicts(PAIRS, 0.002)


def digits(count: int) -> NDArray[np.uint8]:
    """Images of noise, all different: [count, 28, 28]."""
    return np.random.default_rng(5).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)


TRUE = np.array([3, 3, 3, 5, 7, 0])
PREDICTED = np.array([5, 5, 8, 5, 2, 9])
CONFIDENCE = np.array([0.6, 0.9, 0.7, 0.99, 0.8, 0.4])
# The mistakes among these, each kind once: of the two 3 read as 5 the surer one, image 1.
KINDS = {(0, 9): 5, (3, 5): 1, (3, 8): 2, (7, 2): 4}


def mistakes() -> Mistakes:
    labels, answers = np.array(list(KINDS)).T
    return Mistakes(digits(6)[list(KINDS.values())], labels, answers, np.array([1, 2, 1, 1]))


def disputes(names: tuple[str, ...]) -> Disagreements:
    """Each architecture errs on one image of its own."""
    answers = np.stack([(TRUE + (np.arange(6) == order)) % 10 for order in range(len(names))])
    return Disagreements(digits(6), TRUE, np.array(names), answers)


def hopeless() -> AlwaysWrong:
    return AlwaysWrong(digits(6), TRUE, (TRUE + 1) % 10, np.arange(6) == 2)


def corrupted(lengths: dict[str, list[float]]) -> Corrupted:
    """Images of noise at the strengths of each corruption."""
    flat = [(name, strength) for name, strengths in lengths.items() for strength in strengths]
    names, strengths = zip(*flat, strict=True)
    return Corrupted(digits(len(flat)), np.array(names), np.array(strengths, float))


PUBLISHED = {"usps": {"mlp": 41.18, "cnn_augmented": 97.45}}
EXAMPLES = dict(zip(("stretch", "box"), digits(2), strict=True))
STRENGTHS = {name: [0.0, 1.0, 2.0, 3.0][: 3 + k % 2] for k, name in enumerate(CORRUPTIONS)}
FIGURES: dict[str, Callable[[tuple[str, ...]], Figure]] = {
    "roc": lambda names: roc_curves(roc_data(names), dict.fromkeys(names, 0.99912)),
    "reliability": lambda names: reliability_diagrams(
        {name: reliability_data([0, 5, 0, 200, 9000]) for name in names}
    ),
    "coverage": lambda names: risk_coverage(
        {name: coverage_data([0, 0.0001, 0.002, 0.02]) for name in names}
    ),
    "robustness": lambda names: robustness_curves(
        robustness_data(names, 3, CORRUPTIONS[:5], (0, 1, 2, 4)), units(CORRUPTIONS[:5])
    ),
    "examples": lambda names: corruption_examples(corrupted(STRENGTHS), units(CORRUPTIONS)),
    "cost": lambda names: error_against_cost(cost_data(names)),
    "growth": lambda names: growth(growth_data(names, (28, 56, 112))),
    "domains": lambda names: domain_accuracy(domain_data(names, 0.01), dict.fromkeys(names, 0.98)),
    "pairs": lambda names: pair_differences(VERDICTS),
    "error_grid": lambda names: error_grid(mistakes()),
    "disagreements": lambda names: disagreements(disputes(names), names),
    "always_wrong": lambda names: always_wrong(hopeless()),
    "random": lambda names: random_predictions(Sample(digits(6), TRUE, PREDICTED, CONFIDENCE)),
    "domain_shift": lambda names: domain_shift(shift_record(0.01), PUBLISHED, EXAMPLES),
    "effects": lambda names: effects(shift_record(0.01)),
    "gaps": lambda names: gaps(shift_record(0.01)),
    "augmentation": lambda names: augmented_digits(digits(15).reshape(3, 5, SIDE, SIDE)),
}


def texts(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]


def titles(figure: Figure) -> list[str]:
    return [axes.get_title() for axes in figure.axes if axes.get_title()]


def legend_of(part: Any) -> list[str]:
    """Of axes, or of a whole figure."""
    legend = part.legends[0] if isinstance(part, Figure) else part.get_legend()
    return [text.get_text() for text in legend.get_texts()]


def lines_in(axes: Any, colour: str) -> list[Any]:
    return [line for line in axes.lines if line.get_color() == colour]


def tile_at(raster: Any, grid: Grid, row: int, column: int) -> Any:
    top, left = grid.corner(row, column)
    return raster[top : top + SIDE, left : left + SIDE]
