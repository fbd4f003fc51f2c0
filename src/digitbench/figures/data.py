"""Figures of the data: what the digits look like, and how many of each there are.

What augmentation makes of digits.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.figures.style import INK, MUTED, WIDTH, bare, new_figure
from digitbench.figures.tiles import SIDE, Grid, compose, sheet


def sample_digits(images: NDArray[np.uint8], labels: NDArray[np.uint8], per_class: int) -> Figure:
    """A row per class with its first images, in the order of the file: none are picked by hand."""
    rows = [tile_row(images[np.flatnonzero(labels == digit)[:per_class]]) for digit in range(10)]
    width = max(row.shape[1] for row in rows)
    sheet = np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    figure = new_figure(width / 60, sheet.shape[0] / 60)
    axes = figure.subplots()
    axes.imshow(sheet, cmap="gray_r", interpolation="nearest")
    bare(axes)
    axes.set_yticks([14 + 28 * digit for digit in range(10)], [str(digit) for digit in range(10)])
    axes.tick_params(length=0)
    return figure


def tile_row(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Images [N, 28, 28] side by side, [28, 28 N]."""
    return np.concatenate(list(images), axis=1) if len(images) else np.zeros((28, 0), np.uint8)


def class_distribution(counts: Mapping[str, Sequence[int]]) -> Figure:
    """Bars of images per class, one panel per part of the data."""
    figure = new_figure(WIDTH, 2.3)
    panels: Any = figure.subplots(1, len(counts), squeeze=False)[0]
    for axes, (part, images) in zip(panels, counts.items(), strict=True):
        axes.bar(range(10), images, color=MUTED, width=0.72)
        axes.axhline(sum(images) / 10, color=INK, linewidth=1, linestyle="--")
        axes.set_title(f"{part}: {min(images):,} to {max(images):,}")
        axes.set_xticks(range(10))
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("digit")
    panels[0].set_ylabel("images")
    return figure


APART = 10  # pixels between the originals and what was made of them


def augmented_digits(samples: NDArray[np.uint8]) -> Figure:
    """A row per digit: the original on the left, then its moved copies.

    Args:
        samples: [N, K, 28, 28], the original first, K at least 2.
    """
    rows, columns = samples.shape[:2]
    grid = Grid(rows, columns)
    places = [grid.place(index) for index in range(rows * columns)]
    raster = compose(samples.reshape(-1, SIDE, SIDE), places, grid)
    _, second = grid.corner(0, 1)
    border = second - grid.between // 2
    gap = np.zeros((len(raster), APART, 4), np.uint8)
    figure, axes = sheet(np.concatenate([raster[:, :border], gap, raster[:, border:]], 1), rim=0.3)
    middle = border + APART + (raster.shape[1] - border) / 2
    for x, text in ((border / 2, "original"), (middle, "as the network is shown it")):
        axes.text(x, -3, text, ha="center", va="bottom")
    axes.axvline(border + APART / 2, color=MUTED, linewidth=1)
    return figure
