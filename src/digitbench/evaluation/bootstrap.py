"""Bootstrap of accuracies that resamples trainings and test images together."""

import numpy as np
from numpy.typing import NDArray

# Resamples drawn at once: at most 256 * N counts, twice (int64 and float64), 41 MB for MNIST.
CHUNK = 256


def crossed_bootstrap(
    correct: NDArray[np.bool_], *, resamples: int, seed: int
) -> NDArray[np.float64]:
    """Resample the accuracies of several architectures over seeds and test images jointly.

    The "pigeonhole" bootstrap for crossed data (Owen 2007, Annals of Applied Statistics 1:386):
    seeds and images are drawn with replacement, independently of each other, and each cell of
    the table counts seed weight times image weight. One draw serves all architectures, so
    differences between them are paired by image and by seed.

    Pairing by seed: trainings that share a seed share the order of the data, so architectures
    may rise and fall together. Drawing seeds jointly keeps that dependence; if there is none, it
    is still valid, as differences between seeds are then merely independent.

    Args:
        correct: Whether each image was classified correctly, [A, S, N] for A architectures.
        resamples: Number R of resamples.
        seed: Seed of the resampling itself.

    Returns:
        Accuracies, [R, A]. The same arguments give the same numbers.
    """
    architectures, replicates, images = correct.shape
    rng = np.random.default_rng(seed)
    seed_weights = rng.multinomial(
        replicates, np.full(replicates, 1 / replicates), size=resamples
    )  # [R, S]
    patterns, group_sizes = _group_images(correct.reshape(architectures * replicates, images))
    hits = np.empty((resamples, architectures), dtype=np.float64)
    for start in range(0, resamples, CHUNK):
        rows = slice(start, min(start + CHUNK, resamples))
        # Images of one group give the same result in every cell, so only the number drawn from
        # each group matters, and those numbers are multinomial: exact, not an approximation.
        drawn = rng.multinomial(images, group_sizes / images, size=rows.stop - start)  # [C, G]
        # Integers stay exact in float64, and float64 goes through BLAS.
        per_cell = drawn.astype(np.float64) @ patterns.T  # [C, A * S]
        per_cell = per_cell.reshape(-1, architectures, replicates)
        hits[rows] = np.einsum("cas,cs->ca", per_cell, seed_weights[rows])
    accuracies: NDArray[np.float64] = hits / (replicates * images)
    return accuracies


def _group_images(table: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Group images with equal columns; return the patterns [A * S, G] and group sizes [G].

    Most images are classified correctly by every network, so G is far below N. The largest
    groups come first: the sequential multinomial sampler then has little left to distribute.
    """
    # Packed bits make the columns 8 times shorter to compare.
    _, first, sizes = np.unique(
        np.packbits(table, axis=0), axis=1, return_index=True, return_counts=True
    )
    largest_first = np.argsort(-sizes, kind="stable")
    return table[:, first[largest_first]].astype(np.float64), sizes[largest_first]
