"""Experiments on trained networks with two-level factors: effects, and what a gap is made of.

The experiments are split plots (Box, Hunter and Hunter 2005, Statistics for Experimenters, ch. 5
and 9). Factors *between* networks, such as the architecture, need another training; factors
*within* a network, such as the mapping of its test images, are seen by one and the same network,
whose results therefore rise and fall together. So a network, not a result, is the unit: its results
are combined into one number first, and only these numbers are averaged and compared.

Networks count as independent. Groups of one architecture therefore need seeds of their own: a seed
fixes initial weights, dropout and the order of the data, and only that order is alike between
architectures. Groups may differ in variance and in the number of networks. Like all intervals over
seeds, these are about training again, on these very test images.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations, product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from digitbench.errors import DigitbenchError
from digitbench.statistics.comparison import holm
from digitbench.statistics.estimates import Difference, welch

Level = str | bool
Item = TypeVar("Item")
# Networks by their levels of the factors between: [S, 2, ..., 2], an axis per factor within, low
# level first.
Samples = Mapping[tuple[Level, ...], NDArray[np.float64]]
# Accuracies are multiples of 1/N: a smaller standard error is rounding.
RESOLUTION = 1e-12


@dataclass(frozen=True)
class Factor:
    """Something with two levels; effects run from the low to the high one."""

    name: str
    low: Level
    high: Level


@dataclass(frozen=True)
class Design:
    """The factors of a full factorial.

    Attributes:
        between: Their levels belong to a network and its training.
        within: Every network is measured at both of their levels.
    """

    between: tuple[Factor, ...]
    within: tuple[Factor, ...] = ()

    @property
    def factors(self) -> tuple[Factor, ...]:
        """All of them, in the order of the axes of weights."""
        return self.between + self.within


@dataclass(frozen=True)
class Estimate:
    """A sum of group means, its 95 % interval and the p-value of being zero.

    Interval and p-value are None if a group has one network, or if no network of any group
    differs from the others: neither says how much a new training would vary.
    """

    value: float
    ci95_low: float | None = None
    ci95_high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Effect:
    """A main effect (one factor) or an interaction (several)."""

    factors: tuple[str, ...]
    estimate: Estimate  # mean of one half of the cells minus mean of the other half
    p_value_holm: float | None = None  # adjusted over all effects of the table


@dataclass(frozen=True)
class Decomposition:
    """A gap between two cells, split up among the factors in which they differ."""

    start: Mapping[str, Level]
    end: Mapping[str, Level]
    gap: Estimate  # mean of the end minus mean of the start
    parts: Mapping[str, Estimate]  # by factor; they add up to the gap


def weighted_sum(design: Design, samples: Samples, weights: NDArray[np.float64]) -> Estimate:
    """The sum of the cell means, each times its weight.

    Every network contributes the weighted sum of its own results; over these numbers the interval
    is Welch's, so that groups may differ in variance and size.

    Args:
        design: The factors.
        samples: Their networks, as `check_samples` lets pass.
        weights: [2, ..., 2], an axis per factor of the design, low level first.
    """
    groups = []
    for levels, results in samples.items():
        place = zip(levels, design.between, strict=True)
        own = weights[tuple(int(level == factor.high) for level, factor in place)]  # [2, ..., 2]
        if np.any(own):
            groups.append((results * own).reshape(len(results), -1).sum(axis=1))  # [S]
    value = float(sum(group.mean() for group in groups))
    if min(len(group) for group in groups) < 2:
        return Estimate(value)
    variance, freedom = welch(groups)
    difference = Difference(value, math.sqrt(variance), freedom)
    if difference.error < RESOLUTION:
        return Estimate(value)
    return Estimate(value, *difference.interval(), difference.p_value)


def check_samples(design: Design, samples: Samples) -> None:
    """Check that every cell has results.

    Raises:
        DigitbenchError: Groups of networks are missing or unknown, results have another shape or
            are not finite.
    """
    wanted = set(product(*((factor.low, factor.high) for factor in design.between)))
    if set(samples) != wanted:
        raise DigitbenchError(
            f"The experiment needs networks for {sorted(wanted, key=str)}, got "
            f"{sorted(samples, key=str)}. Evaluate every combination."
        )
    for levels, results in samples.items():
        if results.shape != (len(results), *(2 for _ in design.within)) or not len(results):
            raise DigitbenchError(
                f"The results of {levels} have shape {results.shape}; give a row per network and "
                f"an axis of two levels for each of {[factor.name for factor in design.within]}."
            )
        if not np.isfinite(results).all():
            raise DigitbenchError(
                f"The results of {levels} are not all finite. Check whether training diverged."
            )


def factorial_effects(design: Design, samples: Samples) -> list[Effect]:
    """All main effects, then the interactions of two factors, of three, and so on.

    An effect is the mean of the cells in which an even number of its factors is low, minus the
    mean of the others; cells count alike, whatever their number of networks. For one factor that
    is mean(high) - mean(low). For two it is *half* the difference between the effect of one factor
    at the high and at the low level of the other. So all effects have one scale, and a cell's mean
    is the grand mean plus or minus half of each (Box, Hunter and Hunter 2005, ch. 5).

    Raises:
        DigitbenchError: The samples are not those of the design, or not finite.
    """
    check_samples(design, samples)
    effects = [
        Effect(
            tuple(factor.name for factor in chosen),
            weighted_sum(design, samples, _effect_weights(design, chosen)),
        )
        for chosen in _subsets(design.factors)
        if chosen
    ]
    adjusted = holm([effect.estimate.p_value for effect in effects])
    return [replace(each, p_value_holm=p) for each, p in zip(effects, adjusted, strict=True)]


def decompose(
    design: Design, samples: Samples, start: Mapping[str, Level], end: Mapping[str, Level]
) -> Decomposition:
    """Split the gap between two cells among the factors, whatever their order.

    Going from start to end one factor at a time, what a factor contributes depends on which ones
    changed before. Here every factor gets its mean contribution over all orders: the Shapley value
    (Shapley 1953; as a decomposition of differences Shorrocks 2013, Journal of Economic Inequality
    11:99). It is a weighted sum of cell means, so its interval needs no approximation beyond
    Welch's. A factor with the same level at start and end stays at it and gets no part.

    Args:
        design: The factors.
        samples: Their networks.
        start: A level for every factor, by name.
        end: The same for the other cell.

    Raises:
        DigitbenchError: The samples are not those of the design, a level is unknown, or the cells
            are the same.
    """
    check_samples(design, samples)
    first, last = _index(design, start), _index(design, end)
    if first == last:
        raise DigitbenchError(f"Start and end are the same cell, {dict(start)}. Give two.")
    gap = _cell(design, last) - _cell(design, first)
    return Decomposition(
        start,
        end,
        weighted_sum(design, samples, gap),
        {
            factor.name: weighted_sum(design, samples, _shapley_weights(design, axis, first, last))
            for axis, factor in enumerate(design.factors)
            if first[axis] != last[axis]
        },
    )


def _effect_weights(design: Design, chosen: Sequence[Factor]) -> NDArray[np.float64]:
    """Weights of the cells [2, ..., 2]: plus or minus 1 over half their number."""
    weights = np.array(2.0 ** (1 - len(design.factors)))
    for factor in design.factors:
        signs = (-1.0, 1.0) if factor in chosen else (1.0, 1.0)
        weights = np.multiply.outer(weights, signs)
    return weights


def _shapley_weights(
    design: Design, axis: int, start: tuple[int, ...], end: tuple[int, ...]
) -> NDArray[np.float64]:
    """Weights of the cells [2, ..., 2] in the mean contribution of one factor over all orders."""
    weights = np.zeros((2,) * len(design.factors))
    others = [a for a in range(len(start)) if a != axis and start[a] != end[a]]
    orders = math.factorial(len(others) + 1)
    for before in _subsets(others):
        after = len(others) - len(before)
        share = math.factorial(len(before)) * math.factorial(after) / orders
        moved = [end[a] if a in before else level for a, level in enumerate(start)]
        weights[tuple(moved)] -= share
        moved[axis] = end[axis]
        weights[tuple(moved)] += share
    return weights


def _subsets(items: Sequence[Item]) -> Iterable[tuple[Item, ...]]:
    return chain.from_iterable(combinations(items, size) for size in range(len(items) + 1))


def _index(design: Design, levels: Mapping[str, Level]) -> tuple[int, ...]:
    """The cell's place in an array of weights."""
    for factor in design.factors:
        if levels.get(factor.name) not in (factor.low, factor.high):
            raise DigitbenchError(
                f"The cell {dict(levels)} has no known level of {factor.name}; "
                f"give {factor.low!r} or {factor.high!r}."
            )
    return tuple(int(levels[factor.name] == factor.high) for factor in design.factors)


def _cell(design: Design, index: tuple[int, ...]) -> NDArray[np.float64]:
    weights = np.zeros((2,) * len(design.factors))
    weights[index] = 1
    return weights
