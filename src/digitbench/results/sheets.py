"""Digits to look at: which images evaluation chose for a sheet, and what stands beside each.

A file per sheet under ``plots/evaluate/examples/``, written and read here alone.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from digitbench import files

FOLDER = files.EVALUATION / "examples"
Digits = NDArray[np.integer[Any]]


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
