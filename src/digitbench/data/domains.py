"""New domains: handwritten digits of other origins, brought to the 28 x 28 field of MNIST.

How small digits are brought to 28 x 28 decides much of a model's accuracy on them, so the mapping
is a factor of the study rather than a detail of loading.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from digitbench.errors import DigitbenchError

FIELD = 28  # pixels, side of an MNIST image
BOX = 20  # pixels, side of the box that holds the digit in MNIST
WHITE = 255

GreyImages = NDArray[np.uint8] | NDArray[np.floating]
Mapping = Callable[[GreyImages], NDArray[np.uint8]]


def _resize(images: GreyImages, side: int) -> NDArray[np.uint8]:
    """Resize [N, h, w] to [N, side, side] by cubic convolution (Keys 1981, a = -0.5)."""
    if images.ndim != 3:
        raise DigitbenchError(f"Images have the shape {images.shape}; give [N, height, width].")
    if images.size and not (images.min() >= 0 and images.max() <= WHITE):
        raise DigitbenchError(
            f"Images hold values from {images.min()} to {images.max()}; "
            f"scale them to grey levels 0..{WHITE}."
        )
    grey = torch.from_numpy(images.astype(np.float32))[:, None]  # [N, 1, h, w]
    # Antialiasing selects a = -0.5, as imaging libraries use; enlarging, it does nothing else.
    resized = functional.interpolate(grey, size=(side, side), mode="bicubic", antialias=True)
    # Cubic interpolation overshoots at sharp edges.
    rounded: NDArray[np.uint8] = resized[:, 0].round().clamp(0, WHITE).to(torch.uint8).numpy()
    return rounded


def stretch(images: GreyImages) -> NDArray[np.uint8]:
    """Resize to the whole field, so that the digit touches the border unlike in MNIST.

    Args:
        images: Grey levels 0..255, uint8 or float, [N, h, w].

    Returns:
        uint8 [N, 28, 28].

    Raises:
        DigitbenchError: The images are not [N, h, w] or not within 0..255.
    """
    return _resize(images, FIELD)


def box20(images: GreyImages) -> NDArray[np.uint8]:
    """Resize to 20 x 20 and surround with 4 black pixels, after the manner of MNIST.

    MNIST's digits were fitted into a 20 x 20 box and then centred by their centre of mass (LeCun
    et al. 1998, section III-A). Here the box itself is centred: the digits of the new domains
    already fill their images, and nothing is estimated from the pixels.

    Args:
        images: Grey levels 0..255, uint8 or float, square: [N, h, h].

    Returns:
        uint8 [N, 28, 28].

    Raises:
        DigitbenchError: The images are not [N, h, h] or not within 0..255.
    """
    if images.ndim == 3 and images.shape[1] != images.shape[2]:
        raise DigitbenchError(
            f"Images of {images.shape[1]} x {images.shape[2]} pixels would be distorted in the "
            f"{BOX} x {BOX} box; pad them with black to a square first."
        )
    margin = (FIELD - BOX) // 2
    return np.pad(_resize(images, BOX), ((0, 0), (margin, margin), (margin, margin)))


MAPPINGS: dict[str, Mapping] = {"stretch": stretch, "box": box20}
