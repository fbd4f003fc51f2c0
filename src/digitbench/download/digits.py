"""Digits as files hold them: MNIST in its format, and those of other origin, the new domains.

A new domain is an entry of `DOMAINS`: its full name, how it gets into the folder of raw data, and
how it is read from there.
"""

import gzip
import hashlib
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from digitbench.errors import DigitbenchError
from digitbench.files import read_arrays, read_bytes, write_npz

AGAIN = "Run `dvc repro --force --single-item download`."
# Images [N, h, w], white on black; labels [N].
Digits = tuple[NDArray[np.uint8], NDArray[np.int64]]
_OfMnist = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True)
class FileSpec:
    """What a raw file must be."""

    name: str
    size: int
    sha256: str

    def problem(self, content: bytes) -> str:
        """Why the content is not the file; empty if it is."""
        if len(content) != self.size:
            return f"{self.name} has {len(content):,} bytes instead of {self.size:,}"
        found = hashlib.sha256(content).hexdigest()
        return "" if found == self.sha256 else f"{self.name} is altered (SHA-256 {found})"


# --- MNIST: the IDX format, a magic number, the sizes, then bytes (LeCun et al., 1998) ---------

_UNSIGNED_BYTE = 0x08


def load_manifest() -> tuple[FileSpec, ...]:
    """The four files of MNIST with their sizes and hashes."""
    content = json.loads(Path(__file__).with_name("manifest.json").read_text(encoding="utf-8"))
    return tuple(FileSpec(name, item["bytes"], item["sha256"]) for name, item in content.items())


def decode(content: bytes, name: str) -> NDArray[np.uint8]:
    """Read-only array of unsigned bytes with as many axes as the header of an IDX file says.

    Raises:
        DigitbenchError: The header or the length is not that of an IDX file of bytes.
    """
    problem = "not an IDX file of bytes"
    if len(content) >= 4 and content[:3] == bytes([0, 0, _UNSIGNED_BYTE]):
        problem = f"{len(content):,} bytes don't fit its header"
        start = 4 + 4 * content[3]
        shape = struct.unpack(f">{content[3]}I", content[4:start]) if len(content) >= start else ()
        if shape and len(content) - start == prod(shape):
            return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
    raise DigitbenchError(f"{name}: {problem}. Delete it and run the stage `download` again.")


def load_mnist(folder: Path) -> tuple[_OfMnist, _OfMnist]:
    """Images [N, 28, 28] and labels [N] for training, then for testing, as they are.

    Raises:
        DigitbenchError: A file is missing or damaged, or two of them don't belong together; the
            text names one.
    """
    train, test = (_images_and_labels(folder, part) for part in ("train", "t10k"))
    return train, test


def _images_and_labels(folder: Path, part: str) -> _OfMnist:
    paths = [folder / f"{part}-{name}-ubyte" for name in ("images-idx3", "labels-idx1")]
    images, labels = (decode(read_bytes(path, AGAIN), str(path)) for path in paths)
    if images.shape[1:] != (28, 28):
        raise _unusable(paths[0], f"its header says {list(images.shape)}, not images of 28 x 28")
    if labels.ndim != 1 or set(np.unique(labels)) != set(range(10)):
        raise _unusable(paths[1], "it is not a list of labels in which every digit stands")
    if len(images) != len(labels):
        problem = f"it has {len(images):,} images, and {paths[1].name} {len(labels):,} labels"
        raise _unusable(paths[0], problem)
    return images, labels


def _unusable(path: Path, problem: str) -> DigitbenchError:
    return DigitbenchError(f"{path}: cannot be used ({problem}). {AGAIN}")


