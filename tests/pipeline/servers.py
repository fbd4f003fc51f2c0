"""Processes of MLflow on this machine's loopback, which end with the test."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import requests


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], cwd: Path, environment: Mapping[str, str], answers: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server in a group of its own, wait until an address answers, kill the group."""
    log = cwd / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command,
            cwd=cwd,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def answered() -> bool:
        assert server.poll() is None, log.read_text()
        with suppress(requests.RequestException):
            return requests.get(answers, timeout=5).ok
        return False

    try:
        wait_until(answered)
        yield server
    finally:
        kill_group(server)


def kill_group(server: subprocess.Popen[bytes]) -> None:
    """End a server and its workers at once."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait(timeout=30)


def wait_until(holds: Callable[[], bool], seconds: float = 120, pause: float = 0.2) -> None:
    """Ask again and again; what is asked may give up by itself."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} seconds"
        time.sleep(pause)
