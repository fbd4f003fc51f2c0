"""Loaded by every Python process that has this folder on PYTHONPATH: counts its moments.

A moment is the start of a process and whatever it writes, renames, removes or connects to. With
$TORTURE_LOG they are noted there, a line each: process, program, event and path. With $TORTURE_HALT
(program, event, path, number) the process that first comes to this moment, counted among those of
the same event and path, stops in it until the folder $TORTURE_GATE has the file `go`; it leaves its
id in `reached`. With $TORTURE_BACK its clock is set back by so many seconds then.
"""

import os
import re
import sys
import tempfile
import time
from collections import Counter
from typing import Any

_PATIENCE = 30  # seconds, should whoever watches be gone
# Parts of names that are drawn by chance.
_DRAWN = re.compile(
    r"(?<=\.)[a-z0-9_]{8}(?=(\.half)?$)|(?<=tmp)[a-z0-9_]{8}|[0-9a-f]{30,}|[\w-]{20,}|(?<=, )\d+"
)
_EVENTS = {"os.rename": 1, "os.remove": 0, "sqlite3.connect": 0, "socket.connect": 1}


def _program() -> str:
    """``dvc``, ``worker``, the name of a stage, or nothing."""
    words = sys.orig_argv[1:]
    if words[:1] == ["src"]:
        return "_".join(words[1:])
    if any("loky.backend.popen" in word for word in words):
        return "worker"
    return "dvc" if words and os.path.basename(words[0]) == "dvc" else ""  # noqa: PTH119


class _Moments:
    def __init__(self, program: str) -> None:
        self._program = program
        self._process = os.getpid()
        site = os.environ.get("DVC_SITE_CACHE_DIR", os.devnull)
        self._places = {os.getcwd(): "", site: "site", tempfile.gettempdir(): "tmp"}  # noqa: PTH109
        self._log = os.environ.get("TORTURE_LOG")
        self._halt = tuple(os.environ.get("TORTURE_HALT", "").split("\t"))
        self._counts: Counter[tuple[str, str]] = Counter()

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = arguments
            if not isinstance(path, str) or not (
                any(letter in mode for letter in "wax+") if mode else flags & 3 != os.O_RDONLY
            ):
                return
        elif event == "os.remove" and arguments[1] != -1:
            return  # one of many in a folder, without its path
        elif event in _EVENTS:
            path = arguments[_EVENTS[event]]
        else:
            return
        # What it forks is another program.
        if os.getpid() == self._process and path != self._log:
            self.come(event, path)

    def come(self, event: str, path: object) -> None:
        shape = self._shape(str(path))
        if self._log:
            line = f"{self._process}\t{self._program}\t{event}\t{shape}\n"
            log = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(log, line.encode(errors="replace"))
            os.close(log)
        self._counts[event, shape] += 1
        if self._halt == (self._program, event, shape, str(self._counts[event, shape])):
            self._halt = ()
            self._stop(os.environ["TORTURE_GATE"])

    def _shape(self, path: str) -> str:
        for place, name in self._places.items():
            if path.startswith(place + os.sep):
                path = os.path.join(name, path[len(place) + 1 :])  # noqa: PTH118
                break
        return _DRAWN.sub("*", path)

    def _stop(self, gate: str) -> None:
        try:
            reached = os.open(f"{gate}/reached", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            return
        os.write(reached, str(os.getpid()).encode())
        os.close(reached)
        deadline = time.monotonic() + _PATIENCE
        while not os.path.exists(f"{gate}/go") and time.monotonic() < deadline:  # noqa: PTH110
            time.sleep(0.01)
        if back := os.environ.get("TORTURE_BACK"):
            now, now_ns, seconds = time.time, time.time_ns, int(back)
            time.time = lambda: now() - seconds
            time.time_ns = lambda: now_ns() - seconds * 10**9


if name := _program():
    _moments = _Moments(name)
    _moments.come("start", "")
    sys.addaudithook(_moments.hear)
