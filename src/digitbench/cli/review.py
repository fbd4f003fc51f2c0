"""``digitbench review``: what a change did to the results, beyond luck."""

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from digitbench.errors import DigitbenchError

if TYPE_CHECKING:
    from digitbench.review.run import FinishedReview

WORSE_FOUND = 1
NOTHING_COMPARED = 2


class FailOn(StrEnum):
    """What turns a finished review into a failure."""

    WORSE = "worse"


def review(
    base: Annotated[
        str | None,
        typer.Argument(
            help="Revision before the change; default: where HEAD left the main branch, which on "
            "that branch is HEAD."
        ),
    ] = None,
    head: Annotated[
        str | None, typer.Argument(help="Revision after the change; default: the files on disk.")
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Markdown for a comment on a pull request.")
    ] = False,
    html: Annotated[bool, typer.Option("--html", help="One HTML page with figures.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Every number, for programs.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead.")
    ] = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            help="Exit with status 1 if any headline metric (accuracy, macro F1, log loss, Brier "
            "score, calibration error) is significantly worse, and with 2 if nothing could be "
            "compared. Without any effect, at most about 2.5 % of reviews fail by chance."
        ),
    ] = None,
) -> None:
    """Compare the committed results of two revisions and tell progress from luck.

    Reads metrics, params.yaml, dvc.lock and requirements.lock from Git; needs no network and no
    DVC cache. Per architecture and metric: difference, interval and a verdict, from a t-test over
    the seeds that allows for the number of comparisons.
    """
    asked = {"markdown": markdown, "html": html, "json": json}
    forms = [form for form, chosen in asked.items() if chosen] or ["terminal"]
    if len(forms) > 1:
        raise typer.BadParameter("Choose one of --markdown, --html and --json.")
    # Imported here: statistics and figures take long to load, and --help needs neither.
    from digitbench.review.run import review_revisions

    found = review_revisions(Path.cwd(), base, head)
    if output is None:
        _write(found, forms[0], sys.stdout)
    else:
        text = io.StringIO()
        _write(found, forms[0], text)
        _save(output, text.getvalue())
    if fail_on is FailOn.WORSE:
        raise typer.Exit(_status({verdict.value for verdict in found.verdicts}))


def _write(found: "FinishedReview", form: str, stream: TextIO) -> None:
    from digitbench.review import render_html, render_json, render_markdown, render_terminal

    match form:
        case "markdown":
            stream.write(render_markdown.render_markdown(found.document))
        case "html":
            stream.write(render_html.render_html(found.document))
        case "json":
            stream.write(render_json.render_json(found))
        case _:
            render_terminal.print_terminal(found.document, stream)


def _save(path: Path, text: str) -> None:
    from digitbench.outputs import write_text

    try:
        write_text(path, text)
    except OSError as error:
        raise DigitbenchError(f"{path}: cannot be written ({error.strerror}).") from None


def _status(verdicts: set[str]) -> int:
    if "worse" in verdicts:
        return WORSE_FOUND
    return 0 if verdicts - {"unknown"} else NOTHING_COMPARED
