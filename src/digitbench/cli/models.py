"""``digitbench models``: what is registered, and which version is champion."""

from statistics import fmean
from typing import TYPE_CHECKING, Annotated

import typer

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
    from digitbench.tracking.champion import existing_versions, open_registry
    from digitbench.tracking.registry import find_versions

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
