"""``digitbench``: what one does with results, once the pipeline has made them.

A command is one module here; it reads options, calls the package, and prints.
"""

import sys

import typer

from digitbench.cli.models import models
from digitbench.cli.predict import predict
from digitbench.cli.promote import promote
from digitbench.cli.review import review
from digitbench.errors import DigitbenchError

# A mistake of the user, or nothing there to work on; 1 is left to what a command found out.
MISTAKE = 2

app = typer.Typer(
    help="Work with the results of the pipeline.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

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
