"""DVC's locks: who holds them, and what was left of those that ended."""

import errno
import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

import psutil

from digitbench.diagnosis.processes import is_python, openers, told
from digitbench.diagnosis.symptoms import Mending, Probe, Symptom, fine, problem, warning
from digitbench.wording import listing

TEMPORARY = Path(".dvc/tmp")
RWLOCK = TEMPORARY / "rwlock"
# Taken by DVC while it edits the other.
GUARD = TEMPORARY / "rwlock.lock"
WAIT = "Let that end, or end it with Ctrl-C there; until then DVC refuses what it uses."


def is_held(path: Path) -> bool:
    """Whether a process has the lock of a file that is there; asking takes it for an instant."""
    with path.open("rb") as file:
        return not _taken(file, fcntl.LOCK_SH)


def holders(path: Path) -> str:
    """The processes that have a lock's file open, as far as they can be seen."""
    return listing([told(process) for process in openers([path]).get(path, [])]) or "a process"


def at_work(project: Path) -> list[str]:
    """Runs of DVC that go on in a project."""
    with suppress(OSError, ValueError):
        return [told(process) for process in _alive(_entries(project))]
    return []


def _dvc(project: Path) -> Iterator[Symptom]:
    healthy = True
    if not (project / ".dvc").is_dir():
        yield problem("there is no folder .dvc", "Take it from Git again: `git restore .dvc`.")
        return
    for lock in (TEMPORARY / "lock", GUARD):
        path = project / lock
        if path.exists() and is_held(path):
            healthy = False
            yield warning(f"{lock} is held by {holders(path)}", WAIT)
    for symptom in _rwlock(project):
        healthy = False
        yield symptom
    if healthy:
        yield fine("no lock is held")


def _rwlock(project: Path) -> Iterator[Symptom]:
    delete: Mending | None = Mending(f"delete {RWLOCK}", lambda: _delete(project))
    remedy = f"Delete {RWLOCK} (`digitbench doctor --fix` does)."
    try:
        entries = _entries(project)
    except ValueError:
        yield problem(f"{RWLOCK} is damaged, so DVC refuses to run anything", remedy, delete)
        return
    if alive := _alive(entries):
        names = listing([told(process) for process in alive])
        yield warning(f"DVC is at work: {names}", WAIT)
        return
    # DVC asks for the number alone, and a number may have been given to another program.
    for pid, cmd in entries:
        if psutil.pid_exists(pid):
            other = told(psutil.Process(pid))
            what = f"{RWLOCK} says that `{cmd}` is at work, but its number is now that of {other}"
            yield problem(f"{what}; DVC waits for it", remedy, delete)
        else:
            what = f"{RWLOCK} names process {pid} (`{cmd}`), which has ended"
            yield warning(f"{what}; DVC says so and goes on", remedy, delete)
        delete = None


def _entries(project: Path) -> list[tuple[int, str]]:
    """Process and command of everyone who reads or writes, each once.

    Raises:
        ValueError: It is not as DVC writes it.
    """
    path, guard = project / RWLOCK, project / GUARD
    if not path.exists():
        return []
    # Not while DVC writes it.
    if guard.exists() and is_held(guard):
        return []
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        infos = [*content.get("write", {}).values()]
        infos += [info for several in content.get("read", {}).values() for info in several]
        entries = sorted({(int(info["pid"]), str(info["cmd"])) for info in infos})
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from None
    if any(pid < 1 for pid, _ in entries):
        raise ValueError("no process has such a number")
    return entries


def _alive(entries: Sequence[tuple[int, str]]) -> list[psutil.Process]:
    found = []
    for pid, cmd in entries:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if is_python(process) or cmd in " ".join(process.cmdline()):
                found.append(process)
    return found


def _delete(project: Path) -> None:
    """As DVC itself would: with the guard, and only if nobody came in between."""
    with (project / GUARD).open("ab") as guard:
        if at_work(project) or not _taken(guard, fcntl.LOCK_EX):
            raise OSError(errno.EBUSY, "DVC is at work now")
        (project / RWLOCK).unlink(missing_ok=True)


def _taken(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


DVC = Probe("dvc", _dvc)
