"""Small files in the form of USPS."""

import gzip
import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from digitbench.download.digits import FileSpec

TRAIN, TEST = "zip.train.gz", "zip.test.gz"


def usps_file(labels: Sequence[int], pixels: NDArray[np.floating] | None = None) -> bytes:
    """Lines as the originals have them, of noise where no pixels [N, 256] are given."""
    if pixels is None:
        pixels = np.random.default_rng(labels).uniform(-1, 1, (len(labels), 256))
    lines = [
        f"{label:.4f} " + " ".join(f"{value:.4f}" for value in row) + " \n"
        for label, row in zip(labels, pixels, strict=True)
    ]
    return gzip.compress("".join(lines).encode(), mtime=0)


def spec(name: str, content: bytes) -> FileSpec:
    return FileSpec(name, len(content), hashlib.sha256(content).hexdigest())
