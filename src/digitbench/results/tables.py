"""The tables under ``plots/``: which columns each has, and what may stand in them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import inf
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


Columns = Mapping[str, Column | None]  # None: text
DIGIT, SEED = Column(high=9, whole=True), Column(high=2**32 - 1, whole=True)
COUNT, SHARE, NUMBER = Column(high=2**53, whole=True), Column(high=1), Column(high=1e15)
# The interval of a share that is not clipped.
END = Column(-1e3, 1e3, lacking=True)

CLASSES: Columns = {"part": None, "digit": DIGIT, "images": COUNT}
CURVES: Columns = {
    "seed": SEED,
    "epoch": Column(1, 1_000, whole=True),
    "train_loss": NUMBER,
    "train_accuracy": SHARE,
    "validation_loss": NUMBER,
    "validation_accuracy": SHARE,
}
ROBUSTNESS: Columns = {
    "architecture": None,
    "seed": SEED,
    "corruption": None,
    "strength": NUMBER,
    "accuracy": SHARE,
}
GROWTH: Columns = {
    "architecture": None,
    "side": Column(1, 1e6, whole=True),
    "parameters": COUNT,
    "macs": COUNT,
    "formula_macs": COUNT,
}
# Of one architecture each, by the name of their folder.
OF_ONE: dict[str, Columns] = {
    "confusion": {"actual": DIGIT, "predicted": DIGIT, "count": COUNT, "rate": SHARE},
    "per_class": {
        "digit": DIGIT,
        "metric": None,
        "mean": SHARE,
        "std": Column(lacking=True),
        "ci95_low": END,
        "ci95_high": END,
    },
    "roc": {"class": DIGIT, "false_positive_rate": SHARE, "true_positive_rate": SHARE},
    "reliability": {
        "bin_low": SHARE,
        "bin_high": SHARE,
        "count": COUNT,
        "confidence": Column(high=1, lacking=True),
        "accuracy": Column(high=1, lacking=True),
    },
    "coverage": {"coverage": SHARE, "accuracy": SHARE, "low": SHARE, "high": SHARE},
}


def read_table(path: Path, columns: Columns, remedy: str = files.REMEDY) -> pd.DataFrame:
    """A table with just these columns.

    Raises:
        DigitbenchError: The file is missing or damaged, or a column is missing or holds something
            else; the text names file and column.
    """
    return files.read(path, partial(_table, columns), remedy)


def _table(columns: Columns, path: Path) -> pd.DataFrame:
    table = pd.read_csv(path)
    if list(table.columns) != list(columns):
        raise ValueError(f"its columns are not {', '.join(columns)}")
    if table.empty:
        raise ValueError("it has no rows")
    if table.duplicated().any():
        raise ValueError("a row stands twice")
    for name, column in columns.items():
        values = table[name]
        if column is not None:
            problem = column.problem(values)
        else:
            texts = values.map(lambda text: isinstance(text, str) and text.isprintable())
            problem = "" if texts.all() else "not all of it is text"
        if problem:
            raise ValueError(f"column {name}: {problem}")
    return table
