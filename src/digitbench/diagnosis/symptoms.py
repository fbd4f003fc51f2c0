"""What an examination finds and what examines: the shape that every module of this folder fills."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from digitbench.wording import listing

SHOWN = 5


class Severity(StrEnum):
    """A warning costs time or changes what runs; with a problem a run fails or can't be trusted."""

    FINE = "fine"
    WARNING = "warning"
    PROBLEM = "problem"
    MENDED = "mended"


@dataclass(frozen=True)
class Mending:
    """Something safe to do about a symptom: what to do, in words, and the doing."""

    does: str
    act: Callable[[], None]


@dataclass(frozen=True)
class Symptom:
    """One thing that was seen.

    Attributes:
        what: What is so, or what is wrong.
        remedy: What to do; empty if `what` says it.
        mending: For `--fix`; None where a person has to decide.
    """

    severity: Severity
    what: str
    remedy: str = ""
    mending: Mending | None = None


def fine(what: str) -> Symptom:
    """Nothing to do."""
    return Symptom(Severity.FINE, what)


def warning(what: str, remedy: str = "", mending: Mending | None = None) -> Symptom:
    """Something to know, which stops nothing."""
    return Symptom(Severity.WARNING, what, remedy, mending)


def problem(what: str, remedy: str = "", mending: Mending | None = None) -> Symptom:
    """Something that needs doing."""
    return Symptom(Severity.PROBLEM, what, remedy, mending)


@dataclass(frozen=True)
class Probe:
    """One thing that is examined; found by name, so that a new one needs no list.

    Attributes:
        name: What the output calls it.
        look: Given the project's folder, every symptom. It may raise: a DigitbenchError becomes a
            problem with that text, anything else says that the probe itself failed.
    """

    name: str
    look: Callable[[Path], Iterable[Symptom]]


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = len(names) - SHOWN
    return listing([*names[:SHOWN], f"{more} more"] if more > 0 else names)
