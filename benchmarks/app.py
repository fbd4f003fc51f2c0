"""The command line."""

import argparse
import os
import sys
from pathlib import Path

from benchmarks import processes, results, sections
from benchmarks.scale import FULL, QUICK
from digitbench.errors import DigitbenchError

HERE = Path(__file__).resolve().parent
# Processes that want to run, on average over the last minute, before anything is measured.
BUSY = 0.5


def main(arguments: list[str]) -> int:
    """Measure the sections asked for, all by default; returns the exit status."""
    options = _parse(arguments)
    scale = QUICK if options.quick else FULL
    # A try-out never overwrites a measurement.
    folder = (options.output or HERE / scale.folder).resolve()
    os.chdir(HERE.parent)
    processes.forget_settings()
    load = processes.load()
    if load > BUSY:
        print(f"Others keep this machine busy (load {load:.1f}): what is measured now is too slow.")
    try:
        for name in options.sections or sections.SECTIONS:
            results.record(folder, name, {"load_before": load, **sections.run(name, scale)})
    except DigitbenchError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(f"Written: {folder / results.JSON} and {folder / results.MARKDOWN}")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    names = ", ".join(sections.SECTIONS)
    parser = argparse.ArgumentParser(
        prog="python benchmarks", description="Measure how fast training is."
    )
    parser.add_argument("sections", nargs="*", metavar="section", help=f"{names}; all by default")
    parser.add_argument("--quick", action="store_true", help="a try-out, about a minute")
    parser.add_argument("--output", type=Path, help="folder of results.json and results.md")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.sections if name not in sections.SECTIONS]:
        parser.error(f"there is no section {unknown[0]!r}; there are {names}")
    return options
