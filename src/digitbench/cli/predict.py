"""``digitbench predict``: what the trained networks say to pictures of digits."""

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digitbench.cli.project import find_root
from digitbench.errors import DigitbenchError

# What computes is imported where it is needed: torch takes a second, and --help has none to wait.
if TYPE_CHECKING:
    from digitbench.cli.inputs import Input
    from digitbench.data.arrays import PixelStatistics
    from digitbench.evaluation.answers import Answer, Verdict
    from digitbench.evaluation.available import Available

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
    from digitbench.cli.inputs import gather, save
    from digitbench.data.arrays import load_statistics
    from digitbench.evaluation.available import load_available
    from digitbench.params import load_params

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

    from digitbench.evaluation.answers import verdicts
    from digitbench.evaluation.predict import predict_all

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

    from digitbench.cli.inputs import printable

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
    from digitbench.evaluation.answers import percent

    return f"{answer.digit} {percent(answer.probability)} {answer.agreeing}/{answer.seeds}"
