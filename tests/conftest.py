"""Small real digits for every test: scikit-learn's 8x8 ones, enlarged to MNIST's size."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from digitbench.training.data import TrainingData, pixel_statistics, stratified_split
from readers import Digits


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What goes to a worker as a whole: a file, whose tests share what it prepares, or less.

    Workers take these groups in the order of collection (see `make test`): `pipeline/` with its
    long ones comes before `unit/`, whose short ones fill up both workers at the end.
    """
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))


def enlarged() -> Digits:
    """Images [1797, 28, 28] and labels [1797]."""
    bunch = load_digits()
    large = np.kron(bunch.images / 16 * 255, np.ones((3, 3)))  # [1797, 24, 24]
    images = np.pad(large, ((0, 0), (2, 2), (2, 2))).round().astype(np.uint8)
    return images, bunch.target.astype(np.uint8)


@pytest.fixture(scope="session")
def digits() -> Digits:
    return enlarged()


@pytest.fixture(scope="session")
def small_data(digits: Digits) -> TrainingData:
    images, labels = digits[0][:640], digits[1][:640]
    train, validation = stratified_split(labels, 0.25, seed=0)
    return TrainingData(train, validation, pixel_statistics(images[train]), images, labels)
