"""Processes end with who started them, also if that was killed and could say nothing."""

import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from digitbench import lineage

ROOT = Path(__file__).resolve().parents[2]
# Seconds; what is promised is five.
GONE = 15

CHILD = """
import os, signal, sys, time
sys.path.insert(0, {src!r})
from digitbench import lineage

def unwind(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGTERM, {handler})
{watch}
print(os.getpid(), flush=True)
try:
    while True:
        time.sleep(0.1)
finally:
    open({closed!r}, "w").close()
"""
PARENT = """
import os, subprocess, sys
os.environ |= {environment!r}
subprocess.run({command!r})
"""
BY_SHELL = ["sh", "-c", '"$0" -c "$1"; true']


@pytest.mark.parametrize(
    ("watch", "handler", "shell", "closes"),
    [
        ("lineage.end_with(os.getppid())", "unwind", False, False),
        ("lineage.end_with_dvc()", "unwind", False, True),
        ("lineage.end_with_dvc()", "unwind", True, True),
        ("lineage.end_with_dvc()", "signal.SIG_IGN", False, False),
    ],
)
def test_whoever_loses_its_parent_ends(
    watch: str, handler: str, shell: bool, closes: bool, tmp_path: Path
) -> None:
    closed = tmp_path / "closed"
    code = CHILD.format(src=str(ROOT / "src"), watch=watch, handler=handler, closed=str(closed))
    command = [*BY_SHELL, sys.executable, code] if shell else [sys.executable, "-c", code]
    parent = PARENT.format(environment={"DVC_ROOT": str(tmp_path)}, command=command)
    with subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout is not None
        child = psutil.Process(int(started.stdout.readline()))
        started.kill()
        _, alive = psutil.wait_procs([child], timeout=GONE)
        for process in alive:
            process.kill()
    assert alive == []
    assert closed.exists() == closes


def test_one_whose_parent_has_ended_before_it_looked_ends_at_once() -> None:
    code = f"import sys, time; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
    code += "from digitbench import lineage; lineage.end_with(-1); time.sleep(600)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 1


def test_a_stage_that_is_started_by_hand_is_nobodys_to_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DVC_ROOT", raising=False)
    before = threading.active_count()
    lineage.end_with_dvc()
    assert threading.active_count() == before


def test_what_hangs_while_it_exits_ends() -> None:
    code = f"import atexit, sys, time; sys.path.insert(0, {str(ROOT / 'src')!r})\n"
    code += "from digitbench import lineage; atexit.register(time.sleep, 600)\n"
    code += "lineage.end_soon(3); sys.exit(3)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 3
