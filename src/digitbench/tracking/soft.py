"""How a failure of MLflow becomes one warning, and nothing else."""

import functools
import sys
import textwrap
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S", bound="Recorder")


class Recorder:
    """Base of what writes to MLflow: it knows whether tracking was lost."""

    lost = False


def soft(
    method: Callable[Concatenate[S, P], None],
) -> Callable[Concatenate[S, P], None]:
    """Turn a recorder's first failure into one visible warning, its later calls into nothing.

    A server that doesn't answer is thus waited for once per stage. Nothing tries to close the run
    afterwards: on a server that comes back it stays RUNNING.
    """

    @functools.wraps(method)
    def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self.lost:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.lost = True
            reason = textwrap.shorten(str(error), 200, placeholder=" ...") or type(error).__name__
            print(
                f"Warning: MLflow tracking was lost ({reason}). The stage goes on; "
                "its results are complete, its record in MLflow is not.",
                file=sys.stderr,
            )

    return call
