"""Whether trainings were repeated often enough, and agree."""

from collections.abc import Iterator, Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from digitbench.checks.catalogue import Check, evident
from digitbench.results.collection import Results
from digitbench.statistics.comparison import Standing, pair_verdicts
from digitbench.wording import NAMES, decimal, listing, p_equals, percent, points

# Fewer values have no median of deviations to speak of.
FEWEST = 4
DRAWS = 100_000


def _one_seed(results: Results) -> Iterator[str]:
    if len(results.seeds) == 1:
        yield f"Every architecture was trained once, with seed {results.seeds[0]}."


def _outlier(results: Results) -> Iterator[str]:
    ratios, p_values = {}, {}
    for name, record in results.metrics.items():
        values = record.accuracy.per_seed
        if len(values) >= FEWEST:
            ratios[name] = distances(values, 1 / record.test.images)
            largest = max(ratios[name].values())
            by_luck = np.count_nonzero(_largest_by_luck(len(values)) >= largest)
            p_values[name] = (1 + float(by_luck)) / (1 + DRAWS)
    for name, p in evident(p_values).items():
        seed = max(ratios[name], key=ratios[name].__getitem__)
        values = results.metrics[name].accuracy.per_seed
        yield (
            f"{NAMES[name]}, seed {seed}: test accuracy {percent(values[seed])}, "
            f"{ratios[name][seed]:.0f} times as far from the median of {len(values)} seeds as the "
            f"median seed is ({p_equals(p)})."
        )


def distances(values: Mapping[int, float], resolution: float) -> dict[int, float]:
    """By seed, the distance from the median, in medians of these distances (MAD).

    Iglewicz and Hoaglin 1993, How to Detect and Handle Outliers; their limit of 5.19 (3.5 standard
    deviations) is for many values: it finds an outlier in 17 of 100 samples of four normal ones.

    Args:
        values: By seed.
        resolution: What one image counts; a smaller median of distances is rounding.
    """
    sample = np.array(list(values.values()))
    away = np.abs(sample - np.median(sample))
    ratios = away / max(float(np.median(away)), resolution)
    return dict(zip(values, ratios.tolist(), strict=True))


@cache
def _largest_by_luck(seeds: int) -> NDArray[np.float64]:
    """The largest such distance in many samples of normal values, which have no outlier."""
    sample = np.random.default_rng(0).normal(size=(DRAWS, seeds))
    away = np.abs(sample - np.median(sample, axis=1, keepdims=True))
    largest: NDArray[np.float64] = away.max(axis=1) / np.median(away, axis=1)
    return largest


def _undetectable(results: Results) -> Iterator[str]:
    pairs = [pair.oriented for pair in results.comparison.pairs.values()]
    missed: dict[str, list[str]] = {}
    for verdict in pair_verdicts(pairs, results.params.margin / 100):
        pair, smallest = verdict.pair, verdict.smallest
        if verdict.standing is Standing.SAME or smallest is None or pair.difference >= smallest:
            continue
        undecided = "Undecided, which is not the same as equal"
        meaning = "Evident, but perhaps exaggerated" if pair.is_evident else undecided
        missed.setdefault(meaning, []).append(
            f"{NAMES[pair.second]} − {NAMES[pair.first]} ({points(pair.difference)} points; "
            f"found from {decimal(100 * smallest)} on)"
        )
    yield from (f"{meaning}: {listing(shown)}." for meaning, shown in missed.items())


ONE_SEED = Check("DB001", "One seed only", Results, _one_seed)
OUTLIER = Check("DB004", "A seed is an outlier", Results, _outlier)
UNDETECTABLE = Check(
    "DB005", "A difference smaller than what these seeds can find", Results, _undetectable
)
