"""Digits to look at: which images evaluation chose for a sheet, and what stands beside each.

A file per sheet under ``plots/evaluate/examples/``, written and read here alone.
"""

from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from digitbench import files

FOLDER = files.EVALUATION / "examples"
Digits = NDArray[np.integer[Any]]


# By name of an array the kinds of its values, and the least and the greatest.
_WHAT: dict[str, tuple[str, float, float]] = {
    "images": ("u", 0, 255),
    "labels": ("iu", 0, 9),
    "answers": ("iu", 0, 9),
    "counts": ("iu", 1, inf),
    "disputed": ("b", 0, 1),
    "confidence": ("f", 0, 1),
    "strengths": ("f", 0, 1e6),
    "architectures": ("U", 0, 0),
    "corruptions": ("U", 0, 0),
}


def sheet_file(name: str) -> Path:
    """Where the sheet of that name lies."""
    return FOLDER / f"{name}.npz"


@dataclass(frozen=True)
class Sheet:
    """Images with what is told of them; every attribute is an array of the file.

    Attributes:
        images: [N, 28, 28], light digits on black.
    """

    images: NDArray[np.uint8]

    def __post_init__(self) -> None:
        """Refuse arrays that are not of one kind, or not of the same images."""
        if self.images.dtype != np.uint8 or self.images.shape[1:] != (28, 28):
            raise ValueError(f"images are {list(self.images.shape)} of {self.images.dtype}")
        for name, array in self.arrays.items():
            kinds, low, high = _WHAT[name]
            if array.dtype.kind not in kinds or array.ndim < 1:
                raise ValueError(f"{name} are {list(array.shape)} of {array.dtype}")
            if name not in ("images", "architectures") and array.shape[-1] != len(self.images):
                raise ValueError(f"{name} are of other images")
            if array.dtype.kind == "U":
                if not all(str(text).isprintable() and text for text in array):
                    raise ValueError(f"{name} are no names")
            elif array.size and not (array.min() >= low and array.max() <= high):
                raise ValueError(f"{name} are not from {low:g} to {high:g}")
        shape = self.arrays["answers"].shape if "answers" in self.arrays else ()
        if len(shape) == 2 and shape[0] != len(self.arrays.get("architectures", ())):
            raise ValueError("answers are of other architectures")

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What the file holds."""
        return dict(vars(self))

    @classmethod
    def read(cls, name: str) -> Self:
        """The sheet of that name.

        Raises:
            DigitbenchError: The file is missing, damaged or of another kind; the text names it.
        """
        return files.read(sheet_file(name), lambda path: cls(**files.read_arrays(path)))


@dataclass(frozen=True)
class Mistakes(Sheet):
    """Every kind of mistake, a true digit read as another: the one made with most confidence.

    Attributes:
        labels: [N].
        answers: [N].
        counts: How many mistakes of the kind there are [N].
    """

    labels: Digits
    answers: Digits
    counts: Digits


@dataclass(frozen=True)
class Disagreements(Sheet):
    """Images to which the architectures give different answers.

    Attributes:
        labels: [N].
        architectures: Names [A].
        answers: [A, N].
    """

    labels: Digits
    architectures: NDArray[np.str_]
    answers: Digits


@dataclass(frozen=True)
class AlwaysWrong(Sheet):
    """Images that every replicate of every architecture misreads.

    Attributes:
        labels: Labels as given [N].
        answers: The answer most replicates give [N].
        disputed: Whether the label itself is in doubt [N].
    """

    labels: Digits
    answers: Digits
    disputed: NDArray[np.bool_]


@dataclass(frozen=True)
class Sample(Sheet):
    """Images drawn at random, and what one network says.

    Attributes:
        labels: [N].
        answers: [N].
        confidence: Probability of the answer [N].
    """

    labels: Digits
    answers: Digits
    confidence: NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Corrupted(Sheet):
    """One image under every corruption at every strength.

    Attributes:
        corruptions: Name of the corruption [N], those of one name side by side.
        strengths: [N].
    """

    corruptions: NDArray[np.str_]
    strengths: NDArray[np.float64]
