"""Pictures as people have them: every format and mode is read, and brought to MNIST's form.

What that form is, what must not matter to it, and what is refused.
"""

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from digitbench.errors import DigitbenchError
from digitbench.predict.pictures import LARGEST, as_mnist, read_picture
from drawings import Grey, lay, printed, similarity, stencil

DIGITS = range(10)
ORIENTATION = 0x0112  # tag of EXIF
# The stored image to its orientation: what turns an upright one into it.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture
def seven() -> Grey:
    return printed(7, 60, ink=30, ground=220)


@pytest.mark.parametrize(
    ("suffix", "difference"),
    [*((name, 0) for name in ("png", "bmp", "tiff", "pgm", "gif")), ("jpg", 3), ("webp", 3)],
)
def test_every_format_gives_its_pixels(
    suffix: str, difference: float, seven: Grey, tmp_path: Path
) -> None:
    Image.fromarray(seven).save(tmp_path / f"a.{suffix}", quality=90)
    # The content counts, not the name.
    (tmp_path / f"a.{suffix}").rename(tmp_path / "b.jpg")
    pixels = read_picture(tmp_path / "b.jpg").reshape(*seven.shape, -1)[..., 0]
    assert np.abs(pixels.astype(int) - seven).mean() <= difference


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I"])
def test_the_mode_doesnt_change_the_digit(mode: str, tmp_path: Path) -> None:
    page = printed(5, 60)
    image = Image.fromarray(page)
    if mode.startswith("I"):
        image = Image.fromarray(page.astype(np.uint16 if mode == "I;16" else np.int32) * 257)
    else:
        image = image.convert(mode)
    assert image.mode == mode
    path = tmp_path / ("a.tiff" if mode in ("CMYK", "I") else "a.png")
    image.save(path)
    assert similarity(as_mnist(read_picture(path)), as_mnist(page)) > 0.97


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path: Path) -> None:
    levels = np.arange(0, 65_536, 16, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(levels).save(tmp_path / "a.png")
    assert np.abs(read_picture(tmp_path / "a.png") - levels / 65_535 * 255).max() <= 1


def test_transparency_of_a_palette_is_kept(tmp_path: Path) -> None:
    page = Image.fromarray((printed(5, 60) > 127).astype(np.uint8)).convert("P")
    page.putpalette([0, 0, 0, 0, 0, 0])
    page.save(tmp_path / "a.png", transparency=1)
    pixels = read_picture(tmp_path / "a.png")
    assert pixels.shape == (120, 120, 4)
    assert not pixels[..., :3].any(), "one colour: only opacity draws the digit"
    assert similarity(as_mnist(pixels), as_mnist(printed(5, 60))) > 0.97


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_photographs_are_turned_upright(
    orientation: int, suffix: str, seven: Grey, tmp_path: Path
) -> None:
    page = seven[:, 20:]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    stored = Image.fromarray(page).transpose(TURNS[orientation])
    stored.save(tmp_path / f"a.{suffix}", exif=exif)
    pixels = read_picture(tmp_path / f"a.{suffix}")
    assert pixels.shape == page.shape
    assert np.abs(pixels.astype(int) - page).mean() < 2


@pytest.mark.parametrize(("shape", "reduced"), [((3000, 1500), (512, 256)), ((20, 40), (20, 40))])
@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_large_pictures_are_reduced(
    shape: tuple[int, int], reduced: tuple[int, int], suffix: str, tmp_path: Path
) -> None:
    Image.fromarray(np.full(shape, 99, np.uint8)).save(tmp_path / f"a.{suffix}")
    pixels = read_picture(tmp_path / f"a.{suffix}")
    assert pixels.shape == reduced
    assert max(pixels.shape) <= LARGEST
    assert np.abs(pixels.astype(int) - 99).max() <= 1


@pytest.mark.parametrize("content", [b"", b"hello", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"\x89PNG\r\n"])
def test_no_image_is_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DigitbenchError, match="not an image in a known format"):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff", "gif", "webp"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_half_a_file_is_a_sentence(suffix: str, share: float, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 90), dtype=np.uint8)
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(DigitbenchError, match=r"cannot be read|known format"):
        read_picture(path)


