"""Pictures of digits whose ink, ground, size and place are known."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Grey = NDArray[np.uint8]


def stencil(digit: int, height: int) -> NDArray[np.float64]:
    """How much ink covers each pixel, 0..1: a printed digit of the given height, cut out."""
    font = ImageFont.load_default(size=4 * height)
    page = Image.new("L", (8 * height, 8 * height))
    ImageDraw.Draw(page).text((height, height), str(digit), fill=255, font=font)
    glyph = page.crop(page.getbbox())
    width = round(glyph.width * height / glyph.height)
    return np.asarray(glyph.resize((width, height), Image.Resampling.BOX)) / 255


def lay(
    coverage: NDArray[np.float64],
    shape: tuple[int, int],
    corner: tuple[int, int],
    ink: float = 0,
    ground: float = 255,
) -> Grey:
    """Print coverage [h, w] on a plain page, its upper left corner at (row, column)."""
    page = np.full(shape, float(ground))
    top, left = corner
    height, width = coverage.shape
    page[top : top + height, left : left + width] += (ink - ground) * coverage
    return np.rint(page).astype(np.uint8)


def printed(digit: int, height: int = 100, ink: float = 0, ground: float = 255) -> Grey:
    """A digit in the middle of a page twice as high."""
    coverage = stencil(digit, height)
    page = (2 * height, 2 * height)
    corner = (height // 2, height - coverage.shape[1] // 2)
    return lay(coverage, page, corner, ink, ground)


def similarity(one: Grey, other: Grey) -> float:
    """Correlation of the pixels of two images of one shape, the best within a pixel's shift.

    MNIST's form knows whole pixels only: a centre of mass half-way between two goes to either.
    """
    shifts = [(row, column) for row in (-1, 0, 1) for column in (-1, 0, 1)]
    moved = [np.roll(one, shift, axis=(0, 1)) for shift in shifts]
    return max(float(np.corrcoef(image.ravel(), other.ravel())[0, 1]) for image in moved)
