"""What runs that were killed left behind: half-written files, workers, workspaces."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil

from digitbench.diagnosis.locks import TEMPORARY
from digitbench.diagnosis.processes import inside, is_python, told
from digitbench.diagnosis.symptoms import Mending, Probe, Symptom, fine, some, warning
from digitbench.errors import DigitbenchError
from digitbench.files import WRITTEN, abandoned
from digitbench.wording import count, listing

WORKERS = ("joblib.externals.loky", "multiprocessing.spawn", "multiprocessing.resource_tracker")
FIXES = "`digitbench doctor --fix` does"


def _half_written(project: Path) -> Iterator[Symptom]:
    from digitbench.execution.keeper import store_address

    folders = [project / name for name in WRITTEN]
    with suppress(DigitbenchError):
        folders.append(Path(store_address() or project / "data"))
    found = {path for folder in folders for path in abandoned(folder)}
    left = sorted(found | set(abandoned(project, below=False)))
    if not left:
        yield fine("none half-written")
        return
    size = sum(path.stat().st_size for path in left) / 1e6
    names = [str(path).removeprefix(f"{project}/") for path in left]
    what = f"{count(len(left), 'file')} half-written, {size:.1f} MB: {some(names)}"
    mending = Mending(f"delete {listing(names)}", partial(_delete, left))
    yield warning(what, f"Delete what was left by runs that were killed ({FIXES}).", mending)


def _delete(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _workers(project: Path) -> Iterator[Symptom]:
    left, abandoned = [], []
    here = dict(inside(project))
    for process, command in here.items():
        with suppress(psutil.Error):
            parent = process.parent()
            if any(worker in word for word in command for worker in WORKERS):
                # A Python starts them where it works; when it dies, the system has them adopted.
                left += [] if parent in here and is_python(parent) else [process]
            elif _is_stage(command) and (parent is None or parent.pid == 1):
                abandoned.append(process)
    if left:
        processes = count(len(left), "process", "processes")
        what = f"{processes} left by what was killed: {some([told(each) for each in left])}"
        numbers = listing([str(process.pid) for process in left])
        mending = Mending(f"end {numbers}", partial(_end, left))
        yield warning(what, f"End them ({FIXES}).", mending)
    if abandoned:
        names = listing([told(process) for process in abandoned])
        numbers = " ".join(str(process.pid) for process in abandoned)
        what = f"still at work, though what started it has ended: {names}"
        remedy = f"If nobody wants it: `kill {numbers}`. Its whole epochs are kept."
        yield warning(what, remedy)
    if not left and not abandoned:
        yield fine("none without a parent")


def _is_stage(command: Sequence[str]) -> bool:
    """Whether it is `python src <stage>`, as DVC starts it."""
    return len(command) > 2 and "python" in command[0] and Path(command[1]).name == "src"


def _end(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=3)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _workspaces(project: Path) -> Iterator[Symptom]:
    base = project / TEMPORARY / "exps"
    folders = [path for place in ("tmp*", "standalone/tmp*") for path in base.glob(place)]
    left = sorted(path for path in folders if path.is_dir() and not any(inside(path)))
    # Between two steps of an experiment nobody but DVC itself knows of its workspace.
    if not left or any(_runs_experiments(command) for _, command in inside(project)):
        yield fine("none without an experiment")
        return
    names = [str(path.relative_to(project)) for path in left]
    what = f"left by experiments that were killed: {some(names)}"
    mending = Mending(f"delete {listing(names)}", partial(_clear, left))
    yield warning(what, f"Delete them ({FIXES}).", mending)


def _runs_experiments(command: Sequence[str]) -> bool:
    """Whether it is `dvc exp run`, or a worker of DVC's queue."""
    return "exp" in command and any(Path(word).name in ("dvc", "__main__.py") for word in command)


def _clear(folders: Sequence[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder)


HALF = Probe("files", _half_written)
LEFT_WORKERS = Probe("workers", _workers)
WORKSPACES = Probe("workspaces", _workspaces)
