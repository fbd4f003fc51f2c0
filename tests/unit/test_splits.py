"""The split and the pixel statistics against plain counting and NumPy in double precision."""

import numpy as np
import pytest
from numpy.typing import NDArray

from digitbench.training.data import class_counts, pixel_statistics, stratified_split
from readers import Digits

RNG = np.random.default_rng(1)
# Classes of very different size, in no order.
UNEVEN = RNG.permutation(np.repeat(np.arange(10), np.arange(20, 420, 40))).astype(np.uint8)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.25, 1 / 3, 0.9])
@pytest.mark.parametrize("seed", [0, 7])
def test_parts_are_disjoint_sorted_cover_everything_and_share_every_class(
    share: float, seed: int, digits: Digits
) -> None:
    for labels in (UNEVEN, digits[1]):
        train, validation = stratified_split(labels, share, seed)
        together = np.concatenate([train, validation])
        np.testing.assert_array_equal(np.sort(together), np.arange(len(labels)))
        for part in (train, validation):
            assert part.dtype == np.int64
            assert (np.diff(part) > 0).all()
        assert abs(len(validation) - share * len(labels)) < 1
        held_out = np.bincount(labels[validation], minlength=10)
        assert (np.abs(held_out - share * np.bincount(labels, minlength=10)) <= 1).all()


def test_split_is_fixed_by_its_seed_and_leaves_the_global_generator_alone() -> None:
    np.random.seed(0)
    expected = np.random.random(3)
    np.random.seed(0)
    first = stratified_split(UNEVEN, 0.2, 5)[1]
    np.testing.assert_array_equal(np.random.random(3), expected)
    np.testing.assert_array_equal(stratified_split(UNEVEN, 0.2, 5)[1], first)
    assert not np.array_equal(stratified_split(UNEVEN, 0.2, 6)[1], first)


@pytest.mark.parametrize(
    "images",
    [
        RNG.integers(0, 256, (50, 28, 28), dtype=np.uint8),
        RNG.integers(0, 256, (1, 28, 28), dtype=np.uint8),
        (RNG.random((40, 28, 28)) < 0.2).astype(np.uint8) * 255,
        np.full((3, 28, 28), 77, dtype=np.uint8),
        np.zeros((3, 28, 28), dtype=np.uint8),
        np.full((3, 28, 28), 255, dtype=np.uint8),
    ],
    ids=["noise", "one", "black and white", "grey", "black", "white"],
)
def test_pixel_statistics_are_those_of_numpy(images: NDArray[np.uint8]) -> None:
    scaled = images.astype(np.float64) / 255
    statistics = pixel_statistics(images)
    assert statistics.mean == pytest.approx(scaled.mean(), rel=0, abs=1e-12)
    assert statistics.std == pytest.approx(scaled.std(), rel=0, abs=1e-12)
    assert type(statistics.mean) is type(statistics.std) is float


def test_pixel_statistics_of_real_digits_do_not_depend_on_order(digits: Digits) -> None:
    images = digits[0]
    statistics = pixel_statistics(images)
    assert statistics.mean == pytest.approx(images.mean() / 255, rel=0, abs=1e-12)
    assert pixel_statistics(images[RNG.permutation(len(images))]) == statistics
    assert pixel_statistics(images.transpose(2, 0, 1)) == statistics


def test_class_counts_are_counts_of_all_ten_classes() -> None:
    assert class_counts(UNEVEN) == list(range(20, 420, 40))
    assert class_counts(np.array([3, 3, 0], dtype=np.uint8)) == [1, 0, 0, 2, 0, 0, 0, 0, 0, 0]
    assert class_counts(np.array([9], dtype=np.uint8)) == [0] * 9 + [1]
