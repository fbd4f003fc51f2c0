"""Processes that end with who started them, whatever ended that.

Who is killed can't end its children. So they look whether their parent is still the same: a system
gives those of a dead one to another. It is done in a thread, because the kernel's own signal comes
already with the end of the parent's thread, and Linux alone has it.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

# Seconds between two looks, and to close what a stage has open: gone within five in all.
_PAUSE = 0.5
_PATIENCE = 3.0
# Seconds that libraries may take to end their workers.
_EXIT = 10.0


def end_with(parent: int) -> None:
    """End this process with the one of that number, its parent, even if that has ended already."""
    _watch(lambda: os.getppid() == parent, _leave)


def end_with_dvc() -> None:
    """End this stage with the DVC that runs it, as if it were terminated.

    One that is started by hand is nobody's to end.
    """
    if not os.environ.get("DVC_ROOT"):
        return
    # Costs time that who isn't started by DVC needn't wait for.
    import psutil

    parent = os.getppid()

    def above() -> int:
        # What can't be asked, for lack of open files say, is no reason to end.
        with suppress(psutil.Error, OSError):
            return int(psutil.Process(parent).ppid())
        return 0

    dvc = 0
    with suppress(psutil.Error, OSError):
        name, *options = psutil.Process(parent).cmdline()
        # A shell of DVC's that waits for the stage instead of giving its place to it.
        if "-c" in options and "python" not in name:
            dvc = above()
    _watch(lambda: os.getppid() == parent and (not dvc or above() in (dvc, 0)), _unwind)


def end_soon(status: int) -> None:
    """End this process even if a library waits, while it exits, for what doesn't end."""
    timer = threading.Timer(_EXIT, os._exit, (status,))
    timer.daemon = True
    timer.start()


def _watch(holds: Callable[[], bool], end: Callable[[], NoReturn]) -> None:
    def look() -> None:
        while holds():
            time.sleep(_PAUSE)
        end()

    threading.Thread(target=look, name="lineage", daemon=True).start()


def _leave() -> NoReturn:
    os._exit(1)


def _unwind() -> NoReturn:
    """As `kill` does it; who then waits, for a server say, is not waited for."""
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    os._exit(1)
