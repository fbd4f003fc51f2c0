"""``digitbench promote``: the one way in which a model becomes champion."""

from typing import Annotated

import typer

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
    from digitbench.promotion import decide
    from digitbench.tracking.champion import (
        choose_version,
        existing_versions,
        move_champion,
        open_registry,
    )
    from digitbench.tracking.registry import registered_name

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
