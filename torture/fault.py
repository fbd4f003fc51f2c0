"""A fault as a row: what is broken, when, and what is right afterwards.

A module of `faults/` holds the rows of one kind as ``FAULTS``; they are found by name.
"""

import importlib
import pkgutil
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torture import faults
from torture.base import STAGES

if TYPE_CHECKING:
    from torture.round import Round

# Until its first `yield` the run hasn't begun, until its second the run stands still in the chosen
# moment (where the fault has none, it is over), and after that it is over.
Steps = Generator[None, None, None]
Act = Callable[["Round"], Steps]


@dataclass(frozen=True)
class Remedy:
    """What a message names and the user then does, before `dvc repro` again."""

    names: str  # pattern that the message must have
    apply: Callable[["Round"], None]


@dataclass(frozen=True)
class Fault:
    """A row.

    Attributes:
        name: What is broken.
        act: Breaks it.
        at: Programs in one of whose moments it happens; none: it is there from the start.
        where: Pattern that its moment has.
        stages: What runs meanwhile.
        jobs: Replicates at once.
        fails: Whether the run must fail; None: either is right.
        remedy: What its message must name where it fails and `dvc repro` again isn't enough.
        leaves: Pattern of files that it may leave.
        skip: Why it can't be tried here; empty if it can.
    """

    name: str
    act: Act
    at: tuple[str, ...] = ()
    where: str = ""
    stages: tuple[str, ...] = STAGES
    jobs: tuple[int, ...] = (1, 2)
    fails: bool | None = None
    remedy: Remedy | None = None
    leaves: str = ""
    skip: str = ""


def catalogue() -> list[Fault]:
    """All of them, kind by kind."""
    names = sorted(module.name for module in pkgutil.iter_modules(faults.__path__))
    modules = [importlib.import_module(f"{faults.__name__}.{name}") for name in names]
    return [fault for module in modules for fault in module.FAULTS]
