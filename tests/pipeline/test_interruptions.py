"""Whatever ends a training, nothing of it is left, and the same command comes to the same bytes."""

import dataclasses
import re
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from digitbench.files import HALF
from digitbench.params import ARCHITECTURES

from .conftest import Project
from .servers import wait_until

pytestmark = pytest.mark.pipeline
INTERRUPTION = Path(__file__).parent / "interruption"
TOKEN = "DIGITBENCH_TEST_TOKEN"
TRAININGS = [f"train_{name}" for name in ARCHITECTURES]
# Seconds until all have ended that a killed one has started.
GONE = 10

Weights = Mapping[str, bytes]


@pytest.fixture(scope="module")
def longer(finished: Project) -> Project:
    """The clone with five epochs to be trained, of which nothing has been trained."""
    finished.edit("params.yaml", r"^epochs: .*$", "epochs: 5")
    finished.run("git", "commit", "-qam", "five epochs")
    return finished


@pytest.fixture(scope="module")
def undisturbed(longer: Project) -> Weights:
    """By network, what undisturbed trainings come to; run by hand, so that DVC knows nothing."""
    for name in ARCHITECTURES:
        longer.run("python", "src", "train", name)
    found = weights(longer)
    restore(longer)
    return found


@pytest.fixture
def project(longer: Project, undisturbed: Weights, tmp_path: Path) -> Iterator[Project]:
    """The same with a store of the test's own, two workers, and a token on all its processes."""
    assert undisturbed
    environment = longer.environment | {
        "DIGITBENCH_STORE": str(tmp_path / "store"),
        "DIGITBENCH_JOBS": "2",
        TOKEN: uuid.uuid4().hex,
    }
    project = dataclasses.replace(longer, environment=environment)
    yield project
    for process in processes(project):
        process.kill()
    restore(longer)


def restore(project: Project) -> None:
    project.run("git", "reset", "-q", "--hard")
    project.dvc("checkout", "--quiet", "--force")
    shutil.rmtree(project.root / ".dvc/cache/runs", ignore_errors=True)


def weights(project: Project) -> Weights:
    paths = project.root.glob("models/*/*.safetensors")
    return {path.relative_to(project.root).as_posix(): path.read_bytes() for path in paths}


def processes(project: Project) -> list[psutil.Process]:
    """All that have the token, also those that the system has adopted."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(TOKEN) == project.environment[TOKEN]:
                found += [process] if process.status() != psutil.STATUS_ZOMBIE else []
    return found


def interrupted(project: Project, order: str, folder: Path) -> Project:
    """The clone in which trainings are interrupted."""
    folder.mkdir()
    more = {"INTERRUPTION": f"{order} {folder}", "PYTHONPATH": str(INTERRUPTION)}
    return dataclasses.replace(project, environment=project.environment | more)


@pytest.mark.parametrize(
    ("network", "order"),
    [
        ("mlp", "SIGINT group"),
        ("cnn", "SIGKILL stage"),
        ("rnn", "SIGTERM group"),
        ("lstm", "SIGKILL dvc"),
        ("mlp", "SIGHUP group"),
        ("mlp", "SIGKILL worker"),
        ("mlp", "SIGKILL group"),
    ],
)
def test_the_same_command_again_comes_to_the_same_bytes(
    network: str, order: str, project: Project, undisturbed: Weights, tmp_path: Path
) -> None:
    command = ["dvc", "repro", "--single-item", f"train_{network}"]
    stopped = interrupted(project, order, tmp_path / "notes")
    with subprocess.Popen(
        command,
        cwd=project.root,
        env=stopped.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Tests in the background of a shell inherit that Ctrl-C is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        said = process.communicate(timeout=120)[0]
    wait_until(lambda: not processes(project), GONE)
    assert process.returncode != 0, said
    assert len(list((tmp_path / "notes").iterdir())) == 1, said
    assert "Traceback" not in said, said
    if order == "SIGKILL worker":
        assert "it goes on after its last whole epoch" in said, said
    again = project.run(*command).stdout
    assert "Traceback" not in again
    for path, content in undisturbed.items():
        if path.startswith(f"models/{network}/"):
            assert weights(project)[path] == content, path
    assert list((tmp_path / "store").rglob(f".*{HALF}")) == []
    assert f"{HALF}" not in project.run("git", "status", "--porcelain").stdout


@pytest.mark.parametrize("place", ["--temp", "--queue"])
def test_experiments_interrupted_in_every_network_come_to_the_same_bytes(
    place: str, project: Project, undisturbed: Weights, tmp_path: Path
) -> None:
    stopped = interrupted(project, "SIGKILL stage", tmp_path / "notes")
    for name, clone in (("first", stopped), ("second", project)):
        command = ("dvc", "exp", "run", place, "--keep-going", "-n", name, *TRAININGS)
        clone.run(*command, check=False)
        if place == "--queue":
            clone.dvc("queue", "start", "--jobs", "2")
            wait_until(lambda: not re.search("Queued|Running", project.dvc("queue", "status")), 300)
    assert len(list((tmp_path / "notes").iterdir())) == len(ARCHITECTURES)
    project.dvc("exp", "apply", "second")
    assert weights(project) == undisturbed
