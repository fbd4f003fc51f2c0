"""Loaded by every Python process that has this folder on PYTHONPATH: notes each file it touches.

The notes go to $AUDIT_LOG, one line a file: `r` (read), `w` (written) or
`x` (executed as a module), and the absolute path.
"""

import os
import sys
from typing import Any

_LOG = os.environ.get("AUDIT_LOG")


def _note(kind: str, path: object) -> None:
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if isinstance(path, str):
        os.write(_FILE, f"{kind} {os.path.abspath(path)}\n".encode())  # noqa: PTH100


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open":
        path, mode, flags = arguments
        # A folder is opened to have the names in it on the disk.
        if isinstance(path, str) and os.path.isdir(path):  # noqa: PTH112
            return
        writes = any(letter in mode for letter in "wax+") if mode else flags & 3 != os.O_RDONLY
        _note("w" if writes else "r", path)
    elif event in ("os.rename", "os.link"):
        _note("w", arguments[1])
    elif event == "exec" and arguments[0].co_filename.endswith(".py"):
        _note("x", arguments[0].co_filename)


if _LOG:
    _FILE = os.open(_LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    sys.addaudithook(_hook)
