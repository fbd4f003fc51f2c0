"""Who is at work here: processes, and the files that they hold open."""

import shlex
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

LONGEST = 80  # characters of a command


def told(process: psutil.Process) -> str:
    """A process as a sentence names it."""
    with suppress(psutil.Error):
        command = shlex.join(process.cmdline()) or process.name()
        shown = command if len(command) <= LONGEST else f"{command[:LONGEST]}…"
        return f"`{shown}` (process {process.pid})"
    return f"process {process.pid}"


def openers(paths: Collection[Path]) -> dict[Path, list[psutil.Process]]:
    """Which of the files are open, and in which processes; those of other users don't show."""
    wanted = {path.resolve(): path for path in paths}
    found: dict[Path, list[psutil.Process]] = defaultdict(list)
    if wanted:
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                for path in {Path(file.path) for file in process.open_files()}:
                    if path in wanted:
                        found[wanted[path]].append(process)
    return dict(found)


def inside(folder: Path) -> Iterator[tuple[psutil.Process, Sequence[str]]]:
    """Processes that work in a folder or below it, with their command lines."""
    folder = folder.resolve()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(folder):
                yield process, process.cmdline()


def is_python(process: psutil.Process | None) -> bool:
    """Whether a process is a Python, whatever script it was given; not if it has ended."""
    with suppress(psutil.Error):
        return process is not None and "python" in Path(process.cmdline()[0]).name.casefold()
    return False
