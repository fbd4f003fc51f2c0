"""Launcher: ``python src <stage> [name]``.

Running the folder puts this very copy of ``src`` first on the path, so that an experiment in a
temporary copy of the workspace runs the copy's code.
"""

import importlib
import os
import signal
import sys
import warnings
from pathlib import Path
from types import FrameType

from digitbench.discretion import guard_streams
from digitbench.environment import (
    check_repository,
    prepare_libraries,
    prepare_streams,
    project_root,
)
from digitbench.errors import DigitbenchError, report
from digitbench.files import WRITTEN, check_written, sweep
from digitbench.lineage import end_soon, end_with_dvc

HERE = Path(__file__).parent.parent
# What each stage takes besides its name.
STAGES: dict[str, tuple[str, ...]] = {
    "parameters": ("<file>",),
    "download": (),
    "preprocess": (),
    "train": ("<architecture>",),
    "evaluate": (),
    "report": (),
    # In the folder of all studies, as `python ../src <stage>`; `parameters` and `train` there too.
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
    _prepare_interpreter()
    prepare_streams()
    guard_streams()
    _obey_signals()
    end_with_dvc()
    try:
        prepare_libraries()
        check_repository()
        sweep(*(HERE / name for name in WRITTEN))
        importlib.import_module(f"stages.{arguments[0]}").main(*arguments[1:])
        check_written()
        sys.stdout.flush()  # while an error can still be told
    except KeyboardInterrupt:
        print(f"{arguments[0]}: stopped; nothing half-written was kept.", file=sys.stderr)
        return 130
    except Exception as error:
        report(arguments[0], _explained(error))
        return 1
    return 0


def _prepare_interpreter() -> None:
    """Take back what the session asks of every Python and no stage can live with."""
    # Modules of others come last: one may be called as ours are, or be made for another Python.
    foreign = {
        Path(place).absolute() for place in os.environ.get("PYTHONPATH", "").split(os.pathsep)
    }
    sys.path[1:] = sorted(sys.path[1:], key=lambda place: Path(place) in foreign)
    # A library's own warnings, of what it will change, are no errors of the user.
    if sys.warnoptions:
        warnings.simplefilter("default")


def _obey_signals() -> None:
    signal.signal(signal.SIGTERM, _terminate)
    # Of a terminal that is closed; `nohup` has it ignored.
    if signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _terminate)


def _explained(error: Exception) -> Exception:
    """The same, or why an import fails in an experiment's copy of the main repository."""
    if not isinstance(error, ImportError) or not (missing := _left_behind()):
        return error
    return DigitbenchError(
        f"{error}. A temporary copy has only files that Git knows: run "
        f"`git add -N {' '.join(missing)}`, then the experiment again."
    )


def _left_behind() -> list[str]:
    """Modules of the main repository that this copy of it lacks."""
    main = project_root()
    modules = sorted(path.relative_to(main) for path in (main / "src").rglob("*.py"))
    return [str(path) for path in modules if not (HERE / path).exists()]


def _terminate(signum: int, frame: FrameType | None) -> None:
    # Unwinds like Ctrl-C, so that runs are closed and workers end.
    raise KeyboardInterrupt


if __name__ == "__main__":
    if status := main(sys.argv[1:]):
        end_soon(status)
    sys.exit(status)
