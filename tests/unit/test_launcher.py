"""`python src <stage>` as a person runs it: exit statuses, messages, no tracebacks."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digitbench.params import ARCHITECTURES
from processes import interruptible

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
STAGES = sorted(path.stem for path in (SRC / "stages").glob("*.py") if path.stem != "__init__")

Launch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def environment() -> dict[str, str]:
    dropped = ("DIGITBENCH_", "PYTHONPATH", "MLFLOW_", "DVC_")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


@pytest.fixture
def launch(tmp_path: Path, environment: dict[str, str]) -> Launch:
    """Run a launcher in an otherwise empty folder; it must leave nothing there."""
    folder = tmp_path / "work"
    folder.mkdir()

    def run(
        *arguments: str, params: str | None = None, src: Path = SRC
    ) -> subprocess.CompletedProcess[str]:
        if params is not None:
            (folder / "params.yaml").write_text(params, encoding="utf-8")
        before = sorted(folder.rglob("*"))
        done = subprocess.run(
            [sys.executable, str(src), *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert sorted(folder.rglob("*")) == before
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of src, as an experiment in a temporary folder has one."""
    return shutil.copytree(
        SRC, tmp_path / "copy" / "src", ignore=shutil.ignore_patterns("__pycache__")
    )


@pytest.fixture
def run_stage(copied: Path, tmp_path: Path, environment: dict[str, str]) -> Launch:
    """Run a copy's launcher whose stage `download` is the code given."""

    def run(code: str, **streams: Any) -> subprocess.CompletedProcess[str]:
        (copied / "stages" / "download.py").write_text(code)
        command = [sys.executable, str(copied), "download"]
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        return subprocess.run(
            command, cwd=tmp_path, env=environment, text=True, check=False, **streams
        )

    return run


def committed() -> str:
    return (ROOT / "params.yaml").read_text(encoding="utf-8")


# --- usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [(), ("nope",), ("",), ("--help",), ("Download",), ("__main__", "train")]
)
def test_anything_but_a_stage_gives_the_usage(arguments: tuple[str, ...], launch: Launch) -> None:
    done = launch(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage, from the project's root folder:")
    # Each stage that exists stands there, and no other.
    assert sorted(re.findall(r"python src (\w+)", done.stderr)) == STAGES


@pytest.mark.parametrize("arguments", [("report", "mlp"), ("download", "a", "b"), ("train",)])
def test_wrong_number_of_arguments_gives_the_usage(
    arguments: tuple[str, ...], launch: Launch
) -> None:
    done = launch(*arguments, params=committed())
    assert (done.returncode, done.stdout) == (2, "")
    assert f"python src {arguments[0]}" in done.stderr


# --- errors for people -----------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["download", "report"])
def test_outside_the_project_one_line_says_so(stage: str, launch: Launch) -> None:
    done = launch(stage)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{stage}: params.yaml: cannot be read (No such file or directory). "
        "Run from the project's root folder.\n"
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("epochs: abc", ": epochs: 'abc' is not allowed; epochs must be a whole"),
        ("epoch: 3", ": epoch: unknown key; did you mean 'epochs'?"),
        ("epochs: [", ": this is not YAML"),
    ],
)
def test_invalid_parameters_are_told_before_anything_is_done(
    line: str, message: str, launch: Launch
) -> None:
    params, changes = re.subn(r"(?m)^epochs: .*$", line, committed())
    assert changes == 1
    done = launch("download", params=params)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("download: params.yaml")
    assert message in done.stderr


def test_unknown_architecture_is_named_with_the_known_ones(launch: Launch) -> None:
    done = launch("train", "nope", params=committed())
    assert done.returncode == 1
    known = ", ".join(ARCHITECTURES)
    assert done.stderr == f"train: 'nope' is not an architecture; known are {known}.\n"


# --- how it runs -----------------------------------------------------------------------------


def test_code_that_runs_is_that_beside_the_launcher(launch: Launch, copied: Path) -> None:
    (copied / "stages" / "download.py").write_text(
        "import digitbench.errors\n\n\ndef main() -> None:\n    print(digitbench.errors.__file__)\n"
    )
    done = launch("download", src=copied)
    assert done.returncode == 0
    assert Path(done.stdout.strip()) == copied / "digitbench" / "errors.py"


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_stage_that_is_stopped_says_so_and_unwinds(
    name: str, copied: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    (copied / "stages" / "download.py").write_text(
        "import time\n\n\ndef main() -> None:\n"
        "    try:\n        print('ready', flush=True)\n        time.sleep(30)\n"
        "    finally:\n        print('closed', flush=True)\n"
    )
    command = [sys.executable, str(copied), "download"]
    with interruptible(command, tmp_path, environment) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(getattr(signal, name))
        stdout, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert stdout == "closed\n"
    assert stderr == "download: stopped; nothing half-written was kept.\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
def test_what_cannot_be_printed_is_an_error_and_no_traceback(run_stage: Launch) -> None:
    with Path("/dev/full").open("w") as full:
        done = run_stage("def main() -> None:\n    print('a result')\n", stdout=full)
    assert done.returncode != 0
    assert done.stderr.startswith("download: A file or stream without a name: No space left")
    assert "Traceback" not in done.stderr


def test_what_a_killed_stage_left_is_deleted_by_the_next(run_stage: Launch, copied: Path) -> None:
    left = copied.parent / "models/mlp/.seed-0.safetensors.abcdefgh.half"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    assert run_stage("def main() -> None:\n    pass\n").returncode == 0
    assert list(left.parent.iterdir()) == []


@pytest.mark.parametrize("change", ["write_text('0.9')", "unlink()"])
def test_an_output_that_something_else_changes_meanwhile_is_no_result(
    change: str, run_stage: Launch
) -> None:
    code = (
        "from pathlib import Path\nfrom digitbench.files import write_text\n\n"
        "def main() -> None:\n    write_text(path := Path('metrics/mlp.json'), '0.1')\n    path."
    )
    same = run_stage(f"{code}touch()\n")
    assert (same.returncode, same.stderr) == (0, "")
    done = run_stage(f"{code}{change}\n")
    assert done.returncode == 1
    assert done.stderr == (
        "download: metrics/mlp.json: something else changed it while this ran. "
        "Run `dvc repro` again.\n"
    )
