"""scikit-learn's multilayer perceptron, as a contestant for the MLP."""

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from digitbench.params import load_params
from digitbench.training.data import load_training_data

WARM_UP_IMAGES = 640


def images_per_second(images: int) -> float:
    """One epoch of Adam on standardised pixels that are ready in memory; no dropout, no penalty."""
    data = load_training_data()
    pixels = data.images[:images].reshape(-1, 28 * 28).astype(np.float32) / 255
    pixels = (pixels - np.float32(data.statistics.mean)) / np.float32(data.statistics.std)
    labels = np.array(data.labels[:images])
    _epoch_seconds(pixels[:WARM_UP_IMAGES], labels[:WARM_UP_IMAGES])
    return images / _epoch_seconds(pixels, labels)


def _epoch_seconds(pixels: np.ndarray, labels: np.ndarray) -> float:
    params = load_params()
    model = MLPClassifier(
        hidden_layer_sizes=params.mlp.hidden,
        solver="adam",
        alpha=0,
        batch_size=min(params.batch_size, len(labels)),
        learning_rate_init=params.learning_rate,
        max_iter=1,
        random_state=0,
    )
    began = time.perf_counter()
    with warnings.catch_warnings():
        # One epoch is what was asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(pixels, labels)
    return time.perf_counter() - began
