"""What a report consists of, whatever it is rendered to."""

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
