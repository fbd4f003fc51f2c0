import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits

from digitbench.download.digits import optical_digits
from digitbench.errors import DigitbenchError
from digitbench.evaluation.domains import MAPPINGS, box20, stretch


@pytest.fixture
def images() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (5, 16, 16), dtype=np.uint8)


def _pillow_cubic(image: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    resized = Image.fromarray(image.astype(np.float32)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    return np.clip(np.asarray(resized, np.float64), 0, 255)


@pytest.mark.parametrize("name", ["stretch", "box"])
@pytest.mark.parametrize("side", [8, 16, 40])
def test_mappings_give_the_field_of_mnist(name: str, side: int) -> None:
    result = MAPPINGS[name](np.full((3, side, side), 255, np.uint8))
    assert result.dtype == np.uint8
    assert result.shape == (3, 28, 28)


@pytest.mark.parametrize("side", [16, 40])
def test_stretch_is_pillows_cubic_resize_clipped(side: int) -> None:
    images = np.random.default_rng(1).integers(0, 256, (4, side, side), dtype=np.uint8)
    expected = np.stack([_pillow_cubic(image, 28) for image in images])
    assert np.abs(stretch(images) - expected).max() < 0.6


def test_box_is_pillows_cubic_resize_within_a_black_border(images: NDArray[np.uint8]) -> None:
    result = box20(images)
    expected = np.stack([_pillow_cubic(image, 20) for image in images])
    assert np.abs(result[:, 4:24, 4:24] - expected).max() < 0.6
    border = np.ones((28, 28), bool)
    border[4:24, 4:24] = False
    assert not result[:, border].any()


@pytest.mark.parametrize("grey", [0, 93, 255])
def test_constant_images_stay_constant(grey: int) -> None:
    constant = np.full((2, 16, 16), grey, np.uint8)
    np.testing.assert_array_equal(stretch(constant), grey)
    np.testing.assert_array_equal(box20(constant)[:, 4:24, 4:24], grey)


def test_float_and_bytes_give_the_same(images: NDArray[np.uint8]) -> None:
    for mapping in MAPPINGS.values():
        np.testing.assert_array_equal(mapping(images.astype(np.float64)), mapping(images))


def test_stretch_fills_the_field_from_an_oblong() -> None:
    oblong = np.zeros((1, 10, 20), np.uint8)
    oblong[:, :5] = 255  # the upper half
    result = stretch(oblong)
    assert (result[:, :12] > 230).all()
    assert (result[:, 16:] < 25).all()


def test_box_refuses_an_oblong() -> None:
    with pytest.raises(DigitbenchError, match="10 x 20 pixels would be distorted"):
        box20(np.zeros((1, 10, 20), np.uint8))


@pytest.mark.parametrize("name", ["stretch", "box"])
@pytest.mark.parametrize("value", [-1.0, 256.0, np.nan])
def test_values_that_are_no_grey_levels_are_refused(name: str, value: float) -> None:
    with pytest.raises(DigitbenchError, match="grey levels"):
        MAPPINGS[name](np.full((1, 16, 16), value))


@pytest.mark.parametrize("name", ["stretch", "box"])
def test_a_single_image_without_batch_is_refused(name: str) -> None:
    with pytest.raises(DigitbenchError, match=r"\[N, height, width\]"):
        MAPPINGS[name](np.zeros((16, 16), np.uint8))


def test_optical_digits_span_the_grey_levels_and_keep_their_order() -> None:
    images, labels = optical_digits()
    assert images.dtype == np.uint8
    assert images.shape == (1797, 8, 8)
    assert (images.min(), images.max(), len(np.unique(images))) == (0, 255, 17)
    np.testing.assert_allclose(images / 255 * 16, load_digits().images, atol=0.04)
    np.testing.assert_array_equal(labels, load_digits().target)
