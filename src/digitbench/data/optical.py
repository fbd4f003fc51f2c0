"""Optical digits: real handwriting that comes with scikit-learn and needs no download."""

import numpy as np
from numpy.typing import NDArray

NAME = "optical digits (UCI test part)"
FILE = "optical.npz"


def optical_digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return scikit-learn's optical digits (the test part of UCI's set; no download).

    Returns:
        Images uint8 [1797, 8, 8], white on black, their 17 grey levels spread over 0..255; and
        labels int64 [1797].
    """
    # Costs a second, which other data don't need to wait for.
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return images, digits.target.astype(np.int64)
