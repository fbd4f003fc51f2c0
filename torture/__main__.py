"""The pipeline broken on purpose: ``python torture --rounds 300 --seed 17``.

Each round is a fresh clone of a small finished pipeline in which one stage has to run: a fault,
`dvc repro` again, and what messages name; then every file must be that of an undisturbed run, and
nothing be left behind. Not part of the pipeline: no stage imports this.
"""

import argparse
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if __name__ == "__main__":
    # In place of this folder itself: its modules are `torture.<name>`, and the clone is the tests'.
    sys.path[:1] = [str(ROOT), str(ROOT / "src"), str(ROOT / "tests")]

from torture.base import Base, make_base  # noqa: E402
from torture.fault import Fault, catalogue  # noqa: E402
from torture.round import Round  # noqa: E402
from torture.tally import Tally  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    """Run the rounds and print what came of them; returns 1 if anything was wrong."""
    options = _parse(arguments)
    # What a background shell or nohup lets this process ignore, its children would ignore too.
    for ignorable in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ignorable) == signal.SIG_IGN:
            signal.signal(ignorable, lambda *_: None)
    faults = [fault for fault in catalogue() if re.search(options.fault, fault.name)]
    for fault in faults:
        if fault.skip:
            print(f"Skipped: {fault.name} ({fault.skip}).")
    fit = [fault for fault in faults if not fault.skip]
    if not fit:
        print(f"torture: no fault matches {options.fault!r}, or none can be tried here.")
        return 1
    place = Path(tempfile.mkdtemp(prefix="digitbench-torture-"))
    folder = options.base or place / "base"
    began = time.monotonic()
    base = Base(folder) if (folder / "whole").exists() else _made(folder)
    print(f"A finished clone after {time.monotonic() - began:.0f} s.", flush=True)
    began = time.monotonic()
    tally = _held(base, fit, options, place)
    print(f"\n{tally.table()}\n")
    seconds = (time.monotonic() - began) / max(1, tally.rounds)
    print(f"Seed {options.seed}, {seconds:.1f} s per round, {options.at_once} at once.")
    if tally.failed:
        print(f"What failed is kept in {place}; repeat one with `--only ROUND`, all else equal.")
        return 1
    shutil.rmtree(place)
    return 0


def _held(base: Base, faults: Sequence[Fault], options: argparse.Namespace, place: Path) -> Tally:
    """Hold the rounds asked for, tell of each; Ctrl-C leaves out those not begun."""
    numbers = [options.only] if options.only else range(1, options.rounds + 1)
    drawn = dict(enumerate(islice(in_turn(faults, options.seed), max(numbers)), start=1))
    tally = Tally()

    def hold(number: int) -> None:
        began = time.monotonic()
        fault = drawn[number]
        round = Round(base, fault, f"{options.seed}/{number}", place / f"round-{number}")
        try:
            verdict = round.hold()
        except OSError as error:
            verdict = round.verdict
            verdict.unrecovered.append(f"the round could not be held: {error}")
        tally.add(fault.name, verdict)
        right = "WRONG" if verdict.complaints() else "right"
        missed = "" if verdict.reached else ", moment missed"
        lines = [f"{number}: {right}{missed}, {time.monotonic() - began:.0f} s: {round}"]
        lines += verdict.complaints()
        if options.only:
            lines += [f"\n--- {name}\n{said}" for name, said in round.said().items()]
        print("\n".join(lines), flush=True)
        if not verdict.complaints():
            round.drop()

    with ThreadPoolExecutor(options.at_once) as pool:
        held = [pool.submit(hold, number) for number in numbers]
        try:
            with suppress(KeyboardInterrupt):
                for done in as_completed(held):
                    done.result()
        finally:
            pool.shutdown(cancel_futures=True)
    return tally


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--only", type=int, help="repeat this round alone and show what was said")
    parser.add_argument("--fault", default="", help="pattern of the names of faults to try")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--base", type=Path, help="keep the finished clone here for the next time")
    return parser.parse_args(arguments)


def _made(folder: Path) -> Base:
    shutil.rmtree(folder, ignore_errors=True)
    base = make_base(folder)
    (folder / "whole").touch()
    return base


def in_turn(faults: Sequence[Fault], seed: int) -> Iterator[Fault]:
    """All of them in a drawn order, again and again."""
    draw = random.Random(seed)
    while True:
        yield from draw.sample(faults, len(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
