"""``digitbench``: the one way in for people, apart from `make` and DVC.

A command reads options, calls the package, and prints. What computes is imported inside the
commands: it takes seconds to load, and --help has none to wait.
"""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import chdir
from enum import StrEnum
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from digitbench.discretion import guard_streams
from digitbench.environment import prepare_libraries, prepare_streams
from digitbench.errors import DigitbenchError, report
from digitbench.wording import count, percent, seed_names

if TYPE_CHECKING:
    from digitbench.review.judgement import FinishedReview

# Exit statuses: what a command found out, and a mistake of the user or nothing there to work on.
FOUND, MISTAKE = 1, 2

app = typer.Typer(
    help="Work with the results of the pipeline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

store = typer.Typer(
    help="Finished replicates, which are never trained twice: list, verify, prune, carry.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(store, name="store")
results = typer.Typer(
    help="Results of several people in one table: export yours, merge all.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(results, name="results")


def find_root(start: Path) -> Path:
    """The nearest folder with a `params.yaml` and DVC's own, from a folder upwards.

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


def _name_foreign_code() -> None:
    """Say so where the environment runs the code of another clone, as in a copy of a project."""
    try:
        here, running = find_root(Path.cwd()) / "src" / "digitbench", Path(__file__).parent
    except DigitbenchError:
        return
    if here.is_dir() and not here.samefile(running):
        print(
            f"Warning: this runs the code in {running}, not that of this folder. "
            "`make install` here gives the folder an environment of its own.",
            file=sys.stderr,
        )


@app.command()
def check(
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with status 1 if a check of the method fires too."),
    ] = False,
    mute: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="Leave out this check of the method; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same for programs.")] = False,
) -> None:
    """Say what in this clone doesn't come from its code and parameters, and what to run.

    That alone decides the exit status: 1 if there is anything. Then come the checks of the method,
    which tell what weakens a conclusion; docs/checks.md explains them.
    """
    import json

    from digitbench.check import inspect

    with chdir(find_root(Path.cwd())):
        found = inspect(mute or ())
    if as_json:
        print(json.dumps(found.content(), indent=2, ensure_ascii=False))
    else:
        print("\n".join(found.lines()))
    if found.complaints or (strict and found.examination and found.examination.findings):
        raise typer.Exit(FOUND)


@app.command()
def doctor(
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="Clear away what dead processes left: files, workers, a damaged lock."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The same for programs.")] = False,
) -> None:
    """Say what on this machine or in this clone is in the way of the next run, and what to do.

    Exit status 1 if something needs doing; warnings alone don't count. docs/doctor.md lists what is
    looked at.
    """
    import json

    from digitbench.diagnosis.doctor import examine, nearest_project, probes

    with chdir(nearest_project(Path.cwd())):
        found = examine(Path.cwd(), probes(), fix=fix)
    if as_json:
        print(json.dumps(found.content(), indent=2, ensure_ascii=False))
    else:
        print("\n".join(found.lines()))
    if not found.healthy:
        raise typer.Exit(FOUND)


@app.command()
def readme(
    show: Annotated[bool, typer.Option("--print", help="Print the results instead.")] = False,
) -> None:
    """Bring the numbers in README.md up to date with metrics, studies and benchmarks."""
    from digitbench.report.readme import in_short, refresh

    with chdir(find_root(Path.cwd())):
        print(in_short()) if show else refresh()


@app.command()
def studies() -> None:
    """Write studies/README.md and studies/summary.csv from what the studies measured."""
    from digitbench.studies.page import main

    main(find_root(Path.cwd()))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context) -> None:
    """Measure speed and what growth costs: [SECTION ...] [--quick] [--output FOLDER]."""
    folder = find_root(Path.cwd()) / "benchmarks"
    if not (folder / "__main__.py").is_file():
        raise DigitbenchError(f"{folder}: the benchmarks are not there. Run in a whole clone.")
    # A process of its own: libraries read some of its settings when they are loaded.
    done = subprocess.run([sys.executable, str(folder), *context.args], check=False)
    raise typer.Exit(done.returncode)


@app.command()
def models(
    architecture: Annotated[
        str | None, typer.Argument(help="mlp, cnn, rnn or lstm; without it all of them")
    ] = None,
) -> None:
    """List registered versions, latest first; a star marks the champion.

    Accuracy is the mean on the test set over all seeds; chosen is the seed of the version itself.
    """
    from digitbench.params import ARCHITECTURES
    from digitbench.tracking.registry import (
        REGISTER,
        existing_versions,
        find_versions,
        open_registry,
        registered_name,
    )

    with open_registry() as client:
        if architecture is not None:
            versions = existing_versions(client, architecture)
        else:
            versions = [item for name in ARCHITECTURES for item in find_versions(client, name)]
    if not versions:
        print(
            "No model is registered yet; `dvc repro` registers them when it evaluates. If it has "
            f"nothing to do, {REGISTER}."
        )
        return
    rows = [("", "model", "version", "accuracy", "seeds", "chosen", "commit", "experiment")]
    for version in versions:
        star = "*" if version.is_champion else ""
        accuracy = percent(fmean(version.accuracy.values()))
        seeds, commit = seed_names([*version.accuracy]), version.commit or "-"
        name, number = registered_name(version.architecture), str(version.number)
        chosen = str(version.seed)
        rows.append((star, name, number, accuracy, seeds, chosen, commit, version.experiment))
    _print_table(rows)


def _print_table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())


@app.command()
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
    from digitbench.predict.answers import answer

    root = find_root(Path.cwd())
    if not answer(root, images, as_json=as_json, save_input=save_input):
        raise typer.Exit(FOUND)


@app.command()
def promote(
    architecture: Annotated[str, typer.Argument(help="mlp, cnn, rnn or lstm")],
    version: Annotated[
        int | None, typer.Option(min=1, help="Which version; without it the latest.")
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(help="Points of accuracy that matter; default: `margin` in params.yaml."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Promote it even if refused.")] = False,
) -> None:
    """Make a registered version the champion of its architecture, unless it is worse.

    Versions are compared by test accuracy over seeds, as `digitbench review` does. One that is
    significantly worse than the champion, or of which that can't be said because there is a single
    seed or other test images, is refused with exit status 1.
    """
    from digitbench.params import load_params
    from digitbench.review.revisions import checked_margin
    from digitbench.tracking.registry import open_registry, promote

    if margin is None:
        margin = load_params(networks=()).margin
    share = checked_margin(margin, "--margin") / 100
    with open_registry() as client:
        promoted, sentence = promote(client, architecture, version, share, force=force)
    typer.echo(sentence, err=not promoted)
    if not promoted:
        raise typer.Exit(FOUND)


@app.command()
def ui() -> None:
    """Browse the recorded runs in MLflow, until Ctrl-C."""
    from digitbench.tracking.browser import browse

    with chdir(find_root(Path.cwd())):
        raise typer.Exit(browse())


class FailOn(StrEnum):
    """What turns a finished review into a failure."""

    WORSE = "worse"


@app.command()
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
    margin: Annotated[
        float | None,
        typer.Option(
            help="Points of accuracy that matter; default: `margin` in params.yaml, of HEAD, else "
            "on disk."
        ),
    ] = None,
    fail_on: Annotated[
        FailOn | None,
        typer.Option(
            help="Exit with status 1 if any headline metric (accuracy, macro F1, log loss, Brier "
            "score, calibration error) is significantly worse, else with 2 if one of BASE has no "
            "verdict. Without any effect, at most about 2.5 % of reviews fail by chance."
        ),
    ] = None,
) -> None:
    """Compare the committed results of two revisions and tell progress from luck.

    Reads metrics, params.yaml, dvc.lock and requirements.lock from Git; needs no network and no
    DVC cache. Per architecture and metric: difference, interval and a verdict, from a t-test over
    the seeds that allows for the number of comparisons: better, worse, for accuracy also the same
    within a margin, or no evidence either way.
    """
    asked = {"markdown": markdown, "html": html, "json": json}
    forms = [form for form, chosen in asked.items() if chosen] or ["terminal"]
    if len(forms) > 1:
        raise typer.BadParameter("Choose one of --markdown, --html and --json.")
    from digitbench.files import write_text
    from digitbench.review.judgement import review_revisions

    found = review_revisions(Path.cwd(), base, head, margin)
    text = io.StringIO()
    _write(found, forms[0], text if output else sys.stdout)
    if output:
        write_text(output, text.getvalue())
    if fail_on is FailOn.WORSE and "worse" in found.verdicts:
        raise typer.Exit(FOUND)
    if fail_on is FailOn.WORSE and found.leaves_open:
        raise typer.Exit(MISTAKE)


def _write(found: "FinishedReview", form: str, stream: TextIO) -> None:
    from digitbench.document import html, markdown, terminal
    from digitbench.review import judgement

    if form != "terminal" and isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8")
    match form:
        case "markdown":
            stream.write(markdown.render_comment(found.document))
        case "html":
            stream.write(html.render_html(found.document))
        case "json":
            stream.write(judgement.render_json(found))
        case _:
            terminal.print_terminal(found.document, stream)


@app.command()
def verify(
    revision: Annotated[
        str, typer.Argument(metavar="[REV]", help="The commit; default: the last one.")
    ] = "HEAD",
    network: Annotated[
        list[str] | None,
        typer.Option(help="A network of the main pipeline; may be repeated. Default: all."),
    ] = None,
    study: Annotated[
        list[str] | None, typer.Option(help="A study instead, or `all`; may be repeated.")
    ] = None,
    subset: Annotated[
        str, typer.Option(metavar="SHARE", help="Of the replicates: 1/4, or 20%.")
    ] = "1",
    seed: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Draws the subset, and what is varied; default: by chance. Quarters drawn by four "
            "numbers in a row are all replicates.",
        ),
    ] = None,
    recorded: Annotated[
        bool,
        typer.Option(
            "--recorded", help="Train in the recorded precision and device, not in this machine's."
        ),
    ] = False,
    receipt: Annotated[
        bool, typer.Option("--receipt", help="Write what was found to verifications/.")
    ] = False,
    receipts: Annotated[
        bool,
        typer.Option("--receipts", help="Check the receipts that are there, and compute nothing."),
    ] = False,
) -> None:
    """Compute again what a commit claims, and say whether bytes, numbers or conclusions differ.

    In a temporary clone, by the commit's own code, without the store. Exit status 0: identical; 3:
    the same conclusions with other bytes, as another processor gives them; 1: not reproduced; 2:
    could not check. docs/verify.md says more.
    """
    import random

    root = find_root(Path.cwd())
    if receipts:
        _check_receipts(root)
        return
    from digitbench.verification.claims import share_of
    from digitbench.verification.trial import Asked, keep, verify

    number = random.SystemRandom().randrange(10_000) if seed is None else seed
    share = share_of(subset)
    asked = Asked(revision, tuple(network or ()), tuple(study or ()), share, number, recorded)
    # As Ctrl-C does, a request to end takes the clone and what runs in it along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with chdir(root):
        found = verify(root, asked, lambda doing: print(f"{doing} ...", file=sys.stderr))
    print(found.text)
    if receipt and found.receipt:
        print(f"\nReceipt: {keep(root, found.receipt)}")
    raise typer.Exit(found.outcome.status)


def _check_receipts(root: Path) -> None:
    from digitbench.verification.ledger import audit

    number, problems = audit(root)
    for problem in problems:
        print(problem)
    print(f"Receipts that hold: {number - len(problems)} of {number}.")
    if problems:
        raise typer.Exit(FOUND)


@app.command()
def worker(
    scheduler: Annotated[str, typer.Argument(help="Its address, such as tcp://10.0.0.1:8786.")],
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            envvar="DIGITBENCH_JOBS",
            help="Processes, one replicate each; default: one per core.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address of this machine in your network; default: loopback only."),
    ] = None,
) -> None:
    """Train for whoever asks a Dask scheduler, until Ctrl-C; docs/cluster.md has the rest.

    A scheduler and its workers run what they are sent: only in a network that you trust, or with
    TLS.
    """
    from digitbench.execution.worker_processes import serve

    serve(scheduler, jobs, host)


# --- the store of replicates -----------------------------------------------------------------


@store.command(name="list")
def list_store() -> None:
    """Tell what is kept: one line per finished replicate, and the whole size."""
    from collections import Counter

    from digitbench.execution.inventory import inventory, open_store
    from digitbench.execution.store import DATA, FINISHED, UNFINISHED

    with chdir(find_root(Path.cwd())):
        kept = open_store()
        items = list(inventory(kept))
        entries = list(kept.entries())
    if items:
        header = ("network", "seed", "epochs", "size", "written", "trained on", "key")
        _print_table([header, *(item.row for item in items)])
    size = sum(entry.bytes for entry in entries) / 1e6
    kinds = Counter(entry.kind for entry in entries)
    data = f"{count(kinds[DATA], 'set')} of data, " if kinds[DATA] else ""
    print(
        f"{kept.address}: {kinds[FINISHED]} finished, {kinds[UNFINISHED]} unfinished, {data}"
        f"{size:.1f} MB"
    )


@store.command(name="verify")
def verify_store() -> None:
    """Read every entry and check it against its checksums and its key; exit 1 if one is damaged."""
    from digitbench.execution.inventory import damaged_data, inventory, open_store

    with chdir(find_root(Path.cwd())):
        items = list(inventory(open_store()))
        damaged_sets, sets = damaged_data(open_store())
    damaged = [item for item in items if item.kept is None]
    for item in damaged:
        print(f"{item.entry.key}: damaged ({item.problem}); the next training replaces it.")
    print(f"{len(items) - len(damaged)} of {len(items)} replicates are whole.")
    for key in damaged_sets:
        print(f"{key}: damaged training data; the next training on a cluster replaces them.")
    if sets:
        print(f"{sets - len(damaged_sets)} of {count(sets, 'set')} of training data are whole.")
    if damaged or damaged_sets:
        raise typer.Exit(FOUND)


@store.command(name="prune")
def prune_store(
    older_than: Annotated[
        float | None, typer.Option(metavar="DAYS", min=0, help="Drop what was written before.")
    ] = None,
    larger_than: Annotated[
        float | None,
        typer.Option(metavar="MB", min=0, help="Drop the oldest until the rest takes no more."),
    ] = None,
    unneeded: Annotated[
        bool,
        typer.Option(
            "--unneeded", help="Drop what no commit, experiment or file of this clone names."
        ),
    ] = False,
) -> None:
    """Delete entries; what is deleted is trained again when it is needed."""
    from datetime import UTC, datetime, timedelta

    from digitbench.execution import inventory

    if older_than is None and larger_than is None and not unneeded:
        raise typer.BadParameter("Choose --older-than, --larger-than or --unneeded.")
    with chdir(find_root(Path.cwd())):
        kept = inventory.open_store()
        entries = set(kept.entries())
        dropped = inventory.unneeded(entries, Path.cwd()) if unneeded else set()
        if older_than is not None:
            before = datetime.now(UTC) - timedelta(days=older_than)
            dropped |= inventory.too_old(entries, before)
        if larger_than is not None:
            dropped |= inventory.too_much(entries - dropped, int(larger_than * 1e6))
        for entry in dropped:
            kept.remove(entry.kind, entry.key)
    size = sum(entry.bytes for entry in dropped) / 1e6
    print(f"{len(dropped)} of {len(entries)} entries deleted, {size:.1f} MB.")


@store.command(name="export")
def export_store(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    keys: Annotated[
        list[str] | None, typer.Argument(metavar="KEY", help="Beginnings of keys; none: all.")
    ] = None,
) -> None:
    """Write replicates into one file, for another machine."""
    from digitbench.execution.inventory import export, open_store

    file = file.absolute()
    with chdir(find_root(Path.cwd())):
        exported = export(open_store(), file, keys or [])
    print(f"{file}: {count(exported, 'replicate')}.")


@store.command(name="import")
def import_store(file: Annotated[Path, typer.Argument(help="What was exported.")]) -> None:
    """Take in the replicates of such a file, each verified."""
    from digitbench.execution.inventory import open_store, take_in

    file = file.absolute()
    with chdir(find_root(Path.cwd())):
        kept = open_store()
        taken = take_in(kept, file)
    print(f"{kept.address}: {count(taken, 'replicate')} taken in.")


# --- results of several people ---------------------------------------------------------------


@results.command(name="export")
def export_results(file: Annotated[Path, typer.Argument(help="The table to write, CSV.")]) -> None:
    """Write a row per replicate: its key, the hash of its predictions, scores and machine."""
    from digitbench.execution.exchange import export_rows, to_csv
    from digitbench.files import write_text
    from digitbench.params import ARCHITECTURES

    file = file.absolute()
    with chdir(find_root(Path.cwd())):
        rows = export_rows(ARCHITECTURES)
    write_text(file, to_csv(rows))
    print(f"{file}: {count(len(rows), 'replicate')}.")


@results.command(name="merge")
def merge_results(
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE", help="Exported tables.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The table to write.")],
) -> None:
    """Join tables of several people; exit 1 where the same key has other predictions."""
    from digitbench.execution.exchange import merge, read_rows, to_csv
    from digitbench.files import write_text

    rows, broken = merge([read_rows(table) for table in tables])
    write_text(output, to_csv(rows))
    print(f"{output}: {count(len(rows), 'replicate')} out of {count(len(tables), 'table')}.")
    for promise in broken:
        print(promise.sentence())
    if broken:
        raise typer.Exit(FOUND)


def _flush() -> None:
    """Write what was printed, while an error can still be told."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python tries again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def main() -> None:
    """Entry point; an error meant for people becomes a sentence and an exit status."""
    prepare_streams()
    guard_streams()
    _name_foreign_code()
    try:
        prepare_libraries()
        try:
            app()
        finally:
            _flush()
    except Exception as error:
        report("digitbench", error)
        sys.exit(MISTAKE)
