"""``digitbench predict``: what the trained networks say to pictures, how sure, and who agrees."""

import io
import json
import math
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from digitbench.errors import DigitbenchError
from digitbench.evaluation.predictions import Available, load_available, predict_all
from digitbench.files import write_bytes
from digitbench.params import load_params
from digitbench.predict.pictures import SUFFIXES, as_mnist, read_picture
from digitbench.processed import read_statistics
from digitbench.wording import count

# Mean probability of an answer below which it counts as unsure.
SURE = 0.9
# Images per forward pass; bounds memory, doesn't change results.
BATCH = 100
# Digits of a probability after the point; further ones differ between processors.
DECIMALS = 6
# Columns of a table that isn't printed to a terminal.
WIDTH = 110


# --- verdicts --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """One architecture's answer to one image."""

    digit: int
    probabilities: tuple[float, ...]  # of the ten digits, means over the seeds
    seeds: int
    agreeing: int  # seeds whose own answer is the digit

    @property
    def probability(self) -> float:
        """Mean probability of the answer over the seeds."""
        return self.probabilities[self.digit]

    @property
    def sure(self) -> bool:
        """Whether all seeds agree, and with a high probability."""
        return self.agreeing == self.seeds and self.probability >= SURE


@dataclass(frozen=True)
class Verdict:
    """All architectures' answers to one image, in the order of the parameters."""

    answers: dict[str, Answer]

    @property
    def digit(self) -> int:
        """The answer of most architectures; of as many each, that of the higher probabilities."""
        votes = Counter(answer.digit for answer in self.answers.values())
        means = np.mean([answer.probabilities for answer in self.answers.values()], axis=0)
        return max(votes, key=lambda digit: (votes[digit], float(means[digit])))

    @property
    def agreeing(self) -> int:
        """How many architectures give that answer."""
        return sum(answer.digit == self.digit for answer in self.answers.values())

    @property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt the answer, as clauses."""
        found = []
        if self.agreeing < len(self.answers):
            given = (f"{name} {answer.digit}" for name, answer in self.answers.items())
            found.append(f"the architectures disagree ({', '.join(given)})")
        unsure = [_doubt(name, answer) for name, answer in self.answers.items() if not answer.sure]
        if unsure:
            found.append(f"unsure: {', '.join(unsure)}")
        return tuple(found)


def verdicts(predicted: Mapping[str, NDArray[np.floating]]) -> list[Verdict]:
    """Answers image by image.

    Args:
        predicted: Per architecture the probabilities [S, N, 10] of S seeds for N images; S may
            differ between architectures.
    """
    columns = {name: _answers(stack) for name, stack in predicted.items()}
    return [
        Verdict(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)
    ]


def percent(probability: float) -> str:
    """A share in per cent, rounded down: nearly certain isn't certain."""
    return f"{math.floor(round(probability * 1000, 6)) / 10:.1f}%"


def _answers(stack: NDArray[np.floating]) -> list[Answer]:
    means = stack.mean(axis=0, dtype=np.float64)  # [N, 10]
    digits = means.argmax(axis=1)
    agreeing = (stack.argmax(axis=2) == digits).sum(axis=0)
    return [
        Answer(int(digit), tuple(row.tolist()), len(stack), int(count))
        for digit, row, count in zip(digits, means, agreeing, strict=True)
    ]


def _doubt(name: str, answer: Answer) -> str:
    seeds = f"{answer.agreeing} of {count(answer.seeds, 'seed')}"
    return f"{name} {percent(answer.probability)} by {seeds}"


# --- the command -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Input:
    """One image as the networks see it."""

    path: Path  # as the user named it
    pixels: NDArray[np.uint8]  # [28, 28]


def answer(root: Path, images: Sequence[Path], *, as_json: bool, save_input: Path | None) -> bool:
    """Print what the networks of a project say; whether they could say it of every image.

    Raises:
        DigitbenchError: No image, no model, or a wrong one; or an input can't be saved.
    """
    with chdir(root):
        available, statistics = load_available(load_params()), read_statistics()
    inputs, problems = gather(images)
    if not inputs:
        raise DigitbenchError("\n".join(problems))
    if save_input is not None:
        save(inputs, save_input)
    pixels = np.stack([given.pixels for given in inputs])  # [N, 28, 28]
    found = verdicts(predict_all(available.models, pixels, statistics, BATCH))
    (_print_json if as_json else _print_table)(inputs, found)
    for sentence in (*_missing(available), *problems):
        print(f"digitbench: {sentence}", file=sys.stderr)
    return not problems


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
    """Files that are images by name; hidden ones and folders in the folder are left alone."""
    try:
        seen = [path for path in folder.iterdir() if not path.name.startswith(".")]
        files = sorted(path for path in seen if path.suffix.lower() in SUFFIXES)
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
        content = io.BytesIO()
        Image.fromarray(given.pixels).save(content, "PNG")
        if target.resolve() in read:
            raise DigitbenchError(
                f"{printable(target)}: is one of the images to read. Give --save-input another "
                "folder."
            )
        write_bytes(target, content.getvalue())


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


def printable(path: Path) -> str:
    """A name fit for a terminal: without control characters and bytes that are no text."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in str(path))


def _missing(available: Available) -> list[str]:
    if not available.missing:
        return []
    first, *others = available.missing
    more = f" and {len(others)} more" if others else ""
    there = ", ".join(f"{name} ({len(models)})" for name, models in available.models.items())
    return [
        f"{first}{more}: no such model; the others answer: {there}. "
        "`dvc repro` trains what is missing, `dvc pull` fetches it."
    ]


def _print_json(inputs: Sequence[Input], found: Sequence[Verdict]) -> None:
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
            "warnings": verdict.warnings,
            "answers": answers,
        }
        # ASCII with escapes: also a name that isn't valid text comes through.
        print(json.dumps(line, allow_nan=False))


def _print_table(inputs: Sequence[Input], found: Sequence[Verdict]) -> None:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("image", overflow="fold")
    for title in (*map(str.upper, found[0].answers), "architectures"):
        table.add_column(title, no_wrap=True)
    doubts = []
    for given, verdict in zip(inputs, found, strict=True):
        name, answers, doubt = printable(given.path), verdict.answers.values(), verdict.warnings
        agreement = f"{verdict.agreeing} of {len(answers)} say {verdict.digit}"
        cells = (
            f"{answer.digit} {percent(answer.probability)} {answer.agreeing}/{answer.seeds}"
            for answer in answers
        )
        # Text, as a string would be searched for markup.
        row = map(Text, (name, *cells, f"{agreement} ?" if doubt else agreement))
        table.add_row(*row, style="yellow" if doubt else "")
        doubts += [f"? {name}: {'; '.join(doubt)}"] if doubt else []
    console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)
    console.print(table)
    console.print(Text("Answer, mean probability over the seeds, seeds that agree.", style="dim"))
    for line in doubts:
        console.print(Text(line), soft_wrap=True)
