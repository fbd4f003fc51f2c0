"""Small real digits: scikit-learn's 8x8 ones, enlarged to MNIST's size."""

import numpy as np
from sklearn.datasets import load_digits

from readers import Digits


def enlarged() -> Digits:
    """Images [1797, 28, 28] and labels [1797]."""
    bunch = load_digits()
    large = np.kron(bunch.images / 16 * 255, np.ones((3, 3)))  # [1797, 24, 24]
    images = np.pad(large, ((0, 0), (2, 2), (2, 2))).round().astype(np.uint8)
    return images, bunch.target.astype(np.uint8)
