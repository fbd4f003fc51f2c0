"""One situation that people are in, as a row: what surrounds the clone, the command, what is right.

A module of `situations/` holds the rows of one kind as ``SITUATIONS``; `test_surroundings.py` finds
them by name. Every row starts from the same finished clone, at the same place.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .conftest import Project

Change = Callable[[Project], Project | None]


def nothing(_: Project) -> None:
    """Leave the clone as it is."""


@dataclass(frozen=True)
class Situation:
    """A row.

    Attributes:
        name: The situation in a few words; where it comes from stands in a comment.
        commands: Run one after another in the clone; all but the last must end with 0.
        before: Brings the situation about; it may give back another project, for example one that
            lies elsewhere or has another environment.
        status: How the last command ends.
        says: Texts that the last command prints.
        never: Texts that no command prints, beside a traceback.
        after: Asserts what must hold afterwards of files and bytes.
        skip: Why it can't be tried here; empty if it can.
    """

    name: str
    commands: tuple[tuple[str, ...], ...]
    before: Change = nothing
    status: int = 0
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    after: Callable[[Project], Any] = nothing
    skip: str = ""

    def hold(self, project: Project) -> None:
        """Bring it about, run the commands, assert what is right."""
        surrounded = self.before(project) or project
        output = ""
        for position, command in enumerate(self.commands, start=1):
            done = surrounded.run(*command, check=False)
            output += done.stdout
            expected = self.status if position == len(self.commands) else 0
            assert done.returncode == expected, f"{command}: {done.returncode}\n{output}"
        for text in ("Traceback (most recent call last)", *self.never):
            assert text not in output, output
        for text in self.says:
            assert text in done.stdout, output
        self.after(surrounded)


def environment(**variables: str) -> Change:
    """The same clone, with further environment variables."""
    return lambda project: dataclasses.replace(project, environment=project.environment | variables)
