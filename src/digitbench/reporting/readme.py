"""The numbers in README.md, generated from the committed results.

``python -m digitbench.reporting.readme`` rewrites what stands between the marks; with ``--print``
it shows the table instead. Marks for the benchmark and for the studies are filled where they stand.
"""

import sys
from pathlib import Path

from digitbench.errors import DigitbenchError
from digitbench.outputs import write_text
from digitbench.params import load_params
from digitbench.plots.style import NAMES
from digitbench.reporting import benchmark, claims
from digitbench.reporting.aligned import aligned_table
from digitbench.reporting.compose import verdict
from digitbench.reporting.results import Results, load_results
from digitbench.reporting.wording import interval, listing

README = Path("README.md")
BEGIN = "<!-- results: generated from metrics/ by `make readme` -->"
END = "<!-- end of results -->"


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
    return f"{BEGIN}\n```text\n{results_table(results)}\n```\n\n{verdict(results)}\n{note}\n{END}"


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
    if benchmark.BEGIN in text:
        text = replace_block(text, benchmark.benchmark_block(benchmark.load_benchmark()))
    if claims.BEGIN in text:
        text = replace_block(text, claims.claims_block(*claims.load_claims()))
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
