"""From paths that people name to the images that networks see, and back to files."""

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from digitbench.data.photographs import as_mnist
from digitbench.data.pictures import SUFFIXES, read_picture
from digitbench.errors import DigitbenchError
from digitbench.outputs import write_bytes


@dataclass(frozen=True)
class Input:
    """One image as the networks see it."""

    path: Path  # as the user named it
    pixels: NDArray[np.uint8]  # [28, 28]


def printable(path: Path) -> str:
    """A name fit for a terminal: without control characters and bytes that are no text."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(path))


def gather(paths: Iterable[Path]) -> tuple[list[Input], list[str]]:
    """Read images and folders of images, in the given order; in folders, that of names.

    Returns:
        The images, and one sentence per path that gave none.
    """
    inputs: list[Input] = []
    problems: list[str] = []
    for path in paths:
        try:
            files = _images_in(path) if path.is_dir() else [path]
        except DigitbenchError as error:
            problems.append(f"{printable(path)}: {error}")
            continue
        for file in files:
            try:
                inputs.append(Input(file, as_mnist(read_picture(file))))
            except DigitbenchError as error:
                problems.append(f"{printable(file)}: {error}")
    return inputs, problems


def _images_in(folder: Path) -> list[Path]:
    """Files that are images by name; folders in the folder are left alone."""
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise DigitbenchError(f"cannot be read ({error.strerror}).") from None
    if not files:
        raise DigitbenchError(f"this folder holds no images ({', '.join(SUFFIXES)}).")
    return files


def save(inputs: Sequence[Input], folder: Path) -> None:
    """Write what the networks see as `<name>-28x28.png`; a name that returns gets a number.

    Raises:
        DigitbenchError: A file cannot be written, or would replace an image that was read.
    """
    read = {given.path.resolve() for given in inputs}
    for given, target in zip(inputs, _targets(inputs, folder), strict=True):
        if target.resolve() in read:
            raise DigitbenchError(
                f"{printable(target)}: is one of the images to read. "
                "Give --save-input another folder."
            )
        content = io.BytesIO()
        Image.fromarray(given.pixels).save(content, "PNG")
        try:
            write_bytes(target, content.getvalue())
        except OSError as error:
            raise DigitbenchError(
                f"{printable(target)}: cannot be written ({error.strerror}). "
                "Give --save-input another folder."
            ) from None


def _targets(inputs: Sequence[Input], folder: Path) -> Iterator[Path]:
    taken: set[str] = set()
    for given in inputs:
        stem = name = f"{given.path.stem}-28x28"
        number = 1
        # Some file systems take A and a for the same.
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        yield folder / f"{name}.png"
