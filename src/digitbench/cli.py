"""``digitbench``: what one does with results, once the pipeline has made them.

A command is one module here; it reads options, calls the package, and prints.

``digitbench models``: what is registered, and which version is champion.

``digitbench promote``: the one way in which a model becomes champion.

``digitbench review``: what a change did to the results, beyond luck.
"""

import io
import sys
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from digitbench.errors import DigitbenchError
from digitbench.predict.command import predict

# A mistake of the user, or nothing there to work on; 1 is left to what a command found out.
MISTAKE = 2

app = typer.Typer(
    help="Work with the results of the pipeline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


if TYPE_CHECKING:
    from digitbench.tracking.registry import Version

HEADER = ("", "model", "version", "accuracy", "seeds", "chosen", "commit", "experiment")


def models(
    architecture: Annotated[
        str | None, typer.Argument(help="mlp, cnn, rnn or lstm; without it all of them")
    ] = None,
) -> None:
    """List registered versions, latest first; a star marks the champion.

    Accuracy is the mean on the test set over all seeds; chosen is the seed of the version itself.
    """
    from digitbench.params import ARCHITECTURES
    from digitbench.tracking.registry import existing_versions, find_versions, open_registry

    with open_registry() as client:
        if architecture is not None:
            versions = existing_versions(client, architecture)
        else:
            versions = [item for name in ARCHITECTURES for item in find_versions(client, name)]
    if not versions:
        typer.echo("No model is registered yet; `dvc repro` registers them when it evaluates.")
        return
    rows = [HEADER, *(_row(version) for version in versions)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def _row(version: "Version") -> tuple[str, ...]:
    return (
        "*" if version.is_champion else "",
        f"digitbench-{version.architecture}",
        str(version.number),
        f"{100 * fmean(version.accuracy.values()):.2f} %",
        ",".join(str(seed) for seed in version.accuracy),
        str(version.seed),
        version.commit or "-",
        version.experiment,
    )


REFUSED = 1


def promote(
    architecture: Annotated[str, typer.Argument(help="mlp, cnn, rnn or lstm")],
    version: Annotated[
        int | None, typer.Option(min=1, help="Which version; without it the latest.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Promote it even if refused.")] = False,
) -> None:
    """Make a registered version the champion of its architecture, unless it is worse.

    Versions are compared by test accuracy over seeds, as `digitbench review` does. One that is
    significantly worse than the champion, or of which that can't be said because there is a single
    seed or other test images, is refused with exit status 1.
    """
    from digitbench.tracking.registry import (
        choose_version,
        decide,
        existing_versions,
        move_champion,
        open_registry,
        registered_name,
    )

    with open_registry() as client:
        versions = existing_versions(client, architecture)
        chosen = choose_version(versions, version)
        champion = next((item for item in versions if item.is_champion), None)
        subject = f"{registered_name(architecture)}: version {chosen.number}"
        if champion == chosen:
            typer.echo(f"{subject} is champion already.")
            return
        decision = decide(champion, chosen)
        before = "" if champion is None else f" in place of version {champion.number}"
        if decision.promote or force:
            move_champion(client, chosen)
            typer.echo(f"{subject} is champion now{before}. {decision.reason}")
            return
    typer.echo(
        f"{subject} does not become champion{before}. {decision.reason} "
        "(--force promotes it all the same.)",
        err=True,
    )
    raise typer.Exit(REFUSED)


if TYPE_CHECKING:
    from digitbench.review.judgement import FinishedReview

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
    from digitbench.review.judgement import review_revisions

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
    from digitbench.document import html, markdown, terminal
    from digitbench.review import judgement

    match form:
        case "markdown":
            stream.write(markdown.render_comment(found.document))
        case "html":
            stream.write(html.render_html(found.document))
        case "json":
            stream.write(judgement.render_json(found))
        case _:
            terminal.print_terminal(found.document, stream)


def _save(path: Path, text: str) -> None:
    from digitbench.files import write_text

    try:
        write_text(path, text)
    except OSError as error:
        raise DigitbenchError(f"{path}: cannot be written ({error.strerror}).") from None


def _status(verdicts: set[str]) -> int:
    if "worse" in verdicts:
        return WORSE_FOUND
    return 0 if verdicts - {"unknown"} else NOTHING_COMPARED


app.command()(models)
app.command()(predict)
app.command()(promote)
app.command()(review)


def main() -> None:
    """Entry point; an error meant for people becomes a sentence and an exit status."""
    try:
        app()
    except DigitbenchError as error:
        print(f"digitbench: {error}", file=sys.stderr)
        sys.exit(MISTAKE)
