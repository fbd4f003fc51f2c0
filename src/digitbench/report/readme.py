"""The speed that README.md quotes, from benchmarks/results.json. No stage imports this.

README.md's block on the published studies: how many numbers hold, and the flagship figure.

The numbers in README.md, generated from the committed results.

``python -m digitbench.reporting.readme`` rewrites what stands between the marks; with ``--print``
it shows the table instead. Marks for the benchmark and for the studies are filled where they stand.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from digitbench.document.markdown import aligned_table
from digitbench.errors import DigitbenchError
from digitbench.figures.domains import FACTORS, SHOWN
from digitbench.files import write_text
from digitbench.params import load_params
from digitbench.report.compose import verdict
from digitbench.results.records import Results, load_results
from digitbench.results.studies import (
    SUMMARY,
    VERDICTS,
    Row,
    own_protocol,
    published_numbers,
    read_rows,
    verdict_counts,
)
from digitbench.wording import NAMES, interval, listing, points, points_between

RESULTS = Path("benchmarks/results.json")
BEGIN = "<!-- benchmark: generated from benchmarks/ by `make readme` -->"
END = "<!-- end of benchmark -->"
# What the block quotes; the section scaling is for benchmarks/results.md.
_SECTIONS = ("throughput", "peak", "pipeline", "precision")


def load_benchmark(path: Path = RESULTS) -> dict[str, Any]:
    """The committed measurements.

    Raises:
        DigitbenchError: There are none, they are damaged, a section is missing or a try-out.
    """
    try:
        results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DigitbenchError(f"{path}: cannot be read ({error}). Run `make bench`.") from None
    for section in _SECTIONS:
        if results.get(section, {}).get("scale") != "full":
            raise DigitbenchError(
                f"{path}: the section {section} is missing or a try-out. "
                f"Run `python benchmarks {section}`."
            )
    return results


def benchmark_table(results: Mapping[str, Any]) -> str:
    """Training speed by architecture, on the CPU."""
    rows = [
        [
            "images per second",
            "papers' loop",
            "ours, one replicate",
            "ours, all cores",
            "speed-up",
            "share of peak",
        ]
    ]
    for name, contest in results["throughput"]["devices"]["cpu"].items():
        rates = contest["images_per_second"]
        rows.append(
            [
                NAMES[name],
                *(
                    f"{rates[contestant]['median']:,.0f}"
                    for contestant in ("papers_loop", "ours_one_replicate", "ours")
                ),
                f"{results['speedup_over_papers_loop'][name]:.1f}",
                f"{100 * results['fraction_of_peak'][name]:.0f} %",
            ]
        )
    return aligned_table(rows)


def benchmark_block(results: Mapping[str, Any]) -> str:
    """What stands between the marks of README.md."""
    pipeline = results["pipeline"]
    models, epochs = len(results["fraction_of_peak"]), pipeline["papers_loop"]["epochs"]
    note = (
        f"The whole pipeline from downloaded data ({models} architectures, {pipeline['seeds']} "
        f"seeds, evaluation, report) takes {results['pipeline_seconds']:,.0f} s, the papers' loop "
        f"{results['papers_loop_seconds']:,.0f} s to train its two models with one seed for "
        f"{epochs} epochs."
    )
    where = (
        f"On {results['throughput']['environment']['hardware']}. Papers' loop: DataLoader with two "
        "workers; peak: that of matrix products, all cores, measured in the same run. "
        "Method and spread: [benchmarks/results.md](benchmarks/results.md)."
    )
    table = f"```text\n{benchmark_table(results)}\n```"
    return f"{BEGIN}\n{table}\n\n{note} {_precision(results['precision'])}\n{where}\n{END}"


def _precision(section: Mapping[str, Any]) -> str:
    """Whether bfloat16 costs accuracy, in one sentence."""
    changes = section["architectures"]
    told = listing(
        [
            f"{NAMES[name]} {points(change['difference'])} ({change['verdict']})"
            for name, change in changes.items()
        ]
    )
    return f"Points of validation accuracy, bfloat16 against float32, the same seeds: {told}."


RECORD = Path("studies/domain_shift/metrics/domain_shift.json")
FIGURE = Path("studies/domain_shift/plots/domain_shift.png")
BEGIN_CLAIMS = "<!-- studies: generated from studies/ by `make readme` -->"
END_CLAIMS = "<!-- end of studies -->"
_ESTIMATE = ("value", "ci95_low", "ci95_high")
_ALTERNATIVE = (
    "Accuracy on digits of other origin, MLP and CNN, without and with augmentation, stretched and "
    "in the 20 px box"
)


def load_claims() -> tuple[list[Row], Mapping[str, Any]]:
    """All published numbers beside ours, and what the study of domain shift found on USPS.

    Raises:
        DigitbenchError: One of the two files can't be read.
    """
    try:
        record = json.loads(RECORD.read_bytes())["usps"]
    except (OSError, ValueError, KeyError) as error:
        raise DigitbenchError(f"{RECORD}: cannot be read ({error}). Run `make studies`.") from None
    return read_rows(SUMMARY), record


def claims_block(rows: Sequence[Row], usps: Mapping[str, Any]) -> str:
    """What stands between the marks."""
    claims = own_protocol([row for row in rows if row.is_claim])
    counts = zip(verdict_counts(claims), VERDICTS, strict=True)
    counted = listing([f"{count} {verdict}" for count, verdict in counts])
    return (
        f"{BEGIN_CLAIMS}\n{published_numbers(claims)} published numbers in {len(claims)} "
        f"comparisons under the paper's own protocol: {counted} "
        "(higher and lower say where ours lies).\n\n"
        f"{_credited(claims)}\n\n{_gap_table(usps['gaps'])}\n\n"
        f"![{_ALTERNATIVE}]({FIGURE.as_posix()})\n{END_CLAIMS}"
    )


def _gap_table(gaps: Sequence[Mapping[str, Any]]) -> str:
    """What each gap from the MLP without to the CNN with augmentation is made of."""
    header = ["digits shown to MLP, CNN", "gap", *FACTORS.values()]
    rows = [
        [
            f"{SHOWN[gap['start']['mapping']]}, {SHOWN[gap['end']['mapping']]}",
            *(
                points_between(*(part[key] for key in _ESTIMATE)) if part else "–"
                for part in (gap["gap"], *(gap["parts"].get(factor) for factor in FACTORS))
            ),
        ]
        # Pairs that see the same images first: no paper says that its networks saw different ones.
        for gap in sorted(gaps, key=lambda gap: gap["start"]["mapping"] != gap["end"]["mapping"])
    ]
    return aligned_table([header, *rows])


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


README = Path("README.md")
BEGIN_README = "<!-- results: generated from metrics/ by `make readme` -->"
END_README = "<!-- end of results -->"


def results_table(results: Results) -> str:
    """Accuracy, size and time, the best architecture first."""
    header = ["", "test accuracy, %", "95 % interval", "macro F1, %", "parameters", "s per epoch"]
    rows = [header]
    for name in results.ranking:
        metrics = results.metrics[name]
        rows.append(
            [
                NAMES[name],
                f"{100 * metrics['accuracy']['mean']:.2f}",
                interval(metrics["accuracy"]),
                f"{100 * metrics['macro_f1']['mean']:.2f}",
                f"{metrics['parameters']:,}",
                f"{results.timing[name]['seconds_per_epoch']['median']:.1f}",
            ]
        )
    return aligned_table(rows)


def results_block(results: Results) -> str:
    """What stands between the marks of README.md."""
    params = results.params
    where = sorted({item["environment"]["hardware"] for item in results.timing.values()})
    minutes = sum(item["stage_seconds"] for item in results.timing.values()) / 60
    note = (
        f"{len(params.seeds)} seeds, {params.epochs} epochs, 10,000 test images. "
        f"Training all of them took {minutes:.1f} minutes on {listing(where)}."
    )
    table = f"```text\n{results_table(results)}\n```"
    return f"{BEGIN_README}\n{table}\n\n{verdict(results)}\n{note}\n{END_README}"


def replace_block(text: str, block: str) -> str:
    """The text with the part between the marks replaced; they are the block's own ends.

    Raises:
        DigitbenchError: The marks are missing.
    """
    first, *_, last = block.splitlines()
    before, begin, rest = text.partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise DigitbenchError(f"{README}: the marks {first} and {last} are missing.")
    return before + block + after


def brought_up_to_date(text: str, results: Results) -> str:
    """The text with its blocks filled anew; benchmark and studies only where they are asked for.

    Raises:
        DigitbenchError: The marks are missing, or results that are asked for.
    """
    text = replace_block(text, results_block(results))
    if BEGIN in text:
        text = replace_block(text, benchmark_block(load_benchmark()))
    if BEGIN_CLAIMS in text:
        text = replace_block(text, claims_block(*load_claims()))
    return text


def main(arguments: list[str]) -> None:
    """Print the table, or rewrite the blocks."""
    results = load_results(load_params())
    if "--print" in arguments:
        print(f"\n{results_table(results)}\n\n{verdict(results)}\nReport: report/index.html")
        return
    write_text(README, brought_up_to_date(README.read_text(encoding="utf-8"), results))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except DigitbenchError as error:
        sys.exit(str(error))
