import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from digitbench.errors import DigitbenchError
from digitbench.evaluation.corruptions import CORRUPTIONS, corrupt

SEED = 7
NAMES = list(CORRUPTIONS)


@pytest.fixture
def images() -> NDArray[np.uint8]:
    """Return 40 random smooth blobs, bright in the middle and black in the outer 4 pixels."""
    rng = np.random.default_rng(0)
    inner = ndimage.gaussian_filter(rng.uniform(0, 255, (40, 20, 20)), (0, 1, 1), mode="constant")
    return np.pad(inner, ((0, 0), (4, 4), (4, 4))).astype(np.uint8)


def _largest_difference(first: NDArray[np.uint8], second: NDArray[np.floating]) -> float:
    return float(np.abs(first.astype(np.float64) - second).max())


def _bilinear(image: NDArray[np.uint8], matrix: list[list[float]]) -> NDArray[np.float64]:
    """Resample about the centre with SciPy; the matrix takes output (row, column) to input."""
    centre = np.array([13.5, 13.5])
    offset = centre - np.array(matrix) @ centre
    result: NDArray[np.float64] = ndimage.affine_transform(
        image.astype(np.float64), matrix, offset, order=1, mode="grid-constant"
    )
    return result


def _either_sign(
    corrupted: NDArray[np.uint8], expected: list[list[NDArray[np.float64]]]
) -> list[int]:
    """Say per image which of the two expected images it equals, to within rounding."""
    found = []
    for image, pair in zip(corrupted, expected, strict=True):
        differences = [_largest_difference(image, candidate) for candidate in pair]
        assert min(differences) < 0.6
        found.append(int(np.argmin(differences)))
    return found


@pytest.mark.parametrize("name", NAMES)
def test_strength_zero_is_a_copy_of_the_images(name: str, images: NDArray[np.uint8]) -> None:
    result = corrupt(images, name, 0, SEED)
    np.testing.assert_array_equal(result, images)
    assert not np.shares_memory(result, images)


@pytest.mark.parametrize("name", NAMES)
def test_registry_is_keyed_by_name_with_ascending_strengths_from_zero(name: str) -> None:
    corruption = CORRUPTIONS[name]
    assert corruption.name == name
    assert corruption.strengths[0] == 0
    assert list(corruption.strengths) == sorted(set(corruption.strengths))


@pytest.mark.parametrize("name", NAMES)
def test_larger_strength_spoils_more(name: str) -> None:
    bars = np.zeros((40, 28, 28), np.uint8)
    bars[:, 6:22, 12:15] = 255
    _, weakest, *_, strongest = (
        np.abs(corrupt(bars, name, strength, SEED).astype(float) - bars).mean()
        for strength in CORRUPTIONS[name].strengths
    )
    assert 0 < weakest < strongest


@pytest.mark.parametrize("name", NAMES)
def test_input_is_unchanged_even_when_read_only(name: str, images: NDArray[np.uint8]) -> None:
    before = images.copy()
    images.flags.writeable = False
    result = corrupt(images, name, CORRUPTIONS[name].strengths[-1], SEED)
    np.testing.assert_array_equal(images, before)
    assert result.dtype == np.uint8
    assert result.shape == images.shape


@pytest.mark.parametrize("name", NAMES)
def test_repeats_exactly_and_does_not_depend_on_later_images(
    name: str, images: NDArray[np.uint8]
) -> None:
    strength = CORRUPTIONS[name].strengths[2]
    whole = corrupt(images, name, strength, SEED)
    np.testing.assert_array_equal(corrupt(images, name, strength, SEED), whole)
    np.testing.assert_array_equal(corrupt(images[:13], name, strength, SEED), whole[:13])


@pytest.mark.parametrize("name", NAMES)
def test_no_images_give_no_images(name: str) -> None:
    empty = np.empty((0, 28, 28), np.uint8)
    assert corrupt(empty, name, CORRUPTIONS[name].strengths[1], SEED).shape == (0, 28, 28)


@pytest.mark.parametrize("name", ["shift", "rotation", "shear", "noise", "occlusion"])
def test_seed_changes_the_draws(name: str, images: NDArray[np.uint8]) -> None:
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


def test_rotation_agrees_with_scipy_and_turns_both_ways(images: NDArray[np.uint8]) -> None:
    expected = [
        [
            ndimage.rotate(
                image.astype(np.float64), angle, reshape=False, order=1, mode="grid-constant"
            )
            for angle in (30, -30)
        ]
        for image in images
    ]
    found = _either_sign(corrupt(images, "rotation", 30, SEED), expected)
    assert set(found) == {0, 1}


def test_rotation_leaves_a_disc_about_the_centre() -> None:
    rows, columns = np.mgrid[:28, :28] - 13.5
    disc = np.round(200 * np.exp(-(rows**2 + columns**2) / 50)).astype(np.uint8)
    batch = np.stack([disc] * 8)
    for degrees in (20, 45):
        assert _largest_difference(corrupt(batch, "rotation", degrees, SEED), batch) <= 4


def test_shear_agrees_with_scipy_and_leans_both_ways(images: NDArray[np.uint8]) -> None:
    slope = math.tan(math.radians(20))
    expected = [
        [_bilinear(image, [[1, 0], [sign * slope, 1]]) for sign in (1, -1)] for image in images
    ]
    found = _either_sign(corrupt(images, "shear", 20, SEED), expected)
    assert set(found) == {0, 1}


@pytest.mark.parametrize("strength", [0.2, 0.5])
def test_scaling_agrees_with_scipy(strength: float, images: NDArray[np.uint8]) -> None:
    factor = 1 / (1 - strength)
    expected = np.stack([_bilinear(image, [[factor, 0], [0, factor]]) for image in images])
    assert _largest_difference(corrupt(images, "scaling", strength, SEED), expected) < 0.6


def test_scaling_to_half_leaves_a_quarter_of_the_light(images: NDArray[np.uint8]) -> None:
    result = corrupt(images, "scaling", 0.5, SEED)
    assert result.sum() / images.sum() == pytest.approx(0.25, rel=0.01)
    assert not result[:, :9].any()
    assert not result[:, -9:].any()


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
def test_blur_agrees_with_scipy_and_keeps_the_mean(sigma: float, images: NDArray[np.uint8]) -> None:
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
def test_contrast_keeps_the_mean_and_scales_the_spread(
    strength: float, images: NDArray[np.uint8]
) -> None:
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


def test_unknown_name_is_refused_with_the_known_names(images: NDArray[np.uint8]) -> None:
    with pytest.raises(DigitbenchError, match=r"'fog'.*shift, rotation"):
        corrupt(images, "fog", 1, SEED)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("excess", [-1.0, 1.0, math.nan])
def test_strength_out_of_range_is_refused(
    name: str, excess: float, images: NDArray[np.uint8]
) -> None:
    bound = CORRUPTIONS[name].strengths[-1] if excess > 0 else 0
    with pytest.raises(DigitbenchError, match=f"'{name}' is out of range"):
        corrupt(images, name, bound + excess, SEED)


@pytest.mark.parametrize("name", ["shift", "occlusion"])
def test_parts_of_pixels_are_refused(name: str, images: NDArray[np.uint8]) -> None:
    with pytest.raises(DigitbenchError, match="whole number"):
        corrupt(images, name, 1.5, SEED)


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 28, 28)), np.zeros((2, 16, 16), np.uint8), np.zeros((28, 28), np.uint8)]
)
def test_other_images_are_refused(wrong: NDArray[np.uint8]) -> None:
    with pytest.raises(DigitbenchError, match="uint8 of shape"):
        corrupt(wrong, "blur", 1, SEED)
