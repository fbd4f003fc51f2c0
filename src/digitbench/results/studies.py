"""Published numbers beside ours: the rows of studies/summary.csv, and the claims they make up."""

import csv
import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, ValidationError

from digitbench import files
from digitbench.schema import Line
from digitbench.wording import ENLARGING, count, listing, metric_label, model_label

STUDIES = Path("studies")
SUMMARY = STUDIES / "summary.csv"
AGAIN = "Make it again with `digitbench studies`."

# The number that agrees most comes first; higher and lower say where ours lies.
Verdict = Literal[
    "reproduced", "consistent with one run", "under-specified", "higher", "lower", "not comparable"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
# Numbers of other work, for proportion.
LITERATURE = "literature"

_PROTOCOLS = {
    "test": "test set",
    "validation": "validation",
    "pooled": "pooled over epochs",
    **{mapping: way.short for mapping, way in ENLARGING.items()},
}
_DECIMALS = {"macro_auc": 5, "parameters": 0, "seconds_per_epoch": 1}
_absent = BeforeValidator(lambda value: None if value == "" else value)
_Absent = Annotated[float | None, Field(allow_inf_nan=False), _absent]
_Number = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?( to [0-9]+(\.[0-9]+)?)?$")]


def _known(label: Callable[[str], str]) -> AfterValidator:
    """A name that has a label, by which it is told."""

    def look(name: str) -> str:
        try:
            label(name)
        except (LookupError, ValueError):
            raise ValueError(f"{name[:80]!r} is not known") from None
        return name

    return AfterValidator(look)


def decimals(metric: str) -> int:
    """Decimal places in which ours is told."""
    return _DECIMALS.get(metric, 2)


@dataclass(frozen=True)
class Row:
    """A published number, ours where there is one, and what to make of it.

    Percent, except macro_auc (a fraction of 1), parameters (a count) and seconds_per_epoch. low and
    high are the 95 % interval for the mean, run_low and run_high that for one more training; test_*
    is ours on the test set where the paper's images are others.
    """

    study: Line
    claim: Annotated[int, Field(ge=0)]
    model: Annotated[Line, _known(model_label)]
    metric: Annotated[str, _known(metric_label)]
    dataset: str
    protocol: str
    published: _Number
    published_spread: _Number | Literal[""]
    place: Line
    ours_mean: _Absent
    ours_low: _Absent
    ours_high: _Absent
    run_low: _Absent
    run_high: _Absent
    seeds: Annotated[int | None, Field(ge=1), _absent]
    test_mean: _Absent
    test_low: _Absent
    test_high: _Absent
    verdict: Verdict
    claim_verdict: Verdict
    reason: str

    @property
    def images(self) -> str:
        """How ours was scored, on MNIST if nothing else is said; empty without images."""
        usps = "USPS" if self.dataset == "usps" else ""
        return " ".join(filter(None, (usps, _PROTOCOLS.get(self.protocol, ""))))

    @property
    def label(self) -> str:
        """What the number is."""
        what = f"{model_label(self.model)}: {metric_label(self.metric)}"
        return ", ".join(filter(None, (what, self.images)))

    @property
    def theirs(self) -> str:
        """The published number with its ±."""
        value = f"{int(self.published):,}" if self.metric == "parameters" else self.published
        return f"{value} ± {self.published_spread}" if self.published_spread else value

    @property
    def ours(self) -> str:
        """Ours with the interval for the mean; a dash where there is none."""
        return self._told(self.ours_mean, self.ours_low, self.ours_high)

    @property
    def one_run(self) -> str:
        """The interval for one more training."""
        if self.run_low is None or self.run_high is None:
            return "–"
        return self._between(self.run_low, self.run_high)

    @property
    def on_test(self) -> str:
        """Ours on the test set, where the paper's images are others."""
        return self._told(self.test_mean, self.test_low, self.test_high)

    def _told(self, mean: float | None, low: float | None, high: float | None) -> str:
        if mean is None:
            return "–"
        text = f"{mean:,.{decimals(self.metric)}f}"
        return text if low is None or high is None else f"{text} ({self._between(low, high)})"

    def _between(self, low: float, high: float) -> str:
        places = decimals(self.metric)
        return f"{low:.{places}f}–{high:.{places}f}"  # narrow: tables of many columns


@dataclass(frozen=True)
class Claim:
    """The rows of one independent claim, which stand or fall together."""

    rows: Sequence[Row]

    @property
    def study(self) -> str:
        """Where it was published."""
        return self.rows[0].study

    @property
    def verdict(self) -> Verdict:
        """Of the number that agrees least, under the recipe that agrees most."""
        return self.rows[0].claim_verdict

    @property
    def note(self) -> str:
        """What the verdict rests on, where numbers alone don't say it."""
        reasons = [part for row in self.recipes[0] for part in row.reason.split("; ") if part]
        return "; ".join(dict.fromkeys(reasons))

    @property
    def deciding(self) -> Row:
        """The number that agrees least, the first of several."""
        return max(self.recipes[0], key=lambda row: VERDICTS.index(row.verdict))

    @property
    def recipes(self) -> list[list[Row]]:
        """The rows by what the paper may have meant, the one that agrees most first."""
        recipes: dict[tuple[str, str], list[Row]] = {}
        for row in self.rows:
            recipes.setdefault((row.model, row.protocol), []).append(row)
        return sorted(recipes.values(), key=least_agreeing)


def least_agreeing(rows: Iterable[Row]) -> int:
    """Place in VERDICTS of the number that agrees least."""
    return max(VERDICTS.index(row.verdict) for row in rows)


def claims_of(rows: Iterable[Row]) -> list[Claim]:
    """The claims of the five studies, in the order of the rows."""
    found: dict[int, list[Row]] = {}
    for row in rows:
        found.setdefault(row.claim, []).append(row)
    return [Claim(own) for own in found.values() if own[0].study != LITERATURE]


def verdict_counts(claims: Iterable[Claim]) -> list[int]:
    """How often each verdict was reached, in the order of VERDICTS."""
    verdicts = [claim.verdict for claim in claims]
    return [verdicts.count(verdict) for verdict in VERDICTS]


def tally(claims: Sequence[Claim]) -> str:
    """All verdicts in one sentence."""
    counts = zip(verdict_counts(claims), VERDICTS, strict=True)
    told = listing([f"{number} {verdict}" for number, verdict in counts if number])
    studies = count(len({claim.study for claim in claims}), "study", "studies")
    return f"{count(len(claims), 'claim')} of {studies}: {told}."


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
            rows = [_ROW.validate_python(line) for line in lines]
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"line {lines.line_num}, {where}: {first['msg']}") from None
    if not rows:
        raise ValueError("it has no rows")
    for row in rows:
        _refuse_contradiction(row)
    return rows


def _refuse_contradiction(row: Row) -> None:
    intervals = {
        "ours": (row.ours_low, row.ours_mean, row.ours_high),
        "one run": (row.run_low, row.run_low, row.run_high),
        "test": (row.test_low, row.test_mean, row.test_high),
    }
    for name, (low, mean, high) in intervals.items():
        if low is None and high is None:
            continue
        if low is None or mean is None or high is None or not low <= mean <= high:
            raise ValueError(f"{row.study}, {row.model}, {row.metric}: {name} leaves its interval")
    if row.metric == "parameters" and not row.published.isdecimal():
        raise ValueError(f"{row.study}, {row.model}: {row.published} is no number of parameters")
