"""What a review consists of, whatever it is rendered to; prose and tables are the report's."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from digitbench.reporting.document import Prose, Table

# First line of a comment, so that whoever posts it finds the one to update.
MARKER = "<!-- digitbench-review -->"
_NUMBER = re.compile(r"[+−]?\d|[<—]|$|unchanged")


class Code(str):
    """Text of a table that a machine reads: a key, a value, a path."""

    __slots__ = ()


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


Block = Prose | Table | Intervals


@dataclass(frozen=True)
class Part:
    """A heading with its blocks; a folded one shows only its summary until opened."""

    heading: str
    blocks: Sequence[Block]
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


def numeric_columns(table: Table) -> list[bool]:
    """Which columns hold numbers and nothing else; those are aligned right."""
    return [
        index > 0 and all(_is_number(row[index]) for row in table.rows)
        for index in range(len(table.header))
    ]


def _is_number(cell: str) -> bool:
    return not isinstance(cell, Code) and bool(_NUMBER.match(cell))
