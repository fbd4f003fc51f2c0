"""One published number beside ours, and the table of all of them as CSV."""

import csv
import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from digitbench.errors import DigitbenchError
from digitbench.outputs import write_csv

SUMMARY = Path("studies/summary.csv")
AGAIN = "Make it again with `python -m digitbench.studies`."

Verdict = Literal["reproduced", "higher", "lower", "not comparable"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
# Marks what was tried before this project, with one seed; everything else was published.
TRIAL = " (trial)"
# Numbers of other work, for proportion.
LITERATURE = "literature"


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
    ours_mean: float | None
    ours_low: float | None
    ours_high: float | None
    seeds: int | None
    verdict: Verdict
    reason: str

    @property
    def is_trial(self) -> bool:
        """Whether the number comes from a trial rather than from a paper."""
        return self.protocol.endswith(TRIAL)

    @property
    def is_claim(self) -> bool:
        """Whether one of the five studies reports the number."""
        return self.study != LITERATURE and not self.is_trial


def own_protocol(rows: Sequence[Row]) -> list[Row]:
    """Without the second looks: numbers on the test set that the paper got on other images.

    Which way a paper enlarged USPS is not known, so both ways stay.
    """
    papers: dict[tuple[str, ...], str] = {}
    for row in rows:
        papers.setdefault(_number_of(row), row.protocol)
    return [row for row in rows if row.dataset == "usps" or row.protocol == papers[_number_of(row)]]


def published_numbers(rows: Sequence[Row]) -> int:
    """How many numbers the rows are about: one stands in several, once per variant and protocol."""
    return len(
        {
            (row.study, row.model.partition("_")[0], row.metric, row.dataset, row.published)
            for row in rows
        }
    )


def _number_of(row: Row) -> tuple[str, ...]:
    return row.study, row.model, row.metric, row.dataset, row.published


def verdict_counts(rows: Sequence[Row]) -> list[int]:
    """How often each verdict was reached, in the order of VERDICTS."""
    return [sum(row.verdict == verdict for row in rows) for verdict in VERDICTS]


HEADER = tuple(field.name for field in dataclasses.fields(Row))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """One line per row; what is not there stays empty."""
    write_csv(path, HEADER, (dataclasses.astuple(row) for row in rows))


def read_rows(path: Path) -> list[Row]:
    """The rows that `write_rows` wrote.

    Raises:
        DigitbenchError: The file can't be read, or is no such table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DigitbenchError(f"{path}: cannot be read ({error.strerror}). {AGAIN}") from None
    lines = csv.DictReader(io.StringIO(text))
    if tuple(lines.fieldnames or ()) != HEADER:
        raise DigitbenchError(f"{path}: damaged (the header is another). {AGAIN}")
    try:
        return [_row(line) for line in lines]
    except (TypeError, ValueError) as error:
        where = f"{path}, line {lines.line_num}"
        raise DigitbenchError(f"{where}: damaged ({error}). {AGAIN}") from None


def _row(line: dict[str, str]) -> Row:
    verdict = next((known for known in VERDICTS if known == line["verdict"]), None)
    if verdict is None:
        raise ValueError(f"{line['verdict']!r} is no verdict")
    return Row(
        study=line["study"],
        model=line["model"],
        metric=line["metric"],
        dataset=line["dataset"],
        protocol=line["protocol"],
        published=line["published"],
        published_spread=line["published_spread"],
        ours_mean=_number(line["ours_mean"]),
        ours_low=_number(line["ours_low"]),
        ours_high=_number(line["ours_high"]),
        seeds=int(line["seeds"]) if line["seeds"] else None,
        verdict=verdict,
        reason=line["reason"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
