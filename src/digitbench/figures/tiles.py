"""Many digits as one raster: a single artist, quick to draw and small in SVG.

Digits are dark ink on light paper, like the originals, and stay so on dark pages. What lies
between the tiles is transparent. Text belongs there rather than on paper, where ink that turns
white on a dark page could not be read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from digitbench.figures.style import MUTED, WIDTH, bare, new_figure

SIDE = 28  # pixels of a digit
FRAME = 1  # pixels of a tile's frame
PAPER = 243.0  # grey level: off-white, so that the field's edge shows on a white page too
PENCIL = 24.0  # grey level of full ink


@dataclass(frozen=True)
class Grid:
    """Where tiles stand; all sizes in pixels of the raster.

    Attributes:
        rows: Rows of tiles, at least one.
        columns: Tiles in a row.
        above: Free space over every tile, for text.
        below: Free space under every tile, for text.
        between: Free space between neighbouring tiles, frames included.
    """

    rows: int
    columns: int
    above: int = 0
    below: int = 0
    between: int = 4

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the raster."""
        return self.rows * self._pitch[0], self.columns * self._pitch[1]

    @property
    def _pitch(self) -> tuple[int, int]:
        tile = SIDE + self.between
        return self.above + tile + self.below, tile

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Top and left pixel of the digit in a cell."""
        inset = self.between // 2
        return row * self._pitch[0] + self.above + inset, column * self._pitch[1] + inset

    def place(self, index: int) -> tuple[int, int]:
        """Row and column of the index-th tile in reading order."""
        return divmod(index, self.columns)


def fitting(count: int, columns: int, above: int = 0, below: int = 0) -> Grid:
    """A grid with as many rows as `count` tiles need, and one if there are none."""
    return Grid(max(-(-count // columns), 1), columns, above, below)


def on_paper(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Light digits on black, uint8 of any shape, as grey levels of ink on paper."""
    ink = images.astype(np.float32) / 255
    grey: NDArray[np.uint8] = np.rint(PAPER + ink * (PENCIL - PAPER)).astype(np.uint8)
    return grey


def compose(
    images: NDArray[np.uint8],
    places: Sequence[tuple[int, int]],
    grid: Grid,
    frames: Sequence[str | None] | None = None,
) -> NDArray[np.uint8]:
    """Tiles in their cells, RGBA [height, width, 4], transparent elsewhere.

    Args:
        images: [N, 28, 28], light digits on black.
        places: Row and column per image.
        grid: The cells.
        frames: Colour of the frame per image, or None for none.
    """
    raster = np.zeros((*grid.shape, 4), np.uint8)
    for tile, (row, column), colour in zip(
        on_paper(images), places, frames or [None] * len(places), strict=True
    ):
        top, left = grid.corner(row, column)
        if colour is not None:
            outer = SIDE + FRAME
            box = raster[top - FRAME : top + outer, left - FRAME : left + outer]
            box[..., :3] = np.rint(255 * np.array(to_rgb(colour)))
            box[..., 3] = 255
        raster[top : top + SIDE, left : left + SIDE, :3] = tile[..., np.newaxis]
        raster[top : top + SIDE, left : left + SIDE, 3] = 255
    return raster


def sheet(
    raster: NDArray[np.uint8], width: float = WIDTH, side: float = 0.0, rim: float = 0.0
) -> tuple[Figure, Any]:
    """A figure around a raster, and its axes in pixels of the raster.

    Args:
        raster: RGBA [height, width, 4].
        width: Inches of the figure; on a page, what is taller than 0.86 widths shrinks.
        side: Inches of it for labels beside the raster.
        rim: Inches for labels over and under it.
    """
    rows, columns = raster.shape[:2]
    figure = new_figure(width, (width - side) * rows / columns + rim)
    axes: Any = figure.subplots()
    # "none" stores the raster as it is in SVG and leaves enlarging it to the page.
    axes.imshow(raster, interpolation="none", extent=(0, columns, rows, 0))
    bare(axes)
    return figure, axes


def in_order(
    images: NDArray[np.uint8],
    grid: Grid,
    frames: Sequence[str | None] | None = None,
    side: float = 0.0,
    rim: float = 0.0,
) -> tuple[Figure, Any, NDArray[np.int64]]:
    """A sheet of tiles in reading order: figure, axes, and top and left of each digit [N, 2]."""
    places = [grid.place(index) for index in range(len(images))]
    figure, axes = sheet(compose(images, places, grid, frames), side=side, rim=rim)
    corners = [grid.corner(*place) for place in places]
    return figure, axes, np.array(corners, np.int64).reshape(-1, 2)


def annotate_empty(axes: Any, images: NDArray[np.uint8], message: str) -> None:
    """Tell why a sheet is empty, if it is."""
    if not len(images):
        axes.text(
            0.5, 0.5, message, transform=axes.transAxes, ha="center", va="center", color=MUTED
        )
