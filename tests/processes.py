"""Programs that tests start, send a signal and read."""

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def interruptible(
    command: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> subprocess.Popen[str]:
    """A program that Ctrl-C reaches: tests in the background of a shell inherit that it doesn't."""
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
