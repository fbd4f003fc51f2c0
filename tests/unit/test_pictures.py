"""Files as people have them: every format and mode gives its pixels, every bad one a sentence."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digitbench.errors import DigitbenchError
from digitbench.predict.photographs import as_mnist
from digitbench.predict.pictures import LARGEST, read_picture
from drawings import Grey, printed, similarity

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
