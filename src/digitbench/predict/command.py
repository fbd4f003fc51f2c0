"""Where the project lies, from wherever one stands in it.

From paths that people name to the images that networks see, and back to files.

``digitbench predict``: what the trained networks say to pictures of digits.
"""

import contextlib
import io
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from digitbench.errors import DigitbenchError
from digitbench.files import write_bytes
from digitbench.predict.photographs import as_mnist
from digitbench.predict.pictures import SUFFIXES, read_picture


def find_root(start: Path) -> Path:
    """The nearest folder with a `params.yaml` and DVC's own, from a folder upwards.

    A study's folder has parameters too, but other ones.

    Raises:
        DigitbenchError: There is none.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "params.yaml").is_file() and (folder / ".dvc").is_dir():
            return folder
    raise DigitbenchError(
        f"{start}: neither this folder nor one above it has params.yaml and .dvc. "
        "Run inside a clone of the project."
    )


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


# What computes is imported where it is needed: torch takes a second, and --help has none to wait.
if TYPE_CHECKING:
    from digitbench.evaluation.predictions import Available
    from digitbench.predict.answers import Answer, Verdict
    from digitbench.training.data import PixelStatistics

# Images per forward pass; bounds memory, doesn't change results.
BATCH = 100
# Digits of a probability after the point; further ones differ between processors.
DECIMALS = 6
# Columns of a table that isn't printed to a terminal.
WIDTH = 110
# Exit status if some images were answered and others weren't.
SOME_FAILED = 1


def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="Images, or folders of images.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per image and line.")
    ] = False,
    save_input: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Write the 28 x 28 images that the networks see, as PNG."
        ),
    ] = None,
) -> None:
    """Read handwritten digits with every trained network.

    Takes PNG, JPEG, WebP, GIF, BMP, TIFF and PPM of any size: one digit each, dark on light or
    light on dark, on a plain ground; colours, transparency, uneven light and soft shadows do no
    harm. Each image is centred and scaled as MNIST's were.

    An architecture's answer is that with the highest probability, averaged over its seeds. An
    answer of less than 90 %, or on which networks disagree, is pointed out. The networks know the
    digits 0 to 9 only: to a letter they give an answer too.
    """
    from digitbench.evaluation.predictions import load_available
    from digitbench.params import load_params
    from digitbench.training.data import load_statistics

    with contextlib.chdir(find_root(Path.cwd())):
        available = load_available(load_params())
        statistics = load_statistics()
    inputs, problems = gather(images)
    if not inputs:
        raise DigitbenchError("\n".join(problems))
    if save_input is not None:
        save(inputs, save_input)
    show = _print_json if as_json else _print_table
    show(inputs, _classify(inputs, available, statistics))
    for sentence in (*_missing(available), *problems):
        print(f"digitbench: {sentence}", file=sys.stderr)
    if problems:
        raise typer.Exit(SOME_FAILED)


def _missing(available: "Available") -> list[str]:
    if not available.missing:
        return []
    first, *others = available.missing
    more = f" and {len(others)} more" if others else ""
    there = ", ".join(f"{name} ({len(models)})" for name, models in available.models.items())
    return [
        f"{first}{more}: no such model; the others answer: {there}. "
        "`dvc repro` trains what is missing, `dvc pull` fetches it."
    ]


def _classify(
    inputs: list["Input"], available: "Available", statistics: "PixelStatistics"
) -> list["Verdict"]:
    import numpy as np

    from digitbench.evaluation.predictions import predict_all
    from digitbench.predict.answers import verdicts

    pixels = np.stack([given.pixels for given in inputs])  # [N, 28, 28]
    return verdicts(predict_all(available.models, pixels, statistics, BATCH))


def _print_json(inputs: list["Input"], found: list["Verdict"]) -> None:
    for given, verdict in zip(inputs, found, strict=True):
        answers = {
            name: {
                "digit": answer.digit,
                "probability": round(answer.probability, DECIMALS),
                "seeds": answer.seeds,
                "agreeing": answer.agreeing,
                "probabilities": [round(value, DECIMALS) for value in answer.probabilities],
            }
            for name, answer in verdict.answers.items()
        }
        line = {
            "image": str(given.path),
            "digit": verdict.digit,
            "architectures": len(answers),
            "agreeing": verdict.agreeing,
            "warnings": list(verdict.warnings),
            "answers": answers,
        }
        # ASCII with escapes: also a name that isn't valid text comes through.
        print(json.dumps(line, allow_nan=False))


def _print_table(inputs: list["Input"], found: list["Verdict"]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("image", overflow="fold")
    for title in (*map(str.upper, found[0].answers), "architectures"):
        table.add_column(title, no_wrap=True)
    for given, verdict in zip(inputs, found, strict=True):
        cells = [_cell(answer) for answer in verdict.answers.values()]
        doubt = " ?" if verdict.warnings else ""
        agreement = f"{verdict.agreeing} of {len(cells)} say {verdict.digit}{doubt}"
        row = (printable(given.path), *cells, agreement)
        # Text, as a string would be searched for markup.
        table.add_row(*map(Text, row), style="yellow" if verdict.warnings else "")
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(table)
    console.print(Text("Answer, mean probability over the seeds, seeds that agree.", style="dim"))
    for given, verdict in zip(inputs, found, strict=True):
        if verdict.warnings:
            doubts = "; ".join(verdict.warnings)
            console.print(Text(f"? {printable(given.path)}: {doubts}"), soft_wrap=True)


def _cell(answer: "Answer") -> str:
    from digitbench.predict.answers import percent

    return f"{answer.digit} {percent(answer.probability)} {answer.agreeing}/{answer.seeds}"
