import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from digitbench.temporary import temporary_folder

HOLD = """
from digitbench.temporary import temporary_folder
with temporary_folder("test") as folder:
    (folder / "half").write_text("x")
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def names(place: Path) -> list[str]:
    return [path.name for path in place.iterdir()]


def test_it_goes_at_the_end_and_after_an_error(place: Path) -> None:
    with temporary_folder("test") as folder:
        assert folder.parent == place.resolve()
        (folder / "file").write_text("x")
    assert names(place) == []
    with suppress(KeyboardInterrupt), temporary_folder("test"):
        raise KeyboardInterrupt
    assert names(place) == []


def test_one_that_was_left_goes_at_the_next_start_and_one_in_use_stays(place: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    holder: subprocess.Popen[str] = subprocess.Popen([sys.executable, "-c", HOLD], **pipes)
    assert holder.stdout is not None
    used = Path(holder.stdout.readline().strip())
    with temporary_folder("test"), temporary_folder("another"):
        assert (used / "half").exists()
        assert len(names(place)) == 3
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    assert names(place) == [used.name]
    with temporary_folder("another"):
        assert used.exists()
    with temporary_folder("test") as folder:
        assert names(place) == [folder.name]