def test_what_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("a.png", "there is no such file"), ("", "not a file"), ("pipe", "not a")):
        with pytest.raises(DigitbenchError, match=reason):
            read_picture(tmp_path / name)


def test_what_would_need_a_choice_is_a_sentence(
    seven: Grey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = [Image.fromarray(np.roll(seven, shift)) for shift in (0, 9, 20)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(DigitbenchError, match="has 3 frames"):
        read_picture(tmp_path / "a.gif")
    Image.fromarray(np.eye(30, dtype=np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(DigitbenchError, match="floating-point"):
        read_picture(tmp_path / "a.tiff")
    frames[0].save(tmp_path / "a.png")
    for limit in (seven.size - 1, seven.size // 4):  # Pillow warns at the one, raises at the other
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DigitbenchError, match="make it smaller"):
            read_picture(tmp_path / "a.png")


def extent(image: Grey, level: int = 64) -> tuple[int, int]:
    rows, columns = np.nonzero(image >= level)
    return int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1


def ramp(shape: tuple[int, int], darkest: float) -> NDArray[np.float64]:
    """Light that falls off from the upper left to the lower right: 1 to `darkest`."""
    rows, columns = np.linspace(0, 1, shape[0]), np.linspace(0, 1, shape[1])
    falls: NDArray[np.float64] = 1 - (1 - darkest) * (rows[:, None] + columns) / 2
    return falls


def lit(picture: Grey, light: NDArray[np.float64], noise: float = 0, seed: int = 0) -> Grey:
    grain = np.random.default_rng(seed).normal(0, noise, picture.shape) if noise else 0
    return np.clip(picture * light + grain, 0, 255).round().astype(np.uint8)


# --- what MNIST is ---------------------------------------------------------------------------


@pytest.mark.parametrize("digit", DIGITS)
def test_form_is_that_of_mnist(digit: int) -> None:
    image = as_mnist(printed(digit))
    assert image.dtype == np.uint8
    assert image.shape == (28, 28)
    assert (image.min(), image.max()) == (0, 255)
    assert max(extent(image, level=1)) == 20
    middle = [(image.sum(axis=1 - axis) * np.arange(28)).sum() / image.sum() for axis in (0, 1)]
    assert np.abs(np.array(middle) - 14).max() <= 0.5, "within half a pixel, as in MNIST"
    assert ((image > 40) & (image < 215)).sum() > 20, "anti-aliased"


@pytest.mark.parametrize("digit", DIGITS)
def test_a_clean_drawing_gives_what_the_paper_describes(digit: int) -> None:
    ink = stencil(digit, 200)  # taller than wide: ten pixels become one
    whole = np.pad(ink, ((0, 0), (0, -ink.shape[1] % 10)))
    small = whole.reshape(20, 10, -1, 10).mean(axis=(1, 3))
    field = np.zeros((28, 28))
    field[: small.shape[0], : small.shape[1]] = small
    moved = ndimage.shift(field, np.rint(14 - np.array(ndimage.center_of_mass(field))), order=1)
    assert similarity(as_mnist(lay(ink, (300, 300), (50, 60))), moved) > 0.97


@pytest.mark.parametrize(("height", "width"), [(120, 60), (60, 120), (90, 90), (200, 50)])
def test_proportions_are_kept(height: int, width: int) -> None:
    rows, columns = np.mgrid[0:300, 0:300] - 150
    radius = np.hypot(2 * rows / height, 2 * columns / width)
    ring = np.where((radius > 0.7) & (radius < 1), 0, 255).astype(np.uint8)
    expected = (20 * height / max(height, width), 20 * width / max(height, width))
    assert np.abs(np.subtract(extent(as_mnist(ring)), expected)).max() <= 1


def test_digits_in_the_form_stay_in_it(digits: tuple[Grey, NDArray[np.uint8]]) -> None:
    for original in digits[0][:40]:
        seen = as_mnist(original)
        again = as_mnist(lay(np.kron(seen, np.ones((9, 9))) / 255, (400, 500), (30, 200), 60, 220))
        assert similarity(seen, again) > 0.95
        assert similarity(seen, as_mnist(seen)) > 0.95


# --- what must not matter --------------------------------------------------------------------


@pytest.mark.parametrize("digit", DIGITS)
def test_polarity_contrast_place_and_page_change_nothing(digit: int) -> None:
    ink = stencil(digit, 80)
    expected = as_mnist(lay(ink, (200, 300), (60, 100)))
    np.testing.assert_array_equal(as_mnist(lay(ink, (200, 300), (60, 100), 255, 0)), expected)
    for corner in ((3, 4), (110, 210), (100, 7)):
        np.testing.assert_array_equal(as_mnist(lay(ink, (200, 300), corner)), expected)
    for shape in ((90, 400), (400, 100), (500, 500)):
        assert similarity(as_mnist(lay(ink, shape, (5, 20))), expected) > 0.99
    for shade, ground in ((120, 230), (30, 90), (200, 60), (255, 180)):
        faint = as_mnist(lay(ink, (200, 300), (60, 100), shade, ground))
        assert np.abs(faint.astype(int) - expected).max() <= 4, "rounding of grey levels only"


@pytest.mark.parametrize("digit", DIGITS)
def test_size_of_the_digit_changes_little(digit: int) -> None:
    expected = as_mnist(printed(digit, 400))
    for height in (32, 60, 130, 251):
        assert similarity(as_mnist(printed(digit, height)), expected) > 0.96
    assert similarity(as_mnist(printed(digit, 32, ink=255, ground=0)), expected) > 0.96


@pytest.mark.parametrize("digit", DIGITS)
@pytest.mark.parametrize("noise", [0, 4])
def test_uneven_light_changes_little(digit: int, noise: float) -> None:
    page = lay(stencil(digit, 220), (300, 400), (40, 120), ink=40, ground=220)
    expected = as_mnist(page)
    darkness = 0.3
    assert page.max() * darkness < 70, "the dark corner is nearly as dark as ink in the light one"
    for light in (ramp(page.shape, darkness), ramp(page.shape, darkness)[::-1, ::-1]):
        assert similarity(as_mnist(lit(page, light, noise)), expected) > 0.93


def test_ink_is_as_strong_in_the_shade_as_in_the_light() -> None:
    page = np.full((300, 500), 220, np.uint8)
    page[130:170, 100:400] = 40
    shaded = as_mnist(lit(page, np.broadcast_to(np.linspace(1, 0.3, 500), page.shape)))
    bar = shaded.max(axis=0)[shaded.max(axis=0) > 0]
    assert len(bar) == 20
    assert bar[1:-1].min() > 0.85 * bar.max()


@pytest.mark.parametrize("polarity", [(30, 220), (220, 30)])
def test_specks_and_a_cut_off_border_are_dropped(polarity: tuple[int, int]) -> None:
    clean = lay(stencil(8, 120), (240, 320), (60, 110), *polarity)
    dirty = clean.copy()
    dirty[20:23, 30:33] = dirty[200:203, 300:303] = polarity[0]
    dirty[:, :6] = polarity[0]  # the edge of the table
    np.testing.assert_array_equal(as_mnist(dirty), as_mnist(clean))


def test_a_digit_may_touch_the_edge_of_the_picture() -> None:
    ink = stencil(2, 120)
    free, tight = lay(ink, (240, 240), (60, 60)), lay(ink, (120, 160), (0, 40))
    assert similarity(as_mnist(tight), as_mnist(free)) > 0.97


def test_thin_strokes_get_the_width_of_a_pen() -> None:
    ring = np.abs(np.hypot(*(np.mgrid[0:400, 0:400] - 200)) - 150)
    thin, pen = (as_mnist(np.where(ring < width, 0, 255).astype(np.uint8)) for width in (0.8, 12))
    assert similarity(thin, pen) > 0.8
    row = thin[14].astype(float) / 255
    assert 2 * 1.2 < row.sum() < 2 * 2.4, "two strokes of about 1.6 pixels"


PAGE = (180, 180), (40, 60)  # shape, corner of the digit


@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ((200, 30, 30), (255, 255, 255)),
        ((255, 230, 60), (40, 60, 40)),
        ((200, 0, 0), (0, 102, 0)),  # as bright to the eye
        ((150, 0, 0), (0, 150, 0)),  # as bright to a meter
        # Opacity alone draws the digit.
        ((0, 0, 0), None),
        ((255, 255, 255), None),
        ((180, 40, 40), None),
    ],
)
def test_ink_of_any_colour_is_told_from_the_ground(
    ink: tuple[int, int, int], ground: tuple[int, int, int] | None
) -> None:
    cover = lay(stencil(3, 100), *PAGE, 255, 0)[..., None]
    if ground:
        picture = np.rint(cover / 255 * ink + (1 - cover / 255) * ground).astype(np.uint8)
    else:
        picture = np.dstack([np.full((180, 180, 3), ink, np.uint8), cover])
    assert similarity(as_mnist(picture), as_mnist(lay(stencil(3, 100), *PAGE))) > 0.99


def test_a_transparent_margin_around_paper_is_no_ink() -> None:
    paper = lay(stencil(4, 100), *PAGE, 20, 230)
    framed = np.zeros((240, 240, 4), np.uint8)
    framed[30:210, 30:210] = np.dstack([paper, paper, paper, np.full_like(paper, 255)])
    assert similarity(as_mnist(framed), as_mnist(paper)) > 0.99


# --- what is no digit ------------------------------------------------------------------------


def blank(picture: Grey, reason: str = "the picture is blank") -> None:
    with pytest.raises(DigitbenchError, match=reason):
        as_mnist(picture)


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (200, 300), (60, 60, 3)])
def test_uniform_pictures_are_blank(shape: tuple[int, ...]) -> None:
    for level in (0, 7, 128, 255):
        blank(np.full(shape, level, np.uint8))


