"""Temporary folders that don't stay for good, even if their process is killed."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def temporary_folder(purpose: str) -> Iterator[Path]:
    """A folder that is deleted at the end; one that was left by a killed process goes at the start.

    Args:
        purpose: What its name says beside that of the project.
    """
    prefix = f"digitbench-{purpose}-"
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError), _locked(left):
            shutil.rmtree(left, ignore_errors=True)
    # Under another name until it is locked: who looks for folders that were left never sees it.
    new = Path(tempfile.mkdtemp(prefix=f".{prefix}"))
    with _locked(new):
        folder = new.rename(new.with_name(new.name[1:]))
        try:
            yield folder.resolve()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """As long as its process lives; unlike a process's number that holds in containers too.

    Raises:
        OSError: Another process has it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
