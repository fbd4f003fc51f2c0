"""`digitbench ui`: which address it prints, and how it ends; a script plays MLflow's part."""

import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from digitbench.errors import DigitbenchError
from digitbench.tracking import browser
from digitbench.tracking.address import URI_VARIABLE
from processes import interruptible

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port that a program listens on, and that would be the first."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        monkeypatch.setattr(browser, "FIRST_PORT", port)
        yield port


def test_a_taken_port_is_passed_over(taken: int) -> None:
    assert browser.free_port() > taken


def test_where_no_port_is_free_a_sentence_says_so(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(browser, "PORTS", 1)
    with pytest.raises(DigitbenchError, match=f"No port from {taken} to {taken} is free"):
        browser.free_port()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_the_page_is_served_until_it_is_stopped(name: str, tmp_path: Path) -> None:
    """With the server, and without a word; what the server said is cleaned of secrets."""
    mlflow = tmp_path / "mlflow.py"
    mlflow.write_text(
        "import os, sys, time\nif __name__ == '__main__':\n"
        "    print(os.getpid(), *sys.argv[1:], 'password=geheim', flush=True)\n"
        "    time.sleep(60)\n"
    )
    code = (
        "from digitbench.discretion import guard_streams; guard_streams(); "
        "from digitbench.tracking import browser; raise SystemExit(browser.browse())"
    )
    modules = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT / 'src'}", URI_VARIABLE: "sqlite://"}
    command = [sys.executable, "-c", code]
    with interruptible(command, tmp_path, os.environ | modules) as process:
        assert process.stdout
        assert process.stderr
        address = process.stdout.readline()
        server, *arguments, secret = process.stderr.readline().split()
        process.send_signal(getattr(signal, name))
        rest = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, ("", ""))
    assert secret == "password=***"
    port = arguments[arguments.index("--port") + 1]
    assert address == f"MLflow: http://127.0.0.1:{port} (Ctrl-C ends it)\n"
    with pytest.raises(ProcessLookupError):
        os.kill(int(server), 0)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "https://runs.example"])
def test_a_server_has_a_page_of_its_own(
    address: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    assert browser.browse() == 0
    assert address in capsys.readouterr().out
