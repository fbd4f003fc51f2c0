"""Pictures of one digit as people have them, read without trust and brought to MNIST's form.

MNIST's digits were fitted into a 20 x 20 box with their proportions kept, anti-aliased, and shifted
so that their centre of mass is the centre of a 28 x 28 field (LeCun et al. 1998, section III-A).
Before that, ink must be told from ground, which the makers of MNIST had as black on white.

Supported: one digit, dark on light or light on dark, that covers less than half of the picture; a
plain ground, under light that changes over the picture or falls into shadow with a soft edge. Not
supported: ruled lines, several digits, a hard-edged shadow across the digit.
"""

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from scipy import ndimage

from digitbench.errors import DigitbenchError

Floats = NDArray[np.floating]

# --- files -----------------------------------------------------------------------------------

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


# --- MNIST's form ----------------------------------------------------------------------------

WHITE = 255
FIELD = 28  # pixels, side of an MNIST image
BOX = 20  # pixels, side of the box that holds the digit
# MNIST's centre of mass is the middle of this pixel, row and column: within half a pixel in every
# one of its images, for they were shifted by whole pixels.
CENTRE = 14
SMALLEST = 8  # pixels, longer side of a picture

# Share of the ground's brightness by which the darkest (lightest) place must differ from it.
FAINTEST = 0.1
# Width of strokes in pixels of the box; 98 % of MNIST's are wider.
THINNEST = 1.6

# The ground is looked for in a picture of this side, in pixels, in windows of this share of it.
_COARSE, _WINDOW = 32, 0.9
# Pictures up to this shorter side, in pixels, have no noise that smoothing might cure.
_SHARP = 64
# Brightness of the ground, out of 255, below which its contrast isn't magnified any further.
_DIMMEST = 32
# Ink against the median deviation of pixels from their surroundings; noise alone reaches 3 to 5.
_CLEAR = 5
# Mean ink just outside of strokes, above which they are a change of light.
_SOFTEST = 0.35

_BLANK = "the picture is blank: nothing stands out from its ground."


