"""Colours and transparency to the one grey level per pixel that MNIST has."""

import numpy as np
from numpy.typing import NDArray

from digitbench.errors import DigitbenchError

WHITE = 255
Floats = NDArray[np.floating]

# Standard deviation, in levels of 255, within which visible pixels are of one colour.
_ONE_COLOUR = 16


def grey_levels(picture: NDArray[np.uint8]) -> Floats:
    """Grey levels 0..255 of a picture, in which ink differs from ground as much as in colour.

    Args:
        picture: Grey [h, w], colour [h, w, 3], or colour and opacity [h, w, 4].

    Returns:
        Float [h, w]. Of a picture that is grey already, its own levels.

    Raises:
        DigitbenchError: The picture is transparent all over.
    """
    if picture.ndim == 2:
        return picture.astype(np.float32)
    return _principal(_opaque(picture) if picture.shape[2] == 4 else picture.astype(np.float32))


def _opaque(picture: NDArray[np.uint8]) -> Floats:
    """Lay colour and opacity [h, w, 4] over a ground: float [h, w, 3].

    Where all that is visible has one colour, it is ink, and the ground is white or black, whichever
    differs more. Otherwise the picture brings a ground of its own, which is continued.
    """
    highest = int(picture[..., 3].max())
    if highest == 0:
        raise DigitbenchError("the picture is blank: it is transparent all over.")
    opacity = picture[..., 3:].astype(np.float32) / highest
    colours = picture[..., :3].astype(np.float32)
    visible = colours[opacity[..., 0] > 0.5]  # [N, 3]
    if visible.std(axis=0).max() > _ONE_COLOUR:
        ground = np.median(visible, axis=0)
    else:
        ground = np.full(3, WHITE if visible.mean() < WHITE / 2 else 0)
    return opacity * colours + (1 - opacity) * ground.astype(np.float32)


def _principal(colours: Floats) -> Floats:
    """Project colours [h, w, 3] on the axis along which they vary most: float [h, w].

    Luminance alone can't tell red ink from a green ground as bright.
    """
    covariance = np.cov(colours.reshape(-1, 3), rowvar=False)
    axis = np.linalg.eigh(covariance).eigenvectors[:, -1]
    axis = axis / np.abs(axis).sum()
    if axis.sum() < 0:
        axis = -axis
    # Weights below 0 would give levels below 0.
    levels: Floats = colours @ axis.astype(np.float32) - WHITE * np.minimum(axis, 0).sum()
    return levels
