"""Launcher: ``python src <stage> [name]``.

Running the folder puts this very copy of ``src`` first on the path, so that an experiment in a
temporary copy of the workspace runs the copy's code.
"""

import importlib
import signal
import sys
from types import FrameType

from digitbench.environment import prepare_libraries
from digitbench.errors import plainly

# What each stage takes besides its name.
STAGES: dict[str, tuple[str, ...]] = {
    "download": (),
    "preprocess": (),
    "train": ("<architecture>",),
    "evaluate": (),
    "report": (),
    # In the folder of all studies, as `python ../src <stage>`; `train` there too.
    "split": ("<study>",),
    "assess": ("<study>/<variant>",),
    "usps": (),
    "domain_shift": (),
    "robustness": (),
}


def main(arguments: list[str]) -> int:
    """Run one stage; returns the exit status."""
    if not arguments or len(arguments) != 1 + len(STAGES.get(arguments[0], arguments)):
        lines = [" ".join(("python src", stage, *takes)) for stage, takes in STAGES.items()]
        print("Usage, from the project's root folder:", *lines, sep="\n  ", file=sys.stderr)
        return 2
    prepare_libraries()
    signal.signal(signal.SIGTERM, _terminate)
    try:
        importlib.import_module(f"stages.{arguments[0]}").main(*arguments[1:])
    except Exception as error:
        if not (told := plainly(error)):
            raise
        print(f"{arguments[0]}: {told}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{arguments[0]}: stopped; nothing half-written was kept.", file=sys.stderr)
        return 130
    return 0


def _terminate(signum: int, frame: FrameType | None) -> None:
    # Unwinds like Ctrl-C, so that runs are closed and workers end.
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
