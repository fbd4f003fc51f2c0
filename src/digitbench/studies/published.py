"""What the papers report, as `studies/<key>/published.yaml` and its schema have it."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    Strict,
    StrictInt,
    StrictStr,
    StringConstraints,
    field_validator,
    model_validator,
)

from digitbench.results.studies import LITERATURE, STUDIES
from digitbench.schema import Line, Section, check, read_mapping

Protocol = Literal["test", "validation", "pooled", "stretch", "box"]
Answer = Literal[
    "auc",
    "class_balance",
    "confused_pairs",
    "confusion_causes",
    "distortions",
    "epochs",
    "equal_scores",
    "inference_speed",
    "pooling",
    "ranking",
    "training_time",
    "usps_attribution",
]
# Facts about a network or a machine, which no set of images has a part in.
COUNTED = ("parameters", "seconds_per_epoch")
# Of one confusion matrix, in which they go together.
OF_ONE_MATRIX = ("accuracy", "macro_precision", "macro_recall", "macro_f1")
_METRICS = (*OF_ONE_MATRIX, "macro_auc", "error_reduction", *COUNTED)
_CONFUSION = re.compile(r"confusion ([0-9])>([0-9])")

Text = Annotated[Line, Strict()]
NumberText = Annotated[StrictStr, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)?$")]
Digit = Annotated[StrictInt, Field(ge=0, le=9)]
NUMBER = 'a number in quotes, such as "98.90", so that its last digit is kept'


class Number(Section):
    """One published number. Percent; macro_auc is a fraction of 1, a count a count."""

    model: Text = Field(description="the name of a model")
    variants: tuple[Text, ...] | None = Field(
        None, description="a list of variants of params.yaml that the number speaks of"
    )
    against: Text | None = Field(None, description="the model that errors are compared with")
    metric: Text = Field(
        description=f"one of {', '.join(_METRICS)}, or 'confusion 9>4' for 9 taken for 4"
    )
    dataset: Literal["mnist", "usps"] | None = Field(None, description="mnist or usps")
    protocol: Protocol | None = Field(
        None, description="test, validation or pooled for mnist, stretch or box for usps"
    )
    value: NumberText = Field(description=NUMBER)
    until: NumberText | None = Field(None, description=NUMBER)
    spread: NumberText | None = Field(None, description=NUMBER)
    rounded_to: NumberText | None = Field(
        None,
        description="the unit that was rounded to, in quotes, where the value shows a finer one",
    )
    parts: tuple[StrictInt, ...] = Field(
        (), description="a list of whole numbers that add up to the value"
    )
    runs: Annotated[StrictInt, Field(ge=1)] = Field(
        1, description="a whole number from 1: how many runs it is a mean of"
    )
    place: Text = Field(description="where the paper says it")
    open: Text | None = Field(
        None, description="which sizes, epochs or variant are our choice, because it gives none"
    )
    incomparable: Text | None = Field(None, description="why ours cannot be held against it")

    @field_validator("metric")
    @classmethod
    def _metric_is_known(cls, metric: str) -> str:
        if metric not in _METRICS and not _CONFUSION.fullmatch(metric):
            raise ValueError("unknown metric")
        return metric

    @model_validator(mode="after")
    def _fits_together(self) -> "Number":
        if self.parts and sum(self.parts) != int(self.exact):
            raise ValueError(f"the parts add up to {sum(self.parts):,}, the value is {self.value}")
        if (self.metric == "error_reduction") != (self.against is not None):
            raise ValueError("error_reduction, and nothing else, needs 'against'")
        if self.incomparable is None and self.protocol not in self._protocols_that_fit():
            raise ValueError(
                f"protocol {self.protocol!r} does not fit {self.metric} on {self.dataset!r}"
            )
        return self

    def _protocols_that_fit(self) -> tuple[str | None, ...]:
        if self.metric in COUNTED:
            return (None,)
        if self.dataset == "usps":
            return ("stretch", "box")
        return ("test",) if self.metric == "macro_auc" else ("test", "validation", "pooled")

    @property
    def exact(self) -> Decimal:
        """The value without rounding."""
        return Decimal(self.value)

    @property
    def rounding(self) -> tuple[Decimal, Decimal]:
        """The smallest and the largest number that print as the value (or up to `until`)."""
        last_digit = Decimal(1).scaleb(int(self.exact.as_tuple().exponent))
        half = (last_digit if self.rounded_to is None else Decimal(self.rounded_to)) / 2
        return self.exact - half, Decimal(self.until or self.value) + half

    @property
    def confused(self) -> tuple[int, int] | None:
        """For a confusion, the true digit and the one it is taken for."""
        found = _CONFUSION.fullmatch(self.metric)
        return (int(found[1]), int(found[2])) if found else None

    @property
    def models(self) -> tuple[str, ...]:
        """The variants to set beside the number; the model itself where none is named."""
        return (self.model,) if self.variants is None else self.variants


class Question(Section):
    """Something that a paper asks, or claims without measuring it."""

    asks: Text = Field(description="a question")
    place: Text = Field(description="where the paper asks or claims it")
    answer: Answer = Field(description="the name of an answer in findings.py")
    architectures: tuple[Text, ...] = Field((), description="a list of architectures")
    variants: tuple[Text, ...] = Field((), description="a list of variants of params.yaml")
    pairs: tuple[tuple[Digit, Digit], ...] = Field((), description="a list of pairs of digits")


class Published(Section):
    """The whole file."""

    position: StrictInt = Field(description="a whole number: where the study stands on the page")
    title: Text = Field(description="a text")
    protocol: Text = Field(description="a text")
    results: tuple[Number, ...] = Field(min_length=1, description="a list of numbers")
    other: tuple[Number, ...] = Field((), description="a list of numbers")
    contradictions: tuple[Text, ...] = Field((), description="a list of sentences")
    choices: tuple[Text, ...] = Field((), description="a list of sentences")
    questions: tuple[Question, ...] = Field((), description="a list of questions")


def load_all(root: Path) -> dict[str, Published]:
    """Every study that says what is published, and the reference points, by their position.

    Args:
        root: Folder of the project.

    Raises:
        DigitbenchError: A file can't be read, or a key is unknown, missing or has a value that is
            not allowed; the text names file, key, value and what is allowed.
    """
    folder = root / STUDIES
    paths = {path.parent.name: path for path in sorted(folder.glob("*/published.yaml"))}
    paths[LITERATURE] = folder / f"{LITERATURE}.yaml"
    studies = {key: check(read_mapping(path), Published, path) for key, path in paths.items()}
    return dict(sorted(studies.items(), key=lambda item: item[1].position))
