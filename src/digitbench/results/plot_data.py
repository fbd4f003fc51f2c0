"""The tables under ``plots/``: which columns each has, and what may stand in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import inf, prod
from pathlib import Path

import numpy as np
import pandas as pd

from digitbench import files


@dataclass(frozen=True)
class Column:
    """Numbers of one kind; `lacking` ones may be left out."""

    low: float = 0.0
    high: float = inf
    whole: bool = False
    lacking: bool = False

    def problem(self, values: "pd.Series[float]") -> str:
        """What is wrong with them; empty if nothing is."""
        if not pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
            return "not all of it is a number"
        numbers = values.to_numpy(np.float64)
        known = numbers[~np.isnan(numbers)]
        if len(known) < len(numbers) and not self.lacking:
            return "a value is missing"
        if self.whole and not (known == np.rint(known)).all():
            return "not all of it is a whole number"
        if not (np.isfinite(known) & (known >= self.low) & (known <= self.high)).all():
            return f"a value is not from {self.low:g} to {self.high:g}"
        return ""


@dataclass(frozen=True)
class Table:
    """A kind of table.

    Attributes:
        columns: In their order; None for text.
        grid: Groups of columns of which every combination has one row.
    """

    columns: Mapping[str, Column | None]
    grid: Sequence[list[str]] = ()

    def checked(self, table: pd.DataFrame) -> pd.DataFrame:
        """The same table.

        Raises:
            ValueError: It is not of this kind.
        """
        if list(table.columns) != list(self.columns):
            raise ValueError(f"its columns are not {', '.join(self.columns)}")
        if table.empty:
            raise ValueError("it has no rows")
        if self.grid and table.duplicated([*chain.from_iterable(self.grid)]).any():
            raise ValueError("a row stands twice")
        for name, column in self.columns.items():
            if problem := _not_text(table[name]) if column is None else column.problem(table[name]):
                raise ValueError(f"column {name}: {problem}")
        if self.grid and len(table) != prod(table.groupby(key).ngroups for key in self.grid):
            raise ValueError("a row is missing")
        return table


def _not_text(values: "pd.Series[str]") -> str:
    seen = values.map(lambda text: isinstance(text, str) and text.isprintable())
    return "" if seen.all() else "not all of it is text"


DIGIT, SEED = Column(high=9, whole=True), Column(high=2**32 - 1, whole=True)
COUNT, SHARE, NUMBER = Column(high=2**53, whole=True), Column(high=1), Column(high=1e15)
# The interval of a share that is not clipped.
END = Column(-1e3, 1e3, lacking=True)

CLASSES = Table({"part": None, "digit": DIGIT, "images": COUNT}, [["part"], ["digit"]])
CURVES = Table(
    {
        "seed": SEED,
        "epoch": Column(1, 1_000, whole=True),
        "train_loss": NUMBER,
        "train_accuracy": SHARE,
        "validation_loss": NUMBER,
        "validation_accuracy": SHARE,
    }
)
ROBUSTNESS = Table(
    {
        "architecture": None,
        "seed": SEED,
        "corruption": None,
        "strength": NUMBER,
        "accuracy": SHARE,
    },
    [["architecture"], ["seed"], ["corruption", "strength"]],
)
GROWTH = Table(
    {
        "architecture": None,
        "side": Column(1, 1e6, whole=True),
        "parameters": COUNT,
        "macs": COUNT,
        "formula_macs": COUNT,
    },
    [["architecture"], ["side"]],
)
# Of one architecture each, by the name of their folder.
OF_ONE: dict[str, Table] = {
    "confusion": Table(
        {"actual": DIGIT, "predicted": DIGIT, "count": COUNT, "rate": SHARE},
        [["actual"], ["predicted"]],
    ),
    "per_class": Table(
        {
            "digit": DIGIT,
            "metric": None,
            "mean": SHARE,
            "std": Column(lacking=True),
            "ci95_low": END,
            "ci95_high": END,
        },
        [["digit"], ["metric"]],
    ),
    "roc": Table({"class": DIGIT, "false_positive_rate": SHARE, "true_positive_rate": SHARE}),
    "reliability": Table(
        {
            "bin_low": SHARE,
            "bin_high": SHARE,
            "count": COUNT,
            "confidence": Column(high=1, lacking=True),
            "accuracy": Column(high=1, lacking=True),
        }
    ),
    "coverage": Table({"coverage": SHARE, "accuracy": SHARE, "low": SHARE, "high": SHARE}),
}


def read_table(path: Path, kind: Table, remedy: str = files.REMEDY) -> pd.DataFrame:
    """A table of a kind.

    Raises:
        DigitbenchError: The file is missing or damaged, or a column is missing or holds something
            else; the text names file and column.
    """
    return files.read(path, lambda file: kind.checked(pd.read_csv(file)), remedy)