@pytest.mark.parametrize("noise", [2, 8])
@pytest.mark.parametrize("darkest", [1, 0.6])
def test_paper_without_ink_is_blank(noise: float, darkest: float) -> None:
    paper = np.full((240, 320), 200, np.uint8)
    for seed in range(5):
        blank(lit(paper, ramp(paper.shape, darkest), noise, seed))


def test_a_change_of_light_is_no_ink_and_neither_is_what_cannot_be_seen() -> None:
    lamp = np.exp(-((np.hypot(*(np.mgrid[0:200, 0:200] - 100)) / 60) ** 2))
    blank(np.rint(100 + 120 * lamp).astype(np.uint8))
    hidden = np.dstack([np.dstack([printed(1)] * 3), np.zeros((200, 200), np.uint8)])
    blank(hidden, "transparent all over")
    blank(np.eye(5, 7, dtype=np.uint8) * 255, "7 x 5 pixels are too few")


@pytest.mark.parametrize("shape", [(1, 200), (200, 1), (8, 300), (8, 8), (31, 65)])
def test_odd_shapes_with_ink_give_an_image(shape: tuple[int, int]) -> None:
    page = np.full(shape, 220, np.uint8)
    page[shape[0] // 2 : shape[0] // 2 + 3, shape[1] // 2 : shape[1] // 2 + 3] = 20
    image = as_mnist(page)
    assert image.shape == (28, 28)
    assert image.max() == 255


def test_scale_of_real_handwriting_is_that_of_pillow(
    digits: tuple[Grey, NDArray[np.uint8]],
) -> None:
    """Enlarging a digit smoothly and bringing it back is nearly bringing it as it is."""
    alike = []
    for original in digits[0][:40]:
        large = Image.fromarray(original).resize((280, 280), Image.Resampling.BICUBIC)
        alike.append(similarity(as_mnist(np.asarray(large)), as_mnist(original)))
    assert min(alike) > 0.9
    assert np.median(alike) > 0.95
