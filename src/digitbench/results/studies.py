"""Published numbers beside ours: the rows of studies/summary.csv, and their cells as text."""

import csv
import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BeforeValidator, TypeAdapter, ValidationError

from digitbench import files
from digitbench.wording import ENLARGING

STUDIES = Path("studies")
SUMMARY = STUDIES / "summary.csv"
AGAIN = "Make it again with `digitbench studies`."

Verdict = Literal["reproduced", "higher", "lower", "not comparable"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
# Marks what was tried before this project, with one seed; everything else was published.
TRIAL = " (trial)"
# Numbers of other work, for proportion.
LITERATURE = "literature"

_PROTOCOLS = {
    "test": "test set",
    "validation": "validation",
    "pooled": "pooled over epochs",
    "stretch": "stretch",
    "box": ENLARGING["box"].short,
}
# Which variant of USPS the papers used is not known; ours is named in the reasons.
_DATASETS = {"mnist": "MNIST", "usps": "USPS"}
_DECIMALS = {"macro_auc": 5, "parameters": 0, "seconds_per_epoch": 1}
_absent = BeforeValidator(lambda value: None if value == "" else value)


def decimals(metric: str) -> int:
    """Decimal places in which ours is told."""
    return _DECIMALS.get(metric, 2)


@dataclass(frozen=True)
class Row:
    """A published number, ours where there is one, and what to make of it.

    Percent, except macro_auc (a fraction of 1), parameters (a count) and seconds_per_epoch.
    higher and lower say where ours lies.
    """

    study: str
    model: str
    metric: str
    dataset: str
    protocol: str
    published: str
    published_spread: str
    ours_mean: Annotated[float | None, _absent]
    ours_low: Annotated[float | None, _absent]
    ours_high: Annotated[float | None, _absent]
    seeds: Annotated[int | None, _absent]
    verdict: Verdict
    reason: str

    @property
    def is_trial(self) -> bool:
        """Whether the number comes from a trial rather than from a paper."""
        return self.protocol.endswith(TRIAL)

    @property
    def is_claim(self) -> bool:
        """Whether one of the studies reports the number."""
        return self.study != LITERATURE and not self.is_trial

    @property
    def images(self) -> str:
        """The images and how they were scored, in words; a dash for what needs none."""
        protocol = _PROTOCOLS.get(self.protocol.removesuffix(TRIAL))
        return ", ".join(filter(None, (_DATASETS.get(self.dataset), protocol))) or "–"

    @property
    def theirs(self) -> str:
        """The published number with its ±."""
        value = f"{int(self.published):,}" if self.metric == "parameters" else self.published
        return f"{value} ± {self.published_spread}" if self.published_spread else value

    @property
    def ours(self) -> str:
        """Ours with its interval; a dash where there is none."""
        if self.ours_mean is None:
            return "–"
        places = decimals(self.metric)
        text = f"{self.ours_mean:,.{places}f}"
        if self.ours_low is None or self.ours_high is None:
            return text
        return f"{text} ({self.ours_low:.{places}f} to {self.ours_high:.{places}f})"


def own_protocol(rows: Sequence[Row]) -> list[Row]:
    """Without the second looks: numbers on the test set that the paper got on other images.

    Which way a paper enlarged USPS is not known, so both ways stay.
    """
    papers: dict[tuple[str, ...], str] = {}
    for row in rows:
        papers.setdefault(_number_of(row), row.protocol)
    return [row for row in rows if row.dataset == "usps" or row.protocol == papers[_number_of(row)]]


def _number_of(row: Row) -> tuple[str, ...]:
    return row.study, row.model, row.metric, row.dataset, row.published


def published_numbers(rows: Sequence[Row]) -> int:
    """How many numbers the rows are about: one stands in several, once per variant and protocol."""
    return len(
        {
            (row.study, row.model.partition("_")[0], row.metric, row.dataset, row.published)
            for row in rows
        }
    )


def verdict_counts(rows: Sequence[Row]) -> list[int]:
    """How often each verdict was reached, in the order of VERDICTS."""
    return [sum(row.verdict == verdict for row in rows) for verdict in VERDICTS]


_HEADER = tuple(field.name for field in dataclasses.fields(Row))
_ROW = TypeAdapter(Row)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """One line per row; what is not there stays empty."""
    files.write_csv(path, _HEADER, (dataclasses.astuple(row) for row in rows))


def read_rows(path: Path) -> list[Row]:
    """The rows that `write_rows` wrote.

    Raises:
        DigitbenchError: The file can't be read, or is no such table.
    """
    return files.read(path, _rows, AGAIN)


def _rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.DictReader(file)
        if tuple(lines.fieldnames or ()) != _HEADER:
            raise ValueError("the header is another")
        try:
            return [_ROW.validate_python(line) for line in lines]
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"line {lines.line_num}, {where}: {first['msg']}") from None