def encode(array: NDArray[np.uint8]) -> bytes:
    """The bytes of an IDX file holding the array."""
    header = struct.pack(f">4B{array.ndim}I", 0, 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    return header + np.ascontiguousarray(array, dtype=np.uint8).tobytes()


# --- optical digits: real handwriting that comes with scikit-learn and needs no download -------

NAME = "optical digits (UCI test part)"
FILE = "optical.npz"


def optical_digits() -> Digits:
    """Return scikit-learn's optical digits (the test part of UCI's set; no download).

    Returns:
        Images uint8 [1797, 8, 8], white on black, their 17 grey levels spread over 0..255; and
        labels int64 [1797].
    """
    # Costs a second, which other data don't need to wait for.
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return images, digits.target.astype(np.int64)


def _fetch_optical(folder: Path, _drop_in: Path | None, _timeout_seconds: float) -> None:
    images, labels = optical_digits()
    write_npz(folder / FILE, {"images": images, "labels": labels})


def _load_optical(folder: Path) -> Digits:
    path = folder / FILE
    arrays = read_arrays(path, AGAIN)
    if arrays.keys() != {"images", "labels"}:
        raise _unusable(path, f"it holds {', '.join(sorted(arrays)) or 'nothing'}")
    images, labels = arrays["images"], arrays["labels"]
    if images.dtype != np.uint8 or images.ndim != 3 or not images.size:
        raise _unusable(path, f"images are {list(images.shape)} of {images.dtype}")
    if labels.dtype != np.int64 or labels.shape != images.shape[:1]:
        raise _unusable(path, f"labels are {list(labels.shape)} of {labels.dtype}")
    if not np.isin(labels, range(10)).all():
        raise _unusable(path, "a label is no digit")
    return images, labels


# --- USPS, in the original, unsmoothed form of *The Elements of Statistical Learning* ----------

# The files usps.bz2 and usps.t.bz2 that other libraries load hold the same digits smoothed, on
# which models score differently; hence the hashes, and hence the variant in the name.
VARIANT = "USPS (ESL, unsmoothed)"
SIDE = 16  # pixels

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


def parse_usps(content: bytes, name: str) -> Digits:
    """Parse one gzip file: per line a label and 256 floats, -1 for black to 1 for white.

    Args:
        content: The file.
        name: What messages call it.

    Returns:
        Images uint8 [N, 16, 16], white on black, and labels int64 [N].

    Raises:
        DigitbenchError: The content is not gzip, or not lines of that form.
    """
    try:
        rows = np.loadtxt(gzip.decompress(content).splitlines(), dtype=np.float64, ndmin=2)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DigitbenchError(f"{name}: cannot be read as {VARIANT} ({error}). {AGAIN}") from error
    if rows.shape[1] != 1 + SIDE * SIDE:
        raise DigitbenchError(
            f"{name}: not {VARIANT}: {rows.shape[1]} values per line in place of "
            f"{1 + SIDE * SIDE}. {AGAIN}"
        )
    labels, pixels = rows[:, 0], rows[:, 1:]
    if not (np.isin(labels, range(10)).all() and (np.abs(pixels) <= 1).all()):
        raise DigitbenchError(
            f"{name}: not {VARIANT}: labels other than 0..9 or pixels outside -1..1. {AGAIN}"
        )
    grey = np.rint((pixels + 1) * (255 / 2)).astype(np.uint8)
    return grey.reshape(-1, SIDE, SIDE), labels.astype(np.int64)


def _fetch_usps(folder: Path, drop_in: Path | None, timeout_seconds: float) -> None:
    """Out of the drop-in folder, or from their own site."""
    # Imported here: who reads digits needs nothing of the network.
    from digitbench.download.folder import DropIn
    from digitbench.download.sources import Mirror, Source, fetch_all

    folders: list[Source] = [DropIn(drop_in)] if drop_in else []
    sites = [Mirror(url, timeout_seconds, packed=False) for url in MIRRORS]
    fetch_all(FILES, [*folders, *sites], folder, say=print, dataset=VARIANT)


def load_usps(folder: Path, again: str = AGAIN) -> Digits:
    """Read both files, after their hashes matched, and join training and test images.

    Args:
        folder: Where a stage put zip.train.gz and zip.test.gz.
        again: What to do if they are not there: how to run that stage.

    Returns:
        Images uint8 [9298, 16, 16], white on black, and labels int64 [9298].

    Raises:
        DigitbenchError: A file is missing or is not the one expected.
    """
    parts = [
        parse_usps(_verified(folder / spec.name, spec, again), str(folder / spec.name))
        for spec in FILES
    ]
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _verified(path: Path, spec: FileSpec, again: str) -> bytes:
    content = read_bytes(path, again)
    if problem := spec.problem(content):
        raise DigitbenchError(f"{path}: not usable as {VARIANT} ({problem}). {again}")
    return content


# --- all domains -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Domain:
    """Digits that somebody else collected.

    Attributes:
        name: With the variant, as results are named.
        fetch: Puts them into a folder, given the drop-in folder, if there is one, and after how
            many seconds without an answer a site counts as dead.
        load: Reads what `fetch` put there; the error says which stage to run.
    """

    name: str
    fetch: Callable[[Path, Path | None, float], None]
    load: Callable[[Path], Digits]


DOMAINS: dict[str, Domain] = {
    "optical": Domain(NAME, _fetch_optical, _load_optical),
    "usps": Domain(VARIANT, _fetch_usps, load_usps),
}
