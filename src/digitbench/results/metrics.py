"""What is measured: one row per metric, from which tables, headings and the review are made.

A new metric is a function in `evaluation/scores.py` or `evaluation/probability.py` and a row here.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal, TypeVar

from digitbench.statistics.summary import Summary
from digitbench.wording import decimal

AnySummary = TypeVar("AnySummary", bound=Summary)
# The report's sections The comparison and Probabilities, README.md, and the review.
Place = Literal["comparison", "probabilities", "readme", "review"]


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        key: Its name in records.
        title: Its name in a sentence.
        heading: Its name above a column or before a row, where that is another.
        unit: What stands behind the heading; shares of 1 with "%" are told in percent.
        digits: Decimals in tables.
        higher_is_better: Its direction.
        highest: No value is above this one; none is below 0.
        shown: Where.
    """

    key: str
    title: str
    digits: int
    shown: tuple[Place, ...]
    heading: str = ""
    unit: str = ""
    higher_is_better: bool = True
    highest: float = 1.0

    @property
    def is_share(self) -> bool:
        """Whether it is told in percent."""
        return self.unit == "%"

    @property
    def name(self) -> str:
        """Its heading without the unit."""
        return self.heading or self.title

    @property
    def label(self) -> str:
        """Its heading with the unit."""
        return f"{self.name}, {self.unit}" if self.unit else self.name

    def possible(self, summary: AnySummary) -> AnySummary:
        """The same summary.

        Raises:
            ValueError: A value that this metric cannot have.
        """
        for seed, value in summary.per_seed.items():
            if not 0 <= value <= self.highest:
                limits = "below 0" if self.highest == inf else f"outside 0 to {self.highest:g}"
                raise ValueError(f"{self.title} of seed {seed} is {value}, {limits}")
        return summary

    def mean(self, summary: Summary) -> str:
        """Its mean over the seeds as a table shows it."""
        return self._number(summary.mean)

    def mean_and_interval(self, summary: Summary) -> str:
        """Mean and, in brackets, its 95 % interval, if it has one."""
        low, high = summary.ci95_low, summary.ci95_high
        if low is None or high is None:
            return self.mean(summary)
        return f"{self.mean(summary)} ({self._number(low)} to {self._number(high)})"

    def _number(self, value: float) -> str:
        return decimal(100 * value if self.is_share else value, self.digits)


ACCURACY = Metric("accuracy", "accuracy", 2, ("comparison", "readme", "review"), unit="%")
# Everywhere in this order.
METRICS = (
    ACCURACY,
    Metric("macro_precision", "macro precision", 2, ("comparison",), unit="%"),
    Metric("macro_recall", "macro recall", 2, ("comparison",), unit="%"),
    Metric("macro_f1", "macro F1", 2, ("comparison", "readme", "review"), unit="%"),
    Metric(
        "nll",
        "log loss",
        4,
        ("probabilities", "review"),
        heading="negative log-likelihood",
        higher_is_better=False,
        highest=inf,
    ),
    Metric(
        "brier", "Brier score", 4, ("probabilities", "review"), higher_is_better=False, highest=2
    ),
    Metric(
        "ece",
        "calibration error",
        4,
        ("probabilities", "review"),
        heading="ECE",
        higher_is_better=False,
    ),
    Metric("macro_auc", "macro AUC", 5, ("comparison", "probabilities"), unit="one-vs-rest"),
    Metric("errors", "errors", 1, ("comparison",), higher_is_better=False, highest=inf),
    Metric(
        "errors_disputed",
        "errors on disputed labels",
        1,
        ("comparison",),
        heading="of these on disputed labels",
        higher_is_better=False,
        highest=inf,
    ),
)
BY_KEY = {metric.key: metric for metric in METRICS}


def shown(place: Place) -> list[Metric]:
    """The metrics of one place."""
    return [metric for metric in METRICS if place in metric.shown]
