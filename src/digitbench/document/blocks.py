"""What a report consists of, whatever it is rendered to.

What a review consists of, whatever it is rendered to; prose and tables are the report's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.figure import Figure

_NUMBER = re.compile(r"[+−]?\d|[<—–]|$|unchanged")


@dataclass(frozen=True)
class Prose:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Command:
    """Something to type."""

    text: str


class Code(str):
    """Text of a table that a machine reads: a key, a value, a path."""

    __slots__ = ()


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row, columns of numbers are aligned right."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def numeric_columns(self) -> list[bool]:
        """Which columns hold numbers and nothing else."""
        return [
            index > 0 and all(_is_number(row[index]) for row in self.rows)
            for index in range(len(self.header))
        ]


def _is_number(cell: str) -> bool:
    return not isinstance(cell, Code) and bool(_NUMBER.match(cell))


@dataclass(frozen=True)
class Chart:
    """A figure with what to see in it, and a description for those who don't see it."""

    name: str
    figure: Figure
    caption: str
    alternative: str


@dataclass(frozen=True)
class Picture:
    """A ready PNG."""

    name: str
    png: bytes
    caption: str
    alternative: str


Block = Prose | Command | Table | Chart | Picture


@dataclass(frozen=True)
class Section:
    """A heading with its blocks; `anchor` is its address in the page."""

    anchor: str
    heading: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Tile:
    """One figure of the summary that can be read from afar."""

    value: str
    label: str
    note: str
    accent: str = "currentColor"


@dataclass(frozen=True)
class Document:
    """The whole report."""

    title: str
    verdict: str
    tiles: Sequence[Tile]
    sections: Sequence[Section] = field(default_factory=tuple)


# First line of a comment, so that whoever posts it finds the one to update.
MARKER = "<!-- digitbench-review -->"


@dataclass(frozen=True)
class Interval:
    """One line of a figure, in the unit of the figure.

    Attributes:
        architecture: Whose colour it has.
        label: What stands beside it.
        value: Estimate.
        low: Lower end of its interval; None if there is none.
        high: Upper end.
        replicates: Values of single seeds.
        is_reference: Whether it is what others are held against: drawn hollow.
    """

    architecture: str
    label: str
    value: float
    low: float | None = None
    high: float | None = None
    replicates: tuple[float, ...] = ()
    is_reference: bool = False


@dataclass(frozen=True)
class Intervals:
    """Estimates with intervals on a shared scale, where `zero` marks no difference."""

    caption: str
    unit: str
    rows: Sequence[Interval]
    zero: bool


ReviewBlock = Prose | Table | Intervals


@dataclass(frozen=True)
class Part:
    """A heading with its blocks; a folded one shows only its summary until opened."""

    heading: str
    blocks: Sequence[ReviewBlock]
    summary: str = ""

    @property
    def is_folded(self) -> bool:
        """Whether there is a summary to stand for it."""
        return bool(self.summary)


@dataclass(frozen=True)
class Review:
    """The whole of it: the outcome first, how to read it last."""

    title: str
    outcome: str
    remarks: Sequence[str]
    parts: Sequence[Part]
    closing: str
