"""What a review consists of, whatever it is rendered to; prose and tables are the report's."""

from collections.abc import Sequence
from dataclasses import dataclass

from digitbench.reporting.document import Prose, Table

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
