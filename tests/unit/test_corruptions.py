"""Corruptions against SciPy and by hand, accuracies under them against a plain recomputation."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from digitbench.evaluation.corruptions import (
    COLUMNS,
    CORRUPTION_SEED,
    CORRUPTIONS,
    Images,
    corrupt,
    corrupted_accuracy,
    random_subset,
    robustness_record,
)
from digitbench.statistics.summary import crossed_share_interval
from readers import Digits, corrupted, readers, reading

SEED = 7
NAMES = list(CORRUPTIONS)


@pytest.fixture
def images() -> Images:
    """Return 40 random smooth blobs, bright in the middle and black in the outer 4 pixels."""
    rng = np.random.default_rng(0)
    inner = ndimage.gaussian_filter(rng.uniform(0, 255, (40, 20, 20)), (0, 1, 1), mode="constant")
    return np.pad(inner, ((0, 0), (4, 4), (4, 4))).astype(np.uint8)


def _largest_difference(first: Images, second: NDArray[np.floating]) -> float:
    return float(np.abs(first.astype(np.float64) - second).max())


def _bilinear(image: Images, matrix: list[list[float]]) -> NDArray[np.float64]:
    """Resample about the centre with SciPy; the matrix takes output (row, column) to input."""
    centre = np.array([13.5, 13.5])
    offset = centre - np.array(matrix) @ centre
    result: NDArray[np.float64] = ndimage.affine_transform(
        image.astype(np.float64), matrix, offset, order=1, mode="grid-constant"
    )
    return result


@pytest.mark.parametrize("name", NAMES)
def test_strengths_ascend_from_zero_which_is_a_copy_and_spoil_more_and_more(
    name: str, images: Images
) -> None:
    strengths = list(CORRUPTIONS[name].strengths)
    assert strengths[0] == 0
    assert strengths == sorted(set(strengths))
    copy = corrupt(images, name, 0, SEED)
    np.testing.assert_array_equal(copy, images)
    assert not np.shares_memory(copy, images)
    bars = np.zeros((40, 28, 28), np.uint8)
    bars[:, 6:22, 12:15] = 255
    weakest, strongest = (
        np.abs(corrupt(bars, name, strength, SEED).astype(float) - bars).mean()
        for strength in (strengths[1], strengths[-1])
    )
    assert 0 < weakest < strongest


@pytest.mark.parametrize("name", NAMES)
def test_repeats_exactly_on_any_part_and_leaves_its_input_alone(name: str, images: Images) -> None:
    strength, before = CORRUPTIONS[name].strengths[2], images.copy()
    images.flags.writeable = False
    whole = corrupt(images, name, strength, SEED)
    assert (whole.dtype, whole.shape) == (np.uint8, images.shape)
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(corrupt(images, name, strength, SEED), whole)
    np.testing.assert_array_equal(corrupt(images[:13], name, strength, SEED), whole[:13])


@pytest.mark.parametrize("name", ["shift", "rotation", "shear", "noise", "occlusion"])
def test_seed_changes_the_draws(name: str, images: Images) -> None:
    strength = CORRUPTIONS[name].strengths[2]
    first, second = (corrupt(images, name, strength, seed) for seed in (0, 1))
    assert (first != second).any()


@pytest.mark.parametrize("pixels", [1, 3, 8])
def test_shift_equals_moving_the_array_with_black_behind_it(pixels: int) -> None:
    images = np.random.default_rng(1).integers(1, 256, (200, 28, 28), dtype=np.uint8)
    result = corrupt(images, "shift", pixels, SEED)
    seen = set()
    for image, shifted in zip(images, result, strict=True):
        # All pixels are lit, so the black rows and columns tell the direction.
        black_rows, black_columns = ~shifted.any(axis=1), ~shifted.any(axis=0)
        down = int(black_rows[0]) - int(black_rows[-1])
        right = int(black_columns[0]) - int(black_columns[-1])
        moved = ndimage.shift(image, (pixels * down, pixels * right), order=0)
        np.testing.assert_array_equal(shifted, moved)
        seen.add((down, right))
    assert seen == {(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)} - {(0, 0)}


def turned(degrees: float) -> list[list[float]]:
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [[cosine, -sine], [sine, cosine]]


def leaning(degrees: float) -> list[list[float]]:
    return [[1, 0], [math.tan(math.radians(degrees)), 1]]


@pytest.mark.parametrize(
    ("name", "degrees", "matrix"),
    [("rotation", 20, turned), ("rotation", 45, turned), ("shear", 20, leaning)],
)
def test_rotation_and_shear_agree_with_scipy_and_go_both_ways(
    name: str, degrees: float, matrix: Callable[[float], list[list[float]]], images: Images
) -> None:
    found = set()
    for image, result in zip(images, corrupt(images, name, degrees, SEED), strict=True):
        both = [_bilinear(image, matrix(angle)) for angle in (degrees, -degrees)]
        differences = [_largest_difference(result, expected) for expected in both]
        assert min(differences) < 0.6
        found.add(differences.index(min(differences)))
    assert found == {0, 1}


@pytest.mark.parametrize("strength", [0.2, 0.5])
def test_scaling_agrees_with_scipy(strength: float, images: Images) -> None:
    factor = 1 / (1 - strength)
    expected = np.stack([_bilinear(image, [[factor, 0], [0, factor]]) for image in images])
    assert _largest_difference(corrupt(images, "scaling", strength, SEED), expected) < 0.6


@pytest.mark.parametrize("sigma", [0.05, 0.1])
def test_noise_has_the_standard_deviation_asked_for(sigma: float) -> None:
    grey = np.full((100, 28, 28), 128, np.uint8)
    noise = corrupt(grey, "noise", sigma, SEED).astype(float) - 128
    # Rounding to whole grey levels adds a variance of 1/12.
    assert noise.std() == pytest.approx(math.hypot(255 * sigma, 12**-0.5), rel=0.02)
    assert abs(noise.mean()) < 0.5
    neighbours = np.corrcoef(noise[:, :, :-1].ravel(), noise[:, :, 1:].ravel())[0, 1]
    assert abs(neighbours) < 0.02


def test_noise_is_clipped_at_black_and_not_wrapped() -> None:
    black = np.zeros((50, 28, 28), np.uint8)
    result = corrupt(black, "noise", 0.1, SEED)
    assert (result == 0).mean() == pytest.approx(0.5, abs=0.02)
    assert result.max() < 255 * 0.1 * 6


@pytest.mark.parametrize("sigma", [0.5, 1.5, 2.5])
def test_blur_agrees_with_scipy_and_keeps_the_mean(sigma: float, images: Images) -> None:
    result = corrupt(images, "blur", sigma, SEED)
    expected = ndimage.gaussian_filter(
        images.astype(np.float64),
        (0, sigma, sigma),
        mode="mirror",
        radius=(0, *(math.ceil(3 * sigma),) * 2),
    )
    assert _largest_difference(result, expected) < 0.6
    # Mirrored borders count the light that reaches them twice: 1.4 % at the widest.
    np.testing.assert_allclose(result.mean(axis=(1, 2)), images.mean(axis=(1, 2)), rtol=0.02)


@pytest.mark.parametrize("strength", [0.2, 0.9])
def test_contrast_keeps_the_mean_and_scales_the_spread(strength: float, images: Images) -> None:
    result = corrupt(images, "contrast", strength, SEED)
    np.testing.assert_allclose(result.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=0.5)
    np.testing.assert_allclose(
        result.std(axis=(1, 2)), (1 - strength) * images.std(axis=(1, 2)), atol=0.5
    )


@pytest.mark.parametrize("side", [4, 12])
def test_occlusion_blacks_one_square_inside_each_image(side: int) -> None:
    white = np.full((2000, 28, 28), 255, np.uint8)
    black = corrupt(white, "occlusion", side, SEED) == 0
    np.testing.assert_array_equal(black.sum(axis=(1, 2)), side**2)
    np.testing.assert_array_equal(black.any(axis=1).sum(axis=1), side)  # columns
    np.testing.assert_array_equal(black.any(axis=2).sum(axis=1), side)  # rows
    corners = {int(i) for i in black.any(axis=2).argmax(axis=1)}
    assert corners == set(range(28 - side + 1))


# --- accuracy under corruption ----------------------------------------------------------------

SEEDS = (3, 11, 4)
ARCHITECTURES = ("mlp", "lstm")
STRENGTHS = [(name, s) for name, item in CORRUPTIONS.items() for s in item.strengths]


def test_a_random_part_repeats_nothing_and_keeps_images_with_their_labels() -> None:
    labels = np.arange(1000) % 10
    images = np.zeros((1000, 28, 28), np.uint8)
    images[:, 0, 0], images[:, 0, 1] = np.divmod(np.arange(1000), 256)
    first, again = (random_subset(images, labels, 400) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    index = first[0][:, 0, 0].astype(int) * 256 + first[0][:, 0, 1]
    assert len(set(index.tolist())) == 400
    np.testing.assert_array_equal(first[1], labels[index])
    assert 150 < (index < 500).sum() < 250, "either half has its share"


def test_a_part_as_large_as_the_whole_is_the_whole(digits: Digits) -> None:
    images, labels = digits[0][:50], digits[1][:50]
    for count in (50, 60):
        part, of_part = random_subset(images, labels, count)
        assert sorted(image.tobytes() for image in part) == sorted(i.tobytes() for i in images)
        np.testing.assert_array_equal(np.bincount(of_part), np.bincount(labels))


def test_every_accuracy_is_that_of_the_corrupted_images(digits: Digits) -> None:
    images, labels = digits[0][:40], digits[1][:40]
    found = corrupted_accuracy(readers(dict.fromkeys(ARCHITECTURES, SEEDS)), images, labels, SEEDS)
    table = found.table
    assert len(table) == len(ARCHITECTURES) * len(SEEDS) * len(STRENGTHS)
    found = table.set_index(["architecture", "seed", "corruption", "strength"])["accuracy"]
    assert found.index.is_unique
    for corruption, strength in STRENGTHS:
        shown = corrupt(images, corruption, strength, CORRUPTION_SEED)
        for name in ARCHITECTURES:
            for seed in SEEDS:
                hits = (reading(shown, name, seed) == labels).sum()
                assert found[name, seed, corruption, strength] == hits / 40


def test_shares_of_images_are_those_of_the_summaries_and_widen_their_intervals(
    digits: Digits,
) -> None:
    images, labels = digits[0][:40], digits[1][:40]
    found = corrupted_accuracy(readers(dict.fromkeys(ARCHITECTURES, SEEDS)), images, labels, SEEDS)
    record = robustness_record(found, len(labels))
    for name, summaries in record.accuracy.items():
        assert list(summaries) == list(found.shares[name])
        for kind, summary in summaries.items():
            table = found.shares[name][kind]
            assert table.shape == (len(SEEDS), 40)
            assert list(summary.per_seed.values()) == pytest.approx(table.mean(axis=1).tolist())
            ends = crossed_share_interval(table, 40)
            assert (summary.ci95_low, summary.ci95_high) == ends


def test_means_are_over_strengths_then_over_corruptions() -> None:
    accuracies = {
        ("mlp", 0): {("shift", 1): 0.8, ("shift", 2): 0.4, ("blur", 1.0): 0.9},
        ("mlp", 1): {("shift", 1): 0.6, ("shift", 2): 0.2, ("blur", 1.0): 0.8},
        ("cnn", 0): {("shift", 1): 1.0, ("shift", 2): 0.8, ("blur", 1.0): 0.5},
        ("cnn", 1): {("shift", 1): 0.9, ("shift", 2): 0.7, ("blur", 1.0): 0.6},
    }
    rows = [
        (*model, *condition, accuracy)
        for model, conditions in accuracies.items()
        # Clean images don't count.
        for condition, accuracy in ({("shift", 0): 0.99, ("blur", 0): 0.99} | conditions).items()
    ]
    record = robustness_record(corrupted(pd.DataFrame(rows, columns=COLUMNS)), 123)
    assert (record.images, record.curves, record.effects) == (123, None, None)
    assert record.units == {name: item.unit for name, item in CORRUPTIONS.items()}
    # A mean over the three conditions of the first model would be 0.7.
    wanted = {
        "mlp": {"mean": (0.75, 0.6), "shift": (0.6, 0.4), "blur": (0.9, 0.8)},
        "cnn": {"mean": (0.7, 0.7), "shift": (0.9, 0.8), "blur": (0.5, 0.6)},
    }
    assert list(record.accuracy) == list(wanted)
    for name, by_corruption in wanted.items():
        assert list(record.accuracy[name]) == list(by_corruption)
        for corruption, (first, second) in by_corruption.items():
            found = record.accuracy[name][corruption]
            assert found.per_seed == pytest.approx({0: first, 1: second})
            assert found.mean == pytest.approx((first + second) / 2)
