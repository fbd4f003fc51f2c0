"""How fast training is, against other ways and the machine's own speed; and what growth costs.

``python benchmarks [section ...] [--quick] [--output FOLDER]``. Not part of the pipeline: no stage
imports this, and nothing here fails because of a duration.

Measured is the copy of ``src`` beside this folder. Variables that set threads, jobs or tracking are
dropped first, so that every contestant runs as it does by default.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
if __name__ == "__main__":
    # In place of this folder itself: its modules are `benchmarks.<name>`.
    sys.path[:1] = [str(HERE.parent), str(HERE.parent / "src")]

from benchmarks import results  # noqa: E402
from benchmarks.scale import FULL, QUICK, measure, run_afresh  # noqa: E402
from digitbench.environment import prepare_libraries  # noqa: E402
from digitbench.errors import DigitbenchError  # noqa: E402

# Threads, jobs, tracking, the interpreter: what a shell may have set and a new user has not.
SETTINGS = re.compile("(CUBLAS|DIGITBENCH|DVC|GIT|MKL|MLFLOW|OMP|OPENBLAS|TQDM)_|PYTHON")
# Processes that want to run, on average over the last minute, before anything is measured.
BUSY = 0.5


def main(arguments: list[str]) -> int:
    """Measure the sections asked for, all by default; returns the exit status."""
    options = _parse(arguments)
    scale = QUICK if options.quick else FULL
    # A try-out never overwrites a measurement.
    folder = (options.output or HERE / scale.folder).resolve()
    os.chdir(HERE.parent)
    forget_settings()
    prepare_libraries()  # as the launcher of the stages does
    load = round(os.getloadavg()[0], 2)
    if load > BUSY:
        print(f"Others keep this machine busy (load {load:.1f}): what is measured now is too slow.")
    try:
        for name in options.sections or results.SECTIONS:
            began = time.perf_counter()
            measured = run_afresh(measure, name, scale)
            seconds = round(time.perf_counter() - began)
            print(f"{name}: took {seconds} s", flush=True)
            how = {"load_before": load, "scale": scale.name, "seconds": seconds}
            results.record(folder, name, {**how, "repeats": scale.repeats, **measured})
    except DigitbenchError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    print(f"Written: {folder / results.JSON} and {folder / results.MARKDOWN}")
    return 0


def forget_settings() -> None:
    """Drop what would make a contestant run other than by default; progress bars are silenced."""
    for name in list(os.environ):
        if SETTINGS.match(name):
            del os.environ[name]
    os.environ["TQDM_DISABLE"] = "1"


def _parse(arguments: list[str]) -> argparse.Namespace:
    names = ", ".join(results.SECTIONS)
    parser = argparse.ArgumentParser(
        prog="python benchmarks", description="Measure how fast training is, and what growth costs."
    )
    parser.add_argument("sections", nargs="*", metavar="section", help=f"{names}; all by default")
    parser.add_argument("--quick", action="store_true", help="a try-out, about a minute")
    parser.add_argument("--output", type=Path, help="folder of results.json and results.md")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.sections if name not in results.SECTIONS]:
        parser.error(f"there is no section {unknown[0]!r}; there are {names}")
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
