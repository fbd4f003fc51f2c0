"""Picture files as people have them, read without trusting them."""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from digitbench.errors import DigitbenchError

# Formats of pixels alone, by Pillow's names; it would open others with the help of other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm"),
)
# Pixels, longer side to which pictures are reduced. A digit that spans a tenth of it is still
# larger than MNIST's.
LARGEST = 512


def read_picture(path: Path) -> NDArray[np.uint8]:
    """Pixels of a picture, upright, reduced to at most 512 on the longer side.

    Returns:
        uint8: grey [h, w], colour [h, w, 3], or colour and opacity [h, w, 4].

    Raises:
        DigitbenchError: The file is missing, damaged, animated, too large or none of the formats.
            The text doesn't name the file: callers have a name for it that the user knows.
    """
    if not path.is_file():
        # Opening a pipe or a device would wait for ever.
        raise DigitbenchError("this is not a file." if path.exists() else "there is no such file.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                return _pixels(image)
    except DigitbenchError:
        raise
    except UnidentifiedImageError:
        raise DigitbenchError(
            f"this is not an image in a known format ({', '.join(FORMATS)})."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        limit = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise DigitbenchError(
            f"the image has more than {limit} million pixels; make it smaller."
        ) from None
    except Exception as error:
        # Decoders meet damage in many ways: OSError, ValueError, struct.error, IndexError ...
        reason = getattr(error, "strerror", None) or error
        raise DigitbenchError(f"the image cannot be read ({reason}).") from None


def _pixels(image: Image.Image) -> NDArray[np.uint8]:
    frames = getattr(image, "n_frames", 1)
    # Cameras add smaller versions of the same photograph to a JPEG, which Pillow calls MPO.
    if frames > 1 and image.format != "MPO":
        raise DigitbenchError(
            f"the image has {frames} frames; save the one with the digit as an image of its own."
        )
    # A JPEG is decoded at a half, a quarter or an eighth of its size if that is enough.
    image.draft(None, (LARGEST, LARGEST))
    plain = _plain(ImageOps.exif_transpose(image))
    plain.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    return np.asarray(plain, np.uint8)


def _plain(image: Image.Image) -> Image.Image:
    """One of the modes L, RGB and RGBA, at 8 bits per channel."""
    if image.mode == "F":
        raise DigitbenchError("pixels are floating-point numbers; save them with 8 or 16 bits.")
    if image.mode.startswith("I"):
        # 16 bits, which Pillow would cut off at 255.
        return Image.fromarray((np.asarray(image).clip(0, 65_535) // 257).astype(np.uint8))
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")
