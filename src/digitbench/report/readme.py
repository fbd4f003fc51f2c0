"""The blocks of README.md, generated from the committed results, each between two marks.

``digitbench readme`` fills them; with ``--print`` it shows the results instead.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from digitbench import files
from digitbench.document.markdown import aligned_table
from digitbench.errors import DigitbenchError
from digitbench.files import write_text
from digitbench.params import load_params
from digitbench.report.compose import verdict
from digitbench.results.collection import Results, load_results
from digitbench.results.metrics import ACCURACY, shown
from digitbench.results.record import first_problem
from digitbench.results.records import DomainShift, DomainShiftRecord
from digitbench.results.speeds import Speeds
from digitbench.results.studies import SUMMARY, Row, claims_of, read_rows, tally
from digitbench.statistics.factorial import Decomposition, Estimate
from digitbench.wording import (
    ENLARGING,
    FACTORS,
    NAMES,
    by_name,
    count,
    interval,
    percent,
    points_between,
)

README = Path("README.md")


@dataclass(frozen=True)
class Marks:
    """Between which a block stands."""

    name: str
    source: str

    @property
    def begin(self) -> str:
        """The line above it."""
        return f"<!-- {self.name}: generated from {self.source}/ by `make readme` -->"

    @property
    def end(self) -> str:
        """The line below it."""
        return f"<!-- end of {self.name} -->"

    def fill(self, text: str, block: str) -> str:
        """The text with another block.

        Raises:
            DigitbenchError: The marks are missing.
        """
        before, begin, rest = text.partition(self.begin)
        _, end, after = rest.partition(self.end)
        if not begin or not end:
            raise DigitbenchError(f"{README}: the marks {self.begin} and {self.end} are missing.")
        return f"{before}{begin}\n{block}\n{end}{after}"


RESULTS = Marks("results", "metrics")
STUDIES = Marks("studies", "studies")
BENCHMARK = Marks("benchmark", "benchmarks")


def refresh() -> None:
    """Bring README.md up to date.

    Raises:
        DigitbenchError: Marks are missing, or results.
    """
    text = README.read_text(encoding="utf-8")
    write_text(README, refreshed(text, load_results(load_params())))


def refreshed(text: str, results: Results) -> str:
    """The text with its blocks filled anew; benchmark and studies only where they are asked for.

    Raises:
        DigitbenchError: The marks of the results are missing, or results that are asked for.
    """
    text = RESULTS.fill(text, results_block(results))
    if BENCHMARK.begin in text:
        text = BENCHMARK.fill(text, benchmark_block(load_benchmark(), results.ranking))
    if STUDIES.begin in text:
        text = STUDIES.fill(text, studies_block(*load_studies()))
    return text


def in_short() -> str:
    """What `make` ends with: the results as text, and where to read on."""
    results = load_results(load_params())
    return f"\n{_results_table(results)}\n\n{verdict(results)}\nReport: report/index.html"


# --- the results -----------------------------------------------------------------------------


_FURTHER = [metric for metric in shown("readme") if metric is not ACCURACY]


def results_block(results: Results) -> str:
    """Accuracy, size and time, the best architecture first, and whether it is the best."""
    epochs = results.trained(lambda training: count(training.recipe.epochs, "epoch"))
    return (
        f"```text\n{_results_table(results)}\n```\n\n{verdict(results)}\n"
        f"{count(len(results.seeds), 'seed')}, {epochs}, {results.images:,} test images of MNIST. "
        "Interval and p of the difference are of one test, for new seeds and new images; p "
        f"is adjusted over {count(len(results.comparison.pairs), 'pair')} (Holm), the interval is "
        "for its pair alone. The table's intervals are over seeds, on these images; F1 "
        f"and seconds have none here. Training all took {results.minutes:.1f} minutes on "
        f"{' '.join(filter(None, (f'{results.hardware}.', results.verified)))}"
    )


def _results_table(results: Results) -> str:
    further = [metric.label for metric in _FURTHER]
    header = ["", f"test {ACCURACY.label}", "95 % interval", *further, "parameters", "s per epoch"]
    return aligned_table([header, *(_results_row(results, name) for name in results.ranking)])


def _results_row(results: Results, name: str) -> list[str]:
    record = results.metrics[name]
    return [
        NAMES[name],
        ACCURACY.mean(record.accuracy),
        interval(record.accuracy),
        *(metric.mean(record.metrics[metric.key]) for metric in _FURTHER),
        f"{record.parameters:,}",
        f"{results.timing[name].seconds_per_epoch.median:.1f}",
    ]


# --- the studies -----------------------------------------------------------------------------

DOMAIN_SHIFT = Path("studies/domain_shift/metrics/domain_shift.json")
FIGURE = Path("studies/domain_shift/plots/domain_shift.png")
_ALTERNATIVE = (
    "Accuracy on digits of other origin, MLP and CNN, without and with augmentation, stretched and "
    "in the 20 px box"
)


def load_studies() -> tuple[list[Row], DomainShift]:
    """All published numbers beside ours, and what the study of domain shift found on USPS.

    Raises:
        DigitbenchError: One of the two files can't be read.
    """
    return read_rows(SUMMARY), DomainShiftRecord.read(DOMAIN_SHIFT).domains["usps"]


def studies_block(rows: Sequence[Row], usps: DomainShift) -> str:
    """How many published claims hold, and the flagship figure."""
    return (
        f"{tally(claims_of(rows))}\n\n"
        f"{_credited(rows)}\n\n{_gap_table(usps.gaps)}\n\n"
        f"![{_ALTERNATIVE}]({FIGURE.as_posix()})"
    )


def _gap_table(gaps: Iterable[Decomposition]) -> str:
    """What each gap from the MLP without to the CNN with augmentation is made of."""
    header = ["digits shown to MLP, CNN", "gap", *FACTORS.values()]
    rows = []
    # Pairs that see the same images first: no paper says that its networks saw different ones.
    for gap in sorted(gaps, key=lambda gap: gap.start["mapping"] != gap.end["mapping"]):
        digits = [ENLARGING[str(cell["mapping"])].short for cell in (gap.start, gap.end)]
        parts = [gap.gap, *(gap.parts.get(factor) for factor in FACTORS)]
        rows.append([", ".join(digits), *map(_estimate, parts)])
    return aligned_table([header, *rows])


def _estimate(part: Estimate | None) -> str:
    return points_between(part.value, part.ci95_low, part.ci95_high) if part else "–"


def _credited(rows: Sequence[Row]) -> str:
    """The published pair that the figure is about."""
    on_usps = {
        row.model: row.published
        for row in rows
        if row.study == "pedrogiu13" and row.dataset == "usps" and row.metric == "accuracy"
    }
    gap = Decimal(on_usps["cnn"]) - Decimal(on_usps["mlp"])
    return (
        f"`pedrogiu13` reports {on_usps['mlp']} % for its MLP and {on_usps['cnn']} % for its CNN "
        f"on USPS, a gap of {gap} points, and credits the architecture. Only its CNN was trained "
        "with augmentation, and how it enlarged the digits is not said. Measured, in points of "
        "accuracy with 95 % intervals, each part averaged over all orders of changing one thing at "
        "a time:"
    )


# --- the benchmark ---------------------------------------------------------------------------

MEASURED = Path("benchmarks/results.json")
# What the block quotes; the section scaling is for benchmarks/results.md.
AGAIN = "Run `make bench`."
_SECTIONS = ("throughput", "peak", "pipeline", "precision")
_CONTESTANTS = {
    "papers_loop": "papers' loop",
    "ours_one_replicate": "ours, one replicate",
    "ours": "ours, all cores",
}


def load_benchmark(path: Path = MEASURED) -> dict[str, Any]:
    """The committed measurements.

    Raises:
        DigitbenchError: There are none, they are damaged, a section is missing or a try-out.
    """
    results: dict[str, Any] = files.read_json(path, AGAIN)
    for section in _SECTIONS:
        part = results.get(section) if isinstance(results, dict) else None
        if not isinstance(part, dict) or part.get("scale") != "full":
            raise DigitbenchError(
                f"{path}: the section {section} is missing or a try-out. "
                f"Run `python benchmarks {section}`."
            )
    try:
        Speeds.model_validate_json(json.dumps(results))
    except (ValidationError, UnicodeError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else "not text"
        raise DigitbenchError(f"{path}: damaged ({problem}). {AGAIN}") from None
    return results


def benchmark_block(results: Mapping[str, Any], order: Sequence[str]) -> str:
    """Training speed by architecture on the CPU, and what the whole pipeline takes.

    Args:
        results: The committed measurements.
        order: Architectures as the first table has them.
    """
    pipeline = results["pipeline"]
    models = count(len(results["fraction_of_peak"]), "architecture")
    seeds = count(pipeline["seeds"], "seed")
    epochs = count(pipeline["papers_loop"]["epochs"], "epoch")
    return (
        f"```text\n{_speed_table(results, order)}\n```\n\n"
        f"The whole pipeline from downloaded data ({models}, {seeds}, "
        f"evaluation, report) takes {results['pipeline_seconds']:,.0f} s, the papers' loop "
        f"{results['papers_loop_seconds']:,.0f} s to train its two models with one seed for "
        f"{epochs}. {_precision(results['precision'], order)}\n"
        f"On {results['throughput']['environment']['hardware']}. Papers' loop: DataLoader with two "
        "workers; speed-up: median and range of the rounds; peak: that of matrix products, all "
        "cores, measured in the same run. Method and spread: "
        "[benchmarks/results.md](benchmarks/results.md)."
    )


def _speed_table(results: Mapping[str, Any], order: Sequence[str]) -> str:
    contests = results["throughput"]["devices"]["cpu"]
    header = ["images per second", *_CONTESTANTS.values(), "speed-up", "share of peak"]
    rows = [
        [
            NAMES[name],
            *(f"{contests[name]['images_per_second'][key]['median']:,.0f}" for key in _CONTESTANTS),
            _speedup(contests[name]["speedup_over"]["papers_loop"]),
            percent(results["fraction_of_peak"][name], 0),
        ]
        for name in order
        if name in contests
    ]
    return aligned_table([header, *rows])


def _speedup(rounds: Mapping[str, Any]) -> str:
    return f"{rounds['median']:.1f} ({min(rounds['values']):.1f} to {max(rounds['values']):.1f})"


def _precision(section: Mapping[str, Any], order: Sequence[str]) -> str:
    """Whether bfloat16 costs accuracy, in one sentence."""
    changes = {name: section["architectures"].get(name) for name in order}
    told = {
        name: points_between(
            change["difference"],
            change["difference_low"],
            change["difference_high"],
            change["verdict"],
        )
        for name, change in changes.items()
        if change
    }
    return (
        "Points of validation accuracy, bfloat16 against float32, the same seeds, each with its "
        f"own 95 % interval, verdicts adjusted over all (Holm): {by_name(told)}."
    )
