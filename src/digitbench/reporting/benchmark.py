"""The speed that README.md quotes, from benchmarks/results.json. No stage imports this."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from digitbench.errors import DigitbenchError
from digitbench.plots.style import NAMES
from digitbench.reporting.aligned import aligned_table
from digitbench.reporting.wording import listing, points

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
