"""Small real digits for every test."""

import pytest

from digitbench.training.data import TrainingData, pixel_statistics, stratified_split
from readers import Digits
from small_digits import enlarged


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What goes to a worker as a whole: a file, whose tests share what it prepares, or less.

    Workers take these groups in the order of collection (see `make test`): `pipeline/` with its
    long ones comes before `unit/`, whose short ones fill up both workers at the end.
    """
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))


@pytest.fixture(scope="session")
def digits() -> Digits:
    """Images [1797, 28, 28] and labels [1797]."""
    return enlarged()


@pytest.fixture(scope="session")
def small_data(digits: Digits) -> TrainingData:
    images, labels = digits[0][:640], digits[1][:640]
    train, validation = stratified_split(labels, 0.25, seed=0)
    return TrainingData(train, validation, pixel_statistics(images[train]), images, labels)
