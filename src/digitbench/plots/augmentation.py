"""What augmentation makes of digits."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.plots.tiles import SIDE, Grid, compose, sheet

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
    axes.axvline(border + APART / 2, color="#7a7e83", linewidth=1)
    return figure