def as_mnist(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The image of the one digit in a picture as MNIST would have it.

    Args:
        picture: Grey [h, w], colour [h, w, 3], or colour and opacity [h, w, 4]. Its size is limited
            by time alone: reduce it to some 500 pixels first.

    Returns:
        uint8 [28, 28], white ink on black. The centre of mass is the centre to within half a pixel,
        unless the digit would then leave the field.

    Raises:
        DigitbenchError: The picture is blank or smaller than 8 pixels.
    """
    if max(picture.shape[:2]) < SMALLEST:
        raise DigitbenchError(
            f"{picture.shape[1]} x {picture.shape[0]} pixels are too few to show a digit; "
            f"give at least {SMALLEST}."
        )
    ink = _ink(_contrast(grey_levels(picture)))
    return _place(_fit(_thicken(ink)))


def _contrast(grey: Floats) -> Floats:
    """How far a pixel stands out from the ground towards ink, as a share of the ground: [h, w].

    A share, because the light on a page multiplies ink and paper alike. Light ink on dark is what
    the negative says of it. Ink is on that side of the ground where the outliers are.
    """
    ground = _ground(grey)
    difference = grey - ground
    outliers = _smooth(difference)
    if -outliers.min() > outliers.max():
        difference, ground = -difference, WHITE - ground
    contrast: Floats = difference / np.maximum(WHITE - ground, _DIMMEST)
    return contrast


def _ground(grey: Floats) -> Floats:
    """Brightness of the paper behind the ink, [h, w]: the median of a wide neighbourhood.

    The median is that of the paper where ink covers less than half of the window, follows a slope
    of the light, and keeps to its side of a shadow's edge. Slopes go on beyond the picture's edges.
    """
    small = _resize(grey, _within(grey.shape, _COARSE), Image.Resampling.BOX)
    reach = int(_WINDOW * _COARSE) // 2
    wider = np.pad(small, reach, mode="reflect", reflect_type="odd")
    windows = np.lib.stride_tricks.sliding_window_view(wider, (2 * reach + 1, 2 * reach + 1))
    median: Floats = np.median(windows, axis=(2, 3))
    return _resize(median, grey.shape, Image.Resampling.BILINEAR)


def _ink(contrast: Floats) -> Floats:
    """The digit cut out: 1 for full ink, 0 for ground, [h, w] of its surroundings.

    Raises:
        DigitbenchError: Nothing stands out from the ground, from noise, or with an edge.
    """
    smooth = _smooth(contrast)
    highest = float(smooth.max())
    noise = float(np.median(np.abs(contrast - smooth)))
    if highest < max(FAINTEST, _CLEAR * noise):
        raise DigitbenchError(_BLANK)
    full = np.percentile(contrast[contrast > highest / 2], 90)
    ink = np.clip(contrast / full, 0, 1)
    strokes = _strokes(ink > 0.5)
    # Around the strokes, grey is their soft edge, which in MNIST is a pixel wide; elsewhere, dirt.
    edge = max(1, round(max(_extent(strokes)) / BOX))
    around = _window(strokes, edge)
    strokes, ink = strokes[around], ink[around]
    near = ndimage.distance_transform_edt(~strokes) <= edge
    if ink[near & ~strokes].mean() > _SOFTEST:
        raise DigitbenchError(_BLANK)
    cut: Floats = np.where(near & (ink > 0.05), ink, 0)
    return cut


def _strokes(dark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Drop what isn't part of the digit: specks, and what the picture's edge cuts off.

    The edge of a table or of a shadow reaches the picture's own edge. So may a digit, but then
    there is little else.
    """
    parts, count = ndimage.label(dark, np.ones((3, 3)))  # diagonal neighbours count as connected
    area = np.bincount(parts.ravel(), minlength=count + 1)
    area[0] = 0  # the ground
    cut = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    if area[cut].sum() <= 0.75 * area.sum():
        area[cut] = 0
    kept: NDArray[np.bool_] = (area >= max(1, 0.05 * area.max()))[parts]
    return kept


def _thicken(ink: Floats) -> Floats:
    """Widen strokes thinner than MNIST's thinnest to that width; the result may be larger."""
    missing = THINNEST / BOX * max(_extent(ink > 0.25)) - _stroke_width(ink)
    if missing <= 0:
        return ink
    padded = np.pad(ink, int(missing / 2) + 2)
    # From the middle of a pixel to that of the nearest ink; the edge of the ink is half a pixel on.
    distance = ndimage.distance_transform_edt(padded <= 0.5)
    thick: Floats = np.maximum(padded, np.clip(missing / 2 + 1 - distance, 0, 1))
    return thick


def _stroke_width(ink: Floats) -> float:
    """Mean width in pixels: area over half the perimeter.

    The perimeter is pi/4 of the differences between neighbours, which count a slanting edge once
    along each axis (Crofton's formula with two directions).
    """
    padded = np.pad(ink, 1)
    differences = sum(np.abs(np.diff(padded, axis=axis)).sum() for axis in (0, 1))
    return float(2 * ink.sum() / (np.pi / 4 * differences))


def _fit(ink: Floats) -> Floats:
    """Scale to the box, proportions kept, and the strongest ink to 1: [20, w] or [h, 20]."""
    tight = ink[_window(ink > 0.25, 0)]
    # Averaging areas anti-aliases; there are no areas to average in a digit to be enlarged.
    shrinks = max(tight.shape) >= BOX
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BICUBIC
    fitted = np.maximum(_resize(tight, _within(tight.shape, BOX), how), 0)
    full: Floats = fitted / fitted.max()
    return full


def _place(fitted: Floats) -> NDArray[np.uint8]:
    """Shift by whole pixels, so that the centre of mass comes to the centre: uint8 [28, 28]."""
    image = np.zeros((FIELD, FIELD), np.uint8)
    centre = ndimage.center_of_mass(fitted)
    top, left = (
        int(np.clip(round(CENTRE - middle), 0, FIELD - side))
        for middle, side in zip(centre, fitted.shape, strict=True)
    )
    height, width = fitted.shape
    image[top : top + height, left : left + width] = np.rint(fitted * WHITE)
    return image


def _smooth(image: Floats) -> Floats:
    """Means of 3 x 3 pixels, so that no single one counts as an extreme."""
    if min(image.shape) <= _SHARP:
        return image
    means: Floats = ndimage.uniform_filter(image, 3, mode="nearest")
    return means


def _window(mask: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """Rows and columns that hold all that is marked, and a margin where there is one."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return (
        slice(max(0, int(rows[0]) - margin), int(rows[-1]) + 1 + margin),
        slice(max(0, int(columns[0]) - margin), int(columns[-1]) + 1 + margin),
    )


def _extent(mask: NDArray[np.bool_]) -> tuple[int, int]:
    rows, columns = _window(mask, 0)
    return rows.stop - rows.start, columns.stop - columns.start


def _within(shape: tuple[int, ...], side: int) -> tuple[int, ...]:
    """The shape scaled so that its longer side is as given; no side vanishes."""
    return tuple(max(1, round(length * side / max(shape))) for length in shape)


def _resize(image: Floats, shape: tuple[int, ...], how: Image.Resampling) -> Floats:
    """Resize [h, w] to the shape; Pillow anti-aliases where the image shrinks."""
    height, width = shape
    resized = Image.fromarray(image.astype(np.float32)).resize((width, height), how)
    return np.asarray(resized, np.float32)


# --- colours and transparency to one grey level per pixel ---------------------------------------

# Standard deviation, in levels of 255, within which visible pixels are of one colour.
_ONE_COLOUR = 16


def grey_levels(picture: NDArray[np.uint8]) -> Floats:
    """Grey levels 0..255 of a picture, in which ink differs from ground as much as in colour.

    Args:
        picture: Grey [h, w], colour [h, w, 3], or colour and opacity [h, w, 4].

    Returns:
        Float [h, w]. Of a picture that is grey already, its own levels.

    Raises:
        DigitbenchError: The picture is transparent all over.
    """
    if picture.ndim == 2:
        return picture.astype(np.float32)
    return _principal(_opaque(picture) if picture.shape[2] == 4 else picture.astype(np.float32))


def _opaque(picture: NDArray[np.uint8]) -> Floats:
    """Lay colour and opacity [h, w, 4] over a ground: float [h, w, 3].

    Where all that is visible has one colour, it is ink, and the ground is white or black, whichever
    differs more. Otherwise the picture brings a ground of its own, which is continued.
    """
    highest = int(picture[..., 3].max())
    if highest == 0:
        raise DigitbenchError("the picture is blank: it is transparent all over.")
    opacity = picture[..., 3:].astype(np.float32) / highest
    colours = picture[..., :3].astype(np.float32)
    visible = colours[opacity[..., 0] > 0.5]  # [N, 3]
    if visible.std(axis=0).max() > _ONE_COLOUR:
        ground = np.median(visible, axis=0)
    else:
        ground = np.full(3, WHITE if visible.mean() < WHITE / 2 else 0)
    return opacity * colours + (1 - opacity) * ground.astype(np.float32)


def _principal(colours: Floats) -> Floats:
    """Project colours [h, w, 3] on the axis along which they vary most: float [h, w].

    Luminance alone can't tell red ink from a green ground as bright.
    """
    covariance = np.cov(colours.reshape(-1, 3), rowvar=False)
    axis = np.linalg.eigh(covariance).eigenvectors[:, -1]
    axis = axis / np.abs(axis).sum()
    if axis.sum() < 0:
        axis = -axis
    # Weights below 0 would give levels below 0.
    levels: Floats = colours @ axis.astype(np.float32) - WHITE * np.minimum(axis, 0).sum()
    return levels
