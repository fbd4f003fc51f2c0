"""USPS digits in the original, unsmoothed form of *The Elements of Statistical Learning*.

The files usps.bz2 and usps.t.bz2 that other libraries load hold the same digits smoothed, on which
models score differently; hence the hashes, and hence `VARIANT` wherever results are named.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitbench.data.sources import DropIn, FileSpec, Mirror, Source, SourceError
from digitbench.errors import DigitbenchError

VARIANT = "USPS (ESL, unsmoothed)"
SIDE = 16  # pixels
AGAIN = "Run `dvc repro --force --single-item download`."

# In the order in which the images are joined: 7,291 for training, then 2,007 for testing.
FILES = (
    FileSpec(
        "zip.train.gz",
        1_829_071,
        "66ebf231ab51f2cf6ac1a892d0f98ccffee1079d7a5db638c1f11f366046ca16",
    ),
    FileSpec(
        "zip.test.gz",
        439_208,
        "8dacc3c6e136af6c3488de9e5113a7daf140c8c2f1f0b61c54ee02f03f1a962f",
    ),
)
MIRRORS = (
    "https://hastie.su.domains/ElemStatLearn/datasets/",
    "https://web.stanford.edu/~hastie/ElemStatLearn/datasets/",
)


def parse_usps(content: bytes) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Parse one gzip file: per line a label and 256 floats, -1 for black to 1 for white.

    Returns:
        Images uint8 [N, 16, 16], white on black, and labels int64 [N].

    Raises:
        DigitbenchError: The content is not gzip, or not lines of that form.
    """
    try:
        rows = np.loadtxt(gzip.decompress(content).splitlines(), dtype=np.float64, ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DigitbenchError(f"A {VARIANT} file cannot be read ({error}). {AGAIN}") from error
    if rows.shape[1] != 1 + SIDE * SIDE:
        raise DigitbenchError(
            f"A {VARIANT} file has {rows.shape[1]} values per line in place of "
            f"{1 + SIDE * SIDE}. {AGAIN}"
        )
    labels, pixels = rows[:, 0], rows[:, 1:]
    if not (np.isin(labels, range(10)).all() and (np.abs(pixels) <= 1).all()):
        raise DigitbenchError(
            f"A {VARIANT} file holds labels other than 0..9 or pixels outside -1..1. {AGAIN}"
        )
    grey = np.rint((pixels + 1) * (255 / 2)).astype(np.uint8)
    return grey.reshape(-1, SIDE, SIDE), labels.astype(np.int64)


def usps_sources(drop_in: str | None, timeout_seconds: float) -> list[Source]:
    """Where the files may be, in order: the drop-in folder or its `usps`, then their own site.

    Args:
        drop_in: The folder, if there is one.
        timeout_seconds: Without an answer, after which a site counts as dead.
    """
    folders: list[Source] = [DropIn(Path(drop_in), subfolder="usps")] if drop_in else []
    return [*folders, *(Mirror(url, timeout_seconds, packed=False) for url in MIRRORS)]


def load_usps(folder: Path, again: str = AGAIN) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read both files, after their hashes matched, and join training and test images.

    Args:
        folder: Where a stage put zip.train.gz and zip.test.gz.
        again: What to do if they are not there: how to run that stage.

    Returns:
        Images uint8 [9298, 16, 16], white on black, and labels int64 [9298].

    Raises:
        DigitbenchError: A file is missing or is not the one expected.
    """
    parts = [parse_usps(_verified(folder / spec.name, spec, again)) for spec in FILES]
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _verified(path: Path, spec: FileSpec, again: str) -> bytes:
    try:
        content = path.read_bytes()
        spec.check(content)
    except (OSError, SourceError) as error:
        raise DigitbenchError(f"{path}: not usable as {VARIANT} ({error}). {again}") from None
    return content
