"""One model of a page, whatever it is rendered to: report, review, studies, blocks of README.md.

Text is plain: each renderer escapes what its own form would take for markup.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

_NUMBER = re.compile(r"[+−]?\d|[<>—–]|$")
# Cells that stand out wherever there are colours or bold letters.
EMPHASISED = ("better", "worse")


class Code(str):
    """Text of a table that a machine reads: a key, a value, a path."""

    __slots__ = ()


class Markdown(str):
    """Our own text with Markdown in it, left as it is; never what a revision or a person wrote."""

    __slots__ = ()


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Command:
    """Something to type."""

    text: str


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


@dataclass(frozen=True)
class Interval:
    """One line of a figure, in the unit of the figure."""

    architecture: str  # whose colour it has
    label: str
    value: float
    low: float | None = None  # None without an interval
    high: float | None = None
    replicates: tuple[float, ...] = ()  # values of single seeds
    is_reference: bool = False  # what others are held against: drawn hollow


@dataclass(frozen=True)
class Intervals:
    """Estimates with intervals on a shared scale, where `zero` marks no difference."""

    caption: str
    unit: str
    rows: Sequence[Interval]
    zero: bool


@dataclass(frozen=True)
class Folded:
    """What only its summary is shown of until it is opened; on paper it is open."""

    summary: str
    blocks: "Sequence[Block]"


Block = Prose | Command | Table | Chart | Picture | Intervals | Folded


@dataclass(frozen=True)
class Section:
    """A heading with its blocks; one with a summary shows only that until it is opened."""

    heading: str
    blocks: Sequence[Block]
    anchor: str = ""  # address in the page
    summary: str = ""

    @property
    def body(self) -> "Sequence[Block]":
        """What stands in its place: its blocks, or a fold of them."""
        return [Folded(self.summary, self.blocks)] if self.summary else self.blocks


@dataclass(frozen=True)
class Tile:
    """One figure of the summary that can be read from afar."""

    value: str
    label: str
    note: str
    accent: str = "currentColor"


@dataclass(frozen=True)
class Document:
    """The whole page: what came out first, how to read it last."""

    title: str
    lead: str
    sections: Sequence[Section]
    tiles: Sequence[Tile] = ()
    remarks: Sequence[str] = ()
    closing: str = ""

    @property
    def blocks(self) -> list[Block]:
        """Those of all sections, out of their folds."""
        return [block for section in self.sections for block in _unfolded(section.blocks)]

    def summary(self) -> Table:
        """The tiles where there are none."""
        rows = [[tile.label, tile.value, tile.note] for tile in self.tiles]
        return Table("", ["", "", ""], rows)


def _unfolded(blocks: Sequence[Block]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, Folded):
            yield from _unfolded(block.blocks)
        else:
            yield block
